"""The threshold, from the scores of good parts alone, and how far it can be relied on."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import bdtrc, betaincinv

from pad_ros.anomaly.part import LEAST_SCALE
from pad_ros.anomaly.part_calibration import PartCalibration
from pad_ros.anomaly.prediction import Prediction, drawn_in, independent_count
from pad_ros.errors import ConfigError, ProductError

MIN_SCORES = 8
MIN_SCORES_AFTER_TRAINING = 3
CONFIDENCE = 0.95
# Scores of exactly 0 have no logarithm; relative to the median, this is as good as 0.
_SMALLEST = 1e-3
# What lies further from the median than so many (robust) standard deviations counts as lying there for mean and spread.
_OUTLIER = 4.0
_LEAST_SHARE = 1e-4  # that is said: no model of tails knows of less
# Data contradict a rate when so many above a threshold are less probable than this.
_IMPROBABLE = 0.1
# How far scores on a line are from those of training's invented images, as a standard deviation of their logarithm
# (docs/thresholds.md), and how many values training's spread is worth, at most.
_LINE_OFFSET = 0.5
_SPREAD_FREEDOM = 10.0


@dataclass(frozen=True)
class Calibration:
    """A threshold, the false-reject rate it was chosen for, and the good parts' scores, ascending.

    `independent` is how many independent scores they are worth (those of one view before several backgrounds are not),
    `training` the calibration that training made, when images of the line have come since, `part` what is known of
    parts as a whole; None in products of older versions.
    """

    threshold: float
    false_reject_rate: float
    scores: tuple[float, ...]
    independent: float | None = None
    training: Calibration | None = None
    part: PartCalibration | None = None

    @property
    def prediction(self) -> Prediction:
        """What is known of the log scores of good images."""
        logs = _logarithms(np.array(self.scores))
        if self.training is None or not self.scores:
            return Prediction.of(logs, self.independent)
        return _line_prior(self.training.prediction).updated(logs, self.independent)

    @property
    def bound(self) -> float:
        """Upper confidence bound (95 %) on the share of good images above the threshold, when they are log-normal."""
        return self.prediction.bound(math.log(self.threshold), CONFIDENCE) if self.threshold > 0 else 1.0

    @property
    def bound_without_model(self) -> float:
        """The same by the count of scores above it alone (Clopper and Pearson)."""
        count = self.independent or float(len(self.scores))
        above = sum(score > self.threshold for score in self.scores) * count / max(len(self.scores), 1)
        return float(betaincinv(above + 1.0, max(count - above, 1e-9), CONFIDENCE))

    def confidence(self) -> str:
        """One line for people."""
        count = f"{len(self.scores)} scores"
        if self.independent is not None and self.independent < len(self.scores) - 0.5:
            count += f" worth {self.independent:.0f} independent ones"
        return (
            f"asked {100 * self.false_reject_rate:.3g} % false rejects; with {CONFIDENCE:.0%} confidence at most "
            f"{_percent(self.bound)} if scores are log-normal, {_percent(self.bound_without_model)} whatever they are "
            f"({count})"
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers for `calibration.yaml`."""
        content: dict[str, Any] = {
            "threshold": self.threshold,
            "false_reject_rate": self.false_reject_rate,
            "scores": list(self.scores),
        }
        if self.scores:
            content["confidence"] = {  # for people: worked out anew on reading
                "level": CONFIDENCE,
                "false_reject_rate": self.bound,
                "false_reject_rate_without_model": self.bound_without_model,
            }
        if self.independent is not None:
            content["independent"] = self.independent
        if self.training is not None:
            content["training"] = self.training.to_dict()
        if self.part is not None:
            content["part"] = self.part.to_dict()
        return content

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
            independent = None if content.get("independent") is None else float(content["independent"])
            training, part = content.get("training"), content.get("part")
            before = None if training is None else cls.from_dict(training)
            parts = None if part is None else PartCalibration.from_dict(part)
            if parts is not None and parts.level.scale < LEAST_SCALE:
                parts = None  # an older version's, with limits that do not fit every comparison
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
        if independent is not None and not 1 <= independent <= max(len(scores), 1):
            raise ProductError(f"calibration: {len(scores)} scores worth {independent}; calibrate again")
        return cls(threshold, rate, scores, independent, before, parts)


