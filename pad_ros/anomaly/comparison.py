"""The anomaly map: the distance of features of the image and of what it should look like."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from pad_ros.anomaly.backbone import Backbone
from pad_ros.errors import ConfigError, ImageError, NoObjectError
from pad_ros.registry import create
from pad_ros.results import Image, Map, Mask

IMPLEMENTATIONS = {"l1": "pad_ros.anomaly.comparison:L1Comparison"}

Window = tuple[slice, slice]


class Comparison(Protocol):
    """Says where an image differs from its reference."""

    def compare(self, test: Image, reference: Image, mask: Mask) -> Map:
        """The anomaly map [H, W] of two images [H, W, 3], 0 outside the mask [H, W].

        Raises:
            ImageError: the three differ in size.
            NoObjectError: the mask is empty.
        """
        ...


def create_comparison(settings: Mapping[str, Any], backbone: Backbone) -> Comparison:
    """Makes the comparison that a profile names, over a backbone.

    Raises:
        ConfigError: unknown name or setting.
    """
    return create("comparison", IMPLEMENTATIONS, {**settings, "backbone": backbone})


class L1Comparison:
    """Normalised L1 distance of paired features, summed over the levels (paper, section 3.3).

    Each feature vector is scaled to unit length, as the levels' magnitudes differ; the distance of a pixel at a level
    is the sum of the absolute differences of its two vectors, over the square root of their number of channels.
    """

    def __init__(
        self,
        backbone: Backbone,
        size: int = 448,
        crop: bool = True,
        sigma: float = 4.0,
        tolerance: float = 0.5,
    ) -> None:
        """Makes the comparison.

        Args:
            backbone: where the features come from.
            size: the longer side, in pixels, to which the images are resized for it.
            crop: whether only the mask's surroundings are resized, so that small defects have more pixels.
            sigma: of the map's Gaussian smoothing, in pixels of the resized images; 0 for none.
            tolerance: misalignment, in pixels of the image, that is no difference; 0 for none.

        Raises:
            ConfigError: a setting is out of range.
        """
        if size < backbone.stride or size % backbone.stride:
            raise ConfigError(f"comparison: size must be a positive multiple of {backbone.stride}, got {size}")
        if sigma < 0 or not 0 <= tolerance <= 4:
            raise ConfigError(f"comparison: needs sigma >= 0 and 0 <= tolerance <= 4, got {sigma} and {tolerance}")
        self._backbone = backbone
        self._size = size
        self._crop = crop
        self._sigma = sigma
        self._tolerance = tolerance

    def compare(self, test: Image, reference: Image, mask: Mask) -> Map:
        """The anomaly map [H, W] of two images [H, W, 3], 0 outside the mask [H, W].

        Raises:
            ImageError: the three differ in size.
            NoObjectError: the mask is empty.
        """
        if test.shape != reference.shape or test.shape[:2] != mask.shape:
            raise ImageError(f"cannot compare {test.shape} with {reference.shape} inside a mask of {mask.shape}")
        if not mask.any():
            raise NoObjectError("no part in the image and none in the reference: nothing to compare")
        # Outside the mask the two are the same by definition, so nothing there may leak in through the features.
        reference = np.where(mask[..., None], reference, test)
        window = _surroundings(mask) if self._crop else np.s_[: mask.shape[0], : mask.shape[1]]
        images = self._resized(test[window], reference[window])  # [1 + shifts, h, w, 3]
        height, width = images.shape[1:3]
        total = np.zeros((height, width), np.float32)
        for level in self._backbone.features(images):
            total += cv2.resize(_distance(level), (width, height), interpolation=cv2.INTER_LINEAR)
        if self._sigma > 0:
            total = np.asarray(cv2.GaussianBlur(total, (0, 0), self._sigma), np.float32)
        rows, columns = mask[window].shape
        result = np.zeros(mask.shape, np.float32)
        result[window] = cv2.resize(total, (columns, rows), interpolation=cv2.INTER_LINEAR)
        result[~mask] = 0.0
        return result

    def _resized(self, test: Image, reference: Image) -> NDArray[np.float32]:
        """The test image and the shifted references, [1 + shifts, h, w, 3]."""
        rows, columns = test.shape[:2]
        stride, scale = self._backbone.stride, self._size / max(rows, columns)
        height, width = (max(stride, round(side * scale / stride) * stride) for side in (rows, columns))
        t = self._tolerance
        shifts = [(0.0, 0.0)] if t == 0 else [(0.0, 0.0), (t, 0.0), (-t, 0.0), (0.0, t), (0.0, -t)]
        flag = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        images = [cv2.resize(test, (width, height), interpolation=flag)]
        resized = cv2.resize(reference, (width, height), interpolation=flag)
        for x, y in shifts:
            move = np.array([[1, 0, x * width / columns], [0, 1, y * height / rows]], dtype=np.float64)
            images.append(
                resized
                if x == y == 0
                else cv2.warpAffine(
                    resized, move, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
                )
            )
        return np.stack(images)


def _distance(level: NDArray[np.float32]) -> Map:
    """The smallest distance of the first image's features to the others', [N, C, h, w] to [h, w]."""
    unit = level / (np.linalg.norm(level, axis=1, keepdims=True) + 1e-6)
    distances = np.abs(unit[1:] - unit[:1]).sum(axis=1)  # [N - 1, h, w]
    return distances.min(axis=0) / np.float32(np.sqrt(level.shape[1]))


def _surroundings(mask: Mask, margin: float = 0.1) -> Window:
    """The mask's box, grown on each side by a share of its longer side."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    pad = int(np.ceil(margin * max(rows[-1] - rows[0], columns[-1] - columns[0]))) + 1
    return (
        slice(max(int(rows[0]) - pad, 0), int(rows[-1]) + pad + 1),
        slice(max(int(columns[0]) - pad, 0), int(columns[-1]) + pad + 1),
    )
