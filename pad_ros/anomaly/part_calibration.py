"""When all views of a part together say that it is defective, from good parts alone."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from pad_ros.anomaly.part import Level, fuse
from pad_ros.anomaly.prediction import Prediction, drawn_in

MOST_VIEWS = 16  # more views than these are judged as so many
_DRAWS = 200  # of parts put together from views
# How far the mean of good parts on a line is from that of parts put together in training, as a standard deviation over
# objects (docs/thresholds.md): the light is another one, and the views are others.
_LINE_OFFSET = 1.3
_OUTLIER = 3.0  # robust standard deviations from the median, from which on a part put together counts as lying there


def general_prior(views: int) -> Prediction:
    """What the fused suspicion of good parts of so many views is like on objects in general (docs/thresholds.md).

    From object to object its mean differs by a standard deviation of 0.76, from part to part by 1.8 / sqrt(views).
    """
    spread = 1.8 / math.sqrt(views)
    return Prediction(mean=5.9 - 0.76 / views, spread=spread, weight=(spread / 0.76) ** 2, freedom=20.0)


@dataclass(frozen=True)
class PartCalibration:
    """What is known of the fused suspicion of good parts, by how many of their views were judged (from 1)."""

    false_reject_rate: float
    level: Level
    fused: Mapping[int, Prediction]

    def suspicion(self, evidences: Sequence[bytes]) -> float:
        """How suspicious a part of these views is.

        Raises:
            ConfigError: no views, or of another product.
        """
        return fuse(evidences, self.level)

    def of_views(self, count: int) -> Prediction:
        """The suspicion of good parts of so many judged views; of more views than were calibrated, as of those."""
        return self.fused[min(count, max(self.fused))]

    def limit(self, views: int) -> float:
        """The suspicion from which on a part of so many judged views is rejected."""
        return self.of_views(views).limit(self.false_reject_rate)

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers."""
        rows = {views: prediction.to_dict() for views, prediction in self.fused.items()}
        return {"false_reject_rate": self.false_reject_rate, "level": asdict(self.level), "fused": rows}

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> PartCalibration:
        """Reads what `to_dict` gave.

        Raises:
            KeyError, TypeError, ValueError: something is missing or impossible.
        """
        rows = {int(views): Prediction.from_dict(row) for views, row in content["fused"].items()}
        if not rows or sorted(rows) != list(range(1, len(rows) + 1)):
            raise ValueError("parts are not calibrated for each number of views from 1 on")
        rate = float(content["false_reject_rate"])
        level = Level(float(content["level"]["floor"]), float(content["level"]["scale"]))
        if not (0 < rate < 1 and math.isfinite(level.floor) and 0 < level.scale < math.inf):
            raise ValueError(f"impossible calibration of parts: rate {rate}, {level}")
        return cls(rate, level, rows)


def calibrate_parts(
    evidences: Sequence[bytes],
    views: Sequence[Hashable],
    false_reject_rate: float,
    *,
    training: PartCalibration | None = None,
    seed: int = 0,
) -> PartCalibration:
    """Puts good parts together from good views, and learns how suspicious they are.

    A part has each view at most once. Few different views make few different parts, however often they are combined:
    what they say is weighed against the prior as V / n independent parts of n of the V views; in training less, since
    invented images are not the line's.

    Args:
        evidences: of good images that training did not use.
        views: of each, from where it was taken; images of one view are alternatives.
        false_reject_rate: the wanted share of good parts that are rejected.
        training: what training knew, for images of the line; None for what is known of parts in general.
        seed: of the parts that are put together.

    Raises:
        ConfigError: they see no place of the part.
    """
    level = Level.of(evidences) if training is None else training.level
    of_view: dict[Hashable, list[bytes]] = {}
    for evidence, view in zip(evidences, views, strict=True):
        of_view.setdefault(view, []).append(evidence)
    pools = list(of_view.values())
    rng = np.random.default_rng(seed)
    fused = {}
    for count in range(1, MOST_VIEWS + 1):
        prior = general_prior(count) if training is None else training.of_views(count)
        if count <= len(pools):
            drawn = [_put_together(pools, count, rng) for _ in range(_DRAWS)]
            suspicions = np.array([fuse(part, level) for part in drawn])
            independent = len(pools) / count
            if training is None:
                independent = 1.0 / (1.0 / independent + (_LINE_OFFSET / prior.spread) ** 2)
            prior = prior.updated(drawn_in(suspicions, _OUTLIER), independent)
        fused[count] = prior
    return PartCalibration(false_reject_rate, level, fused)


def _put_together(pools: list[list[bytes]], count: int, rng: np.random.Generator) -> list[bytes]:
    """A part of so many different views."""
    chosen = rng.choice(len(pools), count, replace=False)
    return [pools[index][int(rng.integers(len(pools[index])))] for index in chosen]
