"""What all nodes share: parameters from the graph's description, life cycle, diagnostics, subscriptions."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from typing import Any, ClassVar

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from rcl_interfaces.msg import SetParametersResult
from rclpy.duration import Duration
from rclpy.lifecycle import LifecycleNode, TransitionCallbackReturn
from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import Header

from pad_ros.errors import PadError
from pad_ros.graph.description import NODES
from pad_ros.nodes.health import Health
from pad_ros.nodes.hearing import Hearing
from pad_ros.nodes.parameters import change_problem, declare_parameters
from pad_ros.nodes.qos import QOS
from pad_ros.nodes.worker import Worker


class PadNode(LifecycleNode):
    """Base of all nodes; `kind` names the node in `graph.description.NODES`.

    Sub-classes override `configure` (load, make publishers), `activate` (warm up, subscribe) and `deactivate`.
    Each may raise a PadError, which fails the transition with one line.
    """

    kind = ""
    set_by: ClassVar[dict[str, str]] = {}  # parameters that change while the node runs, by which of its services

    def __init__(self) -> None:
        """Declares the parameters.

        Raises:
            ConfigError: one has a value that it must not have.
        """
        super().__init__(self.kind)
        self.health = Health()
        self.worker: Worker | None = None
        self.exit_code: int | None = None  # set to end the process
        self.after_transition: Callable[[], None] = lambda: None
        self._subscribed: list[Any] = []
        self._publishers_made: list[Any] = []
        self._timers_of_activation: list[Any] = []
        self.configured = False
        self.setting_own = False  # a parameter of `set_by`
        self._faulty = False
        declare_parameters(self, NODES[self.kind], self.set_by)
        self.add_on_set_parameters_callback(self._check_parameters)
        self._diagnostics = self.create_publisher(DiagnosticArray, "/diagnostics", QOS["reliable"])
        self.create_timer(1.0, self._publish_diagnostics)
        self._hearing = Hearing(self)

    # What sub-classes override.

    def configure(self) -> None:
        """Loads what the node needs and makes its publishers."""

    def activate(self) -> None:
        """Warms up and subscribes."""

    def deactivate(self) -> None:
        """Ends what `activate` began, beyond subscriptions, timers and the worker."""

    def left_over(self, items: list[Any]) -> None:
        """Answers for the worker's items that will not be processed, before `deactivate`."""

    def diagnostics(self) -> dict[str, str]:
        """More names and values for /diagnostics."""
        return {}

    def fault(self) -> str:
        """What is wrong so that somebody must come; empty when nothing is."""
        return ""

    def warning(self) -> str:
        """What somebody should know as long as it is so; empty when there is nothing."""
        return ""

    # What sub-classes use.

    def value(self, name: str) -> Any:
        """A parameter's value."""
        return NODES[self.kind].parameter(name).expanded(self.get_parameter(name).value)

    def publisher(self, kind: type, topic: str, qos: str = "reliable") -> Any:
        """Makes a publisher that is silent while the node is inactive."""
        self._publishers_made.append(self.create_lifecycle_publisher(kind, topic, QOS[qos]))
        return self._publishers_made[-1]

    def subscribe(self, kind: type, topic: str, callback: Callable[[Any], None], qos: str = "reliable") -> Any:
        """Subscribes until the node is deactivated.

        What its publisher has kept comes too; whoever subscribes tells history by what it has seen, not by clocks,
        which differ between hosts.
        """
        self._subscribed.append(self.create_subscription(kind, topic, callback, QOS[qos]))
        return self._subscribed[-1]

    def unsubscribe(self, subscription: Any) -> None:
        """Ends a subscription before the node is deactivated."""
        self._subscribed.remove(subscription)
        self.destroy_subscription(subscription)

    def subscribe_images(self, callback: Callable[[Any], None]) -> None:
        """Subscribes to the images in the transport and QoS that the parameters name."""
        compressed = self.value("image_transport") == "compressed"
        kind, topic = (CompressedImage, "image_raw/compressed") if compressed else (Image, "image_raw")
        self.subscribe(kind, topic, callback, self.value("image_qos"))

    def every(self, seconds: float, callback: Callable[[], None]) -> None:
        """Calls back regularly until the node is deactivated."""
        self._timers_of_activation.append(self.create_timer(seconds, callback))

    # The life cycle.

    def on_configure(self, state: Any) -> TransitionCallbackReturn:
        """Loads; fails with one line when something is missing or broken."""
        return self._transition("configure", self.configure) or super().on_configure(state)

    def on_activate(self, state: Any) -> TransitionCallbackReturn:
        """Begins to work."""
        result = super().on_activate(state)  # first, so that publishers speak when the first message comes
        failure = self._transition("activate", self.activate)
        if failure is None:
            self.get_logger().info("ready")
        return failure or result

    def on_deactivate(self, state: Any) -> TransitionCallbackReturn:
        """Finishes the message at hand and stops."""
        self._stop()
        return super().on_deactivate(state)

    def on_shutdown(self, state: Any) -> TransitionCallbackReturn:
        """Stops for good; what was said last is delivered before the process ends."""
        self._stop()
        for publisher in self._publishers_made:
            publisher.wait_for_all_acked(Duration(seconds=1))
        return super().on_shutdown(state)

    def _transition(self, name: str, action: Callable[[], None]) -> TransitionCallbackReturn | None:
        """Runs a step; None when it went well (rclpy itself would swallow what it raises)."""
        try:
            action()
        except PadError as error:
            self.get_logger().error(f"cannot {name}: {error}")
        except Exception:
            self.get_logger().error(f"cannot {name}:\n{traceback.format_exc()}")
        else:
            self.configured = True
            self.after_transition()
            return None
        self._stop()
        return TransitionCallbackReturn.FAILURE

    def _stop(self) -> None:
        for subscription in self._subscribed:
            self.destroy_subscription(subscription)
        for timer in self._timers_of_activation:
            self.destroy_timer(timer)
        self._subscribed, self._timers_of_activation = [], []
        if self.worker is not None:
            worker, self.worker = self.worker, None
            self.left_over(worker.stop())
        self.deactivate()

    def _check_parameters(self, parameters: list[Any]) -> SetParametersResult:
        problem = "" if self.setting_own else change_problem(NODES[self.kind], self.set_by, parameters)
        return SetParametersResult(successful=not problem, reason=problem)

    # Diagnostics.

    def _publish_diagnostics(self) -> None:
        values = {**self.health.summary(), "queue": str(len(self.worker or ())), **self.diagnostics()}
        fault, warning = self.fault(), self.health.warning or self.warning()
        if bool(fault) != self._faulty:  # also for who reads the log alone
            self._faulty = bool(fault)
            if fault:
                self.get_logger().error(fault)
            else:
                self.get_logger().info("no fault any more")
        level = DiagnosticStatus.ERROR if fault else DiagnosticStatus.WARN if warning else DiagnosticStatus.OK
        status = DiagnosticStatus(
            level=level,
            name=f"{self.get_fully_qualified_name()}: inspection",
            message=fault or warning or "running",
            hardware_id=values.get("product", ""),
            values=[KeyValue(key=key, value=value) for key, value in values.items()],
        )
        self._diagnostics.publish(DiagnosticArray(status=[status], header=_now(self)))


def _now(node: PadNode) -> Any:
    return Header(stamp=node.get_clock().now().to_msg())
