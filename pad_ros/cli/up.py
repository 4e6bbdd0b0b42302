"""`pad up`: starts the ROS graph where `ros2 launch` is not installed."""

from __future__ import annotations

import argparse
from pathlib import Path

from pad_ros.graph.up import run_graph


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the command's arguments."""
    parser.add_argument("--bag", type=Path, help="replay this rosbag2 instead of a camera")
    help_of_overrides = "arguments of inspection.launch.py; or node.parameter:=value, as in conveyor.gate_distance:=1.2"
    parser.add_argument("overrides", nargs="*", metavar="NAME:=VALUE", help=help_of_overrides)


def run(arguments: argparse.Namespace) -> int:
    """Runs the command."""
    return run_graph(bag=arguments.bag, overrides=arguments.overrides)
