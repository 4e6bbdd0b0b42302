"""`pad doctor`: says what of the environment works, and what to do about the rest."""

from __future__ import annotations

import argparse
import importlib.util
import os
import platform
import shutil
import subprocess
from collections.abc import Callable, Iterator
from typing import Any

from pad_ros.errors import BuildError, PadError

# A check returns what it found; it raises with what is missing and how to get it.
Check = Callable[[], str]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the command's arguments: none."""


def run(arguments: argparse.Namespace) -> int:
    """Prints one line per check; returns 1 when something that every inspection needs does not work."""
    failed = False
    for name, needed, check in CHECKS:
        failed |= not _print(name, needed, check)
    print("profile paper:")
    for name, check in _paper_checks():
        _print(name, False, check)
    return int(failed)


def _print(name: str, needed: bool, check: Check) -> bool:
    """Prints a check's line; whether all is well, or not needed."""
    try:
        print(f"ok   {name:<12} {check()}", flush=True)
    except Exception as error:  # whatever is broken, the other checks still run
        print(f"{'FAIL' if needed else '  - '} {name:<12} {error}", flush=True)
        return not needed
    return True


def _paper_checks() -> Iterator[tuple[str, Check]]:
    """The stages of profile `paper` that need more than profile `cpu`, each made as an inspection makes it."""
    from pad_ros.anomaly.backbone import create_backbone
    from pad_ros.background.inpainting import create_inpainter
    from pad_ros.background.segmentation import create_segmenter
    from pad_ros.localization.features import create_features
    from pad_ros.localization.matcher import create_matcher
    from pad_ros.localization.retrieval import create_retrieval
    from pad_ros.profiles import load_profile

    profile = load_profile("paper")
    localization, background = profile["localization"], profile["background"]
    features = localization["features"]
    yield "features", _loads(create_features, features)
    yield "matcher", _loads(create_matcher, localization["matcher"], features["name"])
    yield "retrieval", _loads(create_retrieval, localization["retrieval"])
    yield "segmentation", _loads(create_segmenter, background["segmentation"])
    yield "inpainting", _loads(create_inpainter, background["inpainting"])
    yield "backbone", _loads(create_backbone, profile["anomaly"]["backbone"])
    yield "rasterizer", _cuda_rasterizer
    yield "weights", _paper_weights


def _loads(create: Callable[..., object], settings: dict[str, Any], *more: str) -> Check:
    def check() -> str:
        create(settings, *more)
        return f"{settings.get('model', settings['name'])} loads"

    return check


def _cuda_rasterizer() -> str:
    from pad_ros.splatting.rasterize import create_rasterizer

    try:
        create_rasterizer({"name": "cuda"})
    except BuildError as error:
        raise PadError(f"the CPU's: {error}") from None
    return "gsplat"


def _paper_weights() -> str:
    from pad_ros.weights.cache import path_of, select_weights

    wanted = select_weights([], "paper")
    missing = [w.name for w in wanted if not all(path_of(w, file).is_file() for file in w.files)]
    if missing:
        raise PadError(f"{len(missing)} of {len(wanted)} are not here: `pad weights fetch {' '.join(missing)}`")
    return f"{len(wanted)} of {len(wanted)} are here; `pad weights verify` compares their checksums"


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


def _plc() -> str:
    from pad_ros.conveyor.plc import create_plc

    create_plc({"name": "modbus", "address": "plc"}).close()
    create_plc({"name": "modbus", "address": "/dev/ttyUSB0"}).close()
    create_plc({"name": "opcua", "address": "opc.tcp://plc"}).close()
    return "drivers modbus (TCP, RTU) and opcua load"


def _page() -> str:
    try:
        import pad_ros.dashboard.serve  # noqa: F401
    except ImportError as error:
        raise PadError(f"{error}; pip install -r requirements/dashboard.txt") from None
    return "can be served: dashboard:=true"


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
    ("PLC", False, _plc),
    ("page", False, _page),
    ("GPU", False, _gpu),
    ("Blender", False, _blender),
)
