"""A part whose views are being gathered: what is there of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from pad_ros.conveyor.policy import ViewVerdict


class LastSeen(NamedTuple):
    """A part's latest stamp and arrival, and how long the belt had stood by then."""

    stamp_s: float
    arrival_ns: int | None
    stood_s: float

    def precedes(self, stamp_s: float, arrival_ns: int | None, horizon_s: float) -> bool:
        """Whether a view is later than one of that part can be."""
        if stamp_s > self.stamp_s + horizon_s:
            return True
        return arrival_ns is not None and self.arrival_ns is not None and arrival_ns > self.arrival_ns + 1e9 * horizon_s


@dataclass
class GatheredPart:
    """A part that is not decided yet.

    `deadline_s` is by the receiver's clock, `arrivals_ns` by the arrivals'; `stood_s` is how long the belt had stood
    when it was last seen, `judged_stood_s` when a verdict came last: by then a view's arrival may be long past.
    """

    expected: int  # views announced, 0 when unknown
    deadline_s: float
    stamp_s: float
    arrivals_ns: list[int] = field(default_factory=list)
    views: dict[int, ViewVerdict] = field(default_factory=dict)
    announced: int = 0  # views
    belt_m: float | None = None
    stood_s: float = 0.0
    judged_stood_s: float = 0.0

    @property
    def last_seen(self) -> LastSeen:
        """What there is to tell a later part of the same name by."""
        return LastSeen(self.stamp_s, max(self.arrivals_ns, default=None), self.judged_stood_s)

    @property
    def missing(self) -> int:
        """How many of its views are not there."""
        return max(0, self.expected - len(self.views))

    @property
    def complete(self) -> bool:
        """Whether all of its views are there."""
        return self.expected > 0 and not self.missing


def worse(one: ViewVerdict, other: ViewVerdict) -> ViewVerdict:
    """Of two verdicts on a view the one that speaks more against the part."""

    def badness(verdict: ViewVerdict) -> tuple[bool, bool, float]:
        return verdict.anomalous, not verdict.judged, verdict.score if verdict.judged else 0.0

    return max(one, other, key=badness)
