"""The twin in three dimensions, as points, and where on it a part differs."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from pad_ros.anomaly.part import ANCHORS, Level, agreed
from pad_ros.common.identity import Identity
from pad_ros.errors import ConfigError, PadError
from pad_ros.product import Product
from pad_ros.splatting.surface import Surface

_MOST_POINTS = 40_000
_NEIGHBOURS = 3  # places that a point takes its heat from
_COLD, _HOT = 0.5, 0.9  # of the hottest place: from where a tint shows, and where it is full
_LEAST = 4.0  # of what `agreed` says, where no view is anomalous for itself: good parts stay below 2.5
_RECORD = np.dtype([("place", "<f4", 3), ("radius", "<f4"), ("colour", "u1", 4)])


class TwinPoints:
    """A product's twin as points.

    `data` holds 20 bytes for each: place (3 float32; the part's middle at 0, its half size 1, z up), radius (float32)
    and colour (RGB and one byte of padding).
    """

    def __init__(self, product: Product) -> None:
        solid = product.gaussians.solid(_MOST_POINTS)
        means = solid.means.astype(np.float64)  # [N, 3]
        low, high = np.percentile(means, (1, 99), axis=0)
        half = float(np.linalg.norm(high - low)) / 2 or 1.0
        points = np.zeros(len(solid), _RECORD)
        points["place"] = (means - (low + high) / 2) / half
        # The two longer axes of a splat lie in the surface; at two deviations it is hardly to be seen.
        points["radius"] = 2.0 * np.exp(np.sort(solid.log_scales, axis=1)[:, 1]) / half
        points["colour"][:, :3] = np.clip(255.0 * solid.base_colours, 0, 255)
        self.data = points.tobytes()
        anchors = Surface(product.gaussians).anchors(ANCHORS)
        self._anchors = len(anchors)
        away, self._nearest = cKDTree(anchors).query(means, k=min(_NEIGHBOURS, len(anchors)))
        away, self._nearest = away.reshape(len(means), -1), self._nearest.reshape(len(means), -1)  # [N, k]
        weights = 1.0 / np.maximum(away, 1e-9)
        self._weights = weights / weights.sum(axis=1, keepdims=True)
        part = product.calibration.part
        self._level = None if part is None else part.level

    def heat(self, evidences: Sequence[bytes], anomalous: bool) -> bytes:
        """How hot each point is, a byte each: what the views of a part agree on, against the hottest place.

        Args:
            evidences: of the part's views.
            anomalous: whether one of them is, so that the hottest place means something; a part may also be rejected
                because a view is missing, and then it differs nowhere.

        Raises:
            ConfigError: the evidence is not of this product.
        """
        if any(len(evidence) != self._anchors for evidence in evidences):
            raise ConfigError("the evidence of this part is of another product")
        # Where the product knows nothing of good parts, nine tenths of this part are taken for good.
        together = agreed(evidences, self._level or Level.of(evidences))  # [A]
        top = float(together.max())
        level = (together / max(top, 1e-9 if anomalous else _LEAST) - _COLD) / (_HOT - _COLD)
        heat: NDArray[np.float64] = (self._weights * np.clip(level, 0.0, 1.0)[self._nearest]).sum(axis=1)
        return np.rint(255.0 * heat).astype(np.uint8).tobytes()


class Twins:
    """The twins of the products at hand, by checksum; loaded when asked for, the last one kept.

    Args:
        folders: gives the products' folders.
    """

    def __init__(self, folders: Callable[[], Sequence[Path]]) -> None:
        self._folders = folders
        self._lock = threading.Lock()
        self._kept: tuple[str, TwinPoints | None] = ("", None)

    def find(self, checksum: str) -> TwinPoints | None:
        """The twin of a product; None when it is not at hand, or cannot be read."""
        with self._lock:
            if self._kept[0] != checksum:
                self._kept = checksum, self._load(checksum)
            return self._kept[1]

    def _load(self, checksum: str) -> TwinPoints | None:
        for folder in self._folders():
            try:
                if Identity.of(folder).checksum == checksum:
                    return TwinPoints(Product.load(folder))
            except (OSError, PadError):
                continue
        return None
