"""Hears how far the belt has run."""

from __future__ import annotations

import math
import time
from typing import Any

from sensor_msgs.msg import JointState
from std_msgs.msg import Float64, Int64

from pad_ros.conveyor.belt import Belt, MeasuredBelt, SteadyBelt
from pad_ros.graph.line import BELTS
from pad_ros.nodes.common import PadNode


class BeltListener:
    """The belt as the node's parameters say; `subscribe` begins to hear of it.

    What counts is when a message comes: the encoder's clock may be another host's.
    """

    def __init__(self, node: PadNode) -> None:
        """Makes `belt`.

        Raises:
            ConfigError: a number out of range.
        """
        self._node, self._kind = node, node.value("belt")
        self._joint, self._metres = node.value("belt_joint"), node.value("metres_per_tick")
        speed = node.value("belt_speed")
        self.belt: Belt = SteadyBelt(speed)
        if self._kind != "steady":
            counts = self._kind != "speed"
            restart_m = node.value("gate_distance") or 1.0
            self._measured = self.belt = MeasuredBelt(speed, node.value("belt_silence"), counts, restart_m)

    def subscribe(self) -> None:
        """Subscribes until the node is deactivated; to any publisher, whatever its reliability."""
        if self._kind == "steady":
            return
        kind, hear = {
            "speed": (Float64, lambda m: self._measured.runs_at(m.data, time.monotonic())),
            "ticks": (Int64, lambda m: self._measured.moved_to(m.data * self._metres, time.monotonic())),
            "joint_state": (JointState, self._on_joints),
        }[self._kind]
        self._node.subscribe(kind, self._node.value("belt_topic") or BELTS[self._kind], hear, "sensor_data")

    def _on_joints(self, message: Any) -> None:
        names = list(message.name)
        index = names.index(self._joint) if self._joint in names else None if self._joint else 0
        if index is not None and index < len(message.position) and math.isfinite(message.position[index]):
            self._measured.moved_to(message.position[index] * self._metres, time.monotonic())
        elif index is not None and index < len(message.velocity):
            self._measured.runs_at(message.velocity[index] * self._metres, time.monotonic())
