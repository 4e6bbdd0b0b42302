"""Listens to a running graph for `demo.py`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rclpy.executors import SingleThreadedExecutor
from sensor_msgs.msg import Image

from pad_ros.msg import AnomalyResult, RejectCommand
from pad_ros.nodes import convert
from pad_ros.nodes.bystander import bystander
from pad_ros.nodes.join import Joined, Joiner
from pad_ros.nodes.qos import QOS
from pad_ros.nodes.verdicts import inspection_from_message
from pad_ros.results import Image as RgbImage
from pad_ros.results import Inspection

_PICTURES = ("overlay", "reference")


class Watcher:
    """Collects results with their pictures, and commands; `spin` hands control to ROS for a moment."""

    def __init__(self, node: Any, executor: SingleThreadedExecutor) -> None:
        self._executor = executor
        self._results: list[AnomalyResult] = []
        self._commands: list[RejectCommand] = []
        self._complete: list[Joined] = []
        # The pictures are sent before their result, but on other topics, so some may come after it.
        self._joiner = Joiner(("result",), _PICTURES, grace=1.0)
        self._joiner.expect_optional = True
        node.create_subscription(AnomalyResult, "anomaly", self._on_result, QOS["results"])
        node.create_subscription(RejectCommand, "reject", self._commands.append, QOS["results"])
        for name in _PICTURES:
            node.create_subscription(Image, f"anomaly/{name}", self._adder(name), QOS["pictures"])

    def spin(self, seconds: float = 0.1) -> None:
        """Takes what has come; returns after the first message or so many seconds."""
        self._executor.spin_once(timeout_sec=seconds)

    def take_results(self) -> list[AnomalyResult]:
        """The results since the last call."""
        taken, self._results = self._results, []
        return taken

    def take_commands(self) -> list[RejectCommand]:
        """The commands since the last call."""
        taken = list(self._commands)
        self._commands.clear()
        return taken

    def take_complete(self) -> list[tuple[AnomalyResult, Inspection, dict[str, RgbImage]]]:
        """The results, each with its inspection, whose pictures came too, or did not come in time."""
        taken, self._complete = self._complete + self._joiner.expire(), []
        return [
            (
                joined.messages["result"],
                inspection_from_message(joined.messages["result"]),
                {n: convert.image_from_message(joined.messages[n]) for n in _PICTURES if n in joined.messages},
            )
            for joined in taken
        ]

    def _on_result(self, message: AnomalyResult) -> None:
        self._results.append(message)
        self._adder("result")(message)

    def _adder(self, name: str) -> Any:
        def add(message: Any) -> None:
            self._complete += self._joiner.add(name, convert.stamp_of(message.header), message)

        return add


@contextmanager
def watch(namespace: str = "") -> Iterator[Watcher]:
    """Watches the graph in a namespace, in a context of its own."""
    with bystander("pad_watcher", namespace) as (node, executor):
        yield Watcher(node, executor)
