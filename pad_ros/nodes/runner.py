"""Runs one node as a process: start, spin, and a quiet end on SIGINT or SIGTERM."""

from __future__ import annotations

import signal
import sys
import threading
import traceback

import rclpy
from rclpy.exceptions import InvalidParameterTypeException, InvalidParameterValueException
from rclpy.executors import SingleThreadedExecutor
from rclpy.lifecycle import TransitionCallbackReturn
from rclpy.signals import SignalHandlerOptions

from pad_ros.errors import PadError
from pad_ros.nodes.common import PadNode


def run(node_type: type[PadNode]) -> int:
    """Runs a node until it ends itself or a signal ends it.

    Returns:
        0 when it ended well, 1 when it could not start, 2 when a parameter or an argument was refused.
    """
    stopping = threading.Event()

    def handle_signals() -> None:
        # Again after each transition: libraries that are loaded in one install handlers of their own.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: stopping.set())

    handle_signals()
    try:
        rclpy.init(args=sys.argv, signal_handler_options=SignalHandlerOptions.NO)
    except RuntimeError as error:  # an argument after --ros-args that ROS cannot read
        print(f"{node_type.kind}: {error}", file=sys.stderr)
        return 2
    node = None
    try:
        node = node_type()
        node.after_transition = handle_signals
        if node.value("autostart") and not _start(node):
            return 0 if stopping.is_set() else 1
        handle_signals()
        _spin(node, stopping)
        return node.exit_code or 0
    except (PadError, InvalidParameterTypeException, InvalidParameterValueException) as error:
        print(f"{node_type.kind}: parameter refused: {error}", file=sys.stderr)
        return 2
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):  # the end has begun: a second Ctrl-C must not spoil it
            signal.signal(number, signal.SIG_IGN)
        if node is not None:
            _end(node)
        rclpy.try_shutdown()


def _start(node: PadNode) -> bool:
    return (
        node.trigger_configure() == TransitionCallbackReturn.SUCCESS
        and node.trigger_activate() == TransitionCallbackReturn.SUCCESS
    )


def _spin(node: PadNode, stopping: threading.Event) -> None:
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    # Python runs signal handlers between calls only, so no call may wait for long.
    while not stopping.is_set() and node.exit_code is None:
        try:
            executor.spin_once(timeout_sec=0.2)
        except Exception:  # one bad message must not end the node
            node.get_logger().error(f"a callback failed:\n{traceback.format_exc()}")
    executor.shutdown()


def _end(node: PadNode) -> None:
    node.trigger_shutdown()
    node.destroy_node()
