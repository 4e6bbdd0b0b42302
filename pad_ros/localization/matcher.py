"""Matching the features of two images: the interface, and how one is made."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from pad_ros.common.registry import create
from pad_ros.errors import ConfigError
from pad_ros.localization.features import Features
from pad_ros.localization.matching import match_mutual

IMPLEMENTATIONS = {
    "nearest": "pad_ros.localization.matcher:NearestMatcher",
    "lightglue": "pad_ros.localization.lightglue:LightGlueMatcher",
}

# Width and height of the images in pixels.
Size = tuple[int, int]
# Says which pairs [N, M] of keypoints [N, 2] and [M, 2] may match, e.g. by the known epipolar geometry.
Allowed = NDArray[np.bool_]


class Matcher(Protocol):
    """Matches two images; deterministic and safe to call from several threads."""

    def match(
        self, first: Features, second: Features, size: Size, allowed: Allowed | None = None
    ) -> NDArray[np.uint32]:
        """Matches the features of two images of the same size.

        Args:
            first: of one image, N of them.
            second: of the other, M of them.
            size: width and height of both.
            allowed: pairs [N, M] that may match; all if None.

        Returns:
            Index pairs [K, 2], each index at most once.
        """
        ...


def create_matcher(settings: Mapping[str, Any], features: str) -> Matcher:
    """Makes the matcher that `settings` describe, for features of a name.

    Raises:
        ConfigError: unknown name or setting, or it does not know these features.
        BuildError: a library that it needs is not installed.
        WeightsError: its weights are not here.
    """
    matcher: Matcher = create("matcher", IMPLEMENTATIONS, {**settings, "features": features})
    return matcher


class NearestMatcher:
    """Mutual nearest descriptors that pass the ratio test, of features of any kind."""

    def __init__(self, features: str = "", ratio: float = 0.8) -> None:
        """Checks the settings.

        Args:
            features: whose descriptors; all are treated alike.
            ratio: the largest nearest / second-nearest distance among what is allowed.

        Raises:
            ConfigError: a setting out of range.
        """
        if not 0 < ratio <= 1:
            raise ConfigError(f"matcher 'nearest': ratio must be above 0 and at most 1, got {ratio}")
        self._ratio = ratio

    def match(
        self, first: Features, second: Features, size: Size, allowed: Allowed | None = None
    ) -> NDArray[np.uint32]:
        """See `Matcher`; the descriptors alone are looked at."""
        return match_mutual(first.descriptors, second.descriptors, self._ratio, allowed)
