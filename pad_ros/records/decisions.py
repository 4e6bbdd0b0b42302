"""Writes down what the conveyor decides, before the command goes out, and what the PLC answers."""

from __future__ import annotations

import math
from collections.abc import Iterable

from pad_ros.conveyor.decision import TAKEN, Decision
from pad_ros.records.backlog import Backlog
from pad_ros.records.models import Answer, Clock, DecisionRow, now, number, uid_of
from pad_ros.records.store import Store


class DecisionLog:
    """Keeps decisions and answers; never raises once it is made, for commands must go out whatever becomes of records.

    The same decision said twice, as by a process that is started again, is kept once. Safe to use from several threads.

    Args:
        folder: of the records.
        station: as for `Store`.
        before: decisions of a process before this one, from its journal.
        run: theirs.
        clock: as for `Store`.

    Raises:
        RecordsError: the records cannot be opened.
    """

    def __init__(
        self, folder: str, station: str = "", before: Iterable[Decision] = (), run: int = 0, clock: Clock = now
    ) -> None:
        self._store = Store(folder, station, insist=False, clock=clock)
        self._backlog = Backlog(self._store, "decisions and answers")
        self._backlog.add(*(decision_row(decision, run, self._store.station) for decision in before))

    @property
    def fault(self) -> str:
        """What cannot be kept; empty when all is."""
        return self._backlog.fault

    def decided(self, decision: Decision, run: int) -> None:
        """Keeps a decision."""
        self._backlog.add(decision_row(decision, run, self._store.station))

    def answered(self, decision: Decision, problem: str = "", how: str = TAKEN) -> None:
        """Keeps that the PLC took a decision, and how; or why it never did."""
        self._backlog.add(answer_row(decision, problem, self._store.station, how))

    def close(self) -> None:
        """Tries once more to write what waits, and lets go of the file; may be called twice."""
        self._backlog.add(now=True)
        self._store.close()


def decision_uid(decision: Decision, station: str) -> str:
    """The uid of a decision: the same for who made it and for who heard the command."""
    return uid_of("decision", station, decision.sequence, decision.part_id, _gate_time(decision))


def decision_row(decision: Decision, run: int, station: str) -> DecisionRow:
    """The row of a decision."""
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
        gate_time=_gate_time(decision),
        arrivals=list(decision.arrivals_ns),
    )


def answer_row(decision: Decision, problem: str, station: str, how: str = TAKEN) -> Answer:
    """The row of the PLC's answer; a problem says why it never took the command, else `how` it did."""
    uid = decision_uid(decision, station)
    return Answer(
        uid=uid_of("answer", uid, problem),
        station=station,
        decision_uid=uid,
        taken=not problem,
        text=problem or how,
    )


def _gate_time(decision: Decision) -> int:
    """In nanoseconds; 0 when nobody knows."""
    return round(1e9 * decision.gate_time_s) if math.isfinite(decision.gate_time_s) else 0
