"""Do thresholds keep their promise? False rejects that were asked for against those measured, of images and of parts.

`python benchmarks/thresholds.py PRODUCT=DATASET/CLASS… [--true-poses] [--calibrate 8]`: the product by training alone,
and again after `pad calibrate` with so many good images of the line, which are then left out of the measurement.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np

from pad_ros.adapting import calibrated
from pad_ros.conveyor.policy import PolicyChoice
from pad_ros.dataset.classes import ClassData, TestView, read_class
from pad_ros.errors import InspectionError
from pad_ros.evaluation.evaluate import score_parts
from pad_ros.evaluation.metrics import auroc
from pad_ros.images import read_image
from pad_ros.inspector import Inspector
from pad_ros.learning.exercises import jittered
from pad_ros.product import Product
from pad_ros.results import Inspection, PoseEstimate, Status

_PIXELS = 0.25  # by which true poses are off, as the localiser's are


def inspect(inspector: Inspector, view: TestView, true_poses: bool, rng: np.random.Generator) -> Inspection:
    """Inspects a test image, from the localiser's pose or from one near the true one."""
    image = read_image(view.path)
    if not true_poses or view.object_from_camera is None:
        return inspector.inspect(image)
    twin = SimpleNamespace(gaussians=inspector.product.gaussians, camera=inspector.camera)
    pose = PoseEstimate(jittered(view.object_from_camera, twin, rng, _PIXELS), 1, 1, 0.0)  # type: ignore[arg-type]
    try:
        reference = inspector.render(pose.object_from_camera)
        return inspector.judge(inspector.prepare(image), pose, reference, inspector.separate(image, reference))
    except InspectionError as error:
        return Inspection(Status.of(error), str(error))


def line(name: str, product: Product, views: list[TestView], inspections: list[Inspection]) -> str:
    """A row of the table."""
    threshold = product.calibration.threshold
    judged = [(v, i) for v, i in zip(views, inspections, strict=True) if i.status == Status.OK]
    good = [i.score for v, i in judged if not v.anomalous]
    bad = [i.score for v, i in judged if v.anomalous]
    images = auroc([*good, *bad], [False] * len(good) + [True] * len(bad))
    cells = [
        f"{len(good)}",
        f"{100 * product.calibration.bound:.0f} %",
        f"{100 * np.mean(np.array(good) > threshold):.0f} %",
        f"{100 * np.mean(np.array(bad) <= threshold):.0f} %",
        f"{images:.3f}",
    ]
    again = [replace(i, threshold=threshold, anomalous=not i.score <= threshold) for i in inspections]
    for policy in ("any", "votes", "fused"):
        parts = score_parts(views, again, PolicyChoice(policy, 2, 1000).create(product))
        rejects, misses = parts.false_reject_rate or 0.0, parts.miss_rate or 0.0
        good_parts = parts.parts - parts.defective
        cells.append(
            f"{parts.auroc or float('nan'):.3f}, {rejects * good_parts:.0f}/{good_parts}, "
            f"{misses * parts.defective:.0f}/{parts.defective}"
        )
    return f"| {name} | {' | '.join(cells)} |"


def measure(product: Product, data: ClassData, true_poses: bool, count: int) -> list[str]:
    """The rows of one product."""
    inspector, rng = Inspector(product), np.random.default_rng(0)
    views = list(data.test)
    inspections = [inspect(inspector, view, true_poses, rng) for view in views]
    rows = [line(f"{data.name}, training", product, views, inspections)]
    good = [
        n for n, (v, i) in enumerate(zip(views, inspections, strict=True)) if not _defective(v, views) and i.evidence
    ]
    shown = {views[n].part_id for n in good[:count]}
    used = [n for n in good if views[n].part_id in shown][:count]
    kept = [n for n, view in enumerate(views) if view.part_id not in shown]
    if count and len(used) == count:
        rate = product.calibration.false_reject_rate
        again = calibrated(product, [inspections[n] for n in used], rate)  # what `pad calibrate` makes of it
        pick = [views[n] for n in kept], [inspections[n] for n in kept]
        rows.append(line(f"{data.name}, and {count} images of the line", again, *pick))
    return rows


def _defective(view: TestView, views: list[TestView]) -> bool:
    return any(other.anomalous for other in views if other.part_id == view.part_id)


def main(argv: Sequence[str] | None = None) -> None:
    """Prints a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pairs", nargs="+", metavar="PRODUCT=DATASET/CLASS")
    parser.add_argument("--true-poses", action="store_true", help="poses of the data set, a quarter of a pixel off")
    parser.add_argument("--calibrate", type=int, default=8, help="good images of the line")
    arguments = parser.parse_args(argv)
    print(
        "| object, calibrated by | good images | bound (95 %) | false rejects | misses | image AUROC "
        "| any: AUROC, false rejects, misses | votes of 2 | fused |"
    )
    print("|---|---:|---:|---:|---:|---:|---:|---:|---:|")
    for pair in arguments.pairs:
        product, _, folder = pair.partition("=")
        rows = measure(Product.load(product), read_class(Path(folder)), arguments.true_poses, arguments.calibrate)
        print("\n".join(rows), flush=True)


if __name__ == "__main__":
    main()
