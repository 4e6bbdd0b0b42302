"""Notices that a node hears nothing although others speak."""

from __future__ import annotations

import time
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray

from pad_ros.graph.description import NODES
from pad_ros.graph.restarts import RETRY
from pad_ros.nodes.qos import QOS

STAGES = ("localization", "background", "anomaly", "conveyor")
_WORK = ("processed", "failures", "drops")  # what counts images in a stage's diagnostics
_FEWEST = 3  # images


class Hearing:
    """Ends a deaf node's process, to be started again.

    Now and then a process that is started after another was killed finds all others, and is found by them, but nothing
    that they send arrives, or only some of it (seen with Fast DDS 3.2, once in some thirty kills). All nodes of the
    graph speak once a second on /diagnostics: who hears none of them for long is deaf, and so is a stage that gets no
    message while the others work on images, of each of which every stage gets some.
    """

    def __init__(self, node: Any, patience_s: float = 15.0) -> None:
        """Begins to listen.

        Args:
            node: counts its messages in `received`, and has subscriptions in `subscribed` while it is active.
            patience_s: for so long it may hear nothing.
        """
        self._node, self._patience_s = node, patience_s
        self._heard: float | None = None  # when another was heard last, or found first
        self._work: dict[str, float] = {}  # of each other stage
        self._received, self._since, self._work_then = -1, 0.0, 0.0  # messages, since when so many, and the work then
        node.create_subscription(DiagnosticArray, "/diagnostics", self._hear, QOS["reliable"])
        node.create_timer(1.0, self._check)

    def _hear(self, message: DiagnosticArray) -> None:
        for status in message.status:
            name = status.name.partition(":")[0]
            if name == self._node.get_fully_qualified_name():
                continue
            self._heard = time.monotonic()
            space, _, stage = name.rpartition("/")
            if stage in STAGES and (space or "/") == self._node.get_namespace():
                values = {value.key: value.value for value in status.values}
                self._work[stage] = sum(float(values.get(key, 0)) for key in _WORK)

    def _check(self) -> None:
        if self._is_lonely() or self._is_left_out():
            self._node.get_logger().error("hears nothing of the other nodes, though they speak: to be started again")
            self._node.exit_code = RETRY

    def _is_lonely(self) -> bool:
        """Whether others are there, and none was heard for long."""
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
        return self._heard is not None and now - self._heard > self._patience_s

    def _is_left_out(self) -> bool:
        """Whether this stage, active, got no message for long while the others worked."""
        now, work = time.monotonic(), sum(self._work.values())
        if self._node.received != self._received or not self._node.subscribed or self._node.get_name() not in STAGES:
            self._received, self._since, self._work_then = self._node.received, now, work
        self._work_then = min(self._work_then, work)  # a node that was started again counts anew
        return now - self._since > self._patience_s and work - self._work_then >= _FEWEST
