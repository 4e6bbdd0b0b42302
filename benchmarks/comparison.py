"""Comparisons against each other on lessons of objects that none of them has seen: what every choice is decided by.

`python benchmarks/comparison.py LESSON… [--weights FILE]…`: lessons as `python -m pad_ros.learning` keeps them, with
poses as far from the true ones as the localiser's.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from pad_ros.anomaly.comparison import Comparison, create_comparison
from pad_ros.anomaly.light import Light, create_light
from pad_ros.anomaly.regions import create_score
from pad_ros.anomaly.views import Views
from pad_ros.evaluation.metrics import auroc, best_f1_threshold, pixel_scores
from pad_ros.images import to_uint8
from pad_ros.inspector import TRANSMITTANCE_THRESHOLD, compose
from pad_ros.learning.exercises import jittered
from pad_ros.learning.lessons import Lesson
from pad_ros.profiles import load_profile
from pad_ros.results import Background, Reference
from pad_ros.splatting.rasterize import create_rasterizer


@dataclass(frozen=True)
class Row:
    """A comparison's scores on one lesson."""

    image_auroc: float
    f1: float
    pixel_auroc: float
    aupro: float
    parts_max: float
    parts_median: float
    milliseconds: float


def judge(lesson: Lesson, comparison: Comparison, light: Light, seed: int = 0) -> Row:
    """Compares every image of a lesson with its twin."""
    rasterizer, score = create_rasterizer({"name": "cpu"}), create_score({"name": "area", "area": 12})
    rng = np.random.default_rng(seed)
    maps, scores, times = [], [], []
    for image, background, mask, pose in zip(
        lesson.images, lesson.backgrounds, lesson.object_masks, lesson.poses, strict=True
    ):
        rendering = rasterizer.render(lesson.gaussians, lesson.camera, jittered(pose, lesson, rng, pixels=0.2))
        silhouette = rendering.transmittance < TRANSMITTANCE_THRESHOLD
        reference = Reference(to_uint8(rendering.color * 255.0), silhouette, rendering.transmittance)
        start = time.perf_counter()
        augmented = compose(light.relit(reference, image), Background(mask, background).image)
        maps.append(comparison.compare(Views(image, augmented, silhouette | mask, rendering.transmittance, mask)))
        times.append(1000.0 * (time.perf_counter() - start))
        scores.append(score(maps[-1]))
    truth = lesson.defects.any(axis=(1, 2))
    pixels = pixel_scores(maps, list(lesson.defects))
    values = np.array(scores)
    parts = [np.flatnonzero(lesson.parts == part) for part in np.unique(lesson.parts)]
    labels = [bool(truth[part].any()) for part in parts]
    return Row(
        auroc(values, truth),
        best_f1_threshold(values, truth)[1],
        pixels.auroc,
        pixels.aupro,
        auroc([values[part].max() for part in parts], labels),
        auroc([np.median(values[part]) for part in parts], labels),
        float(np.median(times)),
    )


def plain(lesson: Lesson) -> Lesson:
    """The lesson without the variants that were made for learning."""
    kept = lesson.variants == 0
    names = ("images", "backgrounds", "object_masks", "defects", "poses", "parts", "variants")
    return replace(lesson, **{name: getattr(lesson, name)[kept] for name in names})


def main(argv: Sequence[str] | None = None) -> None:
    """Prints a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("lessons", type=Path, nargs="+")
    parser.add_argument("--weights", action="append", default=[], help="networks instead of the one that ships")
    parser.add_argument("--as-trained", action="store_true", help="leave the twin in the light of its photos")
    arguments = parser.parse_args(argv)
    anomaly = load_profile("cpu")["anomaly"]
    light = create_light({"name": "as_trained"} if arguments.as_trained else anomaly["light"])
    (cut, _), backbone = anomaly["comparison"]["of"], anomaly["backbone"]
    comparisons = {"l1": create_comparison(load_profile("fast")["anomaly"]["comparison"], backbone)}
    for file in arguments.weights or [""]:
        learned = {"name": "learned", "weights": file}
        comparisons[f"learned {file}".strip()] = create_comparison(learned, backbone)
        comparisons[f"combined {file}".strip()] = create_comparison(
            {"name": "combined", "of": [cut, learned]}, backbone
        )
    print("| object | comparison | image AUROC | F1 | pixel AUROC | AUPRO | parts, max | parts, median | ms |")
    print("|---|---|---:|---:|---:|---:|---:|---:|---:|")
    for folder in arguments.lessons:
        lesson = plain(Lesson.load(folder))
        for name, comparison in comparisons.items():
            row = judge(lesson, comparison, light)
            values = [f"{value:.3f}" for value in list(vars(row).values())[:-1]]
            print(f"| {folder.name} | {name} | {' | '.join(values)} | {row.milliseconds:.0f} |", flush=True)


if __name__ == "__main__":
    main()
