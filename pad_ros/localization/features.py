"""Local features: what an extractor gives, and how one is made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from pad_ros.common.registry import create
from pad_ros.results import Image, Mask

IMPLEMENTATIONS = {
    "sift": "pad_ros.localization.sift:SiftFeatures",
    "superpoint": "pad_ros.localization.superpoint:SuperPointFeatures",
    "aliked": "pad_ros.localization.scm_features:AlikedFeatures",
    "disk": "pad_ros.localization.scm_features:DiskFeatures",
}


@dataclass(frozen=True)
class Features:
    """The keypoints of an image and their descriptors.

    Attributes:
        keypoints: float32 [N, 2], x and y in pixels, pixel centres at +0.5.
        descriptors: [N, D] of nearly equal Euclidean length (the extractor's `descriptor_length`), compared by
            Euclidean distance.
    """

    keypoints: NDArray[np.float32]
    descriptors: NDArray[Any]

    def __len__(self) -> int:
        return len(self.keypoints)


class FeatureExtractor(Protocol):
    """Finds local features; deterministic and safe to call from several threads."""

    descriptor_length: float
    """The Euclidean length of a descriptor."""

    def extract(self, image: Image, mask: Mask | None = None) -> Features:
        """Extracts the features of an RGB image [H, W, 3], only those inside `mask` [H, W] if given."""
        ...


def create_features(settings: Mapping[str, Any]) -> FeatureExtractor:
    """Makes the extractor that `settings` describe: `name` and keyword arguments of its class.

    Raises:
        ConfigError: unknown name, or a setting that the extractor refuses.
        BuildError: a library that it needs is not installed.
        WeightsError: its weights are not here.
    """
    extractor: FeatureExtractor = create("features", IMPLEMENTATIONS, settings)
    return extractor
