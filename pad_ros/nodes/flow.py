"""Back-pressure: how many images may be on their way. Imports no ROS."""

from __future__ import annotations

import threading
import time


class Flow:
    """Lets at most `limit` images be without result; 0 lets all pass.

    Args:
        limit: images.
        timeout: seconds without any result after which the outstanding ones are written off.
    """

    def __init__(self, limit: int, timeout: float = 60.0) -> None:
        self._limit, self._timeout = limit, timeout
        self._outstanding: set[int] = set()
        self._changed = threading.Condition()
        self.written_off = 0

    def sent(self, stamp: int) -> None:
        """An image went out."""
        if self._limit:
            with self._changed:
                self._outstanding.add(stamp)

    def received(self, stamp: int) -> None:
        """Its result came back."""
        with self._changed:
            self._outstanding.discard(stamp)
            self._changed.notify_all()

    def wait(self, stopping: threading.Event, below: int | None = None) -> None:
        """Waits until fewer than `below` (the limit) are outstanding, nothing moved for the timeout, or `stopping`."""
        below = self._limit if below is None else below
        if not self._limit:
            return
        with self._changed:
            last, moved = len(self._outstanding), time.monotonic()
            while len(self._outstanding) >= below and not stopping.is_set():
                self._changed.wait(0.2)
                if len(self._outstanding) != last:
                    last, moved = len(self._outstanding), time.monotonic()
                elif time.monotonic() - moved > self._timeout:
                    self.written_off += last
                    self._outstanding.clear()
