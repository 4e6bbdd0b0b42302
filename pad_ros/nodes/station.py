"""The conveyor node's station: made as the parameters say; and what it says, as a message."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from builtin_interfaces.msg import Time
from std_msgs.msg import Header

from pad_ros.conveyor.belt import Belt
from pad_ros.conveyor.decision import Decision, gate_delay
from pad_ros.conveyor.decisions import DecisionJournal
from pad_ros.conveyor.gate import Gate, GateSettings
from pad_ros.conveyor.parts import PartTracker
from pad_ros.conveyor.policy import PolicyChoice, RejectPolicy
from pad_ros.conveyor.station import Station
from pad_ros.errors import ConfigError
from pad_ros.msg import RejectCommand

if TYPE_CHECKING:
    from pad_ros.records.decisions import DecisionLog

LOOK_S, IDLE_S = 0.01, 0.2  # from one look at the belt to the next; where the gate is off
_MOST_PARTS = 1000  # on the belt at one time


def create_station(
    value: Callable[[str], Any], belt: Belt, journal: DecisionJournal, **callbacks: Callable[..., None]
) -> Station:
    """Makes the station.

    Args:
        value: a parameter's value by its name.
        belt: what carries the parts.
        journal: of the decisions.
        callbacks: `say`, `send` and `trouble`, see `Station`.

    Raises:
        ConfigError: a value that cannot be.
    """
    policy = policy_of(value, value("product"))
    distance_m = value("gate_distance")
    delay_s = gate_delay(distance_m, value("belt_speed"))
    settings = GateSettings(
        value("gate"),
        distance_m,
        lead_s=value("actuator_lead"),
        tolerance_m=value("gate_tolerance"),
        latency_s=value("image_latency"),
        ahead_s=LOOK_S,
    )
    return Station(
        PartTracker(policy, value("part_timeout"), delay_s, max_open=_MOST_PARTS),
        Gate(belt, settings),
        journal,
        reject_undecided=value("fail_safe") == "reject",
        dry_run=value("dry_run"),
        **callbacks,
    )


def policy_of(value: Callable[[str], Any], product: str) -> RejectPolicy:
    """Makes the rule that the parameters name, for a product's folder.

    Raises:
        ConfigError: a value that cannot be, or a product that does not fit the rule.
        ProductError: the product cannot be read.
    """
    return PolicyChoice(value("policy"), value("votes"), value("max_unjudged")).create(product or None)


def open_journal(path: str, belt: Belt) -> DecisionJournal:
    """Reads the journal.

    Raises:
        ConfigError: it cannot be used.
    """
    try:
        return DecisionJournal(path, belt.origin)
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise ConfigError(f"journal {path!r} cannot be used ({error})") from None


class Unrecorded:
    """Stands in for `DecisionLog` where no records are kept."""

    fault = ""

    def decided(self, decision: Decision, run: int) -> None:
        """Keeps nothing."""

    def answered(self, decision: Decision, problem: str = "", how: str = "") -> None:
        """Keeps nothing."""

    def close(self) -> None:
        """Has nothing to let go of."""


def open_records(value: Callable[[str], Any], journal: DecisionJournal) -> DecisionLog | Unrecorded:
    """Opens the records, with what a process before has decided.

    Raises:
        RecordsError: they cannot be opened.
    """
    if not value("records"):
        return Unrecorded()
    # The database's library takes longer to load than all else together: a node without records is back sooner.
    from pad_ros.records.decisions import DecisionLog

    return DecisionLog(value("records"), value("station"), journal.decisions, journal.run)


def reject_message(decision: Decision, header: Header | None) -> RejectCommand:
    """Makes the message of a decision; without the header of its last image, that of its stamp."""
    return RejectCommand(
        header=header or Header(stamp=_time(decision.stamp_s)),
        part_id=decision.part_id,
        reject=decision.reject,
        reason=decision.reason,
        score=decision.score,
        views=decision.views,
        gate_time=_time(decision.gate_time_s),
        sequence=decision.sequence,
    )


def _time(seconds: float) -> Time:
    nanoseconds = round(seconds * 1e9)
    return Time(sec=nanoseconds // 10**9, nanosec=nanoseconds % 10**9)
