"""The threshold, from the scores of good parts alone."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import stdtrit

from pad_ros.errors import ConfigError, ProductError

MIN_SCORES = 8
# Scores of exactly 0 have no logarithm; relative to the median, this is as good as 0.
_SMALLEST = 1e-3


@dataclass(frozen=True)
class Calibration:
    """A threshold, the false-reject rate it was chosen for, and the good parts' scores, ascending."""

    threshold: float
    false_reject_rate: float
    scores: tuple[float, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers for `calibration.yaml`."""
        return {
            "threshold": self.threshold,
            "false_reject_rate": self.false_reject_rate,
            "scores": list(self.scores),
        }

    @classmethod
    def from_dict(cls, content: Any) -> Calibration:
        """Reads what `to_dict` gave.

        Raises:
            ProductError: something is missing or impossible; says what.
        """
        if not isinstance(content, Mapping):
            raise ProductError(f"calibration: expected a mapping, got {type(content).__name__}; calibrate again")
        try:
            threshold, rate = float(content["threshold"]), float(content["false_reject_rate"])
            scores = tuple(sorted(float(score) for score in content["scores"]))
        except KeyError as error:
            raise ProductError(f"calibration: {error} is missing; calibrate again") from None
        except (TypeError, ValueError) as error:
            raise ProductError(f"calibration: not a number ({error}); calibrate again") from None
        if not (math.isfinite(threshold) and threshold >= 0):
            raise ProductError(f"calibration: threshold must be finite and >= 0, got {threshold}; calibrate again")
        if not 0 < rate < 1:
            raise ProductError(f"calibration: false_reject_rate must be within (0, 1), got {rate}; calibrate again")
        if not all(math.isfinite(score) and score >= 0 for score in scores):
            raise ProductError("calibration: scores must be finite and >= 0; calibrate again")
        return cls(threshold, rate, scores)


def calibrate(scores: Sequence[float], false_reject_rate: float = 0.01) -> Calibration:
    """Chooses the threshold that one good image in `1 / false_reject_rate` exceeds.

    The scores are taken as log-normal, and the threshold is the upper prediction limit for the next one, which allows
    for having seen only few: `exp(mean + t(n − 1) · s · sqrt(1 + 1/n))`, with mean and standard deviation s of the
    log scores and the quantile t of Student's distribution. A heavier tail than that shows in the data: the threshold
    is never below the order statistic that bounds the rate without any model (or the largest score, while there are
    too few for one).

    Args:
        scores: scores of good images that training did not use, 8 or more.
        false_reject_rate: the wanted share of good images above the threshold, above 0 and at most 0.5.

    Raises:
        ConfigError: too few scores, scores that are negative or not finite, or an impossible rate.
    """
    if not 0 < false_reject_rate <= 0.5:
        raise ConfigError(f"false_reject_rate must be above 0 and at most 0.5, got {false_reject_rate}")
    values = np.sort(np.asarray(scores, dtype=np.float64).ravel())  # [N]
    if not np.isfinite(values).all() or (values < 0).any():
        raise ConfigError("scores for calibration must be finite and >= 0; an image among them was not judged")
    if len(values) < MIN_SCORES:
        raise ConfigError(f"calibration needs the scores of {MIN_SCORES} good images or more, got {len(values)}")
    count, top = len(values), float(values[-1])
    if top == 0:
        raise ConfigError("all scores for calibration are 0; were the images compared with themselves?")
    logarithms = np.log(np.maximum(values, _SMALLEST * (float(np.median(values)) or top)))
    spread = float(logarithms.std(ddof=1)) * math.sqrt(1 + 1 / count)
    modelled = math.exp(float(logarithms.mean()) + float(stdtrit(count - 1, 1 - false_reject_rate)) * spread)
    rank = math.ceil((count + 1) * (1 - false_reject_rate))
    observed = float(values[min(rank, count) - 1])
    return Calibration(max(modelled, observed), float(false_reject_rate), tuple(values.tolist()))
