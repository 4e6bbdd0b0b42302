"""What a node says of itself in /diagnostics. Imports no ROS."""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Callable

import numpy as np

# So long a warning is shown.
_WARN_S = 60.0


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
        self._warnings: dict[str, int] = {}
        self._warned = -math.inf
        self._warning = ""

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
        """A message was not processed: no room, or what it needs never came."""
        with self._lock:
            self.drops += 1
        self.warn("drops", "messages were dropped")

    def warn(self, name: str, text: str, count: int = 1) -> None:
        """Something happened that somebody should look at: counted under a name, and a warning for a minute."""
        with self._lock:
            self._warnings[name] = self._warnings.get(name, 0) + count
            self._warned, self._warning = self._clock(), text

    @property
    def warning(self) -> str:
        """What was warned of last; empty when it is over a minute ago."""
        with self._lock:
            return self._warning if self._clock() - self._warned <= _WARN_S else ""

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
                **{name: str(count) for name, count in self._warnings.items() if name != "drops"},
            }
