"""Joins messages of several topics by their exact stamp, and gives each image exactly one outcome. Imports no ROS."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

_AHEAD_S = 2.0  # so much before its image a message of the first image of a new run may come


@dataclass(eq=False)
class Joined:
    """The messages of one stamp; `missing` names the required topics that never came.

    A `duplicate` is an image whose stamp another image has used in the same run: it has nothing but its optional
    messages. `run` counts how often the stamps started again.
    """

    stamp: int
    messages: dict[str, Any] = field(default_factory=dict)
    arrived: dict[str, float] = field(default_factory=dict)  # topic to clock seconds
    missing: tuple[str, ...] = ()
    duplicate: bool = False
    run: int = 0


@dataclass(eq=False)
class _Pending(Joined):
    progress: float = 0.0  # when it came, or what it waits for last moved on
    complete_since: float | None = None


class Joiner:
    """Collects one message per topic and stamp, and gives each image, and each stamp, exactly one outcome.

    A stamp is complete when each required topic has it. It is given up when a topic it waits for has brought neither it
    nor anything older for `timeout` seconds: a backlog that moves is not a fault, one that stands is. Stamps come from
    outside and may repeat. An image whose stamp was used already is a duplicate; when newer stamps came in between, the
    stamps started again (a bag is replayed): then the used ones are forgotten.

    Args:
        required: topics without which there is no result, the image's first.
        optional: topics that are waited for while `expect_optional` is true, until one has brought neither the stamp
            nor anything older for `grace` seconds.
        timeout: seconds.
        image_timeout: seconds for the image itself, which needs no processing before it comes.
        grace: seconds.
        capacity: stamps kept waiting; beyond that the oldest is given up.
        enough: says of the messages of a stamp, by topic, whether they will do although required ones are missing.
        clock: monotonic seconds.
        answered: stamps that had their outcome in a process before this one, which this one goes on from: what has
            no image is owed an outcome. None: it is history, and dropped, unless about as new as the first image.
        run: of the answered stamps.
    """

    def __init__(
        self,
        required: Sequence[str],
        optional: Sequence[str] = (),
        timeout: float = 10.0,
        image_timeout: float = 5.0,
        grace: float = 0.5,
        capacity: int = 100,
        enough: Callable[[dict[str, Any]], bool] = lambda messages: False,
        clock: Callable[[], float] = time.monotonic,
        answered: Iterable[int] | None = None,
        run: int = 0,
    ) -> None:
        self.expect_optional = False
        self.timeout = timeout
        self.run = run
        self.duplicates = 0  # images whose stamp was used already
        self.ignored = 0  # other messages that came twice
        self.history = 0  # stamps of an earlier run
        self._image, self._required, self._optional = required[0], tuple(required), tuple(optional)
        self._image_timeout = min(timeout, image_timeout)
        self._grace, self._capacity, self._clock = grace, capacity, clock
        self._enough = enough
        self._pending: dict[int, _Pending] = {}  # in the order of arrival
        self._repeated: list[_Pending] = []  # duplicates that wait for their optional messages
        self._finished: OrderedDict[int, tuple[str, ...]] = OrderedDict()  # with the topics that came; a set is large
        self._surplus: OrderedDict[int, dict[str, tuple[Any, float]]] = OrderedDict()  # of finished stamps
        self._owes_all = answered is not None
        self._first: int | None = None  # stamp of the first image
        self._finished.update((stamp, (self._image,)) for stamp in answered or ())
        self._newest: int | None = max(self._finished, default=None)  # of this run's images

    def __len__(self) -> int:
        """How many stamps wait."""
        return len(self._pending) + len(self._repeated)

    def add(self, topic: str, stamp: int, message: Any) -> list[Joined]:
        """Takes a message; returns what it completes, or pushes out."""
        now = self._clock()
        if topic == self._image:
            self._notice_image(stamp)
        entry = self._pending.get(stamp)
        if stamp in self._finished or (entry is not None and topic in entry.messages):
            return self._add_again(topic, stamp, message, now)
        if entry is None:
            entry = self._pending[stamp] = _Pending(stamp, run=self.run, progress=now)
            for other, (kept, since) in self._surplus.pop(stamp, {}).items():
                if now - since <= _AHEAD_S:
                    entry.messages[other], entry.arrived[other] = kept, since
        entry.messages[topic] = message
        entry.arrived[topic] = now
        for waiting in self._pending.values():
            if waiting.stamp >= stamp and topic not in waiting.messages:
                waiting.progress = now
        over = []
        if self._is_complete(entry):
            entry.complete_since = entry.complete_since or now
            if not self._wants_more(entry):
                over.append(entry)
        excess = len(self._pending) - len(over) - self._capacity
        over += [waiting for waiting in self._pending.values() if waiting not in over][: max(0, excess)]  # the oldest
        return self._results(over)

    def expire(self) -> list[Joined]:
        """Gives up what has waited too long; call it often."""
        now = self._clock()
        over = [entry for entry in self._pending.values() if self._is_over(entry, now)]
        over += [entry for entry in self._repeated if now - entry.progress >= self._grace]
        return self._results(over)

    def give_up(self) -> list[Joined]:
        """Gives up all that waits: the end has come."""
        return self._results([*self._pending.values(), *self._repeated])

    def _notice_image(self, stamp: int) -> None:
        if self._image in self._finished.get(stamp, ()) and self._newest is not None and stamp < self._newest:
            self.run, self._newest = self.run + 1, None
            self._finished.clear()
        self._first = stamp if self._first is None else self._first
        self._newest = max(stamp, stamp if self._newest is None else self._newest)

    def _add_again(self, topic: str, stamp: int, message: Any, now: float) -> list[Joined]:
        """Takes a message of a stamp that had one of this topic, or is finished."""
        seen = self._finished[stamp] if stamp in self._finished else tuple(self._pending[stamp].messages)
        again = topic in seen
        if not again:
            self._finished[stamp] = (*seen, topic)
        if topic == self._image:
            if not again:
                return []  # it comes after its outcome
            self.duplicates += 1
            entry = _Pending(stamp, {topic: message}, {topic: now}, duplicate=True, run=self.run, progress=now)
            surplus = self._surplus.get(stamp, {})
            for other in [other for other in self._optional if other in surplus]:
                entry.messages[other], entry.arrived[other] = surplus.pop(other)
            self._repeated.append(entry)
            return [] if self._wants_more(entry) else self._results([entry])
        for entry in self._repeated:
            if topic in self._optional and entry.stamp == stamp and topic not in entry.messages:
                entry.messages[topic] = message
                return [] if self._wants_more(entry) else self._results([entry])
        self.ignored += again and topic not in self._optional
        self._surplus.setdefault(stamp, {})[topic] = message, now
        while len(self._surplus) > self._capacity:
            self._surplus.popitem(last=False)
        return []

    def _is_complete(self, entry: Joined) -> bool:
        return all(topic in entry.messages for topic in self._required) or self._enough(entry.messages)

    def _wants_more(self, entry: Joined) -> bool:
        return self.expect_optional and not all(topic in entry.messages for topic in self._optional)

    def _is_over(self, entry: _Pending, now: float) -> bool:
        if entry.complete_since is not None:
            return now - max(entry.complete_since, entry.progress) >= self._grace
        return now - entry.progress >= (self.timeout if self._image in entry.messages else self._image_timeout)

    def _is_result(self, entry: Joined) -> bool:
        """An optional message alone is no result, only forgotten; so is the history of an earlier run."""
        if self._image in entry.messages or not any(topic in entry.messages for topic in self._required):
            return self._image in entry.messages
        owed = self._owes_all or (self._first is not None and entry.stamp > self._first - 1e9 * self.timeout)
        self.history += not owed
        return owed

    def _results(self, over: list[_Pending]) -> list[Joined]:
        return [outcome for outcome in map(self._finish, over) if self._is_result(outcome)]

    def _finish(self, entry: _Pending) -> Joined:
        if entry.duplicate:
            self._repeated.remove(entry)
            return entry
        del self._pending[entry.stamp]
        self._finished[entry.stamp] = tuple(entry.messages)
        while len(self._finished) > 20 * self._capacity:
            self._finished.popitem(last=False)
        complete = entry.complete_since is not None
        missing = () if complete else tuple(topic for topic in self._required if topic not in entry.messages)
        return Joined(entry.stamp, entry.messages, entry.arrived, missing, run=entry.run)
