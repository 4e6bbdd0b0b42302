"""What is decided of a part."""

from __future__ import annotations

import math
from dataclasses import dataclass

from pad_ros.errors import ConfigError

TAKEN, IN_TIME = "taken", "taken in time for the gate"  # how the PLC took a command
UNDECIDED = "not decided before the gate"  # the reason of a part that the fail-safe decided


@dataclass(frozen=True)
class Decision:
    """What the conveyor does with one part.

    `score` is the worst judged view's (NaN when there is none), `views` how many views were judged OK,
    `stamp_s` that of the part's last image, `gate_time_s` when the part reaches the gate (the stamps' clock);
    `sequence` starts at 1 and grows by one with each decision; `arrivals_ns` are those of the views.
    `belt_m` is where the belt was when the part was in its last image (metres; None when nobody knows or asks);
    `to_gate_s` and `to_gate_m` are what is left of the part's way when its command leaves, where the gate is timed.
    `good_for_s` says how long the command may be on its way to the PLC, until it would hit another part.
    `session` (32 bits) is of the process that decided: with the sequence it names the decision for ever.
    """

    part_id: str
    reject: bool
    reason: str
    score: float
    views: int
    stamp_s: float
    gate_time_s: float
    sequence: int = 0
    arrivals_ns: tuple[int, ...] = ()
    belt_m: float | None = None
    to_gate_s: float | None = None
    to_gate_m: float | None = None
    session: int = 0
    good_for_s: float | None = None


def gate_delay(distance_m: float, belt_speed_m_s: float) -> float:
    """Seconds from a part's last image to the reject gate, `distance_m` metres down the belt.

    Raises:
        ConfigError: a negative distance, or a speed that is not positive.
    """
    if not (math.isfinite(distance_m) and distance_m >= 0):
        raise ConfigError(f"gate distance must be >= 0 m, got {distance_m}")
    if not (math.isfinite(belt_speed_m_s) and belt_speed_m_s > 0):
        raise ConfigError(f"belt speed must be > 0 m/s, got {belt_speed_m_s}")
    return distance_m / belt_speed_m_s
