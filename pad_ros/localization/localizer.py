"""Localisation of an image in the part's SfM map: direct matches, votes, matches with the best views, PnP."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from pad_ros.common.registry import create
from pad_ros.errors import ConfigError, NotLocalizedError
from pad_ros.geometry import Camera, Matrix
from pad_ros.images import check_image
from pad_ros.localization.features import FeatureExtractor, Features
from pad_ros.localization.matching import DescriptorIndex
from pad_ros.localization.pnp import MIN_MATCHES, PnpResult, project, reprojection_errors, solve_pnp
from pad_ros.localization.retrieval import views_with_most_votes
from pad_ros.localization.sfm_map import SfmMap
from pad_ros.localization.sift import DESCRIPTOR_LENGTH
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
    """Local features against the SfM map (paper, section 3.2, with votes of direct matches as retrieval).

    1. Match with the points of the whole map, and with what the views with most votes saw: a first pose.
    2. Look for what the views nearest to that pose saw where it should be: more matches, the final pose.
    3. Accept it only if enough keypoints, over enough of the part, agree.
    """

    def __init__(
        self,
        sfm_map: SfmMap,
        camera: Camera,
        extractor: FeatureExtractor,
        *,
        ratio: float = 0.85,
        views: int = 8,
        view_ratio: float = 0.85,
        guided_views: int = 5,
        guided_distance: float = 0.6,
        max_error_px: float = 3.0,
        min_inliers: int = 12,
        min_support: float = 0.1,
        min_coverage: float = 0.25,
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
            guided_views: how many views near the first pose say what should be seen.
            guided_distance: largest descriptor distance of these matches, in lengths of a descriptor.
            max_error_px: largest reprojection error of an inlier.
            min_inliers: fewest distinct keypoints that must agree with the first pose.
            min_support: smallest part of the points that should be seen which must be found.
            min_coverage: smallest part of the area where points should be seen which the inliers must span.
            max_trials: most RANSAC samples.
            seed: of RANSAC.

        Raises:
            ConfigError: a setting out of range.
        """
        fractions = {"ratio": ratio, "view_ratio": view_ratio, "guided_distance": guided_distance}
        for name, value in fractions.items():
            if not 0 < value <= 1:
                raise ConfigError(f"localization: {name} must be above 0 and at most 1, got {value}")
        for name, value in {"min_support": min_support, "min_coverage": min_coverage}.items():
            if not 0 <= value <= 1:
                raise ConfigError(f"localization: {name} must be from 0 to 1, got {value}")
        for name, value in {"max_error_px": max_error_px, "max_trials": max_trials}.items():
            if not value > 0:
                raise ConfigError(f"localization: {name} must be above 0, got {value}")
        if views < 0 or guided_views < 1 or min_inliers < MIN_MATCHES:
            raise ConfigError(
                f"localization: views must be 0 or more, guided_views 1 or more, min_inliers {MIN_MATCHES} or more"
            )
        self._map = sfm_map
        self._camera = camera
        self._extractor = extractor
        self._ratio, self._views, self._view_ratio = ratio, views, view_ratio
        self._guided_views, self._guided_distance = guided_views, guided_distance * DESCRIPTOR_LENGTH
        self._max_error_px, self._max_trials, self._seed = max_error_px, max_trials, seed
        self._min_inliers, self._min_support, self._min_coverage = min_inliers, min_support, min_coverage
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
        first = self._solve(features, matches)
        inliers = 0 if first is None else self._count(features, matches[first.inliers])
        tried = len(np.unique(matches[:, 0]))
        if first is None or inliers < self._min_inliers:
            raise NotLocalizedError(
                f"{inliers} inliers of {tried} matches ({len(features)} keypoints), at least {self._min_inliers} needed"
            )
        seen = self._seen_from(first.pose)
        guided = self._guided(features, first.pose, seen)
        union = np.unique(np.concatenate([matches[first.inliers], guided]), axis=0)
        final = self._solve(features, union) or first  # the first pose's inliers are in the union
        agreed = union[final.inliers]
        self._check(features, agreed, final.pose, np.unique(self._map.point_index[seen]))
        errors = reprojection_errors(
            self._camera, final.pose, features.keypoints[agreed[:, 0]], self._map.points[agreed[:, 1]]
        )
        return PoseEstimate(
            object_from_camera=final.pose,
            inliers=self._count(features, agreed),
            matches=len(np.union1d(matches[:, 0], guided[:, 0])),
            reprojection_error=float(np.sqrt(np.mean(errors**2))),
        )

    def _match(self, features: Features) -> Matches:
        """Matches with the points of the whole map, then with what the views with most votes saw."""
        keypoints, points = self._points.match(features.descriptors, self._ratio)
        matches = np.stack([keypoints, points], axis=1)
        views = views_with_most_votes(self._map, points, self._views)
        rows = np.flatnonzero(np.isin(self._map.view_index, views))
        index = DescriptorIndex(self._map.descriptors[rows], self._map.point_index[rows])
        keypoints, found = index.match(features.descriptors, self._view_ratio)
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

    def _seen_from(self, pose: Matrix) -> NDArray[np.intp]:
        """The observations of the views whose optical axes are nearest to the pose's: what should be seen."""
        cosines = self._map.view_poses[:, :3, 2] @ pose[:3, 2]  # [V]
        nearest = np.argsort(-cosines, kind="stable")[: self._guided_views]
        return np.flatnonzero(np.isin(self._map.view_index, nearest))

    def _guided(self, features: Features, pose: Matrix, seen: NDArray[np.intp]) -> Matches:
        """Matches keypoints with the points that should be seen next to them; each keypoint and point once."""
        pixels, front = project(self._camera, pose, self._map.points[self._map.point_index[seen]])
        x, y = pixels.astype(np.float32).T[:, :, None] - features.keypoints.T[:, None]  # [R, N] each
        row, keypoint = np.nonzero((x * x + y * y <= self._max_error_px**2) & front[:, None])
        differences = self._map.descriptors[seen[row]].astype(np.float32) - features.descriptors[keypoint]
        squares = np.einsum("kd,kd->k", differences, differences)
        order = np.argsort(squares, kind="stable")
        order = order[squares[order] <= self._guided_distance**2]
        pairs = np.stack([keypoint[order], self._map.point_index[seen[row[order]]]], axis=1)
        for column in (1, 0):
            pairs = pairs[np.sort(np.unique(pairs[:, column], return_index=True)[1])]
        return pairs

    def _count(self, features: Features, matches: Matches) -> int:
        """Counts the independent matches: SIFT gives one place a descriptor, so a match, per orientation."""
        places = np.unique(features.keypoints[matches[:, 0]], axis=0)
        return min(len(places), len(np.unique(matches[:, 1])))

    def _check(self, features: Features, agreed: Matches, pose: Matrix, expected: NDArray[np.integer]) -> None:
        """Raises NotLocalizedError unless the matches that agree with the pose make it certain."""
        distance = float(np.linalg.norm(pose[:3, 3] - self._centre))
        if not self._distances[0] <= distance <= self._distances[1]:
            raise NotLocalizedError(
                f"the part would be {distance:.3g} away, outside {self._distances[0]:.3g}…{self._distances[1]:.3g}"
            )
        support = float(np.isin(expected, agreed[:, 1]).mean())
        if support < self._min_support:
            raise NotLocalizedError(
                f"{support:.1%} of the {len(expected)} points that should be seen were found, "
                f"at least {self._min_support:.0%} needed"
            )
        pixels, _ = project(self._camera, pose, self._map.points[expected])
        coverage = _hull_area(features.keypoints[agreed[:, 0]]) / max(_hull_area(pixels), 1e-9)
        if coverage < self._min_coverage:
            raise NotLocalizedError(
                f"the {len(agreed)} inliers cover {coverage:.0%} of the part, at least {self._min_coverage:.0%} needed"
            )


def _hull_area(pixels: NDArray[np.floating]) -> float:
    return cv2.contourArea(cv2.convexHull(pixels.astype(np.float32)))
