"""`pad bag`: writes a class's test set as a rosbag2 (MCAP)."""

from __future__ import annotations

import argparse
from pathlib import Path

from pad_ros.dataset.classes import read_class
from pad_ros.sources.bag_writer import write_bag


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the command's arguments."""
    parser.add_argument("dataset", type=Path, metavar="DATASET/CLASS")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="BAG")
    parser.add_argument("--part", dest="parts", action="append", help="part to write; again for more (all)")
    parser.add_argument("--rate", type=float, default=2.0, help="images per second")


def run(arguments: argparse.Namespace) -> None:
    """Runs the command."""
    count = write_bag(read_class(arguments.dataset), arguments.output, parts=arguments.parts, rate_hz=arguments.rate)
    print(f"{arguments.output}: {count} images")
