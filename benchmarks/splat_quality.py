"""How good the splats of classes get, on views held out from training, and how fast.

    python benchmarks/splat_quality.py data/vehicles/off_road_car --preset fast --preset paper --at 30 --at 300

Trains on all but every 8th view and prints a Markdown table: one row per class and preset, at each time mark and at the
end. Seconds are those of training, without reading and measuring. `--set NAME=VALUE` changes a setting of all presets,
`--points MAP` starts from the SfM points of a product's map.npz ("paper" needs some; without, they are made first).
`--rasterizer cuda` trains and measures on the GPU.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import yaml
from splatting import machine

from pad_ros.common.progress import progress_bar
from pad_ros.dataset.classes import ClassData, read_class
from pad_ros.dataset.cutouts import Cutout, read_cutouts
from pad_ros.localization.front_end import create_front_end
from pad_ros.localization.map_builder import build_map
from pad_ros.localization.sfm_map import SfmMap
from pad_ros.profiles import load_profile
from pad_ros.splatting.gaussians import Gaussians
from pad_ros.splatting.quality import Quality, measure_quality
from pad_ros.splatting.rasterize import Rasterizer, create_rasterizer
from pad_ros.splatting.settings import RASTERIZERS, TrainerSettings, describe_settings, resolve_settings
from pad_ros.splatting.trainer import train_splats
from pad_ros.splatting.views import View, make_views

_HOLDOUT_EVERY = 8
_HEADER = (
    "| class | preset | at | iterations | seconds (CPU) | Gaussians "
    "| PSNR inside dB | PSNR dB | SSIM inside | mask IoU | holes open % |\n"
    "|---|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|"
)


@dataclass(frozen=True)
class Row:
    """One measurement."""

    name: str
    preset: str
    at: str  # a time mark, or "end"
    iterations: int
    seconds: float
    cpu_seconds: float
    gaussians: int
    quality: Quality

    def __str__(self) -> str:
        q = self.quality
        holes = "–" if math.isnan(q.holes_open) else f"{100 * q.holes_open:.0f}"
        return (
            f"| {self.name} | {self.preset} | {self.at} | {self.iterations} "
            f"| {self.seconds:.0f} ({self.cpu_seconds:.0f}) | {self.gaussians} "
            f"| {q.psnr_inside:.2f} | {q.psnr:.2f} | {q.ssim_inside:.4f} "
            f"| {q.mask_iou:.4f} | {holes} |"
        )


class Observer:
    """Measures at the time marks, with the clocks stopped."""

    def __init__(self, views: list[View], name: str, preset: str, marks: list[float], rasterizer: Rasterizer) -> None:
        self.rows: list[Row] = []
        self._views = views
        self._labels = name, preset
        self._marks = sorted(marks)
        self._rasterizer = rasterizer
        self._done = 0
        self._wall, self._cpu = time.perf_counter(), time.process_time()

    def __call__(self, done: int, present: Callable[[], Gaussians]) -> None:
        """Called by training."""
        self._done = done
        if self._marks and time.perf_counter() - self._wall >= self._marks[0]:
            self.measure(present(), f"{self._marks.pop(0):g} s")

    def measure(self, gaussians: Gaussians, at: str) -> None:
        """Adds a row."""
        seconds, cpu_seconds = time.perf_counter() - self._wall, time.process_time() - self._cpu
        quality = measure_quality(gaussians, self._views, self._rasterizer)
        self.rows.append(Row(*self._labels, at, self._done, seconds, cpu_seconds, len(gaussians), quality))
        self._wall, self._cpu = time.perf_counter() - seconds, time.process_time() - cpu_seconds


def sfm_points(data: ClassData, used: list[Cutout]) -> SfmMap:
    """The map of the training views, with the profile `cpu`'s settings."""
    settings = load_profile("cpu")["localization"]
    with progress_bar(f"{data.name} map") as progress:
        return build_map(
            [cutout.image for cutout in used],
            [cutout.alpha for cutout in used],
            data.camera,
            [cutout.object_from_camera for cutout in used],
            create_front_end(settings),
            progress=progress,
            **settings["map"],
        )


def measure_class(
    root: Path, presets: dict[str, TrainerSettings], rasterizer: Rasterizer, arguments: argparse.Namespace
) -> Iterator[Row]:
    """Trains a class with each preset."""
    data = read_class(root)
    cutouts = read_cutouts(data)
    held_out = cutouts[_HOLDOUT_EVERY - 1 :: _HOLDOUT_EVERY]
    used = [cutout for index, cutout in enumerate(cutouts) if index % _HOLDOUT_EVERY != _HOLDOUT_EVERY - 1]
    views = make_views(*columns(held_out)[:2], data.camera, columns(held_out)[2])
    sfm_map = SfmMap.load(arguments.points) if arguments.points else sfm_points(data, used)
    images, alphas, poses = columns(used)
    for preset, settings in presets.items():
        observer = Observer(views, data.name, preset, arguments.at, rasterizer)
        with progress_bar(f"{data.name} {preset}") as progress:
            gaussians = train_splats(
                images,
                alphas,
                data.camera,
                poses,
                sfm_map.points,
                sfm_map.colors,
                settings,
                seed=arguments.seed,
                progress=progress,
                watch=observer,
            )
        observer.measure(gaussians, "end")
        yield from observer.rows


def columns(cutouts: list[Cutout]) -> tuple[list[Any], list[Any], list[Any]]:
    """Images, alphas and poses of cut-outs."""
    return ([c.image for c in cutouts], [c.alpha for c in cutouts], [c.object_from_camera for c in cutouts])


def main() -> None:
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("classes", type=Path, nargs="+", metavar="DATASET/CLASS")
    parser.add_argument("--preset", action="append", help="fast or paper; again for more (both)")
    parser.add_argument("--at", type=float, action="append", default=[], metavar="SECONDS", help="also measure then")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="a setting of all presets")
    parser.add_argument("--points", type=Path, metavar="MAP", help="start from these SfM points")
    parser.add_argument("--rasterizer", choices=RASTERIZERS, default="cpu", help="that trains and measures")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the rows and settings there")
    arguments = parser.parse_args()
    changes = {name: yaml.safe_load(value) for name, _, value in (word.partition("=") for word in arguments.set)}
    changes["rasterizer"] = arguments.rasterizer
    presets = {name: resolve_settings({"preset": name, **changes}) for name in arguments.preset or ["fast", "paper"]}
    rasterizer = create_rasterizer({"name": arguments.rasterizer})  # first: gsplat's compilation is no training
    device = machine(cuda=arguments.rasterizer == "cuda")
    print(f"{device}; every {_HOLDOUT_EVERY}th view held out{''.join(f', {word}' for word in arguments.set)}\n")
    print(_HEADER, flush=True)
    rows = []
    for root in arguments.classes:
        for row in measure_class(root, presets, rasterizer, arguments):
            rows.append(asdict(row))
            print(row, flush=True)
    if arguments.json:
        settings = {name: describe_settings(preset) for name, preset in presets.items()}
        arguments.json.write_text(json.dumps({"rows": rows, "settings": settings}, indent=1))


if __name__ == "__main__":
    main()