def calibrate(
    scores: Sequence[float],
    false_reject_rate: float = 0.01,
    *,
    groups: Sequence[Hashable] | None = None,
    training: Calibration | None = None,
    least: float = 0.0,
) -> Calibration:
    """Chooses the threshold that one good image in `1 / false_reject_rate` exceeds.

    The scores are taken as log-normal, and the threshold is the upper prediction limit for the next one, which allows
    for having seen only few: `exp(mean + t(n − 1) · s · sqrt(1 + 1/n))`, with mean and standard deviation s of the
    log scores (outliers count only as far as four robust deviations from the median) and the quantile t of Student's
    distribution. A heavier tail than that shows in the data: the threshold is never so low that the number of scores
    above it would contradict the rate (binomial, 10 %).

    With what training knew, few scores of the line's own images do: that is a prior on their spread, and a weak one on
    their mean, which the line's light and belt shift.

    Args:
        scores: scores of good images that training did not use, 8 or more; 3 when training's are known.
        false_reject_rate: the wanted share of good images above the threshold, above 0 and at most 0.5.
        groups: of each score, what makes some alike: the view.
        training: the calibration that training made, for scores of images of the line.
        least: no threshold is below it, however low these scores: what good images of other objects reach now and then.

    Raises:
        ConfigError: too few scores, scores that are negative or not finite, or an impossible rate or
            least threshold.
    """
    if not 0 <= least < math.inf:
        raise ConfigError(f"calibration: least_threshold must be 0 or above, got {least}")
    if not 0 < false_reject_rate <= 0.5:
        raise ConfigError(f"false_reject_rate must be above 0 and at most 0.5, got {false_reject_rate}")
    values = np.asarray(scores, dtype=np.float64).ravel()  # [N]
    if not np.isfinite(values).all() or (values < 0).any():
        raise ConfigError("scores for calibration must be finite and >= 0; an image among them was not judged")
    fewest = MIN_SCORES if training is None else MIN_SCORES_AFTER_TRAINING
    if len(values) < fewest:
        raise ConfigError(f"calibration needs the scores of {fewest} good images or more, got {len(values)}")
    if values.max() == 0:
        raise ConfigError("all scores for calibration are 0; were the images compared with themselves?")
    independent = None if groups is None else independent_count(_logarithms(values), groups)
    ascending = tuple(np.sort(values).tolist())
    open_ended = Calibration(math.inf, float(false_reject_rate), ascending, independent, training)
    modelled = math.exp(open_ended.prediction.limit(false_reject_rate))
    uncontradicted = _uncontradicted(np.sort(values), false_reject_rate)
    return replace(open_ended, threshold=max(modelled, uncontradicted, float(least)))


def _percent(share: float) -> str:
    return f"{100 * max(share, _LEAST_SHARE):.2g} %"


def _logarithms(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Log scores, outliers drawn in."""
    top = float(values.max(initial=0.0))
    logarithms = np.log(np.maximum(values, _SMALLEST * (float(np.median(values)) or top)))
    return drawn_in(logarithms, _OUTLIER)


def _uncontradicted(ascending: NDArray[np.float64], rate: float) -> float:
    """The lowest of the scores that is not contradicted, as a threshold, by how many are above it."""
    count = len(ascending)
    allowed = 0
    while allowed < count - 1 and float(bdtrc(allowed, count, rate)) >= _IMPROBABLE:
        allowed += 1  # P(more than `allowed` above) is still probable
    return float(ascending[count - 1 - allowed])


def _line_prior(training: Prediction) -> Prediction:
    """What training's images say of the line's, before any of these was seen."""
    weight = training.spread**2 / _LINE_OFFSET**2
    return replace(training, weight=max(weight, 1e-3), freedom=min(training.freedom, _SPREAD_FREEDOM))
