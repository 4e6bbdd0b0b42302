"""The paper's figures 3, 5 and 6, drawn from the finished jobs of a sweep.

Which images they show follows from the scores: nothing is chosen by hand.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np

from pad_ros.common.files import shown
from pad_ros.common.progress import Progress, silent
from pad_ros.dataset.classes import GOOD, ClassData, read_class
from pad_ros.evaluation.evaluate import inspect_view
from pad_ros.evaluation.jobs import Finished, Job
from pad_ros.evaluation.methods import find_method
from pad_ros.evaluation.mosaic import boxed, boxed_regions, grid, heated, mask_picture, painted
from pad_ros.evaluation.results_writer import read_results
from pad_ros.evaluation.summary import Row
from pad_ros.images import Window, box_around, write_image
from pad_ros.inspector import Inspector
from pad_ros.product import Product
from pad_ros.results import Background, Image, Inspection, Map, Mask, Reference, Status

_PROPOSED = ("paper", "pad")  # of which figures 3 and 5 are drawn
_COMPARED = ("paper", "splatpose-plus", "pad")  # the rows of figure 6
_MARGIN = 0.12  # around the part, as a share of its longer side
_TRUTH, _SPURIOUS, _MISSED, _FOUND = (60, 220, 90), (255, 60, 60), (255, 200, 30), (235, 30, 80)


@dataclass(frozen=True)
class Example:
    """A test image [H, W, 3], its truth [H, W], and what a method made of it."""

    image: Image
    truth: Mask
    anomaly_map: Map
    reference: Reference
    background: Background
    augmented: Image
    threshold: float

    @property
    def found(self) -> Mask:
        """The pixels at or above the threshold, [H, W]."""
        return self.anomaly_map >= self.threshold

    @property
    def spurious(self) -> Mask:
        """The found regions that touch no truth, [H, W]."""
        _, labels = cv2.connectedComponents(self.found.astype(np.uint8), connectivity=8)
        return self.found & ~np.isin(labels, np.unique(labels[self.found & self.truth]))

    @property
    def window(self) -> Window:
        """The square around the part and what sticks out of it, as far as it is in the image."""
        part = self.reference.mask | self.truth
        rows, columns = box_around(part, 0)
        height, width = rows.stop - rows.start, columns.stop - columns.start
        side = round((1 + 2 * _MARGIN) * max(height, width))
        side = min(side, *self.truth.shape)
        top, left = (
            min(max((span.start + span.stop - side) // 2, 0), length - side)
            for span, length in zip((rows, columns), self.truth.shape, strict=True)
        )
        return slice(top, top + side), slice(left, left + side)


def draw_figures(folder: Path, finished: Sequence[Finished], progress: Progress = silent) -> list[Path]:
    """Draws the figures for which there are methods, from the first run, as `figure_*.png`; returns their paths.

    Figure 3: the stages, on the clearest find. Figure 5: the clearest find of each class. Figure 6: of each method, the
    good image with the highest score above the threshold and the missed defect with the lowest, as every method sees
    them. The threshold is the one that is best for the image-level F1 (paper, section 4.1).
    """
    by_method: dict[str, list[Finished]] = {}
    for job, scores in finished:
        if job.run == 0:
            by_method.setdefault(job.method, []).append((job, scores))
    figures = [(f"figure_3_{name}", _figure_3, by_method[name]) for name in _PROPOSED if name in by_method]
    figures += [(f"figure_5_{name}", _figure_5, by_method[name]) for name in _PROPOSED if name in by_method]
    compared = [entry for name in _COMPARED for entry in by_method.get(name, [])]
    figures += [("figure_6", _figure_6, compared)]
    paths = []
    for index, (name, draw, own) in enumerate(figures):
        picture = draw(own)
        if picture is not None:
            paths.append(folder / f"{name}.png")
            write_image(paths[-1], picture)
        progress(index + 1, len(figures), name.replace("_", " "))
    return paths


def _figure_3(finished: Sequence[Finished]) -> Image | None:
    finds = [(entry, row) for entry in finished if (row := _clearest(entry))]
    if not finds:
        return None
    entry, row = max(finds, key=lambda find: find[1]["score"] / find[0][1].f1_threshold)
    example = _example(entry, row["image"])
    if example is None:
        return None
    pictures = {
        "test image T": boxed(example.image, example.truth, _TRUTH),
        "twin S": example.reference.image,
        "mask M": mask_picture(example.reference.mask | example.background.object_mask),
        "twin on rebuilt background": example.augmented,
        "anomaly map": heated(example.image, example.anomaly_map),
    }
    tiles = [picture[example.window] for picture in pictures.values()]
    return grid([tiles], list(pictures), [entry[0].method], [("the defect", _TRUTH)])


def _figure_5(finished: Sequence[Finished]) -> Image | None:
    examples = [
        (entry[0].root.name, example)
        for entry in finished
        if (row := _clearest(entry)) and (example := _example(entry, row["image"]))
    ]
    if not examples:
        return None
    rows = [
        [boxed(e.image, e.truth, _TRUTH)[e.window] for _, e in examples],
        [e.reference.image[e.window] for _, e in examples],
        [painted(e.image, e.found, _FOUND)[e.window] for _, e in examples],
    ]
    key = [("the defect", _TRUTH), ("found", _FOUND)]
    return grid(rows, [shown(name) for name, _ in examples], ["test image", "twin", finished[0][0].method], key)


def _figure_6(finished: Sequence[Finished]) -> Image | None:
    methods = list(dict.fromkeys(job.method for job, _ in finished))
    columns: list[str] = []
    rows: list[list[Image]] = [[] for _ in methods]
    last: list[Image] = []
    for root, name, heading in _mistakes(finished, methods):
        entries = [next((e for e in finished if e[0].root == root and e[0].method == m), None) for m in methods]
        examples = [_example(entry, name) if entry else None for entry in entries]
        known = [example for example in examples if example]
        if not known:
            continue
        columns.append(heading)
        for row, example in zip(rows, examples, strict=True):
            picture = _judged(example) if example else np.full_like(known[0].image, 255)
            row.append(picture[known[0].window])
        last.append(mask_picture(known[0].truth)[known[0].window])
    if not columns:
        return None
    key = [("found", _FOUND), ("false positive", _SPURIOUS), ("missed", _MISSED)]
    return grid([*rows, last], columns, [*methods, "ground truth"], key)


def _judged(example: Example) -> Image:
    picture = boxed_regions(painted(example.image, example.found, _FOUND), example.spurious, _SPURIOUS)
    missed = example.truth.any() and not (example.truth & example.found).any()
    return boxed(picture, example.truth, _MISSED) if missed else picture


def _mistakes(finished: Sequence[Finished], methods: Sequence[str]) -> Iterable[tuple[Path, str, str]]:
    """Class, image and heading of each method's worst false positive and worst false negative, each image once."""
    seen = set()
    for method in methods:
        ranked = [
            (row["score"] / scores.f1_threshold, job.root, row["image"], row["label"] == GOOD)
            for job, scores in finished
            if job.method == method
            for row in _judged_rows(job)
        ]
        spurious = [entry for entry in ranked if entry[3] and entry[0] >= 1.0]
        missed = [entry for entry in ranked if not entry[3] and entry[0] < 1.0]
        for worst, what in (
            (max(spurious, default=None), "false positive of"),
            (min(missed, default=None), "missed by"),
        ):
            if worst and worst[1:3] not in seen:
                seen.add(worst[1:3])
                yield worst[1], worst[2], f"{shown(worst[1].name)}: {what} {method}"


