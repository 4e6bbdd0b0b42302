"""What all silhouettes agree on: the part's visual hull in voxels, and its silhouette in each view."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from pad_ros.capture.views import Points, project
from pad_ros.geometry import Camera, Matrix
from pad_ros.results import Mask


@dataclass(frozen=True)
class Hull:
    """The centres [N, 3] of the occupied voxels, and their side."""

    centres: Points
    side: float

    def silhouette(self, camera: Camera, pose: Matrix) -> Mask:
        """Where a camera sees it, [H, W]."""
        mask = np.zeros((camera.height, camera.width), np.uint8)
        pixels, depth = project(camera, pose, self.centres)
        inside = (depth > 0) & ((pixels >= 0) & (pixels < (camera.width, camera.height))).all(axis=1)
        if not inside.any():
            return mask > 0
        x, y = pixels[inside].astype(int).T
        mask[y, x] = 1
        across = self.side * camera.fx / float(np.median(depth[inside]))  # pixels
        size = 2 * round((across - 1) / 2) + 1  # the odd number next to it
        kernel = cv2.getStructuringElement(cv2.MORPH_RECT, (size, size))
        return np.asarray(cv2.morphologyEx(cv2.dilate(mask, kernel), cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8))) > 0


def carve(
    votes: Sequence[NDArray[np.float32]],
    camera: Camera,
    poses: Points,
    box: Points,
    cells: int,
    agreement: float,
    heard: float = 0.3,
) -> Hull:
    """The voxels that the views agree on.

    Args:
        votes: of each pixel of each view [H, W]: 1 is part, -1 is not, 0 cannot tell.
        camera: of all views.
        poses: camera-to-object [V, 4, 4].
        box: that holds the part, [2, 3].
        cells: along its longest side.
        agreement: share of the votes about a voxel that must say it is part.
        heard: how many votes a voxel needs, per view.
    """
    side = float((box[1] - box[0]).max() / cells)
    axes = [np.arange(low + side / 2, high, side) for low, high in zip(*box, strict=True)]
    grid = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)
    against, cast = np.zeros(len(grid), np.float32), np.zeros(len(grid), np.float32)
    alive = np.arange(len(grid))
    most = (1 - agreement) * len(votes)
    for vote, pose in zip(votes, poses, strict=True):
        pixels, depth = project(camera, pose, grid[alive])
        inside = (depth > 0) & ((pixels >= 0) & (pixels < (camera.width, camera.height))).all(axis=1)
        x, y = np.where(inside[:, None], pixels, 0).astype(int).T
        said = np.where(inside, vote[y, x], 0)
        cast[alive] += np.abs(said)
        against[alive] += np.maximum(-said, 0)
        alive = alive[against[alive] <= most]  # the others have no chance any more
    kept = alive[(against[alive] <= (1 - agreement) * cast[alive]) & (cast[alive] >= heard * len(votes))]
    return Hull(grid[kept], side)


def agreement(one: Mask, other: Mask) -> float:
    """Intersection over union of two masks; 1 if both are empty."""
    union = np.count_nonzero(one | other)
    return np.count_nonzero(one & other) / union if union else 1.0


def bounds(hull: Hull, margin: float) -> NDArray[np.float64]:
    """The hull's box [2, 3], grown by a share of its size."""
    low, high = hull.centres.min(axis=0) - hull.side, hull.centres.max(axis=0) + hull.side
    grown = margin * (high - low)
    return np.stack([low - grown, high + grown])
