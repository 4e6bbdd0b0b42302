"""Makes a data set: plans each class, has Blender render it, writes poses and masks beside the images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from pad_ros.common.files import sweep
from pad_ros.dataset.classes import BACKGROUND_FREE, write_test_poses, write_transforms
from pad_ros.errors import ConfigError, SynthesisError
from pad_ros.images import write_image
from pad_ros.results import Mask
from pad_ros.synthesis import cameras
from pad_ros.synthesis.assembly import Assembly
from pad_ros.synthesis.blender import blender_version, find_blender
from pad_ros.synthesis.job import Row, assemblies_of, render_rows, test_row, train_row
from pad_ros.synthesis.planning import (
    GOOD,
    SynthesisSettings,
    TestImage,
    TestObject,
    plan_images,
    plan_objects,
    plan_train,
)
from pad_ros.synthesis.record import Record, digest_plan
from pad_ros.synthesis.statistics import class_statistics
from pad_ros.synthesis.storage import clear_errors, require_space, used_space, write_checksums

# Bytes per pixel, above what was measured at 64×64 to 800×800: PNGs of test images (with a noisy camera more) and
# of cut-outs, each with its masks.
_TEST_BYTES, _NOISY_BYTES, _CUTOUT_BYTES = 2.2, 3.2, 0.9


def generate(
    out: Path | str,
    assemblies: Sequence[Assembly],
    settings: SynthesisSettings,
    jobs: int = 1,
    sources: Mapping[str, str] | None = None,
) -> None:
    """Renders classes in MAD-Sim's layout to `out`; run again after a stop, it goes on where it was.

    Args:
        out: the data set's folder; each class gets one in it.
        assemblies: the intact object of each class, which has its name.
        settings: what to render of each.
        jobs: Blender workers side by side; the images do not depend on it.
        sources: where an assembly is from, by class name, where that is not the vehicle of that name.

    Raises:
        ConfigError: two classes of one name, or a name that no folder can have; or no worker.
        SynthesisError: `out` holds another data set or cannot take this one, Blender is missing, or a render failed.
    """
    out = Path(out)
    _check(assemblies, jobs)
    python = find_blender()
    with clear_errors(out):
        record = Record(out, settings)
        todo = [intact for intact in assemblies if not record.finished(intact)]
        if not todo:
            return
        require_space(out, sum(max(0, expected_bytes(settings) - used_space(out / a.name)) for a in todo))
        record.claim()
        tests = settings.objects * settings.views * (2 if settings.background_free else 1)
        total = (settings.train + tests) * len(todo)
        with tqdm(total=total, unit="image", mininterval=1.0, smoothing=0.05, dynamic_ncols=True) as bar:
            for number, intact in enumerate(todo, 1):
                bar.set_description(f"{intact.name} {number}/{len(todo)}")
                work = _ClassWork(out / intact.name, intact, settings)
                record.begin(intact, (sources or {}).get(intact.name, intact.name), work.digest)
                summary = work.render(python, jobs, bar)
                record.finish(intact.name, summary, blender_version(python))


def expected_bytes(settings: SynthesisSettings) -> int:
    """About the bytes that one class takes on disk, rather more than less."""
    tests = settings.objects * settings.views
    test_bytes = _NOISY_BYTES if "camera" in settings.vary else _TEST_BYTES
    per_pixel = tests * (test_bytes + _CUTOUT_BYTES) + settings.train * _CUTOUT_BYTES
    files = settings.train + 4 * tests
    return int(per_pixel * settings.resolution**2) + 4096 * files  # a file takes whole blocks


def describe_defect(part: TestObject) -> str:
    """A test object's defect in words; empty if it has none."""
    return f"{part.kind}: {part.defect.target} {part.defect.description}" if part.defect else ""


