"""What a camera does to a rendered picture: exposure, white balance, blur and noise.

All of it happens in linear light, as in a camera, and in this order; numpy alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.float32]


def expose(pixels: Pixels, conditions: Mapping[str, Any]) -> Pixels:
    """Takes a picture of a picture, under the conditions of a camera (see `conditions`).

    A cut-out keeps its alpha: its colours are blurred among themselves, weighted by alpha, so that neither
    white nor black bleeds over its edges, and what is put behind it later stays clean.

    Args:
        pixels: sRGB in 0…1, [H, W, 3]; or with straight (not multiplied) alpha, [H, W, 4].
        conditions: `exposure_ev`, `red`, `blue`, `blur`, `read_noise`, `shot_noise` and `seed`, each optional.

    Returns:
        New pixels of the same kind, float32.
    """
    colour, alpha = pixels[..., :3], pixels[..., 3:]
    light = _linear(colour.astype(np.float32))
    gain = np.array([conditions.get("red", 1.0), 1.0, conditions.get("blue", 1.0)])
    light *= (gain * 2.0 ** conditions.get("exposure_ev", 0.0)).astype(np.float32)
    light = _blurred(light, alpha, conditions.get("blur", 0.0) * pixels.shape[1])
    light = _with_noise(light, conditions)
    return np.concatenate([_srgb(np.clip(light, 0.0, 1.0)), alpha], axis=2, dtype=np.float32)


def _blurred(light: Pixels, alpha: Pixels, sigma: float) -> Pixels:
    if sigma <= 0.0:
        return light
    if not alpha.size:
        return _gaussian(light, sigma)
    weight = _gaussian(alpha, sigma)
    return np.asarray(_gaussian(light * alpha, sigma) / np.maximum(weight, 1e-6), dtype=np.float32)


def _gaussian(image: Pixels, sigma: float) -> Pixels:
    """Convolves [H, W, C] with a Gaussian; mirrored borders, so that the mean stays."""
    radius = max(1, round(3.5 * sigma))
    offsets = np.arange(-radius, radius + 1)
    weights = np.exp(-0.5 * (offsets / sigma) ** 2)
    weights = (weights / weights.sum()).astype(np.float32)
    for _ in range(2):  # along the columns, then along the rows
        padded = np.pad(image, ((radius, radius), (0, 0), (0, 0)), mode="symmetric")
        image = np.zeros_like(image)
        for start, weight in enumerate(weights):
            image += weight * padded[start : start + len(image)]
        image = image.swapaxes(0, 1)
    return image


def _with_noise(light: Pixels, conditions: Mapping[str, Any]) -> Pixels:
    """Adds noise whose variance is a constant (reading) and a share of the signal (photons)."""
    read, shot = conditions.get("read_noise", 0.0), conditions.get("shot_noise", 0.0)
    if read <= 0.0 and shot <= 0.0:
        return light
    deviation = np.sqrt(np.float32(read**2) + np.float32(shot**2) * light)
    rng = np.random.default_rng(conditions.get("seed", 0))
    noisy: Pixels = light + deviation * rng.standard_normal(light.shape, dtype=np.float32)
    return noisy


def _linear(srgb: Pixels) -> Pixels:
    """From sRGB's curve to linear light."""
    return np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4).astype(np.float32)


def _srgb(linear: Pixels) -> Pixels:
    """From linear light to sRGB's curve."""
    curve = 1.055 * np.maximum(linear, 0.0031308) ** (1 / 2.4) - 0.055
    return np.where(linear <= 0.0031308, 12.92 * linear, curve).astype(np.float32)
