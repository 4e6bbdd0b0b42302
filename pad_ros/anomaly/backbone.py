"""Pre-trained features at several levels: what the anomaly map compares."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from pad_ros.common.onnx_session import open_session, read_weights
from pad_ros.common.registry import create
from pad_ros.errors import ConfigError

FeatureLevel = NDArray[np.float32]  # [N, C, h, w]

IMPLEMENTATIONS = {
    "efficientnet_lite0": "pad_ros.anomaly.backbone:EfficientNetLite0",
    "timm": "pad_ros.anomaly.timm_backbone:TimmBackbone",
}


class Backbone(Protocol):
    """Turns images into feature maps, fine levels first."""

    stride: int
    """Sides of images must be multiples of this."""

    sha256: str
    """Checksum of the weights: a threshold holds for these alone."""

    def features(self, images: NDArray[Any]) -> list[FeatureLevel]:
        """Computes the levels [N, C, h, w] of RGB images [N, H, W, 3] with values 0…255."""
        ...


def create_backbone(settings: Mapping[str, Any]) -> Backbone:
    """Makes the backbone that a profile names.

    Raises:
        ConfigError: unknown name or setting.
        ProductError: the weights are missing or altered.
    """
    return create("backbone", IMPLEMENTATIONS, settings)


class EfficientNetLite0:
    """Five levels of EfficientNet-Lite0 (16, 24, 40, 80, 112 channels; strides 2, 4, 8, 16, 16) on ONNX Runtime."""

    stride = 16
    weights = Path(__file__).parent / "weights" / "efficientnet_lite0.onnx"
    sha256 = "021d0ada1aab4ac024721f0eaf0f54f1faa7316be99fc4b7e22d1926405c560c"

    def __init__(self, threads: int = 2) -> None:
        """Loads the weights.

        Args:
            threads: how many threads ONNX Runtime uses.

        Raises:
            ConfigError: `threads` is not positive.
            ProductError: the weights are missing or altered.
        """
        self._session = open_session(read_weights(self.weights, self.sha256), threads)

    def features(self, images: NDArray[Any]) -> list[FeatureLevel]:
        """Computes the levels [N, C, h, w] of RGB images [N, H, W, 3] with values 0…255.

        Raises:
            ConfigError: another shape, or sides that are not multiples of 16.
        """
        if images.ndim != 4 or images.shape[3] != 3 or images.shape[1] % self.stride or images.shape[2] % self.stride:
            raise ConfigError(f"backbone: needs [N, H, W, 3] with H and W multiples of 16, got {images.shape}")
        normalised = (images.astype(np.float32) - 127.0) / 128.0  # as the network was trained
        return self._session.run(None, {"image": np.ascontiguousarray(normalised.transpose(0, 3, 1, 2))})
