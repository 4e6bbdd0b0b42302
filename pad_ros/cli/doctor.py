"""`pad doctor`: says what of the environment works, and what to do about the rest."""

from __future__ import annotations

import argparse
import importlib.util
import os
import platform
import shutil
import subprocess
from collections.abc import Callable

from pad_ros.errors import PadError

# A check returns what it found; it raises with what is missing and how to get it.
Check = Callable[[], str]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the command's arguments: none."""


def run(arguments: argparse.Namespace) -> int:
    """Prints one line per check; returns 1 when something that every inspection needs does not work."""
    failed = False
    for name, needed, check in CHECKS:
        try:
            mark, text = "ok  ", check()
        except Exception as error:  # whatever is broken, the other checks still run
            mark, text = ("FAIL" if needed else "  - "), f"{error}"
            failed |= needed
        print(f"{mark} {name:<12} {text}")
    return int(failed)


def _python() -> str:
    return f"{platform.python_version()}, {platform.machine()}, {os.cpu_count()} cores"


def _rasterizer() -> str:
    from pad_ros.splatting.rasterize import create_rasterizer

    create_rasterizer({"name": "cpu"})
    return "compiled CPU rasterizer"


def _weights() -> str:
    from pad_ros.anomaly.backbone import create_backbone

    create_backbone({"name": "efficientnet_lite0"})
    return "EfficientNet-Lite0, checksum right"


def _sample() -> str:
    from pad_ros.common.resources import share_folder
    from pad_ros.product import Product

    product = Product.load(share_folder() / "sample" / "product")
    return f"product {product.name!r} loads"


def _ros() -> str:
    try:
        from pad_ros.nodes.installation import describe_ros
    except ImportError as error:
        raise PadError(f"{error}; run `make env`, or source your ROS 2 workspace") from None
    return describe_ros()


def _launch() -> str:
    if importlib.util.find_spec("launch_ros") is None:
        raise PadError("not installed; `pad up` starts the same graph")
    return "ros2 launch pad_ros inspection.launch.py"


def _gpu() -> str:
    if shutil.which("nvidia-smi") is None:
        raise PadError("none; profile cpu needs none")
    query = ["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"]
    return subprocess.run(query, capture_output=True, text=True, check=True, timeout=10).stdout.strip()


def _blender() -> str:
    from pad_ros.synthesis.blender import blender_version, find_blender

    return f"{blender_version(find_blender())}, for `pad synth`"


CHECKS: tuple[tuple[str, bool, Check], ...] = (
    ("Python", True, _python),
    ("rasterizer", True, _rasterizer),
    ("weights", True, _weights),
    ("sample", True, _sample),
    ("ROS 2", False, _ros),
    ("ros2 launch", False, _launch),
    ("GPU", False, _gpu),
    ("Blender", False, _blender),
)
