"""The bag player: publishes a rosbag2 where `ros2 bag play` is not installed, and no faster than results come."""

from __future__ import annotations

import sys
import time
from importlib import import_module
from typing import Any

from rclpy.serialization import deserialize_message
from rosgraph_msgs.msg import Clock

from pad_ros.errors import ConfigError
from pad_ros.nodes import convert
from pad_ros.nodes.runner import run
from pad_ros.nodes.source import SourceNode
from pad_ros.sources import bag, bag_metadata


class BagPlayerNode(SourceNode):
    """Publishes the recorded messages on their topics (relative, so that namespace and remapping work)."""

    kind = "bag_player"

    def configure(self) -> None:
        """Opens the bag and makes a publisher per topic."""
        if not self.value("bag"):
            raise ConfigError("the parameter bag is empty: give the folder of a rosbag2")
        self._images = bag_metadata.count_images(self.value("bag"))
        self._outputs: dict[str, tuple[type, Any]] = {}
        for topic, kind in bag_metadata.topic_types(self.value("bag")).items():
            message_type = _message_type(kind)
            if message_type is None:
                self.get_logger().warning(f"{topic} is left out: {kind} is not installed here")
                continue
            self._outputs[topic] = message_type, self.publisher(message_type, topic.lstrip("/"))
        self._time = self.publisher(Clock, "/clock") if self.value("publish_clock") else None
        self._shift = self._last = 0

    def image_publishers(self) -> list[Any]:
        """The publishers of images, raw or compressed."""
        images = (bag_metadata.IMAGE, bag_metadata.COMPRESSED_IMAGE)
        kinds = bag_metadata.topic_types(self.value("bag"))
        return [publisher for topic, (_, publisher) in self._outputs.items() if kinds[topic] in images]

    def play(self) -> None:
        """Publishes the whole bag; from the second time on with later stamps."""
        first, begin, held = None, time.monotonic(), None
        for message in bag.read_bag(self.value("bag")):
            if message.topic not in self._outputs:
                continue
            if first is None:
                first = message.stamp
                # One frame's gap between the last stamp of one round and the first of the next.
                self._shift = self._last + 10**9 - first if self._last else 0
            if message.stamp != held:  # all that was recorded at one moment goes out together
                held = message.stamp
                self.pause_until(begin + (message.stamp - first) / 1e9 / self.value("rate"))
                self.flow.wait(self.stopping)
            if self.stopping.is_set():
                return
            self._publish(message)

    def _publish(self, message: bag.BagMessage) -> None:
        start = time.perf_counter()
        message_type, publisher = self._outputs[message.topic]
        content = deserialize_message(message.data, message_type)
        header = getattr(content, "header", None)
        if header is not None and self._shift:
            header.stamp.sec, header.stamp.nanosec = divmod(convert.stamp_of(header) + self._shift, 10**9)
        if message.type == bag.PART_VIEW:
            content.part_id = self.part_of_round(content.part_id)
        self._last = max(self._last, message.stamp + self._shift)
        if self._time is not None:
            clock = Clock()
            clock.clock.sec, clock.clock.nanosec = divmod(message.stamp + self._shift, 10**9)
            self._time.publish(clock)
        if message.type in (bag_metadata.IMAGE, bag_metadata.COMPRESSED_IMAGE):
            self.flow.sent(convert.stamp_of(header))
            self.health.done(1000.0 * (time.perf_counter() - start))
        publisher.publish(content)


def _message_type(name: str) -> type | None:
    package, _, kind = name.replace("/", ".").rpartition(".")
    try:
        return getattr(import_module(package), kind)
    except (ImportError, AttributeError):
        return None


def main() -> int:
    """Runs the node."""
    return run(BagPlayerNode)


if __name__ == "__main__":
    sys.exit(main())
