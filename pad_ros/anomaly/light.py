"""The light on the part: the twin has that of its training photos, the image that of the line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from pad_ros.common.registry import create
from pad_ros.errors import ConfigError
from pad_ros.images import box_around, channel_max, in_channels, to_uint8
from pad_ros.results import Image, Map, Reference

IMPLEMENTATIONS = {
    "as_trained": "pad_ros.anomaly.light:AsTrained",
    "local": "pad_ros.anomaly.light:LocalLight",
}

_DARKEST = 0.03  # of 1: below, a ratio is noise
_BRIGHTEST = 0.97  # above, the camera may have had enough
_FEWEST_PIXELS = 50  # that a gain is estimated from
_ROUNDS = 3  # of looking for what the light does not explain
_LITTLE = 0.03  # share of the pixels around a place that must agree on its light, or it has that of the whole
_PART_PIXELS = 100.0  # the square root of the part's area, in pixels, at which the light is estimated


class Light(Protocol):
    """Shows the twin in the light of an image."""

    def relit(self, reference: Reference, test: Image) -> Reference:
        """The reference as it would look in the light of the image T [H, W, 3]."""
        ...


def create_light(settings: Mapping[str, Any]) -> Light:
    """Makes what a profile names.

    Raises:
        ConfigError: an unknown implementation, or a setting that it refuses.
    """
    return create("light", IMPLEMENTATIONS, settings)


class AsTrained:
    """Leaves the twin in the light of its training photos, as the paper does."""

    def relit(self, reference: Reference, test: Image) -> Reference:
        """See `Light`."""
        return reference


class LocalLight:
    """Multiplies the twin by how much brighter the image is around each place, per channel.

    Exposure, white balance, and lamps that stand elsewhere change the part's colours smoothly over its faces, by a
    factor; a defect changes them at one place. So the factor is first one number per channel, then a smooth field, from
    which places are left out that differ more from it than their surroundings do. Within a picture a lamp makes faces
    lighter or darker, and hardly changes their tint: what does is a part of another colour.
    """

    def __init__(
        self,
        reach: float = 0.06,
        limit: float = 0.7,
        tint: float = 0.1,
        tolerance: float = 0.15,
        least: float = 0.05,
    ) -> None:
        """Checks the settings.

        Args:
            reach: standard deviation of what counts as around a place, as a share of the square root of the part's
                area: what is much larger and differs as a whole is taken for another light.
            limit: the field is within this many natural logarithms of the one number per channel.
            tint: a channel's field is within this many of the mean of the three channels.
            tolerance: differences that are larger than this, as a natural logarithm, hardly count.
            least: the factor's natural logarithm is taken nearer to 0 by this: small changes are errors of the twin,
                and following them hides defects where the light is as in training.

        Raises:
            ConfigError: a setting is out of range.
        """
        if not (0 < reach <= 1 and limit >= 0 and tint >= 0 and tolerance > 0 and least >= 0):
            raise ConfigError(
                "light: needs 0 < reach <= 1, limit >= 0, tint >= 0, tolerance > 0, least >= 0, "
                f"got {reach}, {limit}, {tint}, {tolerance}, {least}"
            )
        self._reach, self._limit, self._tint, self._tolerance, self._least = reach, limit, tint, tolerance, least

    def relit(self, reference: Reference, test: Image) -> Reference:
        """See `Light`."""
        coverage = 1.0 - reference.transmittance  # [H, W]
        size = float(np.sqrt(coverage.sum()))
        if size < 1.0:
            return reference
        window = box_around(reference.mask, 2)
        coverage = coverage[window]
        covered = in_channels(coverage)  # [h, w, 3]
        # What is left of the white behind the twin is no part of it.
        white = 1.0 - covered
        twin = reference.image[window].astype(np.float32) / 255.0 - white  # over black
        factor = self._factor(test[window].astype(np.float32) / 255.0, twin, coverage, size)
        image = reference.image.copy()
        image[window] = to_uint8(255.0 * (np.clip(twin * factor, 0.0, covered) + white))
        return replace(reference, image=image)

    def _factor(
        self, test: NDArray[Any], twin: NDArray[Any], coverage: NDArray[Any], size: float
    ) -> NDArray[np.float32]:
        """By what to multiply the twin [h, w, 3]."""
        height, width = coverage.shape
        scale = min(1.0, _PART_PIXELS / size)
        small = max(1, round(scale * width)), max(1, round(scale * height))
        test, twin, coverage = (
            cv2.resize(array, small, interpolation=cv2.INTER_AREA) for array in (test, twin, coverage)
        )
        weight = np.asarray(np.where(coverage > 0.5, coverage, 0.0), np.float32)
        ratio = np.log(np.maximum(test, _DARKEST)) - np.log(
            np.maximum(twin / in_channels(np.maximum(coverage, 0.5)), _DARKEST)
        )
        overall = _overall(test, twin, ratio, weight)
        ratio -= overall
        lightness = ratio.mean(axis=2, keepdims=True)
        tint = np.clip(ratio - lightness, -self._tint, self._tint)
        possible = np.clip(lightness + tint, -self._limit, self._limit)  # as light
        sigma = max(1.0, self._reach * scale * size)
        counts = weight
        for _ in range(_ROUNDS):
            field = _blurred(possible * in_channels(counts), sigma) / in_channels(_blurred(counts, sigma) + _LITTLE)
            off = np.asarray(channel_max(np.abs(ratio - field)), np.float32)
            counts = weight / (1.0 + (off / self._tolerance) ** 2)
        change = field + overall
        change = np.sign(change) * np.maximum(np.abs(change) - np.float32(self._least), 0.0)
        return np.asarray(cv2.resize(np.exp(change), (width, height), interpolation=cv2.INTER_LINEAR), np.float32)


def _overall(test: NDArray[Any], twin: NDArray[Any], ratio: NDArray[Any], weight: Map) -> NDArray[np.float32]:
    """The logarithm of the one factor per channel [3]: exposure and white balance."""
    usable = (weight > 0.5)[..., None] & (test > _DARKEST) & (test < _BRIGHTEST) & (twin > _DARKEST)
    medians = [np.median(ratio[usable[..., c], c]) if usable[..., c].sum() >= _FEWEST_PIXELS else 0.0 for c in range(3)]
    return np.array(medians, np.float32)


def _blurred(array: NDArray[Any], sigma: float) -> NDArray[np.float32]:
    return np.asarray(cv2.GaussianBlur(array, (0, 0), sigma, borderType=cv2.BORDER_CONSTANT), np.float32)
