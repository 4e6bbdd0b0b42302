"""What render workers are told: one row per image, and the job that holds them."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pad_ros.geometry import Matrix, blender_from_opencv_pose
from pad_ros.synthesis import cameras
from pad_ros.synthesis.assembly import Assembly
from pad_ros.synthesis.blender import render_images
from pad_ros.synthesis.planning import TestObject

INTACT = "intact"  # the key of the assembly without a defect
_TRAIN_OVERSAMPLING = 2  # the twin learns its silhouette from the cut-outs' alpha: finer edges pay

Row = dict[str, Any]


def train_row(path: Path, pose: Matrix) -> Row:
    """A training view: the intact part where training has it, cut out."""
    return _row(path, INTACT, np.eye(4), pose, 0.0, True, {}) | {"oversampling": _TRAIN_OVERSAMPLING}


def test_row(path: Path, part: TestObject, view_index: int, cutout: bool = False) -> Row:
    """A view of a test object on the belt; its background-free variant is the cut-out one."""
    key = part.part_id if part.defect else INTACT
    conditions = part.conditions[view_index]
    return _row(path, key, part.world_from_object, part.poses[view_index], part.belt_shift, cutout, conditions)


def assemblies_of(intact: Assembly, objects: Sequence[TestObject]) -> dict[str, Assembly]:
    """The assemblies that rows speak of, by key."""
    return {INTACT: intact} | {part.part_id: part.assembly for part in objects if part.defect}


def render_rows(
    python: str, resolution: int, samples: int, assemblies: Mapping[str, Assembly], rows: Sequence[Row], jobs: int = 1
) -> Iterator[dict[str, Any]]:
    """Renders the images that do not stand yet; yields a report of each (see `render_images`).

    Raises:
        SynthesisError: a worker failed.
    """
    missing = [row for row in rows if not Path(row["path"]).is_file()]
    if not missing:
        return
    with tempfile.TemporaryDirectory() as folder:
        files = {}
        for number, key in enumerate(dict.fromkeys(row["assembly"] for row in missing)):
            files[key] = str(Path(folder) / f"{number}.npz")
            assemblies[key].save(files[key])
        low, high = assemblies[INTACT].bounds
        job = {
            "resolution": resolution,
            "horizontal_angle": cameras.HORIZONTAL_ANGLE,
            "samples": samples,
            "object_size": math.hypot(*(high - low)[:2]),
            "assemblies": files,
            "images": missing,
        }
        yield from render_images(python, job, jobs)


def _row(
    path: Path,
    assembly: str,
    world_from_object: Matrix,
    pose: Matrix,
    belt_shift: float,
    cutout: bool,
    conditions: Mapping[str, Any],
) -> Row:
    return {
        "path": str(path.resolve()),
        "assembly": assembly,
        "world_from_object": world_from_object.tolist(),
        "world_from_camera": (world_from_object @ blender_from_opencv_pose(pose)).tolist(),
        "belt_shift": belt_shift,
        "cutout": cutout,
        "conditions": conditions,
        "oversampling": 1,
    }
