"""`pad demo`: replays the sample bag through the ROS nodes and writes a report."""

from __future__ import annotations

import argparse
from pathlib import Path

from pad_ros.common.resources import share_folder
from pad_ros.errors import ConfigError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the command's arguments."""
    parser.add_argument("--product", type=Path, help="instead of the sample's")
    parser.add_argument("--bag", type=Path, help="instead of the sample's")
    parser.add_argument("-o", "--output", type=Path, default=Path("demo"))


def run(arguments: argparse.Namespace) -> int:
    """Runs the command."""
    try:
        from pad_ros.nodes.demo import run_demo
    except ImportError as error:
        raise ConfigError(f"{error}; this needs ROS: run `make env`, or source your ROS 2 workspace") from None
    sample = share_folder() / "sample"
    return run_demo(arguments.product or sample / "product", arguments.bag or sample / "bag", arguments.output)
