"""Segmenters against each other on objects that none of them has learned from: what every choice is decided by.

`python benchmarks/segmentation.py CLASS… [--weights FILE]…`: classes of `pad synth`, with silhouettes of the good part
as a twin would show them, a little wrong. Counted is what lies beyond these, which alone the masks decide.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from pad_ros.background.segmentation import Segmenter, create_segmenter
from pad_ros.common.progress import progress_bar
from pad_ros.dataset.classes import list_classes, read_class
from pad_ros.learning.outlines import Outlines, as_rendered, read_outlines

_RIM = np.ones((5, 5), np.uint8)  # within two pixels of the part's outline nothing is called wrong
_MANY = 100  # pixels


@dataclass(frozen=True)
class Row:
    """A segmenter's masks on one object."""

    false_pixels: float  # per image
    many: float  # per cent of the images with more than 100 of them
    found: float  # per cent of the parts' pixels beyond the silhouettes
    milliseconds: float


def judge(outlines: Outlines, segmenter: Segmenter, seed: int = 0) -> Row:
    """Segments every image of an object."""
    rng = np.random.default_rng(seed)
    false, found, missed, times = [], 0, 0, []
    for image, part, silhouette in zip(outlines.images, outlines.object_masks, outlines.silhouettes, strict=True):
        inside = as_rendered(silhouette.astype(np.float32), rng)
        start = time.perf_counter()
        mask = segmenter.segment(image, inside) & ~inside
        times.append(1000.0 * (time.perf_counter() - start))
        false.append(np.count_nonzero(mask & ~(cv2.dilate((part | inside).astype(np.uint8), _RIM) > 0)))
        sought = part & ~(cv2.dilate(silhouette.astype(np.uint8), _RIM) > 0)
        found += np.count_nonzero(mask & sought)
        missed += np.count_nonzero(sought & ~mask)
    many = 100.0 * np.mean(np.array(false) > _MANY)
    return Row(float(np.mean(false)), float(many), 100.0 * found / max(1, found + missed), float(np.median(times)))


def main(argv: Sequence[str] | None = None) -> None:
    """Prints a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("datasets", type=Path, nargs="+")
    parser.add_argument("--weights", action="append", default=[], help="networks instead of the one that ships")
    arguments = parser.parse_args(argv)
    named = {"grabcut": {"name": "grabcut", "size": 400}}
    for file in arguments.weights or [""]:
        named[f"learned {file}".strip()] = {"name": "learned", "weights": file}
    rows = []
    classes = [root for dataset in arguments.datasets for root in list_classes(dataset)]
    with progress_bar("segmentation") as progress:
        for number, root in enumerate(classes):
            outlines = read_outlines(read_class(root))
            rows += [(root.name, name, judge(outlines, create_segmenter(of))) for name, of in named.items()]
            progress(number + 1, len(classes), root.name)
    print("| object | segmentation | false pixels per image | images with more than 100, % | found, % | ms |")
    print("|---|---|---:|---:|---:|---:|")
    for name, segmentation, row in rows:
        print(
            f"| {name} | {segmentation} | {row.false_pixels:.0f} | {row.many:.0f} | {row.found:.0f} | "
            f"{row.milliseconds:.0f} |"
        )


if __name__ == "__main__":
    main()
