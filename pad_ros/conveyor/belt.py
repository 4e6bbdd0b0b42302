"""How far the belt has run: at the speed that it is set to, or as an encoder says."""

from __future__ import annotations

import math
import os
import threading
from collections import deque
from pathlib import Path
from typing import Protocol

from pad_ros.errors import ConfigError

# Over so long the speed is taken: ticks are coarse.
_WINDOW_S = 0.2
# So long the first measurement may take: publisher and subscriber have to find each other.
_FIRST_WORD_S = 4.0


class Belt(Protocol):
    """Where the belt is. Positions are metres from an origin; those of another origin mean nothing.

    Times are seconds of any steady clock, the same for all calls.
    """

    @property
    def origin(self) -> str:
        """Names what the positions are counted from; a process that goes on compares it."""
        ...

    def position(self, now_s: float) -> float | None:
        """Metres that the belt has run; None when nobody knows."""
        ...

    def speed(self, now_s: float) -> float:
        """Metres per second, forward."""
        ...

    def awaited(self, now_s: float) -> bool:
        """Whether nobody knows where it is yet, but soon will."""
        ...

    def fault(self, now_s: float) -> str:
        """What is wrong; empty when nothing is."""
        ...


class SteadyBelt:
    """Runs at one speed and never stops.

    Args:
        speed_m_s: metres per second.

    Raises:
        ConfigError: a speed that is not positive.
    """

    def __init__(self, speed_m_s: float) -> None:
        self._speed = _positive(speed_m_s)
        self.origin = f"{boot_id()} {speed_m_s}"  # the steady clock starts with the machine

    def position(self, now_s: float) -> float:
        """Metres since the clock's zero."""
        return self._speed * now_s

    def speed(self, now_s: float) -> float:
        """Metres per second."""
        return self._speed

    def awaited(self, now_s: float) -> bool:
        """Never."""
        return False

    def fault(self, now_s: float) -> str:
        """Nothing: nobody measures."""
        return ""


class MeasuredBelt:
    """Runs as it is measured, by an encoder (`moved_to`) or a speed (`runs_at`); safe to use from several threads.

    Between measurements the belt is reckoned to go on as it went. An encoder whose counter starts again (back by more
    than `restart_m`) has not moved the belt: the positions go on, from a new origin.

    Args:
        nominal_m_s: the speed that is reckoned with when nothing is heard for `silence_s`: too fast rather than too
            slow, so that decisions leave early rather than late.
        silence_s: after so long without a measurement something is wrong; 0 for an encoder that speaks only when it
            moves: its silence means that the belt stands.
        counts_on: whether positions go on where they were when this process is started again (an encoder's count).
        restart_m: further back than this no belt is run.

    Raises:
        ConfigError: a number out of range.
    """

    def __init__(
        self, nominal_m_s: float, silence_s: float = 1.0, counts_on: bool = True, restart_m: float = 1.0
    ) -> None:
        self._nominal = _positive(nominal_m_s)
        if not (math.isfinite(silence_s) and silence_s >= 0 and restart_m > 0):
            raise ConfigError(f"belt: silence {silence_s} s and restart {restart_m} m must not be negative")
        self._silence_s, self._restart_m = silence_s, restart_m
        self.origin = f"{boot_id()} encoder" if counts_on else _unique()
        self._lock = threading.Lock()
        self._offset = 0.0  # of our positions from the counter's
        self._metres, self._at_s, self._speed = 0.0, math.nan, 0.0
        self._holds_s = math.inf  # how long the speed holds when silence is no fault
        self._asked_s = math.nan
        self._recent: deque[tuple[float, float]] = deque()  # (s, m)
        self.restarts = 0

    def moved_to(self, metres: float, now_s: float) -> None:
        """Takes the encoder's position."""
        if not math.isfinite(metres):
            return
        with self._lock:
            if self._recent and metres + self._offset < self._recent[-1][1] - self._restart_m:
                self._offset = self._reckon(now_s) - metres
                self.origin = _unique()
                self.restarts += 1
            metres += self._offset
            if self._recent and now_s <= self._recent[-1][0]:
                self._recent.pop()  # two at one moment: the later one counts
            self._recent.append((now_s, metres))
            while len(self._recent) > 2 and self._recent[1][0] <= now_s - _WINDOW_S:
                self._recent.popleft()
            (then_s, before), last_s = self._recent[0], self._recent[-2][0] if len(self._recent) > 1 else now_s
            self._speed = (metres - before) / (now_s - then_s) if now_s > then_s else 0.0
            self._holds_s = 2 * (now_s - last_s)
            self._metres, self._at_s = metres, now_s

    def runs_at(self, speed_m_s: float, now_s: float) -> None:
        """Takes a speed, which holds until the next."""
        if not math.isfinite(speed_m_s):
            return
        with self._lock:
            self._metres = 0.0 if math.isnan(self._at_s) else self._reckon(now_s)
            self._speed, self._at_s = speed_m_s, now_s

    def position(self, now_s: float) -> float | None:
        """Metres that the belt has run; None before the first measurement."""
        with self._lock:
            return None if math.isnan(self._at_s) else self._reckon(now_s)

    def speed(self, now_s: float) -> float:
        """Metres per second, forward."""
        with self._lock:
            if self._silent(now_s):
                return max(self._speed, self._nominal)
            standing = not self._silence_s and now_s - self._at_s > self._holds_s
            return 0.0 if standing else max(self._speed, 0.0)

    def awaited(self, now_s: float) -> bool:
        """Whether the first measurement may still come: for some seconds, or for ever when silence means standing."""
        with self._lock:
            if math.isnan(self._asked_s):
                self._asked_s = now_s
            return math.isnan(self._at_s) and (not self._silence_s or now_s - self._asked_s <= _FIRST_WORD_S)

    def fault(self, now_s: float) -> str:
        """That nothing is heard of the belt."""
        with self._lock:
            if math.isnan(self._at_s):
                return "nothing was heard of the belt yet"
            if self._silent(now_s):
                return f"nothing is heard of the belt: reckoned to run at {max(self._speed, self._nominal):.3g} m/s"
            return ""

    def _silent(self, now_s: float) -> bool:
        return math.isnan(self._at_s) or (self._silence_s > 0 and now_s - self._at_s > self._silence_s)

    def _reckon(self, now_s: float) -> float:
        passed = max(0.0, now_s - self._at_s)
        if not self._silence_s:
            return self._metres + self._speed * min(passed, self._holds_s)
        heard = min(passed, self._silence_s)
        return self._metres + self._speed * heard + max(self._speed, self._nominal) * (passed - heard)


def boot_id() -> str:
    """Names the time since the machine was started, in which its steady clock runs on."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return _unique()


def _unique() -> str:
    return os.urandom(8).hex()


def _positive(speed_m_s: float) -> float:
    if not (math.isfinite(speed_m_s) and speed_m_s > 0):
        raise ConfigError(f"belt speed must be > 0 m/s, got {speed_m_s}")
    return speed_m_s
