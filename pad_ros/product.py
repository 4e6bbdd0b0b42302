"""The product model folder: what training makes and inspection loads.

`product.yaml` (the manifest: name, unit, camera and its lens, profile, provenance, size and checksum of the others),
`splats.npz` (compact, see `pad_ros.splatting.compact`; splats that were not rounded to it stay a PLY, `splats.ply`),
`map.npz` (the SfM map), `calibration.yaml` (the threshold and the scores that it comes from) and `preview.png`.
"""

from __future__ import annotations

import filecmp
import hashlib
import os
import shutil
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml

from pad_ros.anomaly.calibration import Calibration
from pad_ros.common.files import write_text
from pad_ros.common.identity import MANIFEST
from pad_ros.errors import ConfigError, ProductError
from pad_ros.geometry import Camera
from pad_ros.images import encode_png
from pad_ros.lens import Lens
from pad_ros.localization.sfm_map import SfmMap
from pad_ros.profiles import check_profile
from pad_ros.results import Image
from pad_ros.splatting.compact import is_compact, load_compact, save_compact
from pad_ros.splatting.gaussians import Gaussians

SCHEMA_VERSION = 2
_WITH_LENS = 3  # of a product whose camera's lens distorts: a reader that knew of none would misread its images
_READABLE = (1, SCHEMA_VERSION, _WITH_LENS)  # version 1 knows no compact splats
SPLATS, SPLATS_PLY, MAP, CALIBRATION, PREVIEW = (
    "splats.npz",
    "splats.ply",
    "map.npz",
    "calibration.yaml",
    "preview.png",
)
# How each file of splats is read and written.
_SPLATS = {SPLATS: (load_compact, save_compact), SPLATS_PLY: (Gaussians.load_ply, Gaussians.save_ply)}


@dataclass(frozen=True)
class Product:
    """Everything that inspection knows of one kind of part."""

    name: str
    unit: str  # of length, of all poses: "m", …
    lens: Lens  # of the camera that takes the images
    profile: dict[str, Any]
    gaussians: Gaussians
    sfm_map: SfmMap
    calibration: Calibration
    provenance: dict[str, Any] = field(default_factory=dict)
    checksum: str = ""  # sha256 of product.yaml, set by save and load

    @property
    def camera(self) -> Camera:
        """The ideal camera, in which everything is worked out; the lens's own where that does not distort."""
        return self.lens.camera

    def save(self, folder: Path | str, preview: Image | None = None) -> Product:
        """Writes the folder: all files beside it first, then each takes its place, the manifest last.

        Args:
            folder: made when missing; a product in it is replaced, and stays as it is when something goes wrong.
            preview: picture of the twin, [H, W, 3]; the one in the folder is kept when None.

        Returns:
            This product with its checksum.

        Raises:
            ProductError: it cannot be written there.
        """
        folder = Path(folder)
        staging = folder / f".saving-{os.getpid()}"
        try:
            staging.mkdir(parents=True, exist_ok=True)
            try:
                self._write(staging, preview, kept=folder / PREVIEW)
                saved = replace(self, checksum=_sha256(staging / MANIFEST))
                _swap(staging, folder)
            finally:
                shutil.rmtree(staging, ignore_errors=True)
            for other in set(_SPLATS) - {self._splats_name}:
                with suppress(OSError):  # the manifest does not name it
                    (folder / other).unlink()
            return saved
        except OSError as error:
            raise ProductError(f"{folder}: the product cannot be written there ({error.strerror})") from None

    @property
    def _splats_name(self) -> str:
        return SPLATS if is_compact(self.gaussians) else SPLATS_PLY

    def _write(self, folder: Path, preview: Image | None, kept: Path) -> None:
        """Writes all files to a folder; the manifest also names the preview that is kept, if there is one."""
        _SPLATS[self._splats_name][1](self.gaussians, folder / self._splats_name)
        self.sfm_map.save(folder / MAP)
        _write_yaml(folder / CALIBRATION, self.calibration.to_dict())
        if preview is not None:
            (folder / PREVIEW).write_bytes(encode_png(preview))
            kept = folder / PREVIEW
        files = {name: _describe(folder / name) for name in (self._splats_name, MAP, CALIBRATION)}
        if kept.is_file():
            files[PREVIEW] = _describe(kept)
        manifest = {
            "schema_version": _WITH_LENS if self.lens.distorted else SCHEMA_VERSION,
            "name": self.name,
            "unit": self.unit,
            **self.lens.to_dict(),
            "profile": self.profile,
            "provenance": self.provenance,
            "files": files,
        }
        _write_yaml(folder / MANIFEST, manifest)

    @classmethod
    def load(cls, folder: Path | str) -> Product:
        """Loads and checks a product folder.

        Raises:
            ProductError: missing, truncated, altered, or of another schema version; says which file.
        """
        folder = Path(folder)
        if not (folder / MANIFEST).is_file():
            raise ProductError(f"{folder}: no {MANIFEST}, so no product; make one with `pad train`")
        manifest = _read_yaml(folder / MANIFEST)
        version = manifest.get("schema_version")
        if version not in _READABLE:
            raise ProductError(
                f"{folder / MANIFEST}: schema version {version!r}, "
                f"this pad_ros reads {' and '.join(map(str, _READABLE))}; train it again"
            )
        try:
            files = manifest["files"]
            splats = SPLATS if SPLATS in files else SPLATS_PLY
            for name in (splats, MAP, CALIBRATION):
                _check_file(folder / name, files[name])
            check_profile(manifest["profile"], str(folder / MANIFEST))
            return cls(
                name=str(manifest["name"]),
                unit=str(manifest["unit"]),
                lens=Lens.from_dict(manifest),
                profile=manifest["profile"],
                gaussians=_SPLATS[splats][0](folder / splats),
                sfm_map=SfmMap.load(folder / MAP),
                calibration=Calibration.from_dict(_read_yaml(folder / CALIBRATION)),
                provenance=dict(manifest.get("provenance", {})),
                checksum=_sha256(folder / MANIFEST),
            )
        except (KeyError, TypeError, ConfigError) as error:
            raise ProductError(f"{folder / MANIFEST}: incomplete or altered ({error}); train it again") from None


