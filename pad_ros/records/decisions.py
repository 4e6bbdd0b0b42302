"""Writes down what the conveyor decides, before the command goes out, and what the PLC answers."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Protocol

from pad_ros.records.backlog import Backlog
from pad_ros.records.models import Answer, Clock, DecisionRow, now, number, uid_of
from pad_ros.records.store import Store


class Decided(Protocol):
    """What is kept of a decision (`conveyor.parts.Decision`)."""

    part_id: str
    reject: bool
    reason: str
    score: float
    views: int
    stamp_s: float
    gate_time_s: float
    sequence: int
    arrivals_ns: tuple[int, ...]


class DecisionLog:
    """Keeps decisions and answers; never raises once it is made, for commands must go out whatever becomes of records.

    The same decision said twice, as by a process that is started again, is kept once. Safe to use from several threads.

    Args:
        folder: of the records; empty keeps none.
        station: as for `Store`.
        before: decisions of a process before this one, from its journal.
        run: theirs.
        clock: as for `Store`.

    Raises:
        RecordsError: the records cannot be opened.
    """

    def __init__(
        self, folder: str, station: str = "", before: Iterable[Decided] = (), run: int = 0, clock: Clock = now
    ) -> None:
        self._store: Store | None = None
        if folder:
            self._store = Store(folder, station, insist=False, clock=clock)
            self._backlog = Backlog(self._store, "decisions and answers")
            self._backlog.add(*(decision_row(decision, run, self._store.station) for decision in before))

    @property
    def fault(self) -> str:
        """What cannot be kept; empty when all is."""
        return self._backlog.fault if self._store is not None else ""

    def decided(self, decision: Decided, run: int) -> None:
        """Keeps a decision."""
        if self._store is not None:
            self._backlog.add(decision_row(decision, run, self._store.station))

    def answered(self, decision: Decided, problem: str = "") -> None:
        """Keeps that the PLC took a decision, or why it never did."""
        if self._store is not None:
            self._backlog.add(answer_row(decision, problem, self._store.station))

    def close(self) -> None:
        """Tries once more to write what waits, and lets go of the file; may be called twice."""
        if self._store is not None:
            self._backlog.add(now=True)
            self._store.close()


def decision_uid(decision: Decided, station: str) -> str:
    """The uid of a decision: the same for who made it and for who heard the command."""
    gate_time = round(1e9 * decision.gate_time_s) if math.isfinite(decision.gate_time_s) else 0
    return uid_of("decision", station, decision.sequence, decision.part_id, gate_time)


def decision_row(decision: Decided, run: int, station: str) -> DecisionRow:
    """The row of a decision."""
    gate_time = round(1e9 * decision.gate_time_s) if math.isfinite(decision.gate_time_s) else 0
    return DecisionRow(
        uid=decision_uid(decision, station),
        station=station,
        sequence=decision.sequence,
        run=run,
        part_id=decision.part_id,
        reject=decision.reject,
        reason=decision.reason,
        score=number(decision.score),
        views=decision.views,
        stamp=round(1e9 * decision.stamp_s),
        gate_time=gate_time,
        arrivals=list(decision.arrivals_ns),
    )


def answer_row(decision: Decided, problem: str, station: str) -> Answer:
    """The row of the PLC's answer; a problem says why it never took the command."""
    uid = decision_uid(decision, station)
    return Answer(
        uid=uid_of("answer", uid, problem),
        station=station,
        decision_uid=uid,
        taken=not problem,
        text=problem or "taken",
    )
