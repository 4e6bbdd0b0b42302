"""Localisation in the whole map at once: direct matches, votes, matches with the best views, guided matches, PnP."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from pad_ros.errors import ConfigError, NotLocalizedError
from pad_ros.geometry import Camera, Matrix
from pad_ros.images import check_image
from pad_ros.localization.displacement import DisplacedViews
from pad_ros.localization.features import Features
from pad_ros.localization.front_end import FrontEnd
from pad_ros.localization.matching import DescriptorIndex, pairs_nearby
from pad_ros.localization.pnp import project
from pad_ros.localization.pose_finder import Matches, PoseFinder
from pad_ros.localization.retrieval import views_with_most_votes
from pad_ros.localization.sfm_map import SfmMap
from pad_ros.results import Image, PoseEstimate

_ROUGH = 3  # guesses of displaced views that are worth a look


class MapLocalizer:
    """Local features against the SfM map (nearest descriptors in the whole map instead of the paper's retrieval).

    1. Match with the points of the whole map, and with what the views with most votes saw: a first pose.
    2. Where too few of these agree, match anew with the views that the matches show displaced (`displacement.py`).
    3. Look for what the views nearest to that pose saw where it should be: more matches, the final pose.
    4. Accept it only if enough keypoints, over enough of the part, agree.
    """

    def __init__(
        self,
        sfm_map: SfmMap,
        camera: Camera,
        front_end: FrontEnd,
        *,
        ratio: float = 0.85,
        views: int = 8,
        view_ratio: float = 0.85,
        guided_views: int = 5,
        guided_distance: float = 0.6,
        retries: int = 0,
        reach: float = 0.075,
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
            front_end: the one that the map was built with; its features are taken.
            ratio: nearest / second-nearest distance for matches with the points of the whole map.
            views: how many views with most votes are matched a second time; 0 for none.
            view_ratio: the ratio for these.
            guided_views: how many views near the first pose say what should be seen.
            guided_distance: largest descriptor distance of these matches, in lengths of a descriptor.
            retries: how many displaced views are tried where the first pose fails; 0 for none.
            reach: how far the part's points may be from where a displaced view shows them, of the picture's width.
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
        fractions = {"ratio": ratio, "view_ratio": view_ratio, "guided_distance": guided_distance, "reach": reach}
        for name, value in fractions.items():
            if not 0 < value <= 1:
                raise ConfigError(f"localization: {name} must be above 0 and at most 1, got {value}")
        if views < 0 or guided_views < 1 or retries < 0:
            raise ConfigError("localization: views and retries must be 0 or more, guided_views 1 or more")
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
        self._map = sfm_map
        self._camera = camera
        self._extractor = front_end.extractor
        self._ratio, self._views, self._view_ratio = ratio, views, view_ratio
        self._guided_views, self._max_error_px = guided_views, max_error_px
        self._guided_distance = guided_distance * front_end.extractor.descriptor_length
        self._retries = retries
        self._displaced = DisplacedViews(sfm_map, camera, reach, self._guided_distance)
        self._points = DescriptorIndex(sfm_map.mean_descriptors(), np.arange(len(sfm_map.points)))

    def localize(self, image: Image) -> PoseEstimate:
        """Localises an RGB image [H, W, 3].

        Raises:
            NotLocalizedError: no pose is certain enough; says why, and what may be worth a look.
            ImageError: not an image of this camera.
        """
        features = self._extractor.extract(check_image(image, self._camera))
        matches = self._match(features)
        try:
            return self._certain(features, matches)
        except NotLocalizedError as error:
            reason = str(error)
        tried = []
        for displaced in self._displaced.find(features, matches, self._retries) if self._retries else ():
            tried.append(self._displaced.match(features, displaced))
            try:
                return self._certain(features, tried[-1])
            except NotLocalizedError:
                continue
        raise NotLocalizedError(reason, self._guesses(features, matches, tried))

    def _guesses(self, features: Features, matches: Matches, displaced: Sequence[Matches]) -> Iterator[PoseEstimate]:
        """Poses that the matches agree with, then the best of those that matches with displaced views agree with."""
        yield from self._finder.guesses(features, matches)
        rough = [guess for again in displaced for guess in self._finder.guesses(features, again, slacks=(2.0,))]
        yield from sorted(rough, key=lambda guess: -guess.inliers)[:_ROUGH]

    def _certain(self, features: Features, matches: Matches) -> PoseEstimate:
        """The pose that matches make certain.

        Raises:
            NotLocalizedError: none is.
        """
        first = self._finder.first_pose(features, matches)
        seen = self._finder.seen_from(first.pose, self._guided_views)
        guided = self._guided(features, first.pose, seen)
        agreed = matches[first.inliers]
        union = np.unique(np.concatenate([agreed, guided]), axis=0)
        tried = len(np.union1d(matches[:, 0], guided[:, 0]))
        second = self._finder.solve(features, union)
        if second is None:
            return self._finder.estimate(features, agreed, first.pose, seen, tried, first.milliseconds)
        pnp_ms = first.milliseconds + second.milliseconds
        return self._finder.estimate(features, union[second.inliers], second.pose, seen, tried, pnp_ms)

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

    def _guided(self, features: Features, pose: Matrix, seen: NDArray[np.intp]) -> Matches:
        """Matches keypoints with the points that should be seen next to them; each keypoint and point once."""
        pixels, front = project(self._camera, pose, self._map.points[self._map.point_index[seen]])
        row, keypoint, squares = pairs_nearby(
            np.where(front[:, None], pixels, np.inf),
            self._map.descriptors[seen],
            features.keypoints,
            features.descriptors,
            self._max_error_px,
        )
        order = np.argsort(squares, kind="stable")
        order = order[squares[order] <= self._guided_distance**2]
        pairs = np.stack([keypoint[order], self._map.point_index[seen[row[order]]]], axis=1)
        for column in (1, 0):
            pairs = pairs[np.sort(np.unique(pairs[:, column], return_index=True)[1])]
        return pairs
