"""What a node says of itself in /diagnostics. Imports no ROS."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable

import numpy as np


class Health:
    """Counts what a node does; safe to use from several threads.

    Args:
        window: seconds over which the rate is taken.
        clock: monotonic seconds.
    """

    def __init__(self, window: float = 10.0, clock: Callable[[], float] = time.monotonic) -> None:
        self._window, self._clock = window, clock
        self._lock = threading.Lock()
        self._done: deque[float] = deque(maxlen=10_000)
        self._latencies: deque[float] = deque(maxlen=200)  # milliseconds
        self.processed = self.failures = self.drops = 0
        self.last_failure = ""

    def done(self, milliseconds: float) -> None:
        """One more message was processed, in so many milliseconds."""
        with self._lock:
            self.processed += 1
            self._done.append(self._clock())
            self._latencies.append(milliseconds)

    def failed(self, reason: str) -> None:
        """An image could not be judged."""
        with self._lock:
            self.failures += 1
            self.last_failure = reason

    def dropped(self) -> None:
        """A message was not processed: no room, or it came late or twice."""
        with self._lock:
            self.drops += 1

    def summary(self) -> dict[str, str]:
        """Names and values, for people."""
        with self._lock:
            now = self._clock()
            recent = sum(1 for moment in self._done if now - moment <= self._window)
            p50, p95 = np.percentile(self._latencies, [50, 95]) if self._latencies else (np.nan, np.nan)
            return {
                "rate (Hz)": f"{recent / self._window:.2f}",
                "latency p50 (ms)": f"{p50:.1f}",
                "latency p95 (ms)": f"{p95:.1f}",
                "processed": str(self.processed),
                "failures": str(self.failures),
                "last failure": self.last_failure,
                "drops": str(self.drops),
            }
