"""Rebuilds the background behind the part."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import cv2
import numpy as np

from pad_ros.common.registry import create
from pad_ros.results import Image, Mask

IMPLEMENTATIONS = {
    "lama": "pad_ros.background.inpainting.lama:Lama",
    "telea": "pad_ros.background.inpainting.telea:Telea",
}


class Inpainter(Protocol):
    """Takes the part out of an image."""

    def inpaint(self, image: Image, mask: Mask) -> Image:
        """Rebuilds the pixels of a mask [H, W], which is dilated first; others keep their values.

        Raises:
            NoObjectError: the mask leaves no background to rebuild from.
        """
        ...


def create_inpainter(settings: Mapping[str, Any]) -> Inpainter:
    """Makes the inpainter that a profile names.

    Raises:
        ConfigError: unknown name or setting.
    """
    return create("inpainting", IMPLEMENTATIONS, settings)


def dilate(mask: Mask, pixels: int) -> Mask:
    """Grows a mask [H, W] by a disc of this radius (paper, section 3.3: 5 pixels, away from the object's edge)."""
    if pixels <= 0:
        return mask
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * pixels + 1, 2 * pixels + 1))
    return cv2.dilate(mask.astype(np.uint8), disc).astype(bool)