def _swap(staging: Path, folder: Path) -> None:
    """Moves new files to their place, the manifest last; after an error the old ones are back in theirs.

    What is as before stays: a new calibration is two files, so that hardly any moment is left to be killed in.
    """
    names = sorted((path.name for path in staging.iterdir()), key=lambda name: (name == MANIFEST, name))
    changed = [n for n in names if not ((folder / n).is_file() and filecmp.cmp(staging / n, folder / n, shallow=False))]
    before = staging / "before"
    before.mkdir()
    for name in changed:
        if (folder / name).is_file():
            shutil.copy2(folder / name, before / name)
    moved: list[str] = []
    try:
        for name in changed:
            (staging / name).replace(folder / name)
            moved.append(name)
    except OSError:
        for name in moved:
            with suppress(OSError):
                (before / name).replace(folder / name) if (before / name).is_file() else (folder / name).unlink()
        raise


def _write_yaml(path: Path, content: dict[str, Any]) -> None:
    write_text(path, yaml.safe_dump(content, sort_keys=False, allow_unicode=True))


def _read_yaml(path: Path) -> dict[str, Any]:
    try:
        content = yaml.safe_load(path.read_text())
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ProductError(f"{path}: unreadable ({' '.join(str(error).split())}); train the product again") from None
    if not isinstance(content, dict):
        raise ProductError(f"{path}: empty or truncated; train the product again")
    return content


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _describe(path: Path) -> dict[str, Any]:
    return {"bytes": path.stat().st_size, "sha256": _sha256(path)}


def _check_file(path: Path, expected: dict[str, Any]) -> None:
    if not path.is_file():
        raise ProductError(f"{path}: missing; copy the whole product folder, or train it again")
    size = path.stat().st_size
    if size != expected["bytes"]:
        raise ProductError(f"{path}: {size} bytes, {expected['bytes']} expected: truncated; copy the product again")
    if _sha256(path) != expected["sha256"]:
        raise ProductError(f"{path}: its checksum differs from {MANIFEST}: altered or damaged; copy the product again")
