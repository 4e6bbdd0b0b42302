"""What of the records is asked for: a stretch of time, a part, a product; verdicts with what became of their parts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from pad_ros.errors import ConfigError, RecordsError
from pad_ros.records.models import Answer, DecisionRow, ProductRow, View, now

_AGO = re.compile(r"(\d+(?:\.\d+)?)\s*([mhd])")
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}


@dataclass(frozen=True)
class Choice:
    """Which records: from `since` until before `until`, of a part and a product; None and "" leave it open."""

    since: datetime | None = None
    until: datetime | None = None
    part: str = ""
    product: str = ""
    bad: bool = False  # only what was not passed


@dataclass(frozen=True)
class Part:
    """A decision with the verdicts that it rests on, and what the PLC answered (None while it has not)."""

    decision: DecisionRow
    views: list[View] = field(default_factory=list)
    answer: Answer | None = None

    @property
    def gate(self) -> str:
        """What the PLC did, in a word."""
        return "waiting" if self.answer is None else "taken" if self.answer.taken else "lost"


def parse_moment(text: str) -> datetime:
    """A moment: `2026-03-02 06:00` (local time unless it says otherwise), or `8h`, `30m`, `2d` before now.

    Raises:
        ConfigError: it is neither.
    """
    ago = _AGO.fullmatch(text.strip())
    if ago:
        return now() - timedelta(**{_UNITS[ago[2]]: float(ago[1])})
    try:
        return datetime.fromisoformat(text.strip().replace("Z", "+00:00")).astimezone(timezone.utc)
    except ValueError:
        raise ConfigError(f"{text!r} is no moment; write 2026-03-02T06:00, or 8h for eight hours ago") from None


def read_views(session: Session, choice: Choice, newest: int | None = None) -> list[View]:
    """The verdicts, in their order; of many, the `newest` so many."""
    query = _within(select(View), View, choice)
    if choice.product:
        query = query.where(View.product == choice.product)
    if choice.bad:
        query = query.where(View.anomalous)
    return _in_order(session, query, View, newest)


def read_decisions(session: Session, choice: Choice, newest: int | None = None) -> list[DecisionRow]:
    """The decisions, in their order; of many, the `newest` so many."""
    query = _within(select(DecisionRow), DecisionRow, choice)
    if choice.bad:
        query = query.where(DecisionRow.reject)
    return _in_order(session, query, DecisionRow, newest)


def read_parts(session: Session, choice: Choice, newest: int | None = None) -> list[Part]:
    """The decisions with their verdicts and answers."""
    decisions = read_decisions(session, choice, newest)
    answers = _answers(session, decisions)
    views = _views_of(session, decisions)
    return [Part(d, views.get(d.uid, []), answers.get(d.uid)) for d in decisions]


def read_products(session: Session) -> list[ProductRow]:
    """The products that images were judged by."""
    return list(session.scalars(select(ProductRow).order_by(ProductRow.id)))


def find_view(session: Session, name: str) -> View:
    """The verdict of a number, or whose uid begins so.

    Raises:
        RecordsError: there is none, or more than one.
    """
    same = View.id == int(name) if name.isdigit() and len(name) < 19 else View.uid.startswith(name, autoescape=True)
    found = session.scalars(select(View).where(same).limit(2)).all()
    if len(found) != 1:
        raise RecordsError(f"{'no' if not found else 'more than one'} verdict {name!r}; `pad records list` shows them")
    return found[0]


def last_day(session: Session) -> Choice:
    """What was recorded within a day before the newest record, from its first to its last moment.

    Raises:
        RecordsError: nothing is recorded yet.
    """
    tables = (View, DecisionRow)
    newest = [moment for table in tables if (moment := session.scalar(select(func.max(table.recorded))))]
    if not newest:
        raise RecordsError("nothing is recorded yet")
    since = max(newest) - timedelta(days=1)
    first = [session.scalar(select(func.min(table.recorded)).where(table.recorded > since)) for table in tables]
    return Choice(min(moment for moment in first if moment), max(newest) + timedelta(milliseconds=1))


def _within(query: Select[Any], table: type[Any], choice: Choice) -> Select[Any]:
    if choice.since is not None:
        query = query.where(table.recorded >= choice.since)
    if choice.until is not None:
        query = query.where(table.recorded < choice.until)
    if choice.part:
        query = query.where(table.part_id == choice.part)
    return query


def _in_order(session: Session, query: Select[Any], table: type[Any], newest: int | None) -> list[Any]:
    if newest is None:
        return list(session.scalars(query.order_by(table.id)))
    return list(session.scalars(query.order_by(table.id.desc()).limit(newest)))[::-1]


def _answers(session: Session, decisions: list[DecisionRow]) -> dict[str, Answer]:
    """The last word of the PLC on each decision; that it took it outweighs all else."""
    found: dict[str, Answer] = {}
    for uids in _pieces([decision.uid for decision in decisions]):
        for answer in session.scalars(select(Answer).where(Answer.decision_uid.in_(uids)).order_by(Answer.id)):
            if answer.decision_uid not in found or not found[answer.decision_uid].taken:
                found[answer.decision_uid] = answer
    return found


def _views_of(session: Session, decisions: list[DecisionRow]) -> dict[str, list[View]]:
    """The verdicts that decisions rest on, by the decision's uid: those of its arrivals, else of its part and stamp."""
    views: dict[int, list[View]] = {}
    named: dict[tuple[str, int], View] = {}
    arrivals = [arrival for decision in decisions for arrival in decision.arrivals]
    parts = [decision.part_id for decision in decisions if not decision.arrivals]
    for some_arrivals in _pieces(arrivals):
        for view in session.scalars(select(View).where(View.arrival.in_(some_arrivals))):
            views.setdefault(view.arrival, []).append(view)
    for some_parts in _pieces(parts):
        for view in session.scalars(select(View).where(View.part_id.in_(some_parts))):
            named[view.part_id, view.stamp] = view
    found: dict[str, list[View]] = {}
    for decision in decisions:
        if decision.arrivals:
            chosen = [_nearest(views[arrival], decision) for arrival in decision.arrivals if arrival in views]
        else:  # heard of as a command, which does not tell them
            last = named.get((decision.part_id, decision.stamp))
            chosen = [last] if last is not None else []
        found[decision.uid] = sorted(chosen, key=lambda view: view.view_index)
    return found


def _nearest(views: list[View], decision: DecisionRow) -> View:
    """Of views with the same arrival, by clocks of different days, the one of the decision's station and time."""
    return min(views, key=lambda view: (view.station != decision.station, abs(view.recorded - decision.recorded)))


def _pieces(values: list[Any], size: int = 500) -> Iterator[list[Any]]:
    for begin in range(0, len(values), size):
        yield values[begin : begin + size]
