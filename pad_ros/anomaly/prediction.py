"""What the next of some normal values may be, when few are known: Student's t, with or without a prior."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import nctdtr, ndtr, stdtr, stdtrit

_SMALLEST_SPREAD = 1e-9
_FARTHEST = 12.0  # standard deviations; what is as rare as that is never


@dataclass(frozen=True)
class Prediction:
    """Normal values of unknown mean and spread: the normal-inverse-chi-squared model (Gelman et al., BDA3, 3.3).

    Attributes:
        mean: best guess of the mean.
        spread: of the standard deviation.
        weight: how many values the mean is worth.
        freedom: degrees of freedom of the spread.
    """

    mean: float
    spread: float
    weight: float
    freedom: float

    @classmethod
    def of(cls, values: NDArray[np.float64], independent: float | None = None) -> Prediction:
        """Of values [N] alone, which are worth as many independent ones (N by default)."""
        count = float(len(values)) if independent is None else independent
        return cls(float(values.mean()), _spread(values), count, max(count - 1.0, 1.0))

    def updated(self, values: NDArray[np.float64], independent: float | None = None) -> Prediction:
        """This one as a prior, after values [N] have been seen that are worth as many independent ones."""
        count = float(len(values)) if independent is None else independent
        weight, freedom = self.weight + count, self.freedom + count
        offset = float(values.mean()) - self.mean
        squares = self.freedom * self.spread**2 + self.weight * count / weight * offset**2
        if len(values) > 1:
            squares += max(count - 1.0, 0.0) * _spread(values) ** 2
        spread = max(math.sqrt(squares / freedom), _SMALLEST_SPREAD)
        return Prediction(self.mean + count / weight * offset, spread, weight, freedom)

    @property
    def _reach(self) -> float:
        return self.spread * math.sqrt(1.0 + 1.0 / self.weight)

    def limit(self, rate: float) -> float:
        """What the next value exceeds with this probability."""
        return self.mean + float(stdtrit(self.freedom, 1.0 - rate)) * self._reach

    def tail(self, value: float) -> float:
        """The probability that the next value is above this one."""
        return float(stdtr(self.freedom, (self.mean - value) / self._reach))

    def bound(self, value: float, level: float) -> float:
        """The share of all values above this one is at most so large, with this confidence.

        From the noncentral t distribution, as one-sided tolerance limits are.
        """
        root = math.sqrt(self.weight)
        distance = root * (value - self.mean) / self.spread
        low, high = -_FARTHEST, _FARTHEST  # of the limit from the mean, in true standard deviations
        for _ in range(60):
            middle = 0.5 * (low + high)
            if float(nctdtr(self.freedom, root * middle, distance)) > level:
                low = middle
            else:
                high = middle
        return float(ndtr(-low))

    def to_dict(self) -> dict[str, float]:
        """Plain numbers."""
        return asdict(self)

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Prediction:
        """Reads what `to_dict` gave.

        Raises:
            KeyError, TypeError, ValueError: something is missing or impossible.
        """
        numbers = {name: float(content[name]) for name in ("mean", "spread", "weight", "freedom")}
        if not all(map(math.isfinite, numbers.values())) or min(list(numbers.values())[1:]) <= 0:
            raise ValueError(f"impossible prediction {numbers}")
        return cls(**numbers)


def drawn_in(values: NDArray[np.float64], most: float) -> NDArray[np.float64]:
    """Values [N] with those drawn in that are further than `most` robust standard deviations from the median."""
    middle = float(np.median(values))
    robust = 1.4826 * float(np.median(np.abs(values - middle)))
    return np.clip(values, middle - most * robust, middle + most * robust) if robust > 0 else values


def _spread(values: NDArray[np.float64]) -> float:
    return max(float(values.std(ddof=1)) if len(values) > 1 else 0.0, _SMALLEST_SPREAD)


def independent_count(values: NDArray[np.float64], groups: Sequence[Hashable]) -> float:
    """How many independent values these [N] are worth when those of one group are alike: Kish's design effect.

    The correlation within a group is that of the analysis of variance with one factor.
    """
    members: dict[Hashable, list[float]] = {}
    for value, group in zip(values.tolist(), groups, strict=True):
        members.setdefault(group, []).append(value)
    count, sizes = len(values), np.array([len(group) for group in members.values()])
    if count <= len(members) or len(members) < 2:
        return float(len(members))
    means = np.array([np.mean(group) for group in members.values()])
    within = sum(float(((np.array(g) - m) ** 2).sum()) for g, m in zip(members.values(), means, strict=True))
    within /= count - len(members)
    between = float((sizes * (means - values.mean()) ** 2).sum()) / (len(members) - 1)
    size = (count - float((sizes**2).sum()) / count) / (len(members) - 1)
    total = between + (size - 1.0) * within
    correlation = min(max((between - within) / total, 0.0), 1.0) if total > 0 else 0.0
    return count / (1.0 + (size - 1.0) * correlation)
