"""Rows on their way into the records: those that the disk does not take wait in memory."""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import Any

from pad_ros.errors import RecordsError
from pad_ros.records.store import Store

_MOST = 10_000
_AGAIN_S = 1.0


class Backlog:
    """Writes rows in their order, and never raises; safe to use from several threads.

    Args:
        store: where they go.
        what: they are, for messages ("verdicts").
        most: rows that wait; beyond that the oldest are lost.
    """

    def __init__(self, store: Store, what: str, most: int = _MOST) -> None:
        self._store, self._what = store, what
        self._waiting: deque[Any] = deque(maxlen=most)
        self._lock = threading.Lock()
        self._problem = ""
        self._failed = -float("inf")  # when, by the monotonic clock
        self._lost = 0

    def add(self, *rows: Any, now: bool = False) -> None:
        """Writes rows, and those that wait; after a failure the next try is a second later, unless it is to be now."""
        with self._lock:
            self._lost += max(0, len(self._waiting) + len(rows) - (self._waiting.maxlen or 0))
            self._waiting.extend(rows)
            if not self._waiting or (not now and time.monotonic() - self._failed < _AGAIN_S):
                return
            try:
                self._store.add(*self._waiting)
            except RecordsError as error:
                self._problem, self._failed = str(error), time.monotonic()
            else:
                self._waiting.clear()
                self._problem, self._failed = "", -float("inf")

    @property
    def fault(self) -> str:
        """What is wrong, after another try; empty when nothing is, and when nothing was lost."""
        self.add()
        if self._problem:
            return f"{len(self._waiting) + self._lost} {self._what} are not on record: {self._problem}"
        return f"{self._lost} {self._what} were never recorded" if self._lost else ""
