"""The conveyor node: verdicts on images in, one reject command per part out, and on to the PLC."""

from __future__ import annotations

import sys
import time
from collections import OrderedDict
from typing import Any

from sensor_msgs.msg import CameraInfo
from std_msgs.msg import Header

from pad_ros.common.identity import Identity
from pad_ros.conveyor.decision import Decision
from pad_ros.conveyor.outbox import Outbox
from pad_ros.conveyor.plc import create_plc, plc_settings
from pad_ros.conveyor.station import Station
from pad_ros.msg import AnomalyResult, PartView, RejectCommand
from pad_ros.nodes import convert
from pad_ros.nodes.belt import BeltListener
from pad_ros.nodes.operating import OperatorServices
from pad_ros.nodes.product_node import ProductNode, identity_of
from pad_ros.nodes.runner import run
from pad_ros.nodes.station import IDLE_S, LOOK_S, create_station, open_journal, open_records, policy_of, reject_message
from pad_ros.nodes.verdicts import UNJUDGED, View, verdict_by, view_of

_MOST_RESULTS = 2000  # remembered; more than their publisher keeps


class ConveyorNode(ProductNode):
    """Publishes one RejectCommand per part."""

    kind = "conveyor"
    station: Station | None = None

    def __init__(self) -> None:
        """Offers the services."""
        super().__init__()
        self._operator = OperatorServices(self)

    def configure(self) -> None:
        """Makes the rule and the station, which goes on from the journal."""
        self._belt = BeltListener(self)
        journal = open_journal(self.value("journal"), self._belt.belt)
        self._records = open_records(self.value, journal)
        # Results by arrival, with their headers: their publisher keeps them, and repeats them to who subscribes anew.
        self._seen: OrderedDict[int, Header | None] = OrderedDict()
        for decision in journal.decisions:
            self._seen.update(dict.fromkeys(decision.arrivals_ns))
        self._views: OrderedDict[int, PartView] = OrderedDict()  # by stamp
        self._commands = self.publisher(RejectCommand, "reject", "results")
        self._product = identity_of(self.value("product"))
        self.station = create_station(
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
            command=self.station.command,
            heartbeat_s=self.value("plc_heartbeat"),
        )
        self.station.resume(time.monotonic())
        self._belt.subscribe()
        if self.value("announced_by") == "camera_info":
            self.subscribe(CameraInfo, "camera_info", self._on_image, "sensor_data")
        self.subscribe(PartView, "part_view", self._on_view)
        self.subscribe(AnomalyResult, "anomaly", self._on_result, "results")
        self.every(IDLE_S if self.station.gate.off else LOOK_S, self._on_timer)

    def deactivate(self) -> None:
        """Decides the open parts, for which no more views will be heard, and lets go of the PLC."""
        if hasattr(self, "_outbox"):
            self.station.stop(time.monotonic())
            self._outbox.close()
            if waiting := len(self.station.gate):
                self.get_logger().error(f"stopped before the gate: {waiting} commands wait for the next start")
        if hasattr(self, "_records"):
            self._records.close()

    def diagnostics(self) -> dict[str, str]:
        """The product, the counts, and what waits."""
        if not hasattr(self, "_outbox"):
            return {}
        waiting = {"commands for the PLC": str(len(self._outbox))}
        return {**super().diagnostics(), **self._operator.diagnostics(), **waiting}

    def fault(self) -> str:
        """What is wrong with the PLC, the belt or the records."""
        if not hasattr(self, "_outbox"):
            return ""
        belt = "" if self.station.gate.off else self._belt.belt.fault(time.monotonic())
        return self._outbox.fault or belt or self._records.fault or self._operator.fault()

    def warning(self) -> str:
        """What an operator should know."""
        return self._operator.warning() if self.station is not None else ""

    def identity(self) -> Identity | None:
        """The product by which views must have been judged; None where none was named."""
        return self._product

    def read_product(self, folder: str) -> Any:
        """Makes the rule anew, for that of the policy fused is the product's."""
        return policy_of(self.value, folder), identity_of(folder)

    def use_product(self, read: Any) -> None:
        """What was judged by the old product is decided by it."""
        policy, self._product = read
        self.station.change_policy(policy, time.monotonic())

    def _on_image(self, message: CameraInfo) -> None:
        part = view_of(message.header, None)
        self.station.announce(part.part_id, 1, convert.stamp_of(message.header) / 1e9, time.monotonic())

    def _on_view(self, message: PartView) -> None:
        stamp = convert.stamp_of(message.header)
        self.station.announce(message.part_id, message.view_count, stamp / 1e9, time.monotonic())
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
        if message.run != self.station.run:
            self.get_logger().info("the stamps started again: the open parts of the run before are decided")
        view = View(message.part_id, message.view_index, message.view_count)
        if view == view_of(message.header, None):  # the anomaly node was not there when its part_view came
            view = view_of(message.header, self._views.get(convert.stamp_of(message.header)))
        verdict = verdict_by(message, self._product)
        if verdict is None:
            self.health.warn("other product", "views were judged by another product than the conveyor node's")
        tracker = self.station.tracker
        ignored = tracker.late_views, tracker.duplicate_views
        self.station.judged(
            message.run,
            convert.stamp_of(message.header) / 1e9,
            time.monotonic(),
            part_id=view.part_id,
            view_index=view.view_index,
            view_count=view.view_count,
            arrival_ns=message.arrival or None,
            **(verdict or UNJUDGED),
        )
        self._say_ignored(view, message.anomalous, *ignored)
        self.health.done(1000.0 * (time.perf_counter() - start))

    def _say_ignored(self, view: View, anomalous: bool, late: int, duplicate: int) -> None:
        what = f"view {view.view_index} of part {view.part_id}"
        if self.station.tracker.late_views > late:
            verdict = "anomalous" if anomalous else "good"
            self.get_logger().warning(f"{what} ({verdict}) came after the part was decided: it changes nothing")
            self.health.warn("late views", "views came after their part was decided")
        if self.station.tracker.duplicate_views > duplicate:
            self.get_logger().warning(f"{what} came twice: the worse verdict counts")
            self.health.warn("duplicate views", "views came twice")

    def _on_timer(self) -> None:
        self.station.tick(time.monotonic())
        self._outbox.alive()

    def _say(self, decision: Decision) -> None:
        self._records.decided(decision, self.station.run)  # one said again is kept once
        headers = [header for arrival in decision.arrivals_ns if (header := self._seen.get(arrival))]
        self._commands.publish(reject_message(decision, max(headers, key=convert.stamp_of, default=None)))

    def _on_sent(self, decision: Decision) -> None:
        self._records.answered(decision, how=self.station.how_taken)
        self.station.sent(decision)

    def _on_lost(self, decision: Decision, problem: str) -> None:
        self._records.answered(decision, problem)
        self.station.lost(decision)
        self.health.failed(f"PLC: {problem}")
        self.get_logger().error(f"the PLC never took the command for part {decision.part_id}: {problem}")


def main() -> int:
    """Runs the node."""
    return run(ConveyorNode)


if __name__ == "__main__":
    sys.exit(main())
