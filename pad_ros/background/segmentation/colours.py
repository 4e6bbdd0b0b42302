"""Which colours does the background have?"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from pad_ros.errors import NoObjectError
from pad_ros.results import Image, Mask

_BINS = 32  # per channel of CIELAB in 8 bits
_SHADES = (1.0, 0.8, 0.65, 0.5)  # a part's shadow on the background darkens it


@dataclass(frozen=True)
class BackgroundColours:
    """A smoothed histogram of the background's colours in CIELAB, lit and shaded, [bins, bins, bins]."""

    density: NDArray[np.float32]

    @classmethod
    def of(cls, image: Image, background: Mask) -> BackgroundColours:
        """Takes the colours of the known background of an image.

        Raises:
            NoObjectError: there is no background.
        """
        known = image[background]  # [P, 3]
        if len(known) == 0:
            raise NoObjectError("the part fills the image: there is no background around it")
        shades = [(known.astype(np.float32) * shade).astype(np.uint8) for shade in _SHADES]
        counts = np.bincount(_bins(np.stack(shades)).ravel(), minlength=_BINS**3)
        density = (counts / np.float32(len(known))).astype(np.float32).reshape((_BINS,) * 3)
        for axis in range(3):
            density = _smoothed(density, axis)
        return cls(density)

    def foreign(self, image: Image, least: float = 2e-4) -> Mask:
        """The pixels [H, W] whose colours the background hardly has."""
        return self.density.ravel()[_bins(image)] < least


def _bins(image: Image) -> NDArray[np.intp]:
    """The index into the flattened histogram of each pixel of [H, W, 3], [H, W]."""
    lab = cv2.cvtColor(image, cv2.COLOR_RGB2LAB).astype(np.intp) * _BINS // 256
    return (lab[..., 0] * _BINS + lab[..., 1]) * _BINS + lab[..., 2]


def _smoothed(density: NDArray[np.float32], axis: int) -> NDArray[np.float32]:
    rows = np.moveaxis(density, axis, -1)
    blurred = cv2.GaussianBlur(np.ascontiguousarray(rows).reshape(-1, _BINS), (5, 1), 1.0)
    return np.moveaxis(np.asarray(blurred, np.float32).reshape(rows.shape), -1, axis)
