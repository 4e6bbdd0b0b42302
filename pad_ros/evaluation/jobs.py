"""What a comparison of methods is made of: products to train, and classes to judge by one method with one of them.

Each job stands alone, and its results stand whole in a folder of its own, with the key of what decided them. One that
is finished is not done again, as long as its key is the same.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Iterable
from contextlib import nullcontext
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property, lru_cache
from importlib import import_module
from pathlib import Path
from typing import Any

import pad_ros
from pad_ros.common.files import shown, write_text
from pad_ros.common.progress import progress_bar, progress_bars, silent
from pad_ros.conveyor.policy import PolicyChoice
from pad_ros.dataset.classes import ClassData, read_class
from pad_ros.errors import PadError
from pad_ros.evaluation.evaluate import ClassScores, evaluate_class
from pad_ros.evaluation.methods import find_method
from pad_ros.evaluation.report import write_report
from pad_ros.evaluation.results_writer import ResultWriter
from pad_ros.product import MANIFEST, Product
from pad_ros.training import train_product

SCORES = "scores.json"
# The code that decides scores: these rooms and modules, tests, pictures and tables not among them.
_ROOMS = ("anomaly", "background", "common", "conveyor", "dataset", "localization", "splatting", "weights")
_MODULES = ("geometry", "images", "inspector", "lens", "product", "profiles", "results")
_METHODS = ("evaluate", "methods", "metrics", "summary")  # of this room
_LIBRARIES = ("cv2", "numpy", "onnxruntime", "scipy")


@dataclass(frozen=True)
class Training:
    """A product to be trained of a class, with a seed."""

    root: Path
    profile: dict[str, Any]
    folder: Path
    seed: int


@dataclass(frozen=True)
class Job:
    """A class whose test images are judged by a method.

    `run` says with which of the class's products, each trained with another seed; `data` is `data_digest` of the class.
    """

    root: Path
    data: str
    method: str
    run: int
    product: Path
    folder: Path
    policy: PolicyChoice = field(default_factory=PolicyChoice)

    @property
    def title(self) -> str:
        """Such as `police_car, paper, run 0`."""
        return f"{shown(self.root.name)}, {self.method}, run {self.run}"

    @cached_property
    def key(self) -> dict[str, Any]:
        """What decides the result: product, method, images with their labels, code and the libraries under it."""
        return {
            "product": hashlib.sha256((self.product / MANIFEST).read_bytes()).hexdigest(),
            "method": self.method,
            "data": self.data,
            "policy": asdict(self.policy),
            "code": code_digest(),
            "libraries": {name: str(import_module(name).__version__) for name in _LIBRARIES},
        }

    def scores(self) -> ClassScores | None:
        """The scores, if this job is finished with the same key."""
        try:
            content = json.loads((self.folder / SCORES).read_text())
        except (OSError, ValueError):
            return None
        return ClassScores.from_dict(content["scores"]) if content.get("key") == self.key else None


Finished = tuple[Job, ClassScores]


def train(training: Training, watched: bool) -> str:
    """Trains a product, or goes on with it; returns why it could not, or nothing."""
    try:
        with progress_bars() if watched else nullcontext(None) as stage:
            train_product(read_class(training.root), training.profile, training.folder, seed=training.seed, stage=stage)
    except PadError as error:
        return f"{shown(training.root.name)}, product of run {training.seed}: {error}"
    return ""


def judge(job: Job, watched: bool) -> str:
    """Does a job; returns why it could not be done, or nothing."""
    try:
        method = find_method(job.method)
        product = Product.load(job.product)
        data, inspector = read_class(job.root), method.create(product)
        policy = job.policy.create(product) if method.calibrated else None
        (job.folder / SCORES).unlink(missing_ok=True)
        bar = progress_bar(job.title) if watched else nullcontext(silent)
        with ResultWriter(job.folder, pictures=method.calibrated) as writer, bar as progress:
            scores = evaluate_class(
                data,
                inspector,
                background_free=method.background_free,
                min_area=inspector.product.profile["anomaly"]["regions"].get("min_area", 1),
                policy=policy,
                writer=writer,
                progress=progress,
            )
        if method.calibrated:
            write_report(job.folder, data.name, policy, product.calibration)
        scores = replace(scores, method=job.method, run=job.run)
        if not method.calibrated:
            scores = replace(scores, false_reject_rate=math.nan, miss_rate=math.nan, parts=None)
        content = {"key": job.key, "scores": scores.to_dict()}
        write_text(job.folder / SCORES, json.dumps(content, indent=1, allow_nan=False) + "\n")
    except PadError as error:
        return f"{job.title}: {error}"
    return ""


@lru_cache(maxsize=1)
def code_digest() -> str:
    """The checksum of the source files that decide scores."""
    root = Path(pad_ros.__file__).parent
    rooms = [path for room in _ROOMS for path in (root / room).rglob("*") if _is_source(path)]
    modules = [root / f"{name}.py" for name in _MODULES] + [root / "evaluation" / f"{name}.py" for name in _METHODS]
    return _digest(root, [*rooms, *modules])


def data_digest(data: ClassData) -> str:
    """The checksum of a class's camera, test images, labels and true poses."""
    files = [data.root / "transforms.json", data.root / "test_poses.json"]
    for view in data.test:
        files += filter(None, (view.path, view.mask_path, view.object_mask_path, view.background_free_path))
    return _digest(data.root, files)


def _is_source(path: Path) -> bool:
    return path.suffix == ".py" or path.parent.name == "csrc"


def _digest(root: Path, files: Iterable[Path]) -> str:
    digest = hashlib.sha256()
    for path in sorted(set(files)):
        if path.is_file():
            name = os.fsencode(path.relative_to(root))
            digest.update(name + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()
