"""From the anomaly map to the regions that differ and the image's score."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import cv2
import numpy as np

from pad_ros.common.registry import create
from pad_ros.errors import ConfigError
from pad_ros.images import box_around
from pad_ros.results import Map, Mask, Region, RegionKind

Score = Callable[[Map], float]

SCORES = {"max": "pad_ros.anomaly.regions:MaxScore", "area": "pad_ros.anomaly.regions:AreaScore"}


def create_score(settings: Mapping[str, Any]) -> Score:
    """Makes the image score that a profile names: `max` or `area`.

    Raises:
        ConfigError: unknown name or setting.
    """
    return create("score", SCORES, settings)


class MaxScore:
    """The map's maximum (paper, section 3.3)."""

    def __call__(self, anomaly_map: Map) -> float:
        """The score of a map [H, W]."""
        return float(anomaly_map.max(initial=0.0))


class AreaScore:
    """The highest level that a connected region of some size reaches: a single noisy peak does not raise it.

    An image whose score is above a threshold has a region of at least that size above the threshold.
    """

    def __init__(self, area: int = 12) -> None:
        """Makes the score.

        Args:
            area: the region's size in pixels of the image; 1 gives the maximum.

        Raises:
            ConfigError: `area` is not positive.
        """
        if area < 1:
            raise ConfigError(f"score: area must be >= 1 pixel, got {area}")
        self.area = area

    def __call__(self, anomaly_map: Map) -> float:
        """The score of a map [H, W]."""
        levels = np.sort(anomaly_map[anomaly_map > 0])
        # A region at one level is part of a region at any lower level, so bisection finds the highest.
        low, high = -1, len(levels) - self.area
        while low < high:
            middle = (low + high + 1) // 2
            above = anomaly_map >= levels[middle]
            if self._reaches(above):
                low, anomaly_map = middle, anomaly_map[box_around(above, 0)]
            else:
                high = middle - 1
        return float(levels[low]) if low >= 0 else 0.0

    def _reaches(self, above: Mask) -> bool:
        statistics = cv2.connectedComponentsWithStats(above.astype(np.uint8), connectivity=8)[2]
        return bool((statistics[1:, cv2.CC_STAT_AREA] >= self.area).any())


def find_regions(
    anomaly_map: Map, threshold: float, rendered_mask: Mask, test_mask: Mask, min_area: int = 12
) -> list[Region]:
    """Finds the 8-connected regions above the threshold, the worst first.

    The kind of a region is where most of its pixels lie (paper, section 3.2): only in the rendered mask M_s, it is
    missing; not in M_s, added; in M_s and the test mask M_t, modified.

    Args:
        anomaly_map: [H, W].
        threshold: pixels above it are anomalous.
        rendered_mask: M_s [H, W].
        test_mask: M_t [H, W].
        min_area: regions of fewer pixels are noise.

    Raises:
        ConfigError: `min_area` is not positive.
    """
    if min_area < 1:
        raise ConfigError(f"regions: min_area must be >= 1 pixel, got {min_area}")
    # In float64, so that it agrees with `score > threshold` to the last bit.
    above = anomaly_map.astype(np.float64) > threshold
    count, labels, statistics, _ = cv2.connectedComponentsWithStats(above.astype(np.uint8), connectivity=8)
    regions = []
    for label in range(1, count):
        x, y, width, height, area = (int(value) for value in statistics[label])
        if area < min_area:
            continue
        window = np.s_[y : y + height, x : x + width]
        inside = labels[window] == label
        kind = _kind(rendered_mask[window][inside], test_mask[window][inside])
        regions.append(Region(kind, (x, y, width, height), float(anomaly_map[window][inside].max()), area))
    return sorted(regions, key=lambda region: -region.peak)


def _kind(rendered: Mask, test: Mask) -> RegionKind:
    counts = {
        RegionKind.MODIFIED: np.count_nonzero(rendered & test),
        RegionKind.MISSING: np.count_nonzero(rendered & ~test),
        RegionKind.ADDED: np.count_nonzero(~rendered),
    }
    return max(counts, key=lambda kind: counts[kind])  # the first of equals
