"""Times of the data-set generator: planning, Blender's start, and seconds per image of each kind.

    python benchmarks/synthesis.py [--class NAME] [--setting 400:8 --setting 800:8] [--jobs 1 --jobs 2]

Prints a Markdown table; `render` is the scene's update and the render with denoising and writing, `finish` putting
on white. `wall` is per image, over all workers and without their start.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from statistics import median

from splatting import machine

from pad_ros.synthesis import cameras
from pad_ros.synthesis.assembly import Assembly
from pad_ros.synthesis.blender import find_blender
from pad_ros.synthesis.job import Row, assemblies_of, render_rows, test_row, train_row
from pad_ros.synthesis.planning import SynthesisSettings, TestObject, plan_images, plan_objects, plan_train
from pad_ros.synthesis.vehicles import build_vehicle


def main() -> None:
    """Plans a class and renders a few images of it in every way asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--class", dest="name", default="off_road_car")
    parser.add_argument("--setting", action="append", metavar="RESOLUTION:SAMPLES", help="(400:8)")
    parser.add_argument("--jobs", action="append", type=int, help="(1)")
    parser.add_argument("--images", type=int, default=6, help="of each kind")
    arguments = parser.parse_args()
    intact = build_vehicle(arguments.name)
    print(f"{machine()}; {arguments.name}, {len(intact.parts)} parts\n")
    python = find_blender()
    print("| resolution, samples | jobs | images | start s | render s | finish s | wall s per image |")
    print("|---|---|---|---|---|---|---|")
    planned: list[str] = []
    for setting in arguments.setting or ["400:8"]:
        resolution, samples = map(int, setting.split(":"))
        objects, times = plan(intact, SynthesisSettings(resolution=resolution, samples=samples))
        planned.append(f"{resolution}: {times}")
        train = plan_train(intact, SynthesisSettings())[: arguments.images]
        for jobs in arguments.jobs or [1]:
            for kind in ("train", "test", "background-free"):
                with tempfile.TemporaryDirectory() as folder:
                    paths = [Path(folder) / f"{number}.png" for number in range(arguments.images)]
                    rows = [_row(kind, path, n, train, objects) for n, path in enumerate(paths)]
                    cells = render(python, resolution, samples, assemblies_of(intact, objects), rows, jobs)
                print(f"| {resolution}, {samples} | {jobs} | {kind} | {cells} |", flush=True)
    print("\nPlanning, by resolution:", *planned, sep="\n- ")


def plan(intact: Assembly, settings: SynthesisSettings) -> tuple[list[TestObject], str]:
    """Plans a whole class; returns its objects and the times in words."""
    start = time.perf_counter()
    objects = plan_objects(intact, settings)
    middle = time.perf_counter()
    counts: dict[str, int] = {}
    for part in objects:
        plan_images(intact, part, cameras.make_camera(settings.resolution), counts)
    masks = time.perf_counter() - middle
    return (
        objects,
        f"defects {middle - start:.1f} s, masks {masks:.1f} s ({masks / sum(counts.values()):.2f} s per image)",
    )


def render(
    python: str, resolution: int, samples: int, assemblies: dict[str, Assembly], rows: list[Row], jobs: int
) -> str:
    """Renders the rows after one image each worker warms up with; returns the table's cells."""
    start = time.perf_counter()
    reports, stamps = [], [start]
    for report in render_rows(python, resolution, samples, assemblies, rows, jobs):
        reports.append(report)
        stamps.append(time.perf_counter())
    rendering, finishing = (median(report[key] for report in reports) for key in ("render", "finish"))
    begun = stamps[jobs] - start - reports[jobs - 1]["render"] - reports[jobs - 1]["finish"]
    wall = (stamps[-1] - stamps[jobs]) / max(1, len(reports) - jobs)
    return f"{begun:.2f} | {rendering:.2f} | {finishing:.3f} | {wall:.2f}"


def _row(kind: str, path: Path, number: int, train: list, objects: list[TestObject]) -> Row:
    if kind == "train":
        return train_row(path, train[number])
    part = objects[number % len(objects)]
    return test_row(path, part, number % len(part.poses), cutout=kind == "background-free")


if __name__ == "__main__":
    main()
