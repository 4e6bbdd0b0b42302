"""Several comparisons as one: a difference is what all of them see."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from pad_ros.anomaly.backbone import Backbone
from pad_ros.anomaly.comparison import create_comparison
from pad_ros.anomaly.views import Views
from pad_ros.errors import ConfigError
from pad_ros.results import Map, Mask


class CombinedComparison:
    """The geometric mean of the maps of several comparisons: their scales need not agree.

    What makes one of them err (a shade that moves the features, a plug of the twin that a network takes for a defect)
    seldom makes the others err at the same place.
    """

    def __init__(self, of: Sequence[Mapping[str, Any]], backbone: Backbone, lift: float = 0.0) -> None:
        """Makes the comparisons.

        Args:
            of: settings of two or more comparisons, each as a profile names one.
            backbone: of those that compare features.
            lift: added to the map where it is not 0. A network that is sure that nothing differs says so by 0.01 or by
                0.0001; for the threshold, which takes scores for log-normal, both shall be the same.

        Raises:
            ConfigError: fewer than two, settings that one of them refuses, one that fades, or a lift below 0.
            ProductError: the weights of one are missing or altered.
        """
        if isinstance(of, str | Mapping) or len(of) < 2:
            raise ConfigError("comparison 'combined': `of` must list two comparisons or more")
        if any(settings.get("fade") for settings in of):
            raise ConfigError(
                "comparison 'combined': a map that fades leaves the others no say beyond; leave `fade` out"
            )
        if not 0 <= lift < math.inf:
            raise ConfigError(f"comparison 'combined': needs lift >= 0, got {lift}")
        self._lift = np.float32(lift)
        self._comparisons = [create_comparison(settings, backbone) for settings in of]
        self.sha256 = hashlib.sha256("".join(c.sha256 for c in self._comparisons).encode()).hexdigest()

    def compare(self, views: Views) -> Map:
        """The anomaly map [H, W], 0 where one that looks beyond the mask [H, W] has 0."""
        maps = np.stack([_with_opinion(c.compare(views), views.mask) for c in self._comparisons])  # [C, H, W]
        mean = np.asarray(np.prod(maps, axis=0) ** np.float32(1.0 / len(maps)), np.float32)
        return np.where(mean > 0, mean + self._lift, mean)


def _with_opinion(anomaly_map: Map, mask: Mask) -> Map:
    """The map [H, W]; where a comparison looks at the mask [H, W] alone, its mean stands for what lies beyond."""
    return np.where(mask, anomaly_map, anomaly_map[mask].mean()) if not anomaly_map[~mask].any() else anomaly_map