class _ClassWork:
    """One class on its way to disk."""

    def __init__(self, root: Path, intact: Assembly, settings: SynthesisSettings) -> None:
        self._root, self._intact, self._settings = root, intact, settings
        self._train = plan_train(intact, settings)
        self._objects = plan_objects(intact, settings)
        self.digest = digest_plan(self._train, self._objects)

    def render(self, python: str, jobs: int, bar: Any) -> dict[str, Any]:
        """Renders what is missing, then writes poses and checksums; returns what `dataset.yaml` says of the class."""
        camera = cameras.make_camera(self._settings.resolution)
        train = [(f"train/{GOOD}/{index}.png", pose) for index, pose in enumerate(self._train)]
        rows = [train_row(self._root / file, pose) for file, pose in train]
        images: list[TestImage] = []
        entries: list[dict[str, Any]] = []
        backgroundless: list[Row] = []
        counts: dict[str, int] = {}
        for part in self._objects:
            for image in plan_images(self._intact, part, camera, counts):
                images.append(image)
                _write_masks(self._root, image)
                entries.append(_entry(part, image))
                rows.append(test_row(self._root / image.file, part, image.view_index))
                if self._settings.background_free:
                    variant = self._root / BACKGROUND_FREE / Path(image.file).relative_to("test")
                    backgroundless.append(test_row(variant, part, image.view_index, cutout=True))
        self._render([*rows, *backgroundless], python, jobs, bar)
        write_transforms(self._root / "transforms.json", camera, train)
        write_test_poses(self._root / "test_poses.json", entries)
        sweep(self._root)
        return {
            "train": len(train),
            "test": counts,
            "defects": {part.part_id: describe_defect(part) for part in self._objects if part.defect},
            "statistics": _plain(asdict(class_statistics(self._intact, self._settings, images))),
            "checksums": write_checksums(self._root),
        }

    def _render(self, rows: list[Row], python: str, jobs: int, bar: Any) -> None:
        standing = sum(Path(row["path"]).is_file() for row in rows)
        bar.initial += standing  # so that the time left is judged by what is rendered now
        bar.update(standing)
        assemblies = assemblies_of(self._intact, self._objects)
        settings = self._settings
        for _ in render_rows(python, settings.resolution, settings.samples, assemblies, rows, jobs):
            bar.update()
        absent = [row["path"] for row in rows if not Path(row["path"]).is_file()]
        if absent:
            raise SynthesisError(f"{len(absent)} images were not rendered, first {absent[0]}; run again to go on")


def _plain(statistics: dict[str, Any]) -> dict[str, Any]:
    """Values for YAML: four digits, None for what there is nothing to measure of."""

    def plain(value: Any) -> Any:
        if isinstance(value, float):
            return float(f"{value:.4g}") if np.isfinite(value) else None
        return _plain(value) if isinstance(value, dict) else value

    return {key: plain(value) for key, value in statistics.items()}


def _check(assemblies: Sequence[Assembly], jobs: int) -> None:
    if not isinstance(jobs, int) or not 1 <= jobs <= 256:
        raise ConfigError(f"jobs must be a whole number in 1…256, got {jobs!r}")
    names = [assembly.name for assembly in assemblies]
    if len(set(names)) < len(names):
        raise ConfigError(f"two classes have one name: {', '.join(sorted(names))}; rename a model's file")
    for name in names:
        if Path(name).name != name or name.startswith("."):
            raise ConfigError(f"{name!r} cannot name a class's folder; rename the model's file")


def _entry(part: TestObject, image: TestImage) -> dict[str, Any]:
    return {
        "file": image.file,
        "part_id": part.part_id,
        "view_index": image.view_index,
        "view_count": len(part.poses),
        "defect": image.label,
        "object_defect": part.kind,
        "conditions": image.conditions,
        "object_from_camera": image.pose,
    }


def _write_masks(root: Path, image: TestImage) -> None:
    name = f"{Path(image.file).stem}_mask.png"
    _write_mask(root / "test_masks" / image.label / name, image.object_mask)
    if image.label != GOOD:
        _write_mask(root / "ground_truth" / image.label / name, image.defect_mask)


def _write_mask(path: Path, mask: Mask) -> None:
    if not path.is_file():
        write_image(path, np.where(mask, 255, 0).astype(np.uint8))
