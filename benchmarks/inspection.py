"""How long each stage of a profile takes per image, and whether half precision changes a verdict.

    python benchmarks/inspection.py data/vehicles/police_car --profile cpu
    python benchmarks/inspection.py data/vehicles/police_car --profile paper --device cuda --half
    python benchmarks/inspection.py data/vehicles/off_road_car --product sample/product --profile fast --enlarge 2

Trains a product of the class first (`--product` keeps it, and takes its map and twin the next time), then inspects
every n-th test image, the first twice: what is compiled or loaded at first use does not count. A stage whose library
or weights are not here is done by profile `cpu`, and named so. Median milliseconds of an otherwise idle machine; CPU
seconds beside them.
"""

from __future__ import annotations

import argparse
import copy
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from splatting import machine

from pad_ros.common.progress import progress_bar, progress_bars
from pad_ros.dataset.classes import ClassData, read_class
from pad_ros.errors import BuildError, WeightsError
from pad_ros.images import read_image
from pad_ros.inspector import Inspector, create_stages
from pad_ros.lens import Lens
from pad_ros.product import Product
from pad_ros.profiles import load_profile
from pad_ros.results import Image, Inspection
from pad_ros.training import train_product

_EMBEDDED = load_profile("cpu")
# What can be exchanged by itself; the parts of localization belong together.
_PARTS = (
    ("localization", ("localization",)),
    ("segmentation", ("background", "segmentation")),
    ("inpainting", ("background", "inpainting")),
    ("backbone", ("anomaly", "backbone")),
)


def with_every(settings: Any, name: str, value: Any) -> Any:
    """A profile in which every setting of that name has this value."""
    if not isinstance(settings, dict):
        return settings
    return {key: value if key == name else with_every(own, name, value) for key, own in settings.items()}


def what_is_here(profile: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """The profile with `cpu`'s stages where its own cannot be made; and which those are, and why."""
    here, missing = copy.deepcopy(_EMBEDDED), []
    here["splatting"], here["calibration"] = profile["splatting"], profile["calibration"]
    here["anomaly"] = {**profile["anomaly"], "backbone": here["anomaly"]["backbone"]}
    for name, place in _PARTS:
        trial = copy.deepcopy(here)
        section, own = trial, profile
        for key in place[:-1]:
            section, own = section[key], own[key]
        section[place[-1]] = own[place[-1]]
        try:
            create_stages(trial)
        except (BuildError, WeightsError) as error:
            missing.append(f"{name}: profile `cpu`'s ({error})")
        else:
            here = trial
    return here, missing


def enlarged(product: Product, factor: int) -> Product:
    """The product with a camera of so many times as many pixels, both ways."""
    camera = product.camera
    return replace(product, lens=Lens(camera.resized(factor * camera.width, factor * camera.height)))


def inspect(product: Product, data: ClassData, every: int, title: str, enlarge: int) -> tuple[list[Inspection], float]:
    """The inspections of every n-th test image, and the CPU seconds of one."""
    inspector = Inspector(enlarged(product, enlarge))
    views = data.test[::every]

    def image_of(path: Path) -> Image:
        return cv2.resize(read_image(path), None, fx=enlarge, fy=enlarge, interpolation=cv2.INTER_CUBIC)

    inspector.inspect(image_of(views[0].path))
    found, seconds = [], []
    with progress_bar(title) as progress:
        for done, view in enumerate(views):
            image = image_of(view.path)
            started = time.process_time()
            found.append(inspector.inspect(image))
            seconds.append(time.process_time() - started)
            progress(done + 1, len(views), "")
    return found, float(np.median(seconds))


def row(name: str, found: list[Inspection], seconds: float) -> str:
    """A table's row: median milliseconds of each stage over the judged images."""
    judged = [inspection for inspection in found if inspection.pose is not None and not np.isnan(inspection.score)]
    stages = ("localization", "render", "background", "anomaly", "total")
    median = [np.median([i.timings[stage] for i in judged]) if judged else np.nan for stage in stages]
    times = " | ".join(f"{value:.1f}" if value < 10 else f"{value:.0f}" for value in median)
    return f"| {name} | {len(judged)}/{len(found)} | {times} | {seconds:.2f} |"


def changes(full: list[Inspection], half: list[Inspection]) -> str:
    """What half precision changed."""
    pairs = list(zip(full, half, strict=True))
    verdicts = sum(a.anomalous != b.anomalous or a.status != b.status for a, b in pairs)
    apart = [abs(a.score - b.score) / a.threshold for a, b in pairs if not np.isnan(a.score + b.score)]
    largest = f"{100 * max(apart):.2f} % of the threshold" if apart else "unknown"
    return f"half precision: {verdicts} of {len(pairs)} verdicts differ; the scores by {largest} at most"


def main() -> None:
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("class_root", type=Path, metavar="DATASET/CLASS")
    parser.add_argument("--profile", default="cpu", help="name or file")
    parser.add_argument("--preset", help="of the splats' training, instead of the profile's: fast or paper")
    parser.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda"))
    parser.add_argument("--half", action="store_true", help="compare with half precision")
    parser.add_argument("--product", type=Path, metavar="FOLDER", help="kept there; else it is made for this run alone")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="every n-th test image")
    parser.add_argument("--enlarge", type=int, default=1, metavar="N", help="images, and the camera, N times as large")
    parser.add_argument("--as-found", action="store_true", help="poses are not refined")
    arguments = parser.parse_args()
    data = read_class(arguments.class_root)
    profile = load_profile(arguments.profile)
    if arguments.preset:
        profile["splatting"]["trainer"] = {"preset": arguments.preset}
    if arguments.as_found:
        profile["localization"]["refinement"] = {"name": "as_found"}
    if arguments.device != "auto":
        profile["splatting"]["rasterizer"] = {"name": arguments.device}
    profile, missing = what_is_here(with_every(with_every(profile, "device", arguments.device), "half", False))
    with tempfile.TemporaryDirectory() as folder:
        place = arguments.product or Path(folder) / "product"
        if (place / "product.yaml").is_file():
            product = replace(Product.load(place), profile=profile, provenance={})
        else:
            with progress_bars() as stage:
                product = train_product(data, profile, place, stage=stage)
    size = f"{arguments.enlarge * data.camera.width}×{arguments.enlarge * data.camera.height}"
    print(f"{machine(arguments.device == 'cuda')}; {data.name}, {size}", *missing, sep="\n- ", end="\n\n")
    print("| profile | judged | localization | render | background | anomaly | total | CPU-s |")
    print("|---|---:|---:|---:|---:|---:|---:|---:|")
    full, seconds = inspect(product, data, arguments.every, arguments.profile, arguments.enlarge)
    print(row(arguments.profile, full, seconds), flush=True)
    if arguments.half:
        halved = replace(product, profile=with_every(product.profile, "half", True))
        half, seconds = inspect(halved, data, arguments.every, "half precision", arguments.enlarge)
        print(row(f"{arguments.profile}, half precision", half, seconds))
        print(f"\n{changes(full, half)}")


if __name__ == "__main__":
    main()
