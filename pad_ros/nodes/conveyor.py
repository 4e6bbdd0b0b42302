"""The conveyor node: verdicts on images in, one reject command per part out, and on to the PLC."""

from __future__ import annotations

import sys
import time
from collections import OrderedDict

from sensor_msgs.msg import CameraInfo
from std_msgs.msg import Header

from pad_ros.conveyor.decision import Decision
from pad_ros.conveyor.outbox import Outbox
from pad_ros.conveyor.plc import create_plc, plc_settings
from pad_ros.msg import AnomalyResult, PartView, RejectCommand
from pad_ros.nodes import convert
from pad_ros.nodes.belt import BeltListener
from pad_ros.nodes.common import PadNode
from pad_ros.nodes.runner import run
from pad_ros.nodes.station import IDLE_S, LOOK_S, create_station, open_journal, reject_message
from pad_ros.nodes.verdicts import View, view_of
from pad_ros.records.decisions import DecisionLog
from pad_ros.results import Status

_MOST_RESULTS = 4000  # remembered; more than their publisher keeps


class ConveyorNode(PadNode):
    """Publishes one RejectCommand per part."""

    kind = "conveyor"

    def configure(self) -> None:
        """Makes the rule and the station, which goes on from the journal."""
        self._belt = BeltListener(self)
        journal = open_journal(self.value("journal"), self._belt.belt)
        self._records = DecisionLog(self.value("records"), self.value("station"), journal.decisions, journal.run)
        # Results by arrival, with their headers: their publisher keeps them, and repeats them to who subscribes anew.
        self._seen: OrderedDict[int, Header | None] = OrderedDict()
        for decision in journal.decisions:
            self._seen.update(dict.fromkeys(decision.arrivals_ns))
        self._views: OrderedDict[int, PartView] = OrderedDict()  # by stamp
        self._commands = self.publisher(RejectCommand, "reject", "results")
        self._station = create_station(
            self.value,
            self._belt.belt,
            journal,
            say=self._say,
            send=lambda decision: self._outbox.send(decision),
            trouble=lambda error: self.health.warn("journal", f"the journal cannot be written ({error.strerror})"),
        )

    def activate(self) -> None:
        """Connects to the PLC, and subscribes."""
        self._outbox = Outbox(
            create_plc(plc_settings(self.value)),
            self.value("plc_timeout"),
            self._on_sent,
            self._on_lost,
            command=self._station.command,
            heartbeat_s=self.value("plc_heartbeat"),
        )
        self._station.resume(time.monotonic())
        self._belt.subscribe()
        if self.value("announced_by") == "camera_info":
            self.subscribe(CameraInfo, "camera_info", self._on_image, "sensor_data")
        self.subscribe(PartView, "part_view", self._on_view)
        self.subscribe(AnomalyResult, "anomaly", self._on_result, "results")
        self.every(IDLE_S if self._station.gate.off else LOOK_S, self._on_timer)

    def deactivate(self) -> None:
        """Decides the open parts, for which no more views will be heard, and lets go of the PLC."""
        if hasattr(self, "_outbox"):
            self._station.stop(time.monotonic())
            self._outbox.close()
            if len(self._station.gate):
                self.get_logger().error(
                    f"stopped before the gate: {len(self._station.gate)} commands wait for the next start"
                )
        if hasattr(self, "_records"):
            self._records.close()

    def diagnostics(self) -> dict[str, str]:
        """The parts that wait for views, and the commands that wait for the gate or the PLC."""
        if not hasattr(self, "_outbox"):
            return {}
        return {
            "open parts": str(len(self._station.tracker)),
            "commands for the gate": str(len(self._station.gate)),
            "commands for the PLC": str(len(self._outbox)),
            "parts undecided at the gate": str(self._station.undecided),
            "dry run": str(self.value("dry_run")).lower(),
        }

    def fault(self) -> str:
        """What is wrong with the PLC, the belt or the records."""
        if not hasattr(self, "_outbox"):
            return ""
        belt = "" if self._station.gate.off else self._belt.belt.fault(time.monotonic())
        return self._outbox.fault or belt or self._records.fault

    def _on_image(self, message: CameraInfo) -> None:
        part = view_of(message.header, None)
        self._station.announce(part.part_id, 1, convert.stamp_of(message.header) / 1e9, time.monotonic())

    def _on_view(self, message: PartView) -> None:
        stamp = convert.stamp_of(message.header)
        self._station.announce(message.part_id, message.view_count, stamp / 1e9, time.monotonic())
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
        if message.run != self._station.run:
            self.get_logger().info("the stamps started again: a new run; the open parts of the old one are decided")
        view = View(message.part_id, message.view_index, message.view_count)
        if view == view_of(message.header, None):  # the anomaly node was not there when its part_view came
            view = view_of(message.header, self._views.get(convert.stamp_of(message.header)))
        tracker = self._station.tracker
        ignored = tracker.late_views, tracker.duplicate_views
        self._station.judged(
            message.run,
            convert.stamp_of(message.header) / 1e9,
            time.monotonic(),
            part_id=view.part_id,
            view_index=view.view_index,
            view_count=view.view_count,
            status=Status(message.status),
            score=message.score,
            anomalous=message.anomalous,
            arrival_ns=message.arrival or None,
            evidence=bytes(message.evidence),
        )
        self._say_ignored(view, message.anomalous, *ignored)
        self.health.done(1000.0 * (time.perf_counter() - start))

    def _say_ignored(self, view: View, anomalous: bool, late: int, duplicate: int) -> None:
        what = f"view {view.view_index} of part {view.part_id}"
        if self._station.tracker.late_views > late:
            verdict = "anomalous" if anomalous else "good"
            self.get_logger().warning(f"{what} ({verdict}) came after the part was decided: it changes nothing")
            self.health.warn("late views", "views came after their part was decided")
        if self._station.tracker.duplicate_views > duplicate:
            self.get_logger().warning(f"{what} came twice: the worse verdict counts")
            self.health.warn("duplicate views", "views came twice")

    def _on_timer(self) -> None:
        undecided = self._station.undecided
        self._station.tick(time.monotonic())
        self._outbox.alive()
        if self._station.undecided > undecided:
            self.health.warn("undecided", "parts came to the gate undecided: the fail-safe decided")

    def _say(self, decision: Decision) -> None:
        self._records.decided(decision, self._station.run)  # one said again is kept once
        headers = [header for arrival in decision.arrivals_ns if (header := self._seen.get(arrival))]
        self._commands.publish(reject_message(decision, max(headers, key=convert.stamp_of, default=None)))

    def _on_sent(self, decision: Decision) -> None:
        self._records.answered(decision, how=self._station.how_taken)
        self._station.sent(decision)

    def _on_lost(self, decision: Decision, problem: str) -> None:
        self._records.answered(decision, problem)
        self._station.sent(decision)  # it is over: no process to come shall offer it again
        self.health.failed(f"PLC: {problem}")
        self.get_logger().error(f"the PLC never took the command for part {decision.part_id}: {problem}")


def main() -> int:
    """Runs the node."""
    return run(ConveyorNode)


if __name__ == "__main__":
    sys.exit(main())
