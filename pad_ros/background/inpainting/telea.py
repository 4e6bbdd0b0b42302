"""Telea's fast-marching inpainting (2004): no weights, a few milliseconds."""

from __future__ import annotations

import cv2
import numpy as np

from pad_ros.background.inpainting import dilate
from pad_ros.errors import ConfigError, NoObjectError
from pad_ros.images import box_around, scaled_by, shrink_factor
from pad_ros.results import Image, Mask


class Telea:
    """OpenCV's `INPAINT_TELEA` at the image's resolution, on the mask's surroundings."""

    def __init__(self, dilation: int = 5, radius: float = 3.0, size: int | None = None) -> None:
        """Makes the inpainter.

        Args:
            dilation: by how many pixels the mask is grown first.
            radius: how far around a pixel its value is taken from, in pixels of what it looks at.
            size: it looks at the mask's surroundings shrunk to so many pixels on the longer side; None: never shrunk.

        Raises:
            ConfigError: a setting is out of range.
        """
        if dilation < 0 or not 1 <= radius <= 50:
            raise ConfigError(f"telea: needs dilation >= 0 and 1 <= radius <= 50, got {dilation} and {radius}")
        self.dilation = dilation
        self.radius = radius
        if size is not None and size < 1:
            raise ConfigError(f"telea: size must be at least 1 pixel, or null, got {size}")
        self._size = size

    def inpaint(self, image: Image, mask: Mask) -> Image:
        """Rebuilds the pixels of the dilated mask [H, W] of an image [H, W, 3].

        Raises:
            NoObjectError: the mask leaves no background to rebuild from.
        """
        unknown = dilate(mask, self.dilation)
        if unknown.all():
            raise NoObjectError("the part fills the image: there is no background to rebuild behind it")
        if not unknown.any():
            return image.copy()
        window = box_around(unknown, int(np.ceil(self.radius)) + 1)
        factor = shrink_factor(unknown[window].shape, self._size)
        if factor < 1:  # what is rebuilt is smooth, and hidden but for its rim
            window = box_around(unknown, int(np.ceil(self.radius / factor)) + 1)
        hole = scaled_by(unknown[window].astype(np.float32), factor) > 0
        rebuilt = cv2.inpaint(
            np.ascontiguousarray(scaled_by(image[window], factor)),
            hole.astype(np.uint8),
            self.radius,
            cv2.INPAINT_TELEA,
        )
        result = image.copy()
        if factor < 1:
            rebuilt = cv2.resize(rebuilt, unknown[window].shape[::-1], interpolation=cv2.INTER_LINEAR)
        result[window][unknown[window]] = np.asarray(rebuilt)[unknown[window]]
        return result
