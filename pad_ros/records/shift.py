"""A shift in numbers."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import numpy as np
from sqlalchemy.orm import Session

from pad_ros.conveyor.decision import IN_TIME, UNDECIDED
from pad_ros.records.models import ProductRow, View
from pad_ros.records.queries import Choice, Part, read_parts, read_products, read_views
from pad_ros.results import RegionKind, Status

_MOST_SPANS = 32
_SPANS_MIN = (1, 2, 5, 10, 15, 30, 60, 120, 240, 480, 1440)
# Good scores have drifted when their median is that far from the calibration's, or so many exceed nearly all of it.
_DRIFT = 1.25
_MOST_HIGH, _HIGH = 0.15, 95.0


@dataclass(frozen=True)
class Span:
    """A piece of the shift: when it begins, what passed and what did not, and its good images' scores in thresholds."""

    begin: datetime
    passed: int
    rejected: int
    scores: tuple[float, ...] = ()


@dataclass(frozen=True)
class Drift:
    """Scores of good images of a product against those of its calibration; all in thresholds."""

    product: str
    calibration: tuple[float, ...]
    scores: tuple[float, ...]

    @property
    def ratio(self) -> float:
        """The median of the shift over that of the calibration; NaN without either."""
        if not self.scores or not self.calibration:
            return float("nan")
        return statistics.median(self.scores) / max(statistics.median(self.calibration), 1e-9)

    @property
    def high(self) -> float:
        """The share of the shift's scores above 95 % of the calibration's (expected: 0.05); NaN without either."""
        if not self.scores or not self.calibration:
            return float("nan")
        return float(np.mean(np.array(self.scores) > np.percentile(self.calibration, _HIGH)))

    @property
    def remark(self) -> str:
        """What somebody should look at; empty when nothing has drifted."""
        if len(self.scores) < 20 or not self.calibration:
            return ""
        if not 1 / _DRIFT < self.ratio < _DRIFT:
            return (
                f"good images of {self.product} score {self.ratio:.2f}× what they did at calibration (medians): light, "
                "lens or belt may have changed; `pad calibrate` with images of now, if they are good"
            )
        if self.high > _MOST_HIGH:
            return f"{self.high:.0%} of the good images of {self.product} score above 95 % of the calibration's"
        return ""


