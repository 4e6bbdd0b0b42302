"""Which map views look most like the image?"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from pad_ros.common.registry import create
from pad_ros.errors import ConfigError
from pad_ros.localization.features import Features
from pad_ros.localization.matching import DescriptorIndex
from pad_ros.localization.sfm_map import SfmMap
from pad_ros.results import Image

IMPLEMENTATIONS = {
    "votes": "pad_ros.localization.retrieval:VotesRetrieval",
    "netvlad": "pad_ros.localization.netvlad:NetVladRetrieval",
}

# Gives at most so many view indices for an image [H, W, 3] and its features, the most alike first.
Ranking = Callable[[Image, Features, int], NDArray[np.intp]]


class Retrieval(Protocol):
    """Ranks the views of a map."""

    def describe(self, image: Image) -> NDArray[np.float16] | None:
        """What the map keeps of a view [H, W, 3] for retrieval, [G]; None if nothing."""
        ...

    def ranking(self, sfm_map: SfmMap) -> Ranking:
        """Prepares a map.

        Raises:
            ProductError: the map was built without what this retrieval needs.
        """
        ...


def create_retrieval(settings: Mapping[str, Any]) -> Retrieval:
    """Makes the retrieval that `settings` describe: `name` and keyword arguments of its class.

    Raises:
        ConfigError: unknown name or setting.
        BuildError: a library that it needs is not installed.
        WeightsError: its weights are not here.
    """
    retrieval: Retrieval = create("retrieval", IMPLEMENTATIONS, settings)
    return retrieval


class VotesRetrieval:
    """The views that saw the points which the image's keypoints match: no network."""

    def __init__(self, ratio: float = 0.85) -> None:
        """Checks the settings.

        Args:
            ratio: nearest / second-nearest distance of a match with the points of the whole map.

        Raises:
            ConfigError: a setting out of range.
        """
        if not 0 < ratio <= 1:
            raise ConfigError(f"retrieval 'votes': ratio must be above 0 and at most 1, got {ratio}")
        self._ratio = ratio

    def describe(self, image: Image) -> None:
        """The map needs nothing more."""

    def ranking(self, sfm_map: SfmMap) -> Ranking:
        """See `Retrieval`."""
        index = DescriptorIndex(sfm_map.mean_descriptors(), np.arange(len(sfm_map.points)))

        def rank(image: Image, features: Features, count: int) -> NDArray[np.intp]:
            _, points = index.match(features.descriptors, self._ratio)
            return views_with_most_votes(sfm_map, points, count)

        return rank


def views_with_most_votes(sfm_map: SfmMap, points: NDArray[np.integer], count: int) -> NDArray[np.intp]:
    """Lets every matched point vote for the views that saw it.

    Args:
        sfm_map: the map.
        points: indices of the matched points [K].
        count: how many views.

    Returns:
        At most `count` view indices that have votes, most votes first.
    """
    votes_of_point = np.bincount(points, minlength=len(sfm_map.points))
    votes = np.bincount(
        sfm_map.view_index, weights=votes_of_point[sfm_map.point_index], minlength=len(sfm_map.view_poses)
    )
    best = np.argsort(-votes, kind="stable")[:count]
    return best[votes[best] > 0]
