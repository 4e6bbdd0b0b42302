"""Localisation of an image in the part's SfM map: direct matches, votes, matches with the best views, PnP."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from pad_ros.errors import ConfigError, NotLocalizedError
from pad_ros.geometry import Camera, Matrix
from pad_ros.images import check_image
from pad_ros.localization.features import FeatureExtractor, Features
from pad_ros.localization.matching import DescriptorIndex
from pad_ros.localization.pnp import PnpResult, project, reprojection_errors, solve_pnp
from pad_ros.localization.retrieval import views_with_most_votes
from pad_ros.localization.sfm_map import SfmMap
from pad_ros.registry import create
from pad_ros.results import Image, PoseEstimate

IMPLEMENTATIONS = {"sfm_map": "pad_ros.localization.localizer:MapLocalizer"}

Matches = NDArray[np.intp]  # [K, 2] keypoint, point


class Localizer(Protocol):
    """Finds the camera-to-object pose of an image; safe to call from several threads."""

    def localize(self, image: Image) -> PoseEstimate:
        """Localises an RGB image [H, W, 3].

        Raises:
            NotLocalizedError: no pose is certain enough; says why.
            ImageError: not an image of this camera.
        """
        ...


def create_localizer(
    settings: Mapping[str, Any], sfm_map: SfmMap, camera: Camera, extractor: FeatureExtractor
) -> Localizer:
    """Makes the localizer that `settings` describe: `name` and keyword arguments of its class.

    Raises:
        ConfigError: unknown name, or a setting that the localizer refuses.
    """
    own = {"sfm_map": sfm_map, "camera": camera, "extractor": extractor}
    localizer: Localizer = create("localization", IMPLEMENTATIONS, {**settings, **own})
    return localizer


class MapLocalizer:
    """Local features against the SfM map (paper, section 3.2, with votes of direct matches as retrieval)."""

    def __init__(
        self,
        sfm_map: SfmMap,
        camera: Camera,
        extractor: FeatureExtractor,
        *,
        ratio: float = 0.85,
        views: int = 5,
        view_ratio: float = 0.9,
        guided_px: float = 4.0,
        max_error_px: float = 3.0,
        min_inliers: int = 12,
        min_inlier_ratio: float = 0.1,
        min_coverage: float = 0.05,
        max_trials: int = 10_000,
        seed: int = 0,
    ) -> None:
        """Prepares the map for matching.

        Args:
            sfm_map: of the part.
            camera: that takes the images.
            extractor: the one that the map was built with.
            ratio: nearest / second-nearest distance for matches with the points of the whole map.
            views: how many views with most votes are matched a second time; 0 for none.
            view_ratio: the ratio for these.
            guided_px: after the first pose, keypoints this near to a projected point may match it; 0 for none.
            max_error_px: largest reprojection error of an inlier.
            min_inliers: fewest distinct keypoints that must agree with a pose.
            min_inlier_ratio: smallest part of the matches that must agree.
            min_coverage: smallest part of the object's outline in the image that the inliers must span.
            max_trials: most RANSAC samples.
            seed: of RANSAC.

        Raises:
            ConfigError: a setting out of range.
        """
        for name, value in {"ratio": ratio, "view_ratio": view_ratio, "min_inlier_ratio": min_inlier_ratio}.items():
            if not 0 < value <= 1:
                raise ConfigError(f"localization: {name} must be above 0 and at most 1, got {value}")
        for name, value in {"max_error_px": max_error_px, "max_trials": max_trials}.items():
            if not value > 0:
                raise ConfigError(f"localization: {name} must be above 0, got {value}")
        if views < 0 or guided_px < 0 or min_inliers < 4:
            raise ConfigError("localization: views and guided_px must not be negative, min_inliers at least 4")
        self._map = sfm_map
        self._camera = camera
        self._extractor = extractor
        self._ratio, self._views, self._view_ratio = ratio, views, view_ratio
        self._guided_px, self._max_error_px = guided_px, max_error_px
        self._min_inliers, self._min_inlier_ratio = min_inliers, min_inlier_ratio
        self._min_coverage = min_coverage
        self._max_trials, self._seed = max_trials, seed
        self._centre = np.median(sfm_map.points, axis=0)
        distances = np.linalg.norm(sfm_map.view_poses[:, :3, 3] - self._centre, axis=1)
        self._distances = 0.5 * distances.min(), 2.0 * distances.max()
        self._points = DescriptorIndex(sfm_map.mean_descriptors(), np.arange(len(sfm_map.points)))

    def localize(self, image: Image) -> PoseEstimate:
        """Localises an RGB image [H, W, 3].

        Raises:
            NotLocalizedError: no pose is certain enough; says why.
            ImageError: not an image of this camera.
        """
        features = self._extractor.extract(check_image(image, self._camera))
        matches = self._match(features)
        result = self._solve(features, matches)
        if result is None:
            raise NotLocalizedError(
                f"no pose agrees with the {len(matches)} matches of {len(features)} keypoints; is the part in view?"
            )
        inliers = self._check(features, matches, result)
        pixels, points = features.keypoints[matches[:, 0]], self._map.points[matches[:, 1]]
        errors = reprojection_errors(self._camera, result.pose, pixels, points)[result.inliers]
        return PoseEstimate(
            object_from_camera=result.pose,
            inliers=inliers,
            matches=len(np.unique(matches[:, 0])),
            reprojection_error=float(np.sqrt(np.mean(errors**2))),
        )

    def _match(self, features: Features) -> Matches:
        """Matches with the points of the whole map, then with what the views with most votes saw."""
        keypoints, points = self._points.match(features.descriptors, self._ratio)
        matches = np.stack([keypoints, points], axis=1)
        views = views_with_most_votes(self._map, points, self._views)
        rows = np.flatnonzero(np.isin(self._map.view_index, views))
        seen = DescriptorIndex(self._map.descriptors[rows], self._map.point_index[rows])
        keypoints, found = seen.match(features.descriptors, self._view_ratio)
        again = np.stack([keypoints, self._map.point_index[rows[found]]], axis=1)
        return np.unique(np.concatenate([matches, again]), axis=0)

    def _solve(self, features: Features, matches: Matches) -> PnpResult | None:
        return solve_pnp(
            self._camera,
            features.keypoints[matches[:, 0]],
            self._map.points[matches[:, 1]],
            max_error_px=self._max_error_px,
            max_trials=self._max_trials,
            seed=self._seed,
        )

    def _guided(self, features: Features, pose: Matrix) -> Matches:
        """Matches keypoints with the points that should be seen next to them."""
        axes = self._map.view_poses[:, :3, 2]  # [V, 3]
        views = np.argsort(-(axes @ pose[:3, 2]), kind="stable")[: self._views]
        rows = np.flatnonzero(np.isin(self._map.view_index, views))
        pixels, front = project(self._camera, pose, self._map.points[self._map.point_index[rows]])
        squares = ((pixels[:, None] - features.keypoints[None]) ** 2).sum(axis=2)  # [R, N]
        row, keypoint = np.nonzero((squares <= self._guided_px**2) & front[:, None])
        differences = self._map.descriptors[rows[row]].astype(np.float32) - features.descriptors[keypoint]
        distances = np.sqrt((differences**2).sum(axis=1))
        near = distances < GUIDED_DISTANCE
        point = self._map.point_index[rows[row]]
        order = np.flatnonzero(near)[np.argsort(distances[near], kind="stable")]
        order = order[np.sort(np.unique(point[order], return_index=True)[1])]
        order = order[np.sort(np.unique(keypoint[order], return_index=True)[1])]
        return np.stack([keypoint[order], point[order]], axis=1)

    def _check(self, features: Features, matches: Matches, result: PnpResult) -> int:
        """Counts the distinct inliers; raises NotLocalizedError unless they make the pose certain."""
        keypoints, points = matches[result.inliers].T
        # SIFT gives a keypoint one descriptor per orientation: the same place counts once.
        places = np.unique(features.keypoints[keypoints], axis=0)
        inliers, tried = min(len(places), len(np.unique(points))), len(np.unique(matches[:, 0]))
        if inliers < self._min_inliers:
            raise NotLocalizedError(
                f"{inliers} inliers of {tried} matches ({len(features)} keypoints), "
                f"at least {self._min_inliers} inliers needed"
            )
        if inliers < self._min_inlier_ratio * tried:
            raise NotLocalizedError(
                f"{inliers} inliers of {tried} matches, at least {self._min_inlier_ratio:.0%} of them needed"
            )
        distance = float(np.linalg.norm(result.pose[:3, 3] - self._centre))
        if not self._distances[0] <= distance <= self._distances[1]:
            raise NotLocalizedError(
                f"the part would be {distance:.3g} away, outside {self._distances[0]:.3g}…{self._distances[1]:.3g}"
            )
        coverage = self._coverage(places, result.pose)
        if coverage < self._min_coverage:
            raise NotLocalizedError(
                f"the {inliers} inliers cover {coverage:.1%} of the part, at least {self._min_coverage:.0%} needed"
            )
        return inliers

    def _coverage(self, places: NDArray[np.float32], pose: Matrix) -> float:
        """How much of the part's outline the inliers' outline covers, both as convex hulls."""
        pixels, _ = project(self._camera, pose, self._map.points)
        part = cv2.contourArea(cv2.convexHull(pixels.astype(np.float32)))
        return cv2.contourArea(cv2.convexHull(places)) / max(part, 1e-9)