@dataclass(frozen=True)
class Shift:
    """What was recorded in a stretch of time."""

    station: str
    since: datetime
    until: datetime
    parts: list[Part]
    views: list[View]
    products: list[ProductRow] = field(default_factory=list)

    @property
    def rejected(self) -> int:
        """How many parts were rejected."""
        return sum(part.decision.reject for part in self.parts)

    @property
    def passed(self) -> int:
        """How many parts were passed."""
        return len(self.parts) - self.rejected

    @property
    def unjudged(self) -> list[View]:
        """The images without a result."""
        return [view for view in self.views if view.status != Status.OK.name]

    def gates(self) -> Counter[str]:
        """What the PLC did with the commands: taken, lost, waiting."""
        return Counter(part.gate for part in self.parts)

    def longest_wait_s(self) -> float:
        """Seconds from a decision until the PLC took it, at most; 0 without any."""
        taken = [part for part in self.parts if part.answer is not None and part.answer.taken]
        waits = ((part.answer.recorded - part.decision.recorded).total_seconds() for part in taken if part.answer)
        return max(waits, default=0.0)

    def late(self) -> int:
        """Commands that the PLC took later than their part was expected at the gate, where nobody looked at the gate.

        By spans of time, for clocks differ; a belt that stands makes the PLC wait as well.
        """
        count = 0
        for part in self.parts:
            made, answer = part.decision, part.answer
            if answer is not None and answer.taken and made.gate_time and not answer.text.startswith(IN_TIME):
                waited = (answer.recorded - made.recorded).total_seconds()
                count += waited > (made.gate_time - made.stamp) / 1e9
        return count

    def gaps(self) -> int:
        """Numbers of commands that are missing between those that are there, of each station."""
        missing = 0
        for station in {part.decision.station for part in self.parts}:
            numbers = [part.decision.sequence for part in self.parts if part.decision.station == station]
            steps = np.diff(numbers)
            missing += int(np.maximum(steps - 1, 0).sum())  # where it starts again at 1 there is none
        return missing

    def kinds(self) -> dict[str, tuple[int, int]]:
        """Regions of each kind and the parts that have them, the most frequent first."""
        regions: Counter[str] = Counter()
        parts: dict[str, set[tuple[str, str]]] = {}
        for view in self.views:
            for region in view.regions if view.anomalous else []:
                regions[region.kind] += 1
                parts.setdefault(region.kind, set()).add((view.station, view.part_id))
        for kind in RegionKind:
            regions.setdefault(kind.name.lower(), 0)
        return {kind: (count, len(parts.get(kind, ()))) for kind, count in regions.most_common()}

    def spans(self) -> list[Span]:
        """The shift in pieces of equal length."""
        step = _step(self.until - self.since)
        begin = self.since
        spans = []
        while begin < self.until:
            end = begin + step
            parts = [part for part in self.parts if begin <= part.decision.recorded < end]
            rejected = sum(part.decision.reject for part in parts)
            scores = tuple(ratio for view in self.views if begin <= view.recorded < end and (ratio := _good(view)))
            spans.append(Span(begin, len(parts) - rejected, rejected, scores))
            begin = end
        return spans

    def drifts(self) -> list[Drift]:
        """For each product of the shift."""
        known = {product.checksum: product for product in self.products}
        found: dict[str, list[float]] = {}
        for view in self.views:
            if ratio := _good(view):
                found.setdefault(view.product_checksum, []).append(ratio)
        drifts = []
        for checksum, scores in found.items():
            product = known.get(checksum)
            calibration = [s / product.threshold for s in product.scores] if product and product.threshold > 0 else []
            name = product.name if product else next(v.product for v in self.views if v.product_checksum == checksum)
            drifts.append(Drift(name, tuple(calibration), tuple(scores)))
        return drifts

    def stage_ms(self) -> dict[str, tuple[float, float, float]]:
        """Median, 95th percentile and longest milliseconds of each stage, in the order in which they run."""
        judged = [view.timings for view in self.views if view.status == Status.OK.name]
        stages = dict.fromkeys(stage for timings in judged for stage in timings)
        found = {}
        for stage in stages:
            times = [timings[stage] for timings in judged if stage in timings]
            found[stage] = (float(np.median(times)), float(np.percentile(times, 95)), max(times))
        return found

    def worst(self, count: int, is_there: Callable[[View], bool]) -> list[View]:
        """The images furthest above their threshold, of different parts, whose picture is there; the worst first."""
        ranked = sorted(self.views, key=lambda view: -ratio_of(view) if view.anomalous else 0.0)
        chosen: dict[tuple[str, str], View] = {}
        for view in ranked:
            if view.anomalous and view.score is not None and is_there(view):
                chosen.setdefault((view.station, view.part_id), view)
        return list(chosen.values())[:count]

    def remarks(self) -> list[str]:
        """What somebody should look at, the gravest first."""
        gates, gaps = self.gates(), self.gaps()
        found = []
        if gates["lost"]:
            found.append(f"{gates['lost']} commands never reached the PLC: what became of these parts?")
        if late := self.late():
            found.append(
                f"the PLC took {late} commands later than their parts were expected at the gate: was it away, or did "
                "the belt stand?"
            )
        if undecided := sum(UNDECIDED in part.decision.reason for part in self.parts):
            found.append(f"{undecided} parts came to the gate before their verdict was complete: the fail-safe decided")
        if dry := sum(part.answer is not None and "dry run" in part.answer.text for part in self.parts):
            found.append(f"dry run: of {dry} parts the PLC was told that they are good, whatever was decided")
        if gates["waiting"]:
            found.append(f"{gates['waiting']} commands have no answer of the PLC on record")
        if gaps:
            found.append(f"{gaps} numbers are missing between the commands on record")
        if self.views and len(self.unjudged) > 0.02 * len(self.views):
            share = len(self.unjudged) / len(self.views)
            found.append(f"{share:.1%} of the images have no result, and their parts count as bad")
        return found + [drift.remark for drift in self.drifts() if drift.remark]


def read_shift(session: Session, station: str, choice: Choice) -> Shift:
    """Reads a shift; `choice` has both ends."""
    parts, views, products = read_parts(session, choice), read_views(session, choice), read_products(session)
    stations = {view.station for view in views} | {part.decision.station for part in parts}
    if choice.since is None or choice.until is None:
        raise ValueError("a shift has a beginning and an end")
    return Shift(", ".join(sorted(stations)) or station, choice.since, choice.until, parts, views, products)


def ratio_of(view: View) -> float:
    """A view's score in thresholds; 0 when it has none."""
    if view.score is None or view.threshold is None:
        return 0.0
    return view.score / view.threshold if view.threshold > 0 else 2.0 * (view.score > view.threshold)


def percentiles(scores: Sequence[float], *at: float) -> list[float]:
    """Percentiles, or nothing of nothing."""
    return [float(value) for value in np.percentile(scores, at)] if len(scores) else []


def _good(view: View) -> float:
    """The score of a good image in thresholds; 0 for others."""
    return 0.0 if view.anomalous else ratio_of(view)


def _step(length: timedelta) -> timedelta:
    minutes = length.total_seconds() / 60.0
    return timedelta(minutes=next((m for m in _SPANS_MIN if minutes / m <= _MOST_SPANS), minutes / _MOST_SPANS))
