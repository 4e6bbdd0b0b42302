"""Builds the SfM map of a part from photos with known poses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from pad_ros.common.progress import Progress
from pad_ros.errors import ConfigError, TrainingError
from pad_ros.geometry import Camera, Matrix, is_rigid
from pad_ros.images import over
from pad_ros.localization.features import Features
from pad_ros.localization.front_end import FrontEnd
from pad_ros.localization.pnp import project
from pad_ros.localization.retrieval import Retrieval
from pad_ros.localization.sfm_map import SfmMap
from pad_ros.localization.triangulation import Tracks, epipolar_distances, triangulate, view_pairs
from pad_ros.results import Image, Map, Mask

MIN_VIEWS = 3
MIN_POINTS = 50  # fewer can hardly give the dozen inliers of a pose from every side


def build_map(
    images: Sequence[Image],
    alphas: Sequence[Map | Mask] | None,
    camera: Camera,
    poses: Sequence[Matrix],
    front_end: FrontEnd,
    *,
    neighbours: int = 15,
    max_error_px: float = 2.0,
    min_track: int = 3,
    border_px: int = 0,
    ground: int = 255,
    max_points: int | None = None,
    max_observations: int | None = None,
    progress: Progress | None = None,
) -> SfmMap:
    """Builds the map from photos with known poses: matches near views, triangulates, keeps the poses fixed.

    Args:
        images: RGB photos [H, W, 3], of the part over white where there are alphas.
        alphas: the part's coverage, [H, W] each; keypoints where it is below a half are dropped. None: not cut out.
        camera: of all photos.
        poses: `object_from_camera` [4, 4] of each.
        front_end: gives and matches local features; localisation needs the same.
        neighbours: each view is matched with this many that look in the most similar direction.
        max_error_px: largest distance from the epipolar line, and largest reprojection error.
        min_track: fewest views that must see a point.
        border_px: drops keypoints this near to the mask's border, where the descriptor sees the background.
        ground: the grey, 0 to 255, that takes the place of the white. Descriptors near the outline see what is behind
            the part: on the line a belt, which is seldom lighter than all of it.
        max_points: keeps the points that most views see; None keeps all.
        max_observations: keeps this many of a point's observations, the most unlike each other; None keeps all.
        progress: called with (done, total, text).

    Raises:
        ConfigError: the ground is no grey.
        TrainingError: views and poses do not fit together, or give too few points.
    """
    masks = None if alphas is None else [alpha.astype(np.float32) > 0.5 for alpha in alphas]
    _check_views(images, masks, camera, poses)
    if not 0 <= ground <= 255:
        raise ConfigError(f"localization.map: ground must be a grey of 0 to 255, got {ground}")
    pairs = view_pairs(poses, neighbours)
    total = len(images) + len(pairs) + 1
    report = progress or (lambda done, total, text: None)

    features = []
    for view, image in enumerate(images):
        report(view, total, "extracting features")
        grounded = image if alphas is None else over(ground, image, 1.0 - alphas[view].astype(np.float32))
        features.append(
            front_end.extractor.extract(grounded, None if masks is None else _inner(masks[view], border_px))
        )
    matches = {}
    for done, (i, j) in enumerate(pairs, start=len(images)):
        report(done, total, "matching views")
        near = epipolar_distances(camera, poses[i], poses[j], features[i].keypoints, features[j].keypoints)
        size = (camera.width, camera.height)
        matched = front_end.matcher.match(features[i], features[j], size, near <= max_error_px)
        if len(matched):
            matches[i, j] = matched
    report(total - 1, total, "triangulating points")
    tracks = triangulate(
        camera, poses, [f.keypoints for f in features], matches, max_error_px=max_error_px, min_track=min_track
    )
    if masks is not None:
        tracks = _kept(tracks, _inside_silhouettes(tracks.points, masks, camera, poses, max_error_px))
    if len(tracks.points) < MIN_POINTS:
        raise TrainingError(
            f"only {len(tracks.points)} points could be triangulated from {len(images)} views, at least {MIN_POINTS} "
            "are needed; check that the poses belong to the photos, and take sharper or more photos of the part"
        )
    tracks = _selected(tracks, features, max_points, max_observations)
    report(total, total, "map built")
    return SfmMap(
        points=tracks.points.astype(np.float32),
        colors=_colors(tracks, images, features),
        descriptors=_descriptors(tracks, features),
        point_index=tracks.point_index.astype(np.int32),
        view_index=tracks.view_index.astype(np.int32),
        view_poses=np.stack(poses).astype(np.float64),
        view_descriptors=_view_descriptors(images, front_end.retrieval),
    )


def _check_views(
    images: Sequence[Image], masks: Sequence[Mask] | None, camera: Camera, poses: Sequence[Matrix]
) -> None:
    if len(images) < MIN_VIEWS:
        raise TrainingError(f"{len(images)} views are too few for a map, at least {MIN_VIEWS} are needed")
    if len(images) != len(poses) or (masks is not None and len(masks) != len(images)):
        count = "no" if masks is None else len(masks)
        raise TrainingError(f"{len(images)} images, {len(poses)} poses and {count} masks do not fit together")
    for view, (image, pose) in enumerate(zip(images, poses, strict=True)):
        if image.shape != (camera.height, camera.width, 3):
            raise TrainingError(f"view {view} is {image.shape}, the camera's are {camera.height}x{camera.width}x3")
        if masks is not None and masks[view].shape != image.shape[:2]:
            raise TrainingError(f"the mask of view {view} is {masks[view].shape}, its image {image.shape[:2]}")
        if not is_rigid(pose):
            raise TrainingError(f"the pose of view {view} is not a rigid camera-to-object transform 4x4")


def _inner(mask: Mask, border_px: int) -> Mask:
    if border_px <= 0:
        return mask
    size = 2 * border_px + 1
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))
    return cv2.erode(mask.astype(np.uint8), kernel).astype(bool)  # type: ignore[return-value]


def _view_descriptors(images: Sequence[Image], retrieval: Retrieval) -> NDArray[np.float16] | None:
    described = [retrieval.describe(image) for image in images]
    kept = [descriptor for descriptor in described if descriptor is not None]
    return np.stack(kept) if kept else None


def _descriptors(tracks: Tracks, features: Sequence[Features]) -> NDArray[Any]:
    offsets = np.cumsum([0] + [len(f) for f in features])
    stacked = np.concatenate([f.descriptors for f in features])
    return stacked[offsets[tracks.view_index] + tracks.keypoint_index]


def _colors(tracks: Tracks, images: Sequence[Image], features: Sequence[Features]) -> NDArray[np.uint8]:
    """The mean colour of the pixels where each point was seen, [P, 3]."""
    observed = np.empty((len(tracks.point_index), 3))
    for view, image in enumerate(images):
        rows = np.flatnonzero(tracks.view_index == view)
        x, y = features[view].keypoints[tracks.keypoint_index[rows]].astype(int).T
        observed[rows] = image[y.clip(0, image.shape[0] - 1), x.clip(0, image.shape[1] - 1)]
    starts = np.searchsorted(tracks.point_index, np.arange(len(tracks.points)))
    counts = np.diff(np.append(starts, len(observed)))[:, None]
    return np.rint(np.add.reduceat(observed, starts, axis=0) / counts).astype(np.uint8)


def _inside_silhouettes(
    points: NDArray[np.float64], masks: Sequence[Mask], camera: Camera, poses: Sequence[Matrix], margin_px: float
) -> NDArray[np.intp]:
    """The points that fall on the part, or out of the image, in all views but one in twenty: the others are wrong."""
    inside = np.zeros(len(points))
    for mask, pose in zip(masks, poses, strict=True):
        away = cv2.distanceTransform((~mask).astype(np.uint8), cv2.DIST_L2, 5) > margin_px + 1  # [H, W]
        pixels, front = project(camera, pose, points)
        visible = front & (pixels >= 0).all(axis=1) & (pixels < [camera.width, camera.height]).all(axis=1)
        x, y = np.where(visible[:, None], pixels, 0).astype(int).T
        inside += ~(visible & away[y, x])
    return np.flatnonzero(inside >= 0.95 * len(masks))


def _kept(tracks: Tracks, points: NDArray[np.intp]) -> Tracks:
    rows = np.flatnonzero(np.isin(tracks.point_index, points))
    return Tracks(
        tracks.points[points],
        np.searchsorted(points, tracks.point_index[rows]),
        tracks.view_index[rows],
        tracks.keypoint_index[rows],
    )


def _selected(
    tracks: Tracks, features: Sequence[Features], max_points: int | None, max_observations: int | None
) -> Tracks:
    """Keeps the points with the longest tracks, and of each the observations that differ most."""
    lengths = np.bincount(tracks.point_index, minlength=len(tracks.points))
    tracks = _kept(tracks, np.sort(np.argsort(-lengths, kind="stable")[:max_points]))
    if max_observations is None:
        return tracks
    descriptors = _descriptors(tracks, features).astype(np.float32)
    starts = np.searchsorted(tracks.point_index, np.arange(len(tracks.points)))
    own = np.split(np.arange(len(descriptors)), starts[1:])
    rows = np.concatenate([o[_spread(descriptors[o], max_observations)] for o in own])
    return Tracks(tracks.points, tracks.point_index[rows], tracks.view_index[rows], tracks.keypoint_index[rows])


def _spread(descriptors: NDArray[np.float32], count: int) -> NDArray[np.intp]:
    """Farthest-point sampling of descriptors [K, D], starting at the one nearest to their mean; sorted indices."""
    if len(descriptors) <= count:
        return np.arange(len(descriptors))
    chosen = [int(((descriptors - descriptors.mean(axis=0)) ** 2).sum(axis=1).argmin())]
    distances = np.full(len(descriptors), np.inf, dtype=np.float32)
    while len(chosen) < count:
        distances = np.minimum(distances, ((descriptors - descriptors[chosen[-1]]) ** 2).sum(axis=1))
        chosen.append(int(distances.argmax()))
    return np.sort(np.array(chosen))
