"""Where the part is, by what wrong matches do not agree on: the displacement of a view's picture.

In other light, or before a belt full of corners, most of the matches with a map are wrong, too many for PnP's samples.
The right ones show the part as some view of the map does, displaced as a whole: a Hough transform (Ballard 1981; for
local features Lowe 2004, section 7.3) finds that, and a window around each displaced point leaves few keypoints to
mistake for it.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from pad_ros.geometry import Camera
from pad_ros.localization.features import Features
from pad_ros.localization.matching import pairs_nearby
from pad_ros.localization.pnp import project
from pad_ros.localization.pose_finder import Matches
from pad_ros.localization.sfm_map import SfmMap

_NEIGHBOURS = 3  # views, itself among them, that say what a view sees
_RATIO = 0.9  # nearest / second-nearest distance within the window


@dataclass(frozen=True)
class DisplacedView:
    """The part seen as by a view of the map, but `displacement` [2] pixels from there; `votes` matches say so."""

    view: int
    displacement: NDArray[np.float32]
    votes: float


class DisplacedViews:
    """Finds displaced views, and matches in them; safe to call from several threads.

    Args:
        sfm_map: of the part.
        camera: that takes the images.
        reach: how far, as a share of the picture's width, a point may be from where the displaced view shows it.
        largest: distance of descriptors that match.
    """

    def __init__(self, sfm_map: SfmMap, camera: Camera, reach: float, largest: float) -> None:
        self._map, self._reach, self._largest = sfm_map, reach * camera.width, largest
        self._size = max(camera.width, camera.height)
        poses = sfm_map.view_poses
        self._pixels = np.stack([project(camera, pose, sfm_map.points)[0] for pose in poses]).astype(np.float32)
        cosines = poses[:, :3, 2] @ poses[:, :3, 2].T  # [V, V]
        self._near = np.argsort(-cosines, axis=1, kind="stable")[:, :_NEIGHBOURS]
        seen = np.zeros((len(poses), len(sfm_map.points)), bool)
        seen[sfm_map.view_index, sfm_map.point_index] = True
        self._seen: NDArray[np.bool_] = np.any(seen[self._near], axis=1)  # [V, P]

    def find(self, features: Features, matches: Matches, count: int) -> list[DisplacedView]:
        """The displaced views that most of the matches [K, 2] agree with, the best first."""
        keypoints, points = matches.T
        view, row = np.nonzero(self._seen[:, points])
        moved = features.keypoints[keypoints[row]] - self._pixels[view, points[row]]  # [N, 2]
        bin_size = 0.8 * self._reach
        bins = int(np.ceil(2 * self._size / bin_size))
        cells = np.floor((moved + self._size) / bin_size).astype(np.intp)
        inside = ((cells >= 0) & (cells < bins)).all(axis=1)
        votes = np.zeros((len(self._pixels), bins, bins), np.float32)
        np.add.at(votes, (view[inside], *cells[inside].T), 1.0)
        votes = np.stack([cv2.GaussianBlur(table, (3, 3), 0.8) for table in votes])  # over the borders of the bins
        peaks = votes.reshape(len(votes), -1).argmax(axis=1)
        heights = votes.reshape(len(votes), -1).max(axis=1)
        best = np.argsort(-heights, kind="stable")[:count]
        cells = np.stack(np.unravel_index(peaks[best], (bins, bins)), axis=1)
        displacements = ((cells + 0.5) * bin_size - self._size).astype(np.float32)
        return [DisplacedView(int(v), d, float(heights[v])) for v, d in zip(best, displacements, strict=True)]

    def match(self, features: Features, found: DisplacedView) -> Matches:
        """Matches with what a displaced view sees, each point's within its window."""
        rows = np.flatnonzero(np.isin(self._map.view_index, self._near[found.view]))
        points = self._map.point_index[rows]
        row, keypoint, squares = pairs_nearby(
            self._pixels[found.view, points] + found.displacement,
            self._map.descriptors[rows],
            features.keypoints,
            features.descriptors,
            self._reach,
        )
        point = points[row]
        order = np.lexsort((squares, keypoint, point))  # each keypoint once a point: its nearest observation
        order = order[_first_of(np.stack([point[order], keypoint[order]], axis=1))]
        order = order[np.lexsort((squares[order], point[order]))]
        nearest = _first_of(point[order, None])
        second = np.where(np.append(nearest[1:], True), np.inf, np.append(squares[order][1:], np.inf))
        kept = nearest & (squares[order] <= np.minimum(self._largest**2, _RATIO**2 * second))
        return np.stack([keypoint[order[kept]], point[order[kept]]], axis=1).astype(np.intp)


def _first_of(rows: NDArray[np.integer]) -> NDArray[np.bool_]:
    """Which of sorted rows [K, C] differ from the one before, [K]."""
    return np.append(True, (rows[1:] != rows[:-1]).any(axis=1))[: len(rows)]
