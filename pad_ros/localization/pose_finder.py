"""From matches of an image with the points of a map to a pose, or to the reason why none is certain."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from pad_ros.errors import ConfigError, NotLocalizedError
from pad_ros.geometry import Camera, Matrix
from pad_ros.localization.features import Features
from pad_ros.localization.pnp import MIN_MATCHES, PnpResult, project, reprojection_errors, solve_pnp
from pad_ros.localization.sfm_map import SfmMap
from pad_ros.results import PoseEstimate

_SLACKS = (1.0, 2.0, 4.0)  # of the largest error: in another light keypoints lie less exactly
Matches = NDArray[np.intp]  # [K, 2] keypoint, point


class PoseFinder:
    """Seeded PnP, and what must be true of its pose to be believed."""

    def __init__(
        self,
        sfm_map: SfmMap,
        camera: Camera,
        *,
        max_error_px: float,
        min_inliers: int,
        min_support: float,
        min_coverage: float,
        max_trials: int,
        seed: int,
    ) -> None:
        """Checks the settings.

        Args:
            sfm_map: whose points are matched.
            camera: that takes the images.
            max_error_px: largest reprojection error of an inlier.
            min_inliers: fewest distinct keypoints that must agree with the first pose.
            min_support: smallest part of the points that should be seen which must be found.
            min_coverage: smallest part of the area where points should be seen, within the picture, which the
                inliers must span.
            max_trials: most RANSAC samples.
            seed: of RANSAC.

        Raises:
            ConfigError: a setting out of range.
        """
        for name, value in {"min_support": min_support, "min_coverage": min_coverage}.items():
            if not 0 <= value <= 1:
                raise ConfigError(f"localization: {name} must be from 0 to 1, got {value}")
        for name, value in {"max_error_px": max_error_px, "max_trials": max_trials}.items():
            if not value > 0:
                raise ConfigError(f"localization: {name} must be above 0, got {value}")
        if min_inliers < MIN_MATCHES:
            raise ConfigError(f"localization: min_inliers must be {MIN_MATCHES} or more, got {min_inliers}")
        self._map, self._camera = sfm_map, camera
        self._max_error_px, self._max_trials, self._seed = max_error_px, max_trials, seed
        self._min_inliers, self._min_support, self._min_coverage = min_inliers, min_support, min_coverage
        self._centre = np.median(sfm_map.points, axis=0)
        distances = np.linalg.norm(sfm_map.view_poses[:, :3, 3] - self._centre, axis=1)
        self._distances = 0.5 * distances.min(), 2.0 * distances.max()

    def solve(self, features: Features, matches: Matches, slack: float = 1.0) -> PnpResult | None:
        """The pose that most matches agree with, within `slack` times the largest error; None if there is none."""
        return solve_pnp(
            self._camera,
            features.keypoints[matches[:, 0]],
            self._map.points[matches[:, 1]],
            max_error_px=slack * self._max_error_px,
            max_trials=self._max_trials,
            seed=self._seed,
        )

    def first_pose(self, features: Features, matches: Matches) -> PnpResult:
        """The pose that most matches agree with.

        Raises:
            NotLocalizedError: too few agree with any.
        """
        found = self.solve(features, matches)
        inliers = 0 if found is None else _count(features, matches[found.inliers])
        if found is None or inliers < self._min_inliers:
            raise NotLocalizedError(
                f"{inliers} inliers of {len(np.unique(matches[:, 0]))} matches ({len(features)} keypoints), "
                f"at least {self._min_inliers} needed"
            )
        return found

    def guesses(
        self, features: Features, matches: Matches, slacks: Sequence[float] = _SLACKS
    ) -> Iterator[PoseEstimate]:
        """Poses that matches agree with, be it a few and roughly, at most one for each slack."""
        for slack in slacks:
            found = self.solve(features, matches, slack)
            if found is not None and self._distances[0] <= self._distance(found.pose) <= self._distances[1]:
                agreed, tried = matches[found.inliers], len(np.unique(matches[:, 0]))
                yield self._estimate_of(features, agreed, found.pose, tried, found.milliseconds)

    def seen_from(self, pose: Matrix, views: int) -> NDArray[np.intp]:
        """The observations of so many views whose optical axes are nearest to the pose's: what should be seen."""
        cosines = self._map.view_poses[:, :3, 2] @ pose[:3, 2]  # [V]
        nearest = np.argsort(-cosines, kind="stable")[:views]
        return np.flatnonzero(np.isin(self._map.view_index, nearest))

    def estimate(
        self, features: Features, agreed: Matches, pose: Matrix, seen: NDArray[np.intp], tried: int, pnp_ms: float
    ) -> PoseEstimate:
        """The estimate of a pose that is certain.

        Args:
            features: of the image.
            agreed: matches that agree with the pose.
            pose: `object_from_camera` [4, 4].
            seen: observations that should be seen from there.
            tried: how many keypoints were matched.
            pnp_ms: how long PnP took.

        Raises:
            NotLocalizedError: it is not certain; says why.
        """
        self._check(features, agreed, pose, np.unique(self._map.point_index[seen]))
        return self._estimate_of(features, agreed, pose, tried, pnp_ms)

    def _estimate_of(
        self, features: Features, agreed: Matches, pose: Matrix, tried: int, pnp_ms: float
    ) -> PoseEstimate:
        errors = reprojection_errors(
            self._camera, pose, features.keypoints[agreed[:, 0]], self._map.points[agreed[:, 1]]
        )
        return PoseEstimate(
            object_from_camera=pose,
            inliers=_count(features, agreed),
            matches=tried,
            reprojection_error=float(np.sqrt(np.mean(errors**2))),
            pnp_ms=pnp_ms,
        )

    def _distance(self, pose: Matrix) -> float:
        return float(np.linalg.norm(pose[:3, 3] - self._centre))

    def _check(self, features: Features, agreed: Matches, pose: Matrix, expected: NDArray[np.integer]) -> None:
        """Raises NotLocalizedError unless the matches that agree with the pose make it certain."""
        distance = self._distance(pose)
        if not self._distances[0] <= distance <= self._distances[1]:
            raise NotLocalizedError(
                f"the part would be {distance:.3g} away, outside {self._distances[0]:.3g}…{self._distances[1]:.3g}"
            )
        pixels, front = project(self._camera, pose, self._map.points[expected])
        size = (self._camera.width, self._camera.height)
        inside = front & ((pixels >= 0) & (pixels < size)).all(axis=1)
        expected, pixels = expected[inside], pixels[inside]  # of a part that goes beyond the picture, what it shows
        if not len(expected):
            raise NotLocalizedError("none of the part's points would be in the picture")
        support = float(np.isin(expected, agreed[:, 1]).mean())
        if support < self._min_support:
            raise NotLocalizedError(
                f"{support:.1%} of the {len(expected)} points that should be seen were found, "
                f"at least {self._min_support:.0%} needed"
            )
        coverage = _hull_area(features.keypoints[agreed[:, 0]]) / max(_hull_area(pixels), 1e-9)
        if coverage < self._min_coverage:
            raise NotLocalizedError(
                f"the {len(agreed)} inliers cover {coverage:.0%} of the part, at least {self._min_coverage:.0%} needed"
            )


def _count(features: Features, matches: Matches) -> int:
    """Counts the independent matches: SIFT gives one place a descriptor, so a match, per orientation."""
    places = np.unique(features.keypoints[matches[:, 0]], axis=0)
    return min(len(places), len(np.unique(matches[:, 1])))


def _hull_area(pixels: NDArray[np.floating]) -> float:
    return cv2.contourArea(cv2.convexHull(pixels.astype(np.float32)))
