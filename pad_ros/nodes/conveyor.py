"""The conveyor node: verdicts on images in, one reject command per part out, and on to the PLC."""

from __future__ import annotations

import math
import sys
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import replace

from builtin_interfaces.msg import Time
from std_msgs.msg import Header

from pad_ros.conveyor.decisions import DecisionJournal
from pad_ros.conveyor.outbox import Outbox
from pad_ros.conveyor.parts import Decision, PartTracker, gate_delay
from pad_ros.conveyor.plc import create_plc
from pad_ros.conveyor.policy import create_policy
from pad_ros.errors import ConfigError
from pad_ros.msg import AnomalyResult, PartView, RejectCommand
from pad_ros.nodes import convert
from pad_ros.nodes.common import PadNode
from pad_ros.nodes.runner import run
from pad_ros.nodes.verdicts import View, view_of
from pad_ros.records.decisions import DecisionLog
from pad_ros.results import Status

_MOST_PARTS = 1000  # on the belt at one time
_MOST_RESULTS = 4000  # remembered; more than their publisher keeps


class ConveyorNode(PadNode):
    """Publishes one RejectCommand per part."""

    kind = "conveyor"

    def configure(self) -> None:
        """Makes the rule and the tracker, which goes on from the journal."""
        policy = {"name": self.value("policy"), "max_unjudged": self.value("max_unjudged")}
        if policy["name"] == "votes":
            policy["votes"] = self.value("votes")
        self._tracker = PartTracker(
            create_policy(policy),
            self.value("part_timeout"),
            gate_delay(self.value("gate_distance"), self.value("belt_speed")),
            max_open=_MOST_PARTS,
        )
        try:
            self._journal = DecisionJournal(self.value("journal"))
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise ConfigError(f"journal {self.value('journal')!r} cannot be used ({error})") from None
        self._tracker.restore(self._journal.decisions)
        before, run = self._journal.decisions, self._journal.run
        self._records = DecisionLog(self.value("records"), self.value("station"), before, run)
        self._unsent = self._journal.unsent  # of a process before this one
        self._run = self._journal.run
        # Results by arrival, with their headers: their publisher keeps them, and repeats them to who subscribes anew.
        self._seen: OrderedDict[int, Header | None] = OrderedDict()
        for decision in self._journal.decisions:
            self._seen.update(dict.fromkeys(decision.arrivals_ns))
        self._views: OrderedDict[int, PartView] = OrderedDict()  # by stamp
        self._commands = self.publisher(RejectCommand, "reject", "results")

    def activate(self) -> None:
        """Connects to the PLC, and subscribes."""
        driver = {"name": self.value("plc")}
        if driver["name"] == "log" and self.value("plc_log"):
            driver["path"] = self.value("plc_log")
        self._outbox = Outbox(create_plc(driver), self.value("plc_timeout"), self._on_sent, self._on_lost)
        while self._unsent:  # by a process before this one; who heard it knows it by its sequence
            self._say(self._unsent.pop(0))
        self.subscribe(PartView, "part_view", self._on_view)
        self.subscribe(AnomalyResult, "anomaly", self._on_result, "results")
        self.every(0.2, self._on_timer)

    def deactivate(self) -> None:
        """Decides the open parts, for which no more views will be heard, and lets go of the PLC."""
        if hasattr(self, "_outbox"):
            for decision in self._tracker.flush(math.inf):
                self._send(replace(decision, reason=f"{decision.reason}; the conveyor node was stopped"))
            self._outbox.close()
        if hasattr(self, "_records"):
            self._records.close()

    def diagnostics(self) -> dict[str, str]:
        """The parts that wait for views, and the commands that wait for the PLC."""
        if not hasattr(self, "_outbox"):
            return {}
        return {"open parts": str(len(self._tracker)), "commands for the PLC": str(len(self._outbox))}

    def fault(self) -> str:
        """What is wrong with the PLC, or with the records."""
        return (self._outbox.fault or self._records.fault) if hasattr(self, "_outbox") else ""

    def _on_view(self, message: PartView) -> None:
        stamp = convert.stamp_of(message.header)
        self._tracker.announce(message.part_id, message.view_count, stamp / 1e9, time.monotonic())
        self._views[stamp] = message
        while len(self._views) > _MOST_RESULTS:
            self._views.popitem(last=False)

    def _on_result(self, message: AnomalyResult) -> None:
        if message.arrival and message.arrival in self._seen:
            return
        start = time.perf_counter()
        self._seen[message.arrival] = message.header
        while len(self._seen) > _MOST_RESULTS:
            self._seen.popitem(last=False)
        if message.run != self._run:
            self.get_logger().info("the stamps started again: a new run; the open parts of the old one are decided")
            self._run = message.run
            for decision in self._tracker.reset():
                self._send(decision)
        view = View(message.part_id, message.view_index, message.view_count)
        if view == view_of(message.header, None):  # the anomaly node was not there when its part_view came
            view = view_of(message.header, self._views.get(convert.stamp_of(message.header)))
        ignored = self._tracker.late_views, self._tracker.duplicate_views
        decision = self._tracker.add(
            view.part_id,
            view.view_index,
            view.view_count,
            Status(message.status),
            message.score,
            message.anomalous,
            convert.stamp_of(message.header) / 1e9,
            now_s=time.monotonic(),
            arrival_ns=message.arrival or None,
        )
        self._say_ignored(view, message.anomalous, *ignored)
        if decision is not None:
            self._send(decision)
        self.health.done(1000.0 * (time.perf_counter() - start))

    def _say_ignored(self, view: View, anomalous: bool, late: int, duplicate: int) -> None:
        what = f"view {view.view_index} of part {view.part_id}"
        if self._tracker.late_views > late:
            verdict = "anomalous" if anomalous else "good"
            self.get_logger().warning(f"{what} ({verdict}) came after the part was decided: it changes nothing")
            self.health.warn("late views", "views came after their part was decided")
        if self._tracker.duplicate_views > duplicate:
            self.get_logger().warning(f"{what} came twice: the worse verdict counts")
            self.health.warn("duplicate views", "views came twice")

    def _on_timer(self) -> None:
        for decision in self._tracker.flush(time.monotonic()):
            self._send(decision)

    def _send(self, decision: Decision) -> None:
        self._note(lambda: self._journal.decided(decision, self._run))
        self._records.decided(decision, self._run)
        self._say(decision)

    def _say(self, decision: Decision) -> None:
        headers = [header for arrival in decision.arrivals_ns if (header := self._seen.get(arrival))]
        last = max(headers, key=convert.stamp_of, default=Header(stamp=_time(decision.stamp_s)))
        self._commands.publish(
            RejectCommand(
                header=last,
                part_id=decision.part_id,
                reject=decision.reject,
                reason=decision.reason,
                score=decision.score,
                views=decision.views,
                gate_time=_time(decision.gate_time_s),
                sequence=decision.sequence,
            )
        )
        self._outbox.send(decision)

    def _on_sent(self, decision: Decision) -> None:
        self._records.answered(decision)
        self._note(lambda: self._journal.sent(decision))

    def _on_lost(self, decision: Decision, problem: str) -> None:
        self._records.answered(decision, problem)
        self._note(lambda: self._journal.sent(decision))  # it is over: no process to come shall offer it again
        self.health.failed(f"PLC: {problem}")
        self.get_logger().error(f"the PLC never took the command for part {decision.part_id}: {problem}")

    def _note(self, note: Callable[[], None]) -> None:
        try:
            note()
        except OSError as error:  # the command goes out all the same
            self.health.warn("journal", f"the journal cannot be written ({error.strerror})")


def _time(seconds: float) -> Time:
    nanoseconds = round(seconds * 1e9)
    return Time(sec=nanoseconds // 10**9, nanosec=nanoseconds % 10**9)


def main() -> int:
    """Runs the node."""
    return run(ConveyorNode)


if __name__ == "__main__":
    sys.exit(main())
