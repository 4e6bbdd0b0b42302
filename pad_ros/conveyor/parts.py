"""Gathers the views of each part on the belt and decides once per part."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import replace

from pad_ros.conveyor.decision import UNDECIDED, Decision
from pad_ros.conveyor.gathering import GatheredPart, LastSeen, worse
from pad_ros.conveyor.policy import RejectPolicy, ViewVerdict
from pad_ros.errors import ConfigError
from pad_ros.results import Status


class PartTracker:
    """Decides each part exactly once: when all of its views came, or when they stop coming.

    Part ids come from outside and may start again. A view that is later than its part can be (by its stamp or by its
    arrival; later than the part's timeout, and once it is decided also than its way to the gate) is of a new part of
    the same name. Other views of a decided part are late and change nothing; of two verdicts on one view the worse
    counts. `late_views` and `duplicate_views` count them. Time in which the belt stands does not count: who knows the
    belt adds it to `stood_s`.

    Memory is bounded: at most `max_open` parts wait (beyond that, the one that waits longest is decided as it is,
    at the next `flush`), and the last `max_decided` decided ids are remembered.

    Args:
        policy: the rule for rejecting.
        part_timeout_s: how long to wait for a part's next view.
        gate_delay_s: from a part's last image to the gate, see `gate_delay`.
        max_open: parts that may wait for views at one time.
        max_decided: decided ids remembered.

    Raises:
        ConfigError: a time or limit out of range.
    """

    def __init__(
        self,
        policy: RejectPolicy,
        part_timeout_s: float,
        gate_delay_s: float = 0.0,
        max_open: int = 1000,
        max_decided: int = 1000,
    ) -> None:
        if not (math.isfinite(part_timeout_s) and part_timeout_s > 0):
            raise ConfigError(f"part timeout must be > 0 s, got {part_timeout_s}")
        if not (math.isfinite(gate_delay_s) and gate_delay_s >= 0):
            raise ConfigError(f"gate delay must be >= 0 s, got {gate_delay_s}")
        if max_open < 1 or max_decided < 1:
            raise ConfigError(f"the part tracker's limits must be >= 1, got {max_open} and {max_decided}")
        self._policy = policy
        self._timeout_s = part_timeout_s
        self._gate_delay_s = gate_delay_s
        self._max_open = max_open
        self._max_decided = max_decided
        self._open: OrderedDict[str, GatheredPart] = OrderedDict()  # the one that waits longest first
        self._decided: OrderedDict[str, LastSeen] = OrderedDict()  # the oldest first
        self._evicted: list[Decision] = []
        self._sequence = 0
        self._anonymous = 0
        self.stood_s = 0.0
        self.late_views = 0
        self.duplicate_views = 0

    def __len__(self) -> int:
        """How many parts wait for views."""
        return len(self._open)

    def restore(self, decisions: Iterable[Decision]) -> None:
        """Remembers what a process before this one has decided, the oldest first; the sequence goes on from there."""
        for decision in decisions:
            last_arrival_ns = max(decision.arrivals_ns, default=None)
            self._remember(decision.part_id, LastSeen(decision.stamp_s, last_arrival_ns, self.stood_s))
            self._sequence = max(self._sequence, decision.sequence)

    def add(
        self,
        part_id: str,
        view_index: int,
        view_count: int,
        status: Status | int,
        score: float,
        anomalous: bool,
        stamp_s: float,
        now_s: float | None = None,
        arrival_ns: int | None = None,
        belt_m: float | None = None,
        evidence: bytes = b"",
    ) -> Decision | None:
        """Takes the verdict on one view; returns the decision when it completes its part.

        Args:
            part_id: the part; without one ("") the image is a part of its own.
            view_index: from 0.
            view_count: how many views of the part will come; 0 when unknown, then `flush` decides.
            status: whether the view could be judged.
            score: of the view, NaN unless OK.
            anomalous: the view's verdict.
            stamp_s: the image's stamp; the gate time counts from the part's latest.
            now_s: when the verdict arrived, by the clock of `flush`; the stamp when that is the same clock.
            arrival_ns: when the image arrived, nanoseconds of any steady clock; the stamp when None.
            belt_m: where the belt was at the image, metres; counts when the part was not announced.
            evidence: what the view says of each place on the part, for the policy `fused`.
        """
        if not part_id:
            self._anonymous += 1
            part_id, view_index, view_count = f"image {self._anonymous}", 0, 1
        now_s = stamp_s if now_s is None else now_s
        arrival_ns = round(1e9 * stamp_s) if arrival_ns is None else arrival_ns
        part = self._part(part_id, stamp_s, arrival_ns, now_s)
        if part is None:
            self.late_views += 1
            return None
        verdict = ViewVerdict(view_index, Status(status), float(score), bool(anomalous), evidence)
        if view_index in part.views:
            self.duplicate_views += 1
            verdict = worse(part.views[view_index], verdict)
        part.views[view_index] = verdict
        part.arrivals_ns.append(arrival_ns)
        part.judged_stood_s = self.stood_s
        if not part.announced and belt_m is not None:
            part.belt_m = belt_m
        if view_count > 0 or part.expected > 0:  # an index beyond the count proves that the count was too small
            part.expected = max(part.expected, view_count, *(index + 1 for index in part.views))
        if part.complete:
            return self._numbered(self._decide(part_id))
        return None

    def announce(
        self,
        part_id: str,
        view_count: int,
        stamp_s: float,
        now_s: float | None = None,
        belt_m: float | None = None,
    ) -> bool:
        """Takes note of a part whose image was taken: it is decided in time also when no verdict on it ever comes.

        Args:
            part_id: the part; without one ("") there is nothing to note.
            view_count: how many views of the part will come; 0 when unknown.
            stamp_s: the image's stamp.
            now_s: as for `add`.
            belt_m: where the belt was at the image, metres.

        Returns:
            Whether the part is open: false when it is decided already.
        """
        part = self._part(part_id, stamp_s, None, stamp_s if now_s is None else now_s) if part_id else None
        if part is None:
            return False
        part.expected = max(part.expected, view_count)
        part.announced += 1
        part.belt_m = belt_m
        return True

    def places(self) -> list[tuple[str, float | None]]:
        """The open parts, each with where the belt was at its last image (metres; None when nobody knows)."""
        return [(part_id, part.belt_m) for part_id, part in self._open.items()]

    def give_up(self, part_id: str, reject: bool) -> Decision:
        """Decides an open part at once: it comes to the gate, and its verdict is not complete.

        A part that never said how many views it has is decided by them when all that were announced are there.

        Args:
            part_id: the part.
            reject: the fail-safe: reject it whatever its views say; or only when one that came speaks against it.
        """
        part = self._open[part_id]
        views = [part.views[index] for index in sorted(part.views)]
        decision = self._decide(part_id)
        if part.expected or not views or len(views) < part.announced:
            reject = reject or (bool(views) and self._policy.judge(views).reject)
            fail_safe = f"{UNDECIDED}: {'rejected' if reject else 'passed'} by the fail-safe"
            decision = replace(decision, reject=reject, reason=f"{decision.reason}; {fail_safe}")
        return self._numbered(decision)

    def flush(self, now_s: float) -> list[Decision]:
        """Decides the parts whose next view is overdue; what never came counts against the part."""
        decisions, self._evicted = self._evicted, []
        overdue = [
            part_id for part_id, part in self._open.items() if part.deadline_s + (self.stood_s - part.stood_s) <= now_s
        ]
        decisions += [self._decide(part_id) for part_id in overdue]
        return [self._numbered(decision) for decision in decisions]

    def reset(self) -> list[Decision]:
        """Starts another run (the stamps started again): decides the open parts, forgets all; the sequence goes on.

        A part that was only announced may be the first one of the new run: it stays open.
        """
        decisions = self._close()
        self._decided.clear()
        return decisions

    def change_policy(self, policy: RejectPolicy) -> list[Decision]:
        """Decides the open parts by the old policy, but those that were only announced, and goes on with another."""
        decisions = self._close()
        self._policy = policy
        return decisions

    def _close(self) -> list[Decision]:
        """Decides the open parts of which views came."""
        announced = {part_id: part for part_id, part in self._open.items() if not part.views}
        for part_id in announced:
            del self._open[part_id]
        decisions = self.flush(math.inf)
        self._open.update(announced)
        return decisions

    def _part(self, part_id: str, stamp_s: float, arrival_ns: int | None, now_s: float) -> GatheredPart | None:
        """The open part that a view belongs to; None when that part is decided."""
        part = self._open.get(part_id)
        if part is not None and self._is_over(part.last_seen, stamp_s, arrival_ns, self._timeout_s):
            self._evicted.append(self._decide(part_id))
            self._decided.pop(part_id)
            part = None
        if part_id in self._decided:
            horizon_s = min(self._timeout_s, self._gate_delay_s or self._timeout_s)
            if not self._is_over(self._decided[part_id], stamp_s, arrival_ns, horizon_s):
                return None
            del self._decided[part_id]
        if part is None:
            part = self._open[part_id] = GatheredPart(0, now_s, stamp_s, judged_stood_s=self.stood_s)
        part.stamp_s = max(part.stamp_s, stamp_s)
        part.deadline_s, part.stood_s = now_s + self._timeout_s, self.stood_s
        self._open.move_to_end(part_id)
        if len(self._open) > self._max_open:
            self._evicted.append(self._decide(next(iter(self._open))))
        return part

    def _decide(self, part_id: str) -> Decision:
        part = self._open.pop(part_id)
        views = [part.views[index] for index in sorted(part.views)]
        verdict = self._policy.judge(views, part.missing)
        self._remember(part_id, part.last_seen)
        return Decision(
            part_id=part_id,
            reject=verdict.reject,
            reason=verdict.reason,
            score=verdict.score,
            views=sum(view.judged for view in views),
            stamp_s=part.stamp_s,
            gate_time_s=part.stamp_s + self._gate_delay_s,
            arrivals_ns=tuple(part.arrivals_ns),
            belt_m=part.belt_m,
        )

    def _is_over(self, last: LastSeen, stamp_s: float, arrival_ns: int | None, horizon_s: float) -> bool:
        return last.precedes(stamp_s, arrival_ns, horizon_s + self.stood_s - last.stood_s)

    def _remember(self, part_id: str, last_seen: LastSeen) -> None:
        self._decided.pop(part_id, None)
        self._decided[part_id] = last_seen
        while len(self._decided) > self._max_decided:
            self._decided.popitem(last=False)

    def _numbered(self, decision: Decision) -> Decision:
        """Decisions get their number when they are handed out, so that it always grows by one."""
        self._sequence += 1
        return replace(decision, sequence=self._sequence)
