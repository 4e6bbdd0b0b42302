"""Localisation as in the paper (section 3.2): retrieve views, match the image with each, PnP."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pad_ros.errors import ConfigError
from pad_ros.geometry import Camera
from pad_ros.images import check_image
from pad_ros.localization.features import Features
from pad_ros.localization.front_end import FrontEnd
from pad_ros.localization.pnp import project
from pad_ros.localization.pose_finder import Matches, PoseFinder
from pad_ros.localization.sfm_map import SfmMap
from pad_ros.results import Image, PoseEstimate


class ViewLocalizer:
    """Matches the image with each of the views that look most like it, by the profile's matcher.

    Where the baseline takes the nearest view's pose when PnP fails, this says that there is none, by the same checks as
    `MapLocalizer`.
    """

    def __init__(
        self,
        sfm_map: SfmMap,
        camera: Camera,
        front_end: FrontEnd,
        *,
        views: int = 15,
        expected_views: int = 5,
        max_error_px: float = 12.0,
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
            front_end: the one that the map was built with.
            views: how many are retrieved and matched.
            expected_views: how many views near the pose say what should be seen.
            max_error_px: largest reprojection error of an inlier.
            min_inliers: fewest distinct keypoints that must agree with the pose.
            min_support: smallest part of the points that should be seen which must be found.
            min_coverage: smallest part of the area where points should be seen, within the picture, which the
                inliers must span.
            max_trials: most RANSAC samples.
            seed: of RANSAC.

        Raises:
            ConfigError: a setting out of range.
            ProductError: the map lacks what the retrieval needs.
        """
        if views < 1 or expected_views < 1:
            raise ConfigError("localization: views and expected_views must be 1 or more")
        self._finder = PoseFinder(
            sfm_map,
            camera,
            max_error_px=max_error_px,
            min_inliers=min_inliers,
            min_support=min_support,
            min_coverage=min_coverage,
            max_trials=max_trials,
            seed=seed,
        )
        self._camera, self._front_end = camera, front_end
        self._views, self._expected_views = views, expected_views
        self._rank = front_end.retrieval.ranking(sfm_map)
        self._points_of: list[NDArray[np.int32]] = []  # which point each of a view's features is
        self._seen: list[Features] = []
        for view, pose in enumerate(sfm_map.view_poses):
            rows = np.flatnonzero(sfm_map.view_index == view)
            own = sfm_map.point_index[rows]
            # The map does not keep keypoints: they are within some pixels of where their points are.
            pixels, _ = project(camera, pose, sfm_map.points[own])
            self._seen.append(Features(pixels.astype(np.float32), sfm_map.descriptors[rows]))
            self._points_of.append(own)

    def localize(self, image: Image) -> PoseEstimate:
        """Localises an RGB image [H, W, 3].

        Raises:
            NotLocalizedError: no pose is certain enough; says why.
            ImageError: not an image of this camera.
        """
        features = self._front_end.extractor.extract(check_image(image, self._camera))
        views = self._rank(image, features, self._views)
        matched = [np.zeros((0, 2), np.intp), *(self._match(features, view) for view in views)]
        matches = np.unique(np.concatenate(matched), axis=0)
        found = self._finder.first_pose(features, matches)
        seen = self._finder.seen_from(found.pose, self._expected_views)
        tried = len(np.unique(matches[:, 0]))
        return self._finder.estimate(features, matches[found.inliers], found.pose, seen, tried, found.milliseconds)

    def _match(self, features: Features, view: int) -> Matches:
        """Matches of the image's keypoints with the points that a view saw."""
        size = (self._camera.width, self._camera.height)
        pairs = self._front_end.matcher.match(features, self._seen[view], size).astype(np.intp)
        return np.stack([pairs[:, 0], self._points_of[view][pairs[:, 1]]], axis=1)