def _clearest(entry: Finished) -> Row | None:
    """The line of the defect with the highest score above the threshold, if any is."""
    job, scores = entry
    rows = [row for row in _judged_rows(job) if row["label"] != GOOD and row["score"] >= scores.f1_threshold]
    return max(rows, key=lambda row: row["score"], default=None)


def _judged_rows(job: Job) -> list[Row]:
    return [row for row in read_results(job.folder) if row["status"] == Status.OK.name and row["score"] is not None]


def _example(entry: Finished, name: str) -> Example | None:
    """Inspects a test image once more, as the job did; None if it cannot be judged."""
    job, scores = entry
    data, inspector = _opened(job)
    view = next(v for v in data.test if shown(v.path.relative_to(data.root).as_posix()) == name)
    shape = (data.camera.height, data.camera.width)
    image, inspection = inspect_view(view, inspector, find_method(job.method).background_free, shape)
    return None if image is None else _of(image, view.read_ground_truth(shape), inspection, scores.f1_threshold)


def _of(image: Image, truth: Mask, inspection: Inspection, threshold: float) -> Example | None:
    anomaly_map, augmented = inspection.anomaly_map, inspection.augmented
    reference, background = inspection.reference, inspection.background
    if anomaly_map is None or augmented is None or reference is None or background is None:
        return None
    return Example(image, truth, anomaly_map, reference, background, augmented, threshold)


@lru_cache(maxsize=3)
def _opened(job: Job) -> tuple[ClassData, Inspector]:
    return read_class(job.root), find_method(job.method).create(Product.load(job.product))
