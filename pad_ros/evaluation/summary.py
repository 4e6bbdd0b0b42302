"""From results of images to verdicts on parts, by the conveyor's own rule."""

from __future__ import annotations

import base64
import math
import statistics
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pad_ros.conveyor.policy import AnyPolicy, RejectPolicy, Verdict, ViewVerdict
from pad_ros.errors import EvaluationError
from pad_ros.results import Status

Row = Mapping[str, Any]  # a line of results.jsonl


@dataclass(frozen=True)
class PartResult:
    """One part: its lines of `results.jsonl` by view, and the verdict."""

    part_id: str
    rows: list[Row]
    verdict: Verdict


@dataclass(frozen=True)
class Summary:
    """All parts of a run, in the order they came."""

    parts: list[PartResult]

    @property
    def rows(self) -> list[Row]:
        """The lines of all images."""
        return [row for part in self.parts for row in part.rows]

    @property
    def rejected(self) -> int:
        """How many parts are rejected."""
        return sum(part.verdict.reject for part in self.parts)

    @property
    def unjudged(self) -> int:
        """How many images have no result."""
        return sum(row["status"] != Status.OK.name for row in self.rows)

    @property
    def median_ms(self) -> float:
        """The median milliseconds per judged image; NaN when none was timed."""
        times = [r["timings"]["total"] for r in self.rows if r["status"] == Status.OK.name and "total" in _timings(r)]
        return statistics.median(times) if times else float("nan")

    def stage_ms(self) -> dict[str, float]:
        """The median milliseconds of each stage over the judged images, in the order the stages ran."""
        judged = [_timings(row) for row in self.rows if row["status"] == Status.OK.name]
        stages = dict.fromkeys(stage for timings in judged for stage in timings)
        return {stage: statistics.median(t[stage] for t in judged if stage in t) for stage in stages}

    def line(self) -> str:
        """One line, such as `27 images, 3 parts: 2 rejected, 1 passed; 0 without result; median 1.1 s per image`."""
        parts = f"{_plural(len(self.rows), 'image')}, {_plural(len(self.parts), 'part')}"
        verdicts = f"{self.rejected} rejected, {len(self.parts) - self.rejected} passed"
        time = "" if math.isnan(self.median_ms) else f"; median {format_ms(self.median_ms)} per image"
        return f"{parts}: {verdicts}; {self.unjudged} without result{time}"


def summarize(rows: Iterable[Row], policy: RejectPolicy | None = None) -> Summary:
    """Gathers lines of `results.jsonl` by part and judges each part.

    Args:
        rows: the lines, in the order of the images.
        policy: the rule for rejecting; by default any anomalous view rejects.

    Raises:
        EvaluationError: a line has an unknown status.
    """
    policy = policy or AnyPolicy()
    groups: dict[str, dict[int, Row]] = {}
    for row in rows:
        groups.setdefault(str(row["part_id"]), {}).setdefault(int(row.get("view_index", 0)), row)
    parts = []
    for part_id, by_view in groups.items():
        views = [_view_verdict(index, row) for index, row in sorted(by_view.items())]
        expected = max(int(row.get("view_count", 0)) for row in by_view.values())
        verdict = policy.judge(views, missing=max(0, expected - len(views)))
        parts.append(PartResult(part_id, [row for _, row in sorted(by_view.items())], verdict))
    return Summary(parts)


def format_ms(milliseconds: float) -> str:
    """`85 ms` or `1.1 s`."""
    return f"{milliseconds:.0f} ms" if milliseconds < 999.5 else f"{milliseconds / 1000.0:.1f} s"


def _view_verdict(index: int, row: Row) -> ViewVerdict:
    try:
        status = Status[row["status"]]
    except KeyError:
        raise EvaluationError(f"{row['image']}: unknown status {row['status']!r}") from None
    score = row.get("score")
    evidence = base64.b64decode(row.get("evidence") or "")
    return ViewVerdict(index, status, float("nan") if score is None else float(score), bool(row["anomalous"]), evidence)


def _timings(row: Row) -> Mapping[str, float]:
    return row.get("timings") or {}


def _plural(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"
