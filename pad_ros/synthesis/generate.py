"""Makes a data set: plans each class, has Blender render it, writes poses and masks beside the images."""

from __future__ import annotations

import platform
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from tqdm import tqdm

import pad_ros
from pad_ros.dataset import write_test_poses, write_transforms
from pad_ros.errors import SynthesisError
from pad_ros.geometry import Camera, Matrix, blender_from_opencv_pose
from pad_ros.images import write_image
from pad_ros.results import Mask
from pad_ros.synthesis import cameras
from pad_ros.synthesis.assembly import Assembly
from pad_ros.synthesis.blender import blender_version, find_blender, render_images
from pad_ros.synthesis.planning import (
    GOOD,
    SynthesisSettings,
    TestImage,
    TestObject,
    plan_images,
    plan_objects,
    plan_train,
)
from pad_ros.synthesis.vehicles import build_vehicle


def generate(out: Path | str, classes: Sequence[str], settings: SynthesisSettings) -> None:
    """Renders classes in MAD-Sim's layout to `out`; run again after a stop, it goes on where it was.

    Raises:
        ConfigError: no such class.
        SynthesisError: `out` holds another data set, Blender is missing, or a render failed.
    """
    out = Path(out)
    vehicles = [build_vehicle(name) for name in classes]
    python = find_blender()
    _claim(out, settings)
    for intact in vehicles:
        summary = _generate_class(out / intact.name, intact, settings, python)
        _describe(out, settings, python, intact.name, summary)


def _generate_class(root: Path, intact: Assembly, settings: SynthesisSettings, python: str) -> dict[str, Any]:
    camera = cameras.make_camera(settings.resolution)
    root.mkdir(parents=True, exist_ok=True)
    train = [(f"train/good/{index}.png", pose) for index, pose in enumerate(plan_train(intact, settings))]
    rows = [_row(root / file, "intact", np.eye(4), pose, 0.0, cutout=True) for file, pose in train]
    _render(python, settings, {"intact": intact}, rows, f"{intact.name} train")
    write_transforms(root / "transforms.json", camera, train)

    objects = plan_objects(intact, settings)
    counts: dict[str, int] = {}
    entries: list[dict[str, Any]] = []
    rows = []
    for part in objects:
        for image in plan_images(intact, part, camera, counts):
            _write_masks(root, image)
            entries.append(_entry(part, image))
            key = "intact" if part.defect is None else part.part_id
            rows.append(_row(root / image.file, key, part.world_from_object, image.pose, part.belt_shift, False))
    write_test_poses(root / "test_poses.json", entries)
    assemblies = {"intact": intact} | {part.part_id: part.assembly for part in objects if part.defect}
    _render(python, settings, assemblies, rows, f"{intact.name} test")
    defects = {o.part_id: f"{o.kind}: {o.defect.target} {o.defect.description}" for o in objects if o.defect}
    return {"parts": len(intact.parts), "train": len(train), "test": counts, "defects": defects}


def _row(
    path: Path, assembly: str, world_from_object: Matrix, pose: Matrix, belt_shift: float, cutout: bool
) -> dict[str, Any]:
    return {
        "path": str(path.resolve()),
        "assembly": assembly,
        "world_from_object": world_from_object.tolist(),
        "world_from_camera": (world_from_object @ blender_from_opencv_pose(pose)).tolist(),
        "belt_shift": belt_shift,
        "cutout": cutout,
    }


def _entry(part: TestObject, image: TestImage) -> dict[str, Any]:
    return {
        "file": image.file,
        "part_id": part.part_id,
        "view_index": image.view_index,
        "view_count": len(part.poses),
        "defect": image.label,
        "object_defect": part.kind,
        "object_from_camera": image.pose,
    }


def _write_masks(root: Path, image: TestImage) -> None:
    name = f"{Path(image.file).stem}_mask.png"
    _write_mask(root / "test_masks" / image.label / name, image.object_mask)
    if image.label != GOOD:
        _write_mask(root / "ground_truth" / image.label / name, image.defect_mask)


def _write_mask(path: Path, mask: Mask) -> None:
    write_image(path, np.where(mask, 255, 0).astype(np.uint8))


def _render(
    python: str,
    settings: SynthesisSettings,
    assemblies: dict[str, Assembly],
    rows: list[dict[str, Any]],
    title: str,
) -> None:
    missing = [row for row in rows if not Path(row["path"]).is_file()]
    with (
        tempfile.TemporaryDirectory() as folder,
        tqdm(total=len(rows), initial=len(rows) - len(missing), desc=title, unit="image", mininterval=1.0) as bar,
    ):
        if not missing:
            return
        files = {}
        for index, (key, assembly) in enumerate(assemblies.items()):
            files[key] = str(Path(folder) / f"{index}.npz")
            assembly.save(files[key])
        job = {
            "resolution": settings.resolution,
            "horizontal_angle": cameras.HORIZONTAL_ANGLE,
            "samples": settings.samples,
            "assemblies": files,
            "images": missing,
        }
        for _ in render_images(python, job):
            bar.update()
    absent = [row["path"] for row in rows if not Path(row["path"]).is_file()]
    if absent:
        raise SynthesisError(f"{len(absent)} images were not rendered, the first is {absent[0]}; run again to go on")


def _claim(out: Path, settings: SynthesisSettings) -> None:
    """Refuses a folder that holds something else; otherwise notes what it is going to hold."""
    path = out / "dataset.yaml"
    if path.is_file():
        held = _read(path).get("settings")
        if held != settings.to_dict():
            raise SynthesisError(
                f"{out} holds a data set with other settings ({held}, now {settings.to_dict()}); "
                "choose another folder or delete it"
            )
    elif out.is_dir() and any(out.iterdir()):
        raise SynthesisError(f"{out} is not empty and holds no data set of ours; choose another folder")
    else:
        _write(path, {"settings": settings.to_dict(), "classes": {}})


def _describe(out: Path, settings: SynthesisSettings, python: str, name: str, summary: dict[str, Any]) -> None:
    path = out / "dataset.yaml"
    versions = {"pad_ros": pad_ros.__version__, "bpy": blender_version(python), "numpy": np.__version__}
    classes = {**(_read(path).get("classes") or {}), name: summary}
    camera: Camera = cameras.make_camera(settings.resolution)
    _write(
        path,
        {
            "unit": "m",
            "settings": settings.to_dict(),
            "camera": camera.to_dict(),
            "versions": {**versions, "python": platform.python_version()},
            "classes": classes,
        },
    )


def _read(path: Path) -> dict[str, Any]:
    try:
        content = yaml.safe_load(path.read_text())
    except (OSError, yaml.YAMLError) as error:
        raise SynthesisError(f"{path}: unreadable ({error}); delete it to start anew") from None
    return content if isinstance(content, dict) else {}


def _write(path: Path, content: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    partial.write_text(yaml.safe_dump(content, sort_keys=False))
    partial.replace(path)
