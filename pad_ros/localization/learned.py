"""What learned local features have in common: the image they see, and descriptors as small whole numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pad_ros.errors import ConfigError
from pad_ros.images import scaled_by, shrink_factor
from pad_ros.localization.features import Features
from pad_ros.results import Image, Mask

# Of a unit descriptor as int8: half of it is the largest component, and what is rounded away is below 1/512 each. Maps
# are a quarter of those of float32, and products of descriptors are exact.
DESCRIPTOR_LENGTH = 256.0


def shrunk(image: NDArray[Any], size: int) -> NDArray[np.float32]:
    """An image [H, W] or [H, W, C] with 0…255 whose longer side is at most `size` pixels, with 0…1, as hloc does it."""
    return np.asarray(scaled_by(image.astype(np.float32), shrink_factor(image.shape, size)) / 255.0, np.float32)


def found_features(
    pixels: NDArray[np.float32],
    descriptors: NDArray[np.float32],
    seen: tuple[int, ...],
    image: Image,
    mask: Mask | None,
) -> Features:
    """The features of an image from those of what a network saw of it.

    Args:
        pixels: [N, 2] in the picture that the network saw, centres at 0.
        descriptors: [N, D], unit length.
        seen: that picture's height and width.
        image: the whole one, [H, W, 3].
        mask: [H, W]; keypoints elsewhere are dropped.
    """
    height, width = image.shape[:2]
    keypoints = ((pixels + 0.5) * [width / seen[1], height / seen[0]]).astype(np.float32)
    if mask is not None:
        x, y = keypoints.astype(int).T
        inside = mask[y.clip(0, height - 1), x.clip(0, width - 1)]
        keypoints, descriptors = keypoints[inside], descriptors[inside]
    return Features(keypoints, np.clip(np.rint(descriptors * DESCRIPTOR_LENGTH), -127, 127).astype(np.int8))


def check_positive(what: str, **values: float) -> None:
    """Refuses settings that are not above 0.

    Raises:
        ConfigError: names the first.
    """
    for name, value in values.items():
        if not value > 0:
            raise ConfigError(f"{what}: {name} must be above 0, got {value}")
