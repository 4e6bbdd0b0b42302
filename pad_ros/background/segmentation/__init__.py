"""Finds the part in the test image: the mask M_t."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from pad_ros.common.registry import create
from pad_ros.results import Image, Mask

IMPLEMENTATIONS = {
    "birefnet": "pad_ros.background.segmentation.birefnet:BiRefNet",
    "grabcut": "pad_ros.background.segmentation.grabcut:GrabCut",
    "learned": "pad_ros.background.segmentation.learned:LearnedSegmenter",
}


class Segmenter(Protocol):
    """Separates the part from what is behind it."""

    sha256: str
    """Checksum of the weights, for which alone a threshold holds; empty without, and where `weights.table` has it."""

    def segment(self, image: Image, silhouette: Mask) -> Mask:
        """Finds the part in an image [H, W, 3], given the mask [H, W] that the twin would have.

        Raises:
            NoObjectError: nothing there looks like a part.
        """
        ...


def create_segmenter(settings: Mapping[str, Any]) -> Segmenter:
    """Makes the segmenter that a profile names.

    Raises:
        ConfigError: unknown name or setting.
        ProductError: weights that ship are missing or altered.
        WeightsError: other weights are not here.
    """
    return create("segmentation", IMPLEMENTATIONS, settings)
