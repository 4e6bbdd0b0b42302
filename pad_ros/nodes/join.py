"""Joins messages of several topics by their exact stamp. Imports no ROS."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Joined:
    """The messages of one stamp; `missing` names the required topics that never came."""

    stamp: int
    messages: dict[str, Any] = field(default_factory=dict)
    arrived: dict[str, float] = field(default_factory=dict)  # topic to clock seconds
    missing: tuple[str, ...] = ()


@dataclass
class _Pending(Joined):
    progress: float = 0.0  # when it came, or what it waits for last moved on
    complete_since: float | None = None


class Joiner:
    """Collects one message per topic and stamp, and gives each stamp exactly one outcome.

    A stamp is complete when each required topic has it. It is given up when a topic it waits for has brought
    neither it nor anything older for `timeout` seconds: a backlog that moves is not a fault, one that stands is.
    Memory is bounded: beyond `capacity` stamps the oldest is given up.

    Args:
        required: topics without which there is no result.
        optional: topics that are waited for, for `grace` seconds, while `expect_optional` is true.
        timeout: seconds.
        grace: seconds.
        capacity: stamps kept waiting.
        enough: says of the messages of a stamp, by topic, whether they will do although required ones are missing.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        required: Sequence[str],
        optional: Sequence[str] = (),
        timeout: float = 10.0,
        grace: float = 0.5,
        capacity: int = 100,
        enough: Callable[[dict[str, Any]], bool] = lambda messages: False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.expect_optional = False
        self.timeout = timeout
        self.ignored = 0  # messages that came twice
        self._required, self._optional = tuple(required), tuple(optional)
        self._grace, self._capacity, self._clock = grace, capacity, clock
        self._enough = enough
        self._pending: dict[int, _Pending] = {}  # in the order of arrival
        self._finished: OrderedDict[int, set[str]] = OrderedDict()  # with the topics that came

    def __len__(self) -> int:
        """How many stamps wait."""
        return len(self._pending)

    def add(self, topic: str, stamp: int, message: Any) -> list[Joined]:
        """Takes a message; returns what it completes, or pushes out."""
        now = self._clock()
        entry = self._pending.get(stamp)
        seen = self._finished.get(stamp, set()) if entry is None else entry.messages.keys()
        self.ignored += topic in seen
        if stamp in self._finished:
            self._finished[stamp].add(topic)
            return []
        if topic in seen:
            return []
        if entry is None:
            entry = self._pending[stamp] = _Pending(stamp, progress=now)
        entry.messages[topic] = message
        entry.arrived[topic] = now
        for other in self._pending.values():
            if other.stamp >= stamp and topic not in other.messages:
                other.progress = now
        outcomes = []
        if self._is_complete(entry):
            entry.complete_since = entry.complete_since or now
            if not self._wants_more(entry):
                outcomes.append(self._finish(entry))
        while len(self._pending) > self._capacity:
            outcomes.append(self._finish(next(iter(self._pending.values()))))
        return [outcome for outcome in outcomes if self._is_result(outcome)]

    def expire(self) -> list[Joined]:
        """Gives up what has waited too long; call it often."""
        now = self._clock()
        over = [
            entry
            for entry in self._pending.values()
            if (entry.complete_since is not None and now - entry.complete_since >= self._grace)
            or (entry.complete_since is None and now - entry.progress >= self.timeout)
        ]
        return [outcome for outcome in map(self._finish, over) if self._is_result(outcome)]

    def _is_complete(self, entry: Joined) -> bool:
        return all(topic in entry.messages for topic in self._required) or self._enough(entry.messages)

    def _wants_more(self, entry: Joined) -> bool:
        return self.expect_optional and not all(topic in entry.messages for topic in self._optional)

    def _is_result(self, entry: Joined) -> bool:
        """An optional message alone is no result, only forgotten."""
        return any(topic in entry.messages for topic in self._required)

    def _finish(self, entry: _Pending) -> Joined:
        del self._pending[entry.stamp]
        self._finished[entry.stamp] = set(entry.messages)
        while len(self._finished) > 20 * self._capacity:
            self._finished.popitem(last=False)
        complete = entry.complete_since is not None
        missing = () if complete else tuple(topic for topic in self._required if topic not in entry.messages)
        return Joined(entry.stamp, entry.messages, entry.arrived, missing)
