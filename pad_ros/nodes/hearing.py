"""Notices that a node hears nobody although others are there."""

from __future__ import annotations

import time
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray
from rclpy.node import Node

from pad_ros.graph.description import NODES
from pad_ros.graph.restarts import RETRY
from pad_ros.nodes.qos import QOS


class Hearing:
    """Ends a deaf node's process, to be started again.

    Now and then a process that is started after another was killed finds all others, and is found by them, but nothing
    that they send arrives (seen with Fast DDS 3.2, once in some thirty kills). All nodes of the graph speak once a
    second on /diagnostics: who hears none of them for long is deaf.
    """

    def __init__(self, node: Any, patience_s: float = 15.0) -> None:
        self._node: Node = node
        self._patience_s = patience_s
        self._heard: float | None = None  # when another was heard last, or found first
        node.create_subscription(DiagnosticArray, "/diagnostics", self._hear, QOS["reliable"])
        node.create_timer(1.0, self._check)

    def _hear(self, message: DiagnosticArray) -> None:
        own = f"{self._node.get_fully_qualified_name()}:"
        if any(not status.name.startswith(own) for status in message.status):
            self._heard = time.monotonic()

    def _check(self) -> None:
        now = time.monotonic()
        others = (
            info.node_name
            for info in self._node.get_publishers_info_by_topic("/diagnostics")
            if info.node_namespace == self._node.get_namespace() and info.node_name in NODES
        )
        if not set(others) - {self._node.get_name()}:
            self._heard = None
        elif self._heard is None:
            self._heard = now
        elif now - self._heard > self._patience_s:
            self._node.get_logger().error("hears none of the other nodes, though they are there: to be started again")
            self._node.exit_code = RETRY  # type: ignore[attr-defined]
