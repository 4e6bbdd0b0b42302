"""What `dataset.yaml` notes: settings, camera, and per class its source, digests, versions and checksums."""

from __future__ import annotations

import hashlib
import json
import platform
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import yaml

import pad_ros
from pad_ros.common.files import write_text
from pad_ros.errors import SynthesisError
from pad_ros.geometry import Matrix
from pad_ros.synthesis import cameras
from pad_ros.synthesis.assembly import Assembly
from pad_ros.synthesis.planning import SynthesisSettings, TestObject
from pad_ros.synthesis.storage import differing_files, noted_files

FILE = "dataset.yaml"
PREVIEW = "_preview.png"  # ends the name of a class's contact sheet, which stands beside it


class Record:
    """The `dataset.yaml` of a data set that is being made."""

    def __init__(self, out: Path, settings: SynthesisSettings) -> None:
        """Reads what a folder holds: nothing yet, or a data set of the same settings.

        Raises:
            SynthesisError: it holds something else.
        """
        self._path = out / FILE
        self._content = read_record(out)
        held = self._content.get("settings")
        if not self._content and out.is_dir() and any(not p.name.endswith(PREVIEW) for p in out.iterdir()):
            raise SynthesisError(f"{out} is not empty and holds no data set of ours; choose another folder")
        if self._content and held != settings.to_dict():
            raise SynthesisError(
                f"{out} holds a data set with other settings ({held}, now {settings.to_dict()}); "
                "choose another folder or delete it"
            )
        self._content = {
            "unit": "m",
            "settings": settings.to_dict(),
            "camera": cameras.make_camera(settings.resolution).to_dict(),
            "classes": self._content.get("classes") or {},
        }

    def finished(self, intact: Assembly) -> bool:
        """Whether a class stands complete.

        Raises:
            SynthesisError: the class was begun with another assembly.
        """
        self._compare(intact.name, "assembly", digest_assembly(intact))
        root = self._path.parent / intact.name
        return "checksums" in self._class(intact.name) and all((root / name).is_file() for name in noted_files(root))

    def claim(self) -> None:
        """Writes the file, so that the folder is this data set's."""
        write_text(self._path, yaml.safe_dump(self._content, sort_keys=False))

    def begin(self, intact: Assembly, source: str, plan: str) -> None:
        """Notes what a class is made of, before any of its images stands.

        Raises:
            SynthesisError: the class was begun with another plan.
        """
        self._compare(intact.name, "plan", plan)
        entry = {"source": source, "assembly": digest_assembly(intact), "plan": plan}
        self._put(intact.name, entry)

    def finish(self, name: str, summary: dict[str, Any], bpy_version: str) -> None:
        """Notes that a class is complete."""
        versions = {
            "pad_ros": pad_ros.__version__,
            "bpy": bpy_version,
            "numpy": np.__version__,
            "python": platform.python_version(),
        }
        self._put(name, {**self._class(name), "versions": versions, **summary})

    def _class(self, name: str) -> dict[str, Any]:
        """What is noted of a class; nothing once its folder was deleted."""
        held = self._content["classes"].get(name)
        return held if isinstance(held, dict) and (self._path.parent / name).is_dir() else {}

    def _compare(self, name: str, what: str, digest: str) -> None:
        if self._class(name).get(what, digest) != digest:
            raise SynthesisError(
                f"{self._path.parent / name} was begun with another {what} of class {name!r}; "
                "delete that folder, or choose another one for the new data set"
            )

    def _put(self, name: str, entry: dict[str, Any]) -> None:
        self._content["classes"][name] = entry
        self.claim()


def read_record(out: Path) -> dict[str, Any]:
    """What a data set's `dataset.yaml` says; empty if there is none.

    Raises:
        SynthesisError: the file is unreadable.
    """
    path = out / FILE
    if not path.is_file():
        return {}
    try:
        content = yaml.safe_load(path.read_text())
    except (OSError, yaml.YAMLError) as error:
        raise SynthesisError(f"{path}: unreadable ({error}); delete it to start anew") from None
    return content if isinstance(content, dict) else {"settings": content}


def read_classes(out: Path) -> dict[str, dict[str, Any]]:
    """What a data set's `dataset.yaml` says of each class.

    Raises:
        SynthesisError: `out` holds no data set of ours.
    """
    classes = read_record(out).get("classes")
    if not isinstance(classes, dict):
        raise SynthesisError(f"{out} holds no data set of ours: there is no dataset.yaml that lists classes")
    return classes


def verify(out: Path) -> dict[str, list[str]]:
    """Per class that stands complete, the files that differ from its checksums.

    Raises:
        SynthesisError: `out` holds no data set of ours.
    """
    done = {name: entry["checksums"] for name, entry in read_classes(out).items() if "checksums" in entry}
    return {name: differing_files(out / name, checksum) for name, checksum in done.items()}


def digest_assembly(assembly: Assembly) -> str:
    """The SHA-256 of all that shows: names, materials, meshes and placements."""
    meshes = {id(part.mesh): part.mesh for part in assembly.parts}
    shapes = {key: [_numbers(m.vertices), _numbers(m.triangles), _numbers(m.sockets)] for key, m in meshes.items()}
    parts = [[p.name, shapes[id(p.mesh)], _numbers(p.placement), asdict(p.material)] for p in assembly.parts]
    return _digest([assembly.name, parts])


def digest_plan(train: list[Matrix], objects: list[TestObject]) -> str:
    """The SHA-256 of a class's plan: poses, places, defects and conditions."""
    rows = [
        {
            "part_id": part.part_id,
            "assembly": digest_assembly(part.assembly),
            "places": [_numbers(part.world_from_object), _numbers(part.belt_shift), _numbers(part.poses)],
            "conditions": part.conditions,
        }
        for part in objects
    ]
    return _digest([_numbers(train), rows])


def _numbers(values: Any) -> str:
    """The digest of numbers to nine decimals: the last bits of another machine's arithmetic do not count."""
    rounded = np.round(np.asarray(values, dtype=np.float64), 9) + 0.0  # no negative zeros
    return hashlib.sha256(rounded.tobytes()).hexdigest()


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
