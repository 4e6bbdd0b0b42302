"""Back-pressure: how many images may be on their way. Imports no ROS."""

from __future__ import annotations

import threading
import time
from collections import Counter


class Flow:
    """Lets at most `limit` images be without result; 0 lets all pass.

    Args:
        limit: images.
        timeout: seconds without any result after which the outstanding ones are written off.
    """

    def __init__(self, limit: int, timeout: float = 60.0) -> None:
        self._limit, self._timeout = limit, timeout
        self._outstanding: Counter[int] = Counter()  # stamps, which may repeat
        self._changed = threading.Condition()
        self.written_off = 0

    def sent(self, stamp: int) -> None:
        """An image went out."""
        with self._changed:
            self._outstanding[stamp] += 1

    def received(self, stamp: int) -> None:
        """Its result came back."""
        with self._changed:
            if self._outstanding[stamp] > 0:
                self._outstanding[stamp] -= 1
            self._outstanding += Counter()  # drops what is 0
            self._changed.notify_all()

    def wait(self, stopping: threading.Event) -> None:
        """Waits until fewer than the limit are outstanding, nothing moved for the timeout, or `stopping`."""
        if self._limit:
            self._wait(stopping, self._limit)

    def drain(self, stopping: threading.Event) -> None:
        """Waits until none is outstanding, nothing moved for the timeout, or `stopping`."""
        self._wait(stopping, 1)

    def _wait(self, stopping: threading.Event, below: int) -> None:
        with self._changed:
            last, moved = self._outstanding.total(), time.monotonic()
            while self._outstanding.total() >= below and not stopping.is_set():
                self._changed.wait(0.2)
                if self._outstanding.total() != last:
                    last, moved = self._outstanding.total(), time.monotonic()
                elif time.monotonic() - moved > self._timeout:
                    self.written_off += last
                    self._outstanding.clear()
