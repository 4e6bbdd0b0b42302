"""3D points of a part whose cameras are known from the board, and whether it kept still on it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from pad_ros.capture.views import Points, Sparse, project
from pad_ros.common.progress import Progress, silent
from pad_ros.errors import CaptureError
from pad_ros.geometry import Camera
from pad_ros.lens import Lens
from pad_ros.localization.features import Features
from pad_ros.localization.matching import match_mutual
from pad_ros.localization.sift import SiftFeatures
from pad_ros.localization.triangulation import epipolar_distances, triangulate, view_pairs
from pad_ros.results import Image

_KEYPOINTS = 2000
_NEIGHBOURS = 8  # views that each is matched with
_MAX_ERROR_PX = 3.0
_RATIO = 0.8
_MOTION = 25  # matches that agree on another motion than the cameras', in a pair of views
_MOVED = 0.12  # share of the pairs that show such a motion


def find_points(
    images: Sequence[Image], lens: Lens, names: Sequence[str], poses: Points, progress: Progress = silent
) -> Sparse:
    """Triangulates what undistorted images [H, W, 3] of known poses [V, 4, 4] show.

    Raises:
        CaptureError: the part moved while the photos were taken.
    """
    camera, extractor = lens.camera, SiftFeatures(max_keypoints=_KEYPOINTS)
    pairs = view_pairs(list(poses), _NEIGHBOURS)
    total = len(images) + len(pairs)
    features = []
    for view, image in enumerate(images):
        features.append(extractor.extract(image))
        progress(view + 1, total, "finding features")
    matches, restless = {}, []
    for done, (i, j) in enumerate(pairs, len(images) + 1):
        matched = match_mutual(features[i].descriptors, features[j].descriptors, _RATIO)
        first, second = features[i].keypoints[matched[:, 0]], features[j].keypoints[matched[:, 1]]
        away = np.diag(epipolar_distances(camera, poses[i], poses[j], first, second))  # [K] pixels
        if (away <= _MAX_ERROR_PX).any():
            matches[i, j] = matched[away <= _MAX_ERROR_PX]
        if moves(first[away > 2 * _MAX_ERROR_PX], second[away > 2 * _MAX_ERROR_PX]):
            restless.append((i, j))
        progress(done, total, "matching photos")
    check_still(restless, pairs, names)
    return _sparse(images, lens, names, poses, features, matches)


def moves(first: NDArray[np.float32], second: NDArray[np.float32]) -> bool:
    """Whether matches [K, 2] of two views that do not fit to their cameras agree on another motion."""
    if len(first) < _MOTION:
        return False
    cv2.setRNGSeed(0)
    _, inliers = cv2.findFundamentalMat(first, second, cv2.FM_RANSAC, 1.5, 0.999, 500)
    count = 0 if inliers is None else int(np.sum(inliers))
    return count >= _MOTION and count >= 0.5 * len(first)


def check_still(restless: Sequence[tuple[int, int]], pairs: Sequence[tuple[int, int]], names: Sequence[str]) -> None:
    """Refuses a capture in which many pairs of views show something that moved.

    Raises:
        CaptureError: says between which photos.
    """
    if len(restless) < _MOVED * len(pairs):
        return
    # Between which two photos in their order most of these pairs lie.
    cuts = np.zeros(len(names), int)
    for i, j in restless:
        cuts[i:j] += 1
    weight = np.array([sum(1 for i, j in pairs if i <= k < j) for k in range(len(names))])
    where = int((cuts / np.maximum(weight, 1)).argmax())
    after = names[min(where + 1, len(names) - 1)]
    raise CaptureError(
        f"the part moved on the board, it seems between {names[where]} and {after} ({len(restless)} "
        f"of {len(pairs)} pairs of "
        "photos show another motion than the board's); fix it with putty, and take all photos anew"
    )


def _sparse(
    images: Sequence[Image],
    lens: Lens,
    names: Sequence[str],
    poses: Points,
    features: Sequence[Features],
    matches: Mapping[tuple[int, int], NDArray[np.uint32]],
) -> Sparse:
    tracks = triangulate(
        lens.camera, list(poses), [f.keypoints for f in features], matches, max_error_px=_MAX_ERROR_PX, min_track=3
    )
    pixels = np.array(
        [features[v].keypoints[k] for v, k in zip(tracks.view_index, tracks.keypoint_index, strict=True)], np.float64
    ).reshape(-1, 2)
    colors = np.zeros((len(tracks.points), 3), np.uint8)
    for point, view, (x, y) in zip(tracks.point_index, tracks.view_index, pixels.astype(int), strict=True):
        colors[point] = images[view][y, x]
    return Sparse(
        lens,
        tuple(names),
        np.asarray(poses),
        tracks.points,
        colors,
        tracks.point_index,
        tracks.view_index,
        pixels,
        _error(lens.camera, poses, tracks.points, tracks.point_index, tracks.view_index, pixels),
    )


def _error(
    camera: Camera,
    poses: Points,
    points: Points,
    point_index: NDArray[np.int64],
    view_index: NDArray[np.int64],
    pixels: Points,
) -> float:
    squares = []
    for view, pose in enumerate(poses):
        rows = view_index == view
        squares.append(((project(camera, pose, points[point_index[rows]])[0] - pixels[rows]) ** 2).sum(axis=1))
    joined = np.concatenate(squares) if squares else np.zeros(0)
    return float(np.sqrt(joined.mean())) if len(joined) else 0.0
