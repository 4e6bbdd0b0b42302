"""What the nodes that publish images share: waiting for subscribers and results, pace, end."""

from __future__ import annotations

import threading
import time
from typing import Any

from rclpy.duration import Duration

from pad_ros.errors import PadError
from pad_ros.msg import AnomalyResult
from pad_ros.nodes import convert
from pad_ros.nodes.common import PadNode
from pad_ros.nodes.flow import Flow

# After the images' subscribers are found, the nodes still have to find each other.
_SETTLE_S = 1.0
# Who hears which part an image shows: the anomaly node and the conveyor, to which a part that was not announced is lost
# at the gate. It may not be in this graph: so the wait ends.
_TOLD, _TOLD_WITHIN_S = 2, 5.0


class SourceNode(PadNode):
    """Base of the nodes that publish images from a thread of their own; sub-classes override `play`."""

    def play(self) -> None:
        """Publishes everything once; returns early when `self.stopping` is set."""
        raise NotImplementedError

    def image_publishers(self) -> list[Any]:
        """The publishers of images."""
        raise NotImplementedError

    def activate(self) -> None:
        """Begins to play."""
        self.stopping = threading.Event()
        self.round = 1
        self.flow = Flow(self.value("wait_for_results"))
        self.subscribe(AnomalyResult, "anomaly", lambda m: self.flow.received(convert.stamp_of(m.header)), "results")
        self._thread = threading.Thread(target=self._run, name="player", daemon=True)
        self._thread.start()

    def deactivate(self) -> None:
        """Ends the thread."""
        if hasattr(self, "stopping"):
            self.stopping.set()
            if self._thread is not threading.current_thread():
                self._thread.join(5.0)

    def part_of_round(self, part_id: str) -> str:
        """The part's name; from the second round on another one, because each part is decided once."""
        return part_id if self.round == 1 else f"{part_id} (round {self.round})"

    def pause_until(self, moment: float) -> None:
        """Waits until `time.monotonic()` is `moment`, or the end is asked for."""
        self.stopping.wait(max(0.0, moment - time.monotonic()))

    def _run(self) -> None:
        code = 0
        try:
            self._wait_for_subscribers()
            while not self.stopping.is_set():
                self.play()
                self.round += 1
                if not self.value("loop"):
                    break
        except PadError as error:
            self.get_logger().error(str(error))
            code = 1
        except Exception as error:
            self.get_logger().error(f"stopped: {type(error).__name__}: {error}")
            code = 1
        self._wait_for_results()
        if not self.stopping.is_set():
            self.exit_code = code

    def _wait_for_results(self) -> None:
        """The end of this node may end the graph: not before the images that are out have their results."""
        for publisher in self.image_publishers():
            publisher.wait_for_all_acked(Duration(seconds=10))
        if self.count_publishers("anomaly"):
            self.flow.drain(self.stopping)
        if self.flow.written_off:
            self.get_logger().warning(f"{self.flow.written_off} images never had a result")

    def _wait_for_subscribers(self) -> None:
        wanted = self.value("wait_for_subscribers")
        said = time.monotonic()
        while wanted and not self.stopping.is_set():
            found = max((publisher.get_subscription_count() for publisher in self.image_publishers()), default=0)
            if found >= wanted:
                self._wait_for_who_is_told_of_parts()
                self.stopping.wait(_SETTLE_S)
                return
            if time.monotonic() - said > 10.0:
                said = time.monotonic()
                self.get_logger().info(f"waiting: {found} of {wanted} nodes subscribe to the images")
            self.stopping.wait(0.05)

    def _wait_for_who_is_told_of_parts(self) -> None:
        until = time.monotonic() + _TOLD_WITHIN_S
        while self.count_publishers("part_view") and self.count_subscribers("part_view") < _TOLD:
            if self.stopping.wait(0.05) or time.monotonic() > until:
                return
