"""`python -m pad_ros.learning`: makes the network of the learned comparison or segmentation (docs/comparison.md)."""

from __future__ import annotations

import argparse
import hashlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from pad_ros.common.files import replacing
from pad_ros.common.progress import progress_bar
from pad_ros.dataset.classes import list_classes, read_class
from pad_ros.errors import PadError
from pad_ros.learning.lessons import Lesson, make_lesson
from pad_ros.learning.outlines import read_outlines

if TYPE_CHECKING:
    from pad_ros.learning.train import Settings, Task


def main() -> int:
    """Makes the lessons that are missing, trains, writes the network."""
    parser = argparse.ArgumentParser(prog="python -m pad_ros.learning", description=__doc__)
    parser.add_argument("task", choices=("difference", "part"), help="of the comparison, or of the segmentation")
    parser.add_argument("datasets", type=Path, nargs="+", help="of `pad synth`: objects to learn from")
    parser.add_argument("--work", type=Path, required=True, metavar="FOLDER", help="keeps lessons and checkpoint")
    parser.add_argument("-o", "--output", type=Path, metavar="FILE", help="the network (ONNX); lessons alone without")
    parser.add_argument("--steps", type=int, default=4000)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="cpu", choices=("cpu", "cuda"))
    arguments = parser.parse_args()
    roots = [root for dataset in arguments.datasets for root in list_classes(dataset)]
    try:
        if arguments.task == "difference":
            lessons = [_lesson(root, arguments) for root in roots]
        if arguments.output is None:
            return 0
        from pad_ros.learning import difference, part  # PyTorch
        from pad_ros.learning.train import Settings

        common = {"steps": arguments.steps, "batch": arguments.batch, "seed": arguments.seed}
        if arguments.task == "difference":
            _train(difference.difference_task(lessons), Settings(**common), arguments)
        else:
            outlines = [read_outlines(read_class(root)) for root in roots]
            _train(part.part_task(outlines), Settings(**common, crop=part.CROP, per_image=2), arguments)
    except PadError as error:
        print(f"pad_ros.learning: {error}", file=sys.stderr)
        return 1
    return 0


def _lesson(root: Path, arguments: argparse.Namespace) -> Lesson:
    folder = arguments.work / "lessons" / f"{root.parent.name}-{root.name}"
    if not (folder / "images.npz").is_file():
        with progress_bar(f"lesson {root.name}") as progress:
            make_lesson(read_class(root), arguments.seed, progress).save(folder)
    return Lesson.load(folder)


def _train(task: Task, settings: Settings, arguments: argparse.Namespace) -> None:
    from pad_ros.learning.train import export, train

    with progress_bar("network") as progress:
        network = train(task, settings, arguments.work / f"{arguments.task}.pt", progress, arguments.device)
    model = export(network)
    with replacing(arguments.output) as partial:
        partial.write_bytes(model)
    print(f"{arguments.output}: {len(model) / 1e6:.1f} MB, sha256 {hashlib.sha256(model).hexdigest()}")


if __name__ == "__main__":
    sys.exit(main())
