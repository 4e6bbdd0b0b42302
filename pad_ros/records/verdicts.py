"""The row of a verdict: `pad inspect` and the graph's records node make it by the same function."""

from __future__ import annotations

import hashlib
import math
import platform
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np
import yaml

import pad_ros
from pad_ros.anomaly.calibration import Calibration
from pad_ros.errors import ProductError
from pad_ros.product import CALIBRATION, MANIFEST, Product
from pad_ros.records.models import ProductRow, RegionRow, View, number, uid_of
from pad_ros.results import Inspection, PoseEstimate, Region, RegionKind, Status

# What a score depends on, beside the product.
_LIBRARIES = ("numpy", "opencv-python-headless", "onnxruntime", "pycolmap", "scipy")


@dataclass(frozen=True)
class Seen:
    """Which image a verdict is on.

    `image` is its file, or its camera and stamp; `stamp` is the camera's and `arrival` the judging process's steady
    clock, nanoseconds; `view_count` 0 when unknown.
    """

    image: str
    stamp: int
    arrival: int
    run: int = 0
    part_id: str = ""
    view_index: int = 0
    view_count: int = 1


def view_row(seen: Seen, inspection: Inspection, product: str, checksum: str, station: str) -> View:
    """The row of a verdict on an image, without its picture; numbers as exact as messages carry them (float32)."""
    return View(
        uid=uid_of("view", station, checksum, seen.arrival, seen.run, seen.stamp, seen.image),
        station=station,
        image=seen.image,
        picture=None,
        stamp=seen.stamp,
        arrival=seen.arrival,
        run=seen.run,
        product=product,
        product_checksum=checksum,
        part_id=seen.part_id or seen.image,
        view_index=seen.view_index,
        view_count=seen.view_count,
        status=inspection.status.name,
        reason=inspection.reason,
        score=number(np.float32(inspection.score)),
        threshold=number(np.float32(inspection.threshold)),
        anomalous=bool(inspection.anomalous),
        pose=None if inspection.pose is None else np.round(inspection.pose.object_from_camera, 9).tolist(),
        inliers=0 if inspection.pose is None else inspection.pose.inliers,
        timings={stage: round(float(ms), 3) for stage, ms in inspection.timings.items()},
        versions=versions(),
        regions=[_region_row(region) for region in inspection.regions],
    )


def inspection_of(view: View) -> Inspection:
    """The verdict that a row holds; the arrays are not kept."""
    pose = None if view.pose is None else PoseEstimate(np.array(view.pose), view.inliers, 0, float("nan"))
    return Inspection(
        Status[view.status],
        view.reason,
        score=math.nan if view.score is None else view.score,
        threshold=math.nan if view.threshold is None else view.threshold,
        anomalous=view.anomalous,
        regions=[
            Region(RegionKind[r.kind.upper()], (r.x, r.y, r.width, r.height), r.peak, r.area) for r in view.regions
        ],
        pose=pose,
        timings=view.timings,
    )


def product_row(product: Product, folder: Path | str, station: str) -> ProductRow:
    """The row of a product that images are judged by."""
    return _product_row(product.name, product.checksum, product.calibration, folder, station)


def product_row_of(folder: Path | str, name: str, checksum: str, station: str) -> ProductRow:
    """The same, from the folder's calibration alone: who only keeps records need not load the twin.

    Raises:
        ProductError: the calibration cannot be read, or belongs to another product.
    """
    folder = Path(folder)
    try:
        if hashlib.sha256((folder / MANIFEST).read_bytes()).hexdigest() != checksum:
            raise ProductError(f"{folder}: is no longer the product {name!r} that images are judged by")
        content = yaml.safe_load((folder / CALIBRATION).read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise ProductError(f"{folder / CALIBRATION}: unreadable ({error})") from None
    return _product_row(name, checksum, Calibration.from_dict(content), folder, station)


@cache
def versions() -> str:
    """What judged: pad_ros and the libraries that a score depends on."""
    found = [f"pad_ros {pad_ros.__version__}", f"python {platform.python_version()}"]
    for library in _LIBRARIES:
        try:
            found.append(f"{library} {version(library)}")
        except PackageNotFoundError:  # of the system, under another name
            continue
    return ", ".join(found)


def _product_row(name: str, checksum: str, calibration: Calibration, folder: Path | str, station: str) -> ProductRow:
    return ProductRow(
        uid=uid_of("product", station, checksum),
        station=station,
        name=name,
        checksum=checksum,
        folder=str(Path(folder).resolve()),
        threshold=calibration.threshold,
        scores=list(calibration.scores),
    )


def _region_row(region: Region) -> RegionRow:
    x, y, width, height = map(int, region.box)
    kind, peak, area = region.kind.name.lower(), float(np.float32(region.peak)), int(region.area)
    return RegionRow(kind=kind, x=x, y=y, width=width, height=height, peak=peak, area=area)
