"""The bag player: publishes a rosbag2 where `ros2 bag play` is not installed, and no faster than results come."""

from __future__ import annotations

import sys
import time
from importlib import import_module
from typing import Any

from rclpy.serialization import deserialize_message
from rosgraph_msgs.msg import Clock

from pad_ros.errors import ConfigError
from pad_ros.graph.description import OUTPUTS
from pad_ros.nodes import convert
from pad_ros.nodes.runner import run
from pad_ros.nodes.source import SourceNode
from pad_ros.sources import bag
from pad_ros.sources.bag_metadata import find_image_topic, topic_types

_LEFT_OUT = {topic.strip("/") for topic in OUTPUTS}


class BagPlayerNode(SourceNode):
    """Publishes the recorded messages on their topics (relative, so that namespace and remapping work)."""

    kind = "bag_player"

    def configure(self) -> None:
        """Opens the bag and makes a publisher per topic."""
        if not self.value("bag"):
            raise ConfigError("the parameter bag is empty: give the folder of a rosbag2")
        images = find_image_topic(self.value("bag"), self.value("image_topic"), self.get_namespace())
        self._image_topic = images.name
        end = "/compressed" if images.transport == "compressed" else ""
        renamed = {images.name.strip("/"): f"image_raw{end}"}
        if self.value("camera_info_topic"):
            renamed[self.value("camera_info_topic").strip("/")] = "camera_info"
        self._outputs: dict[str, tuple[type, Any]] = {}
        for topic, kind in topic_types(self.value("bag")).items():
            name = topic.strip("/").removeprefix(self.get_namespace().strip("/") + "/")
            message_type = _message_type(kind)
            if name in _LEFT_OUT or (name == "clock" and self.value("publish_clock")):
                self.get_logger().warning(f"{topic} is left out: the graph publishes it itself")
            elif message_type is None:
                self.get_logger().warning(f"{topic} is left out: {kind} is not installed here")
            else:
                output = renamed.get(topic.strip("/"), renamed.get(name, name))
                self._outputs[topic] = message_type, self.publisher(message_type, output)
        self._time = self.publisher(Clock, "/clock") if self.value("publish_clock") else None
        self._shift = self._last = 0

    def image_publishers(self) -> list[Any]:
        """The publisher of the images."""
        return [self._outputs[self._image_topic][1]]

    def play(self) -> None:
        """Publishes the whole bag; from the second time on with later stamps."""
        first, begin, held = None, time.monotonic(), None
        for message in bag.read_bag(self.value("bag"), self.get_logger().warning):
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
        if message.topic == self._image_topic:
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
