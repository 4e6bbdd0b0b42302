"""The conveyor node: verdicts on images in, one reject command per part out, and on to the PLC."""

from __future__ import annotations

import sys
import time
from collections import OrderedDict

from builtin_interfaces.msg import Time
from std_msgs.msg import Header

from pad_ros.conveyor.parts import Decision, PartTracker, gate_delay
from pad_ros.conveyor.plc import create_plc
from pad_ros.conveyor.policy import create_policy
from pad_ros.msg import AnomalyResult, RejectCommand
from pad_ros.nodes import convert
from pad_ros.nodes.common import PadNode
from pad_ros.nodes.runner import run
from pad_ros.results import Status

_MOST_PARTS = 1000  # on the belt at one time


class ConveyorNode(PadNode):
    """Publishes one RejectCommand per part."""

    kind = "conveyor"

    def configure(self) -> None:
        """Makes the rule, the tracker and the PLC's driver."""
        policy = {"name": self.value("policy"), "max_unjudged": self.value("max_unjudged")}
        if policy["name"] == "votes":
            policy["votes"] = self.value("votes")
        self._tracker = PartTracker(
            create_policy(policy),
            self.value("part_timeout"),
            gate_delay(self.value("gate_distance"), self.value("belt_speed")),
            max_open=_MOST_PARTS,
        )
        driver = {"name": self.value("plc")}
        if driver["name"] == "log" and self.value("plc_log"):
            driver["path"] = self.value("plc_log")
        self._plc = create_plc(driver)
        self._commands = self.publisher(RejectCommand, "reject", "results")
        self._headers: OrderedDict[str, Header] = OrderedDict()  # of each part's last image
        self._last_stamp = 0

    def activate(self) -> None:
        """Subscribes."""
        self.subscribe(AnomalyResult, "anomaly", self._on_result, "results")
        self.every(0.2, self._on_timer)

    def diagnostics(self) -> dict[str, str]:
        """The parts that wait for views, and the views that came late or twice."""
        tracker = getattr(self, "_tracker", None)
        if tracker is None:
            return {}
        return {
            "open parts": str(len(tracker)),
            "late views": str(tracker.late_views),
            "duplicate views": str(tracker.duplicate_views),
        }

    def deactivate(self) -> None:
        """Lets go of the PLC."""
        if hasattr(self, "_plc"):
            self._plc.close()

    def _on_result(self, message: AnomalyResult) -> None:
        start = time.perf_counter()
        self._remember(message)
        stamp = convert.stamp_of(message.header)
        if stamp < self._last_stamp - 10**9 * self.value("part_timeout"):
            self.get_logger().info("the stamps jumped back: a new run; the open parts of the old one are decided")
            for decision in self._tracker.reset():
                self._send(decision)
        self._last_stamp = stamp
        decision = self._tracker.add(
            message.part_id,
            message.view_index,
            message.view_count,
            Status(message.status),
            message.score,
            message.anomalous,
            stamp / 1e9,
            now_s=time.monotonic(),
        )
        if decision is not None:
            self._send(decision)
        self.health.done(1000.0 * (time.perf_counter() - start))

    def _remember(self, message: AnomalyResult) -> None:
        last = self._headers.get(message.part_id)
        if last is None or convert.stamp_of(last) < convert.stamp_of(message.header):
            self._headers[message.part_id] = message.header
        while len(self._headers) > _MOST_PARTS:
            self._headers.popitem(last=False)

    def _on_timer(self) -> None:
        for decision in self._tracker.flush(time.monotonic()):
            self._send(decision)

    def _send(self, decision: Decision) -> None:
        self._commands.publish(
            RejectCommand(
                header=self._headers.pop(decision.part_id, Header(stamp=_time(decision.stamp_s))),
                part_id=decision.part_id,
                reject=decision.reject,
                reason=decision.reason,
                score=decision.score,
                views=decision.views,
                gate_time=_time(decision.gate_time_s),
                sequence=decision.sequence,
            )
        )
        try:
            self._plc.send(decision)
        except Exception as error:  # the command is published all the same
            self.health.failed(f"PLC: {error}")
            self.get_logger().error(f"PLC refused the command for {decision.part_id}: {error}")


def _time(seconds: float) -> Time:
    nanoseconds = round(seconds * 1e9)
    return Time(sec=nanoseconds // 10**9, nanosec=nanoseconds % 10**9)


def main() -> int:
    """Runs the node."""
    return run(ConveyorNode)


if __name__ == "__main__":
    sys.exit(main())
