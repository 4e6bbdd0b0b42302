"""How common is a colour, and what is the background nearby?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from pad_ros.results import Image, Map, Mask

SHADES = (1.0, 0.8, 0.65, 0.5)  # the part's shadow darkens the background
FOREIGN = 2e-4  # colours rarer than this in the background are not its own
_COARSE = 0.25  # scale at which the background nearby is averaged
_BINS = 32  # per channel of CIELAB in 8 bits
_ENOUGH = 20_000  # pixels to know colours by


@dataclass(frozen=True)
class Colours:
    """A smoothed histogram of the colours of some pixels in CIELAB, flattened [bins * bins * bins]."""

    density: NDArray[np.float32]

    @classmethod
    def of(cls, image: Image, mask: Mask, shades: Sequence[float] = (1.0,)) -> Colours:
        """Takes the colours of an image [H, W, 3] inside a mask [H, W] that is not empty.

        Each shade takes them once more, darkened by that factor: what a shadow may do to them.
        """
        pixels = image[mask]  # [P, 3]
        pixels = pixels[:: max(1, len(pixels) // _ENOUGH)].astype(np.float32)
        shaded = np.stack([(pixels * shade).astype(np.uint8) for shade in shades])  # [shades, P, 3]
        counts = np.bincount(_bins(shaded).ravel(), minlength=_BINS**3)
        density: NDArray[np.float32] = (counts / len(pixels)).astype(np.float32).reshape((_BINS,) * 3)
        for axis in range(3):
            density = _smoothed(density, axis)
        return cls(density.ravel())

    def at(self, image: Image) -> Map:
        """How common each pixel's colour is, [H, W]: a share of the pixels that the colours were taken from."""
        return self.density[_bins(image)]


def _bins(image: Image) -> NDArray[np.int32]:
    """The index into the flattened histogram of each pixel of [H, W, 3], [H, W]."""
    lab = np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2LAB)).astype(np.int32) // (256 // _BINS)
    return (lab[..., 0] * _BINS + lab[..., 1]) * _BINS + lab[..., 2]


def _smoothed(density: NDArray[np.float32], axis: int) -> NDArray[np.float32]:
    rows = np.moveaxis(density, axis, -1)
    blurred = cv2.GaussianBlur(np.ascontiguousarray(rows).reshape(-1, _BINS), (5, 1), 1.0)
    return np.moveaxis(np.asarray(blurred, np.float32).reshape(rows.shape), -1, axis)


def background_nearby(lab: NDArray[np.float32], background: Mask, sigma: float) -> NDArray[np.float32]:
    """The background [h, w] around each pixel of a picture in CIELAB [h, w, 3], averaged with a Gaussian, [h, w, 3]."""
    weighted = np.dstack([lab * background[..., None], background.astype(np.float32)])  # [h, w, 4]
    small = cv2.resize(weighted, None, fx=_COARSE, fy=_COARSE, interpolation=cv2.INTER_AREA)
    small = np.asarray(cv2.GaussianBlur(small, (0, 0), sigma * _COARSE, borderType=cv2.BORDER_REPLICATE))
    nearby = small[..., :3] / (small[..., 3:] + np.float32(1e-6))
    return np.asarray(cv2.resize(nearby, lab.shape[1::-1], interpolation=cv2.INTER_LINEAR), np.float32)
