"""`python -m pad_ros.learning`: makes the network of the learned comparison (docs/comparison.md)."""

from __future__ import annotations

import argparse
import hashlib
import sys
from pathlib import Path

from pad_ros.common.files import replacing
from pad_ros.common.progress import progress_bar
from pad_ros.dataset.classes import list_classes, read_class
from pad_ros.errors import PadError
from pad_ros.learning.lessons import Lesson, make_lesson


def main() -> int:
    """Makes the lessons that are missing, trains, writes the network."""
    parser = argparse.ArgumentParser(prog="python -m pad_ros.learning", description=__doc__)
    parser.add_argument("datasets", type=Path, nargs="+", help="of `pad synth`: objects to learn from")
    parser.add_argument("--work", type=Path, required=True, metavar="FOLDER", help="keeps lessons and checkpoint")
    parser.add_argument("-o", "--output", type=Path, metavar="FILE", help="the network (ONNX); lessons alone without")
    parser.add_argument("--steps", type=int, default=4000)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="cpu", choices=("cpu", "cuda"))
    arguments = parser.parse_args()
    try:
        lessons = [_lesson(root, arguments) for dataset in arguments.datasets for root in list_classes(dataset)]
        if arguments.output:
            _train(lessons, arguments)
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


def _train(lessons: list[Lesson], arguments: argparse.Namespace) -> None:
    from pad_ros.learning.train import Settings, export, train  # PyTorch

    settings = Settings(steps=arguments.steps, batch=arguments.batch, seed=arguments.seed)
    with progress_bar("network") as progress:
        network = train(lessons, settings, arguments.work / "checkpoint.pt", progress, arguments.device)
    model = export(network)
    with replacing(arguments.output) as partial:
        partial.write_bytes(model)
    print(f"{arguments.output}: {len(model) / 1e6:.1f} MB, sha256 {hashlib.sha256(model).hexdigest()}")


if __name__ == "__main__":
    sys.exit(main())
