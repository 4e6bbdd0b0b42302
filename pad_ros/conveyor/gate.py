"""The way from the camera to the reject gate: when a decision must leave, and when it is too late for it."""

from __future__ import annotations

import math
import statistics
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace

from pad_ros.conveyor.belt import Belt
from pad_ros.conveyor.decision import Decision
from pad_ros.errors import ConfigError, TooLateError

# So much no camera hesitates: its clock was set.
_CLOCK_SET_S = 5.0
_STANDS_M_S = 0.005  # an encoder's count trembles
MODES = ("none", "early", "timed")


@dataclass(frozen=True)
class GateSettings:
    """Of the gate.

    `mode` says when commands leave: `none`, once decided, and nobody waits for the gate; `early`, once decided, at the
    latest when they must; `timed`, when they must. They must leave `lead_s` seconds before
    the part is at the gate, `distance_m` metres after its last image: so long the command and the actuator take. A part
    that is more than `tolerance_m` metres further is missed. `latency_s` seconds after its exposure an image is
    announced. `ahead_s` is the time between two looks at the belt.
    """

    mode: str = "none"
    distance_m: float = 1.0
    lead_s: float = 0.0
    tolerance_m: float = 0.05
    latency_s: float = 0.0
    ahead_s: float = 0.01

    def __post_init__(self) -> None:
        """Checks them.

        Raises:
            ConfigError: an unknown mode, or a number that is negative or not finite.
        """
        if self.mode not in MODES:
            raise ConfigError(f"gate: {self.mode!r} is not one of {', '.join(MODES)}")
        for name in ("distance_m", "lead_s", "tolerance_m", "latency_s", "ahead_s"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value >= 0):
                raise ConfigError(f"gate: {name} must be >= 0, got {value}")


class Gate:
    """Knows where parts are, by the belt's position when they were in their last image (`belt_m`, metres).

    `command` may be called from another thread than the rest.

    Args:
        belt: what carries the parts.
        settings: of the gate.
        clock: for `command`; seconds, the clock of `now_s`.
    """

    def __init__(self, belt: Belt, settings: GateSettings, clock: Callable[[], float] = time.monotonic) -> None:
        self.belt, self.settings, self._clock = belt, settings, clock
        self._held: list[Decision] = []
        # From the images' stamps to our clock, lately; the stamps may be by the clock of another host.
        self._offsets: deque[float] = deque(maxlen=15)

    def __len__(self) -> int:
        """How many decisions wait for their part to come to the gate."""
        return len(self._held)

    @property
    def off(self) -> bool:
        """Whether nobody waits for the gate."""
        return self.settings.mode == "none"

    def stands(self, now_s: float) -> bool:
        """Whether the belt is known to stand; where nobody waits for the gate, nobody looks."""
        return not self.off and self.belt.position(now_s) is not None and self.belt.speed(now_s) < _STANDS_M_S

    def announced(self, stamp_s: float, now_s: float) -> float | None:
        """Where the belt was when the image was exposed that is announced now; None when nobody knows."""
        offset_s = now_s - stamp_s
        if self._offsets and abs(offset_s - statistics.median(self._offsets)) > _CLOCK_SET_S:
            self._offsets.clear()  # the stamps started again, or their clock was set
        self._offsets.append(offset_s)
        return self._position_ago(self.settings.latency_s, now_s)

    def guess(self, stamp_s: float, now_s: float) -> float | None:
        """The same for an image that was not announced, by what others took from their stamp on."""
        if not self._offsets:
            return None
        return self._position_ago(now_s - stamp_s - self._clock_offset_s(), now_s)

    def must_leave(self, belt_m: float | None, now_s: float) -> bool:
        """Whether the command for a part must leave now; also when nobody knows where the part is."""
        slack = self._slack_m(belt_m, now_s)
        if slack is None:
            return not self._awaited(belt_m, now_s)
        return slack <= self.belt.speed(now_s) * self.settings.ahead_s

    def timed(self, decision: Decision, now_s: float) -> Decision:
        """The decision with the time at which the part reaches the gate, by the stamps' clock.

        A belt that stands is reckoned to start now, at the speed of the decision's own gate time.
        """
        left = self._left_m(decision.belt_m, now_s)
        if left is None or not self._offsets:
            return decision
        usual_s = decision.gate_time_s - decision.stamp_s
        speed = self.belt.speed(now_s) or (self.settings.distance_m / usual_s if usual_s > 0 else math.inf)
        return replace(decision, gate_time_s=now_s + left / speed - self._clock_offset_s())

    def pass_on(self, decision: Decision, now_s: float) -> list[Decision]:
        """What may leave of a new decision: itself, unless it is to wait for its part to come to the gate."""
        if self.off or (self.settings.mode == "early" and not self._awaited(decision.belt_m, now_s)):
            return [decision]
        self._held.append(decision)
        return []

    def release(self, now_s: float) -> list[Decision]:
        """The decisions that waited and must leave now, the first part first."""
        early = self.settings.mode == "early"
        leaving = [
            decision
            for decision in self._held
            if self.must_leave(decision.belt_m, now_s) or (early and not self._awaited(decision.belt_m, now_s))
        ]
        if leaving:
            self._held = [decision for decision in self._held if decision not in leaving]
        return sorted(leaving, key=lambda decision: -math.inf if decision.belt_m is None else decision.belt_m)

    def command(self, decision: Decision) -> Decision:
        """The decision as the PLC gets it now: with the part's way to the gate.

        Raises:
            TooLateError: it would not hit its part any more.
        """
        if self.off:
            return decision
        now_s = self._clock()
        left, slack = self._left_m(decision.belt_m, now_s), self._slack_m(decision.belt_m, now_s)
        if left is None or slack is None:
            if self.settings.mode == "timed":
                raise TooLateError("nobody knows where the part is: not announced, or the belt's position is lost")
            return decision
        if slack < -self.settings.tolerance_m:
            raise TooLateError(f"too late: the part is {-1000 * slack:.0f} mm further than a command can hit it")
        speed = self.belt.speed(now_s)
        if not speed:
            return replace(decision, to_gate_m=left, to_gate_s=math.inf)
        good_for_s = max((self.settings.tolerance_m + min(slack, 0.0)) / speed, self.settings.lead_s)
        return replace(decision, to_gate_m=left, to_gate_s=max(0.0, left) / speed, good_for_s=good_for_s)

    def _awaited(self, belt_m: float | None, now_s: float) -> bool:
        """Whether it will be known where the part is, as soon as the belt is heard of."""
        return belt_m is not None and self.belt.awaited(now_s)

    def _clock_offset_s(self) -> float:
        """Our clock less the stamps'."""
        return statistics.median(self._offsets) - self.settings.latency_s

    def _position_ago(self, seconds: float, now_s: float) -> float | None:
        position = self.belt.position(now_s)
        return None if position is None else position - self.belt.speed(now_s) * max(0.0, seconds)

    def _left_m(self, belt_m: float | None, now_s: float) -> float | None:
        """Metres to the gate."""
        position = self.belt.position(now_s)
        return None if belt_m is None or position is None else self.settings.distance_m - (position - belt_m)

    def _slack_m(self, belt_m: float | None, now_s: float) -> float | None:
        """Metres until the command must leave."""
        left = self._left_m(belt_m, now_s)
        return None if left is None else left - self.belt.speed(now_s) * self.settings.lead_s
