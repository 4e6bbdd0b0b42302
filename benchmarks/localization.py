"""How well and how fast features and matchers localise the test images of classes with known poses.

    python benchmarks/localization.py data/vehicles/police_car --way sift --way aliked+lightglue --every 3

Builds the map from all training views, localises every n-th test image, good or not, and prints a Markdown table.
Right is a pose within 1° and 1 % of the distance. The displacement is how far the map's points lie from where they
should in the image, in pixels, their mean, over all localised images. Seconds are CPU time, so that others' load does
not count; the map's are for the whole class.
`--product PRODUCT` takes a product's map and twin instead, and shows its poses as found and refined.
`--profile FILE` adds a profile's own way. All but `sift` need `make paper`.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from splatting import machine

from pad_ros.common.progress import progress_bar
from pad_ros.dataset.classes import ClassData, read_class
from pad_ros.dataset.cutouts import read_cutouts
from pad_ros.errors import NotLocalizedError
from pad_ros.geometry import is_right, pose_error
from pad_ros.images import read_image
from pad_ros.inspector import Inspector
from pad_ros.localization.front_end import FrontEnd, create_front_end
from pad_ros.localization.localizer import create_localizer
from pad_ros.localization.map_builder import build_map
from pad_ros.localization.pnp import project
from pad_ros.localization.sfm_map import SfmMap
from pad_ros.product import Product
from pad_ros.profiles import load_profile
from pad_ros.results import Image, PoseEstimate

_HEADER = (
    "| class | way | right | wrong | no pose | displacement px, median / p95 | map CPU-s | points | MB | one CPU-s |\n"
    "|---|---|---:|---:|---:|---:|---:|---:|---:|---:|"
)
_CPU = load_profile("cpu")["localization"]
_MAP = {**_CPU["map"], "max_error_px": 4.0}  # hloc's
_LIGHTGLUE = {"matcher": {"name": "lightglue"}, "map": _MAP}
WAYS: dict[str, dict[str, Any]] = {
    "sift": _CPU,
    "aliked": {**_CPU, "features": {"name": "aliked"}},
    "aliked+lightglue": {**_LIGHTGLUE, "features": {"name": "aliked"}, "localizer": {"name": "views"}},
    "aliked+lightglue, 5 views, 3 px": {
        **_LIGHTGLUE,
        "features": {"name": "aliked"},
        "localizer": {"name": "views", "views": 5, "max_error_px": 3.0},
    },
    "disk+lightglue": {**_LIGHTGLUE, "features": {"name": "disk"}, "localizer": {"name": "views"}},
}


def make_map(data: ClassData, way: str, localization: dict[str, Any], front_end: FrontEnd) -> tuple[SfmMap, float]:
    """Builds the map of a class; also the CPU seconds that it took."""
    cutouts = read_cutouts(data)
    started = time.process_time()
    with progress_bar(f"{data.name} {way} map") as progress:
        sfm_map = build_map(
            [cutout.image for cutout in cutouts],
            [cutout.alpha for cutout in cutouts],
            data.camera,
            [cutout.object_from_camera for cutout in cutouts],
            front_end,
            progress=progress,
            **localization["map"],
        )
    return sfm_map, time.process_time() - started


def measure(data: ClassData, way: str, localization: dict[str, Any], every: int, maps: dict[str, Any]) -> str:
    """Builds a map, or takes that of another way with the same, and localises; the table's row."""
    front_end = create_front_end(localization)
    key = json.dumps({**localization, "localizer": None, "class": data.name})
    maps[key] = maps.get(key) or make_map(data, way, localization, front_end)
    sfm_map, map_seconds = maps[key]
    localizer = create_localizer(localization["localizer"], sfm_map, data.camera, front_end)
    return row(data, way, localizer.localize, sfm_map, map_seconds, every)


def measure_product(data: ClassData, product: Product, every: int) -> list[str]:
    """Localises with a product, without and with its refinement; the table's rows."""
    rows = []
    for way, refinement in (("as found", {"name": "as_found"}), ("refined", {"name": "edges"})):
        local = {**product.profile["localization"], "refinement": refinement}
        inspector = Inspector(replace(product, profile={**product.profile, "localization": local}))
        rows.append(row(data, way, inspector.localize, product.sfm_map, np.nan, every))
    return rows


def row(
    data: ClassData,
    way: str,
    localize: Callable[[Image], PoseEstimate],
    sfm_map: SfmMap,
    map_seconds: float,
    every: int,
) -> str:
    """Localises every n-th test image; the table's row."""
    views = data.test[::every]
    right, missing, moved, seconds = 0, 0, [], []
    with progress_bar(f"{data.name} {way}") as progress:
        for done, view in enumerate(views):
            image = read_image(view.path)
            started = time.process_time()
            try:
                pose = localize(image).object_from_camera
            except NotLocalizedError:
                missing += 1
            else:
                degrees, distance = pose_error(pose, view.object_from_camera)
                right += is_right(degrees, distance)
                there, should = (project(data.camera, p, sfm_map.points)[0] for p in (pose, view.object_from_camera))
                moved.append(np.linalg.norm(there - should, axis=1).mean())
            seconds.append(time.process_time() - started)
            progress(done + 1, len(views), "")
    median, p95 = np.percentile(moved, [50, 95]) if moved else (np.nan, np.nan)
    return (
        f"| {data.name} | {way} | {right}/{len(views)} | {len(moved) - right} | {missing} | {median:.2f} / {p95:.2f} "
        f"| {map_seconds:.0f} | {len(sfm_map.points)} | {megabytes(sfm_map):.1f} | {np.median(seconds):.2f} |"
    )


def megabytes(sfm_map: SfmMap) -> float:
    """The size of the map's file."""
    with tempfile.TemporaryDirectory() as folder:
        sfm_map.save(Path(folder) / "map.npz")
        return (Path(folder) / "map.npz").stat().st_size / 1e6


def main() -> None:
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("classes", type=Path, nargs="+", metavar="DATASET/CLASS")
    parser.add_argument("--way", action="append", choices=WAYS, help="again for more")
    parser.add_argument("--profile", action="append", default=[], help="the way of a profile; again for more")
    parser.add_argument("--product", type=Path, help="of the class: its poses as found and refined")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="every n-th test image")
    arguments = parser.parse_args()
    ways = {name: WAYS[name] for name in arguments.way or ([] if arguments.profile else ["sift"])}
    ways |= {name: load_profile(name)["localization"] for name in arguments.profile}
    print(f"{machine()}\n\n{_HEADER}", flush=True)
    maps: dict[str, Any] = {}
    for root in arguments.classes:
        data = read_class(root)
        if arguments.product:
            print("\n".join(measure_product(data, Product.load(arguments.product), arguments.every)), flush=True)
            continue
        for way, localization in ways.items():
            print(measure(data, way, localization, arguments.every, maps), flush=True)


if __name__ == "__main__":
    main()
