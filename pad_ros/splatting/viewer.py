"""Looking at the twin: one pose, or all around it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import cv2
import numpy as np

from pad_ros.common.files import replacing
from pad_ros.common.progress import Progress, silent
from pad_ros.errors import ConfigError
from pad_ros.geometry import Camera, Matrix, is_rigid, look_at
from pad_ros.images import to_uint8, write_image
from pad_ros.results import Image
from pad_ros.splatting.gaussians import Gaussians
from pad_ros.splatting.rasterize import Rasterizer

_FRAMES_PER_SECOND = 24
_SHEET_COLUMNS = 4
_ELEVATION = np.radians(30.0)
# Frames of a turn by the kind of file.
_FRAMES = {".mp4": 96, ".webp": 48, ".png": 12}


@dataclass(frozen=True)
class Twin:
    """The splats of a part with what it takes to look at them."""

    gaussians: Gaussians
    camera: Camera
    rasterizer: Rasterizer

    def picture(self, object_from_camera: Matrix) -> Image:
        """The part over white from a camera-to-object pose [4, 4], RGB [H, W, 3]."""
        return to_uint8(self.rasterizer.render(self.gaussians, self.camera, object_from_camera).color * 255.0)


def render_pose(twin: Twin, object_from_camera: Matrix, path: Path) -> None:
    """Writes the picture of the twin from a camera-to-object pose [4, 4].

    Raises:
        ConfigError: not a rigid transform.
        WriteError: the picture cannot be written there.
    """
    if not is_rigid(object_from_camera):
        raise ConfigError("the pose is not a rigid transform 4x4 (rotation, translation, last row 0 0 0 1)")
    write_image(path, twin.picture(object_from_camera))


def export_ply(gaussians: Gaussians, path: Path) -> None:
    """Writes the twin as the standard PLY that 3DGS viewers open.

    Raises:
        WriteError: it cannot be written there.
    """
    gaussians.save_ply(path)


def write_turntable(
    twin: Twin, view_poses: Matrix, path: Path, frames: int | None = None, progress: Progress = silent
) -> None:
    """Writes a turn around the part's vertical axis (+z of the object frame): a film, or a sheet of pictures.

    Args:
        twin: the twin to show.
        view_poses: camera-to-object poses [V, 4, 4] of the photos, for the distance to look from.
        path: ends in .mp4, .webp (plays in browsers) or .png (a sheet); its folder is made when missing.
        frames: pictures of a turn; None for what suits the kind of file.
        progress: called with (pictures done, of how many, "").

    Raises:
        ConfigError: another kind of file, or a film that cannot be written there.
        WriteError: it cannot be written there.
    """
    kind = path.suffix.lower()
    if kind not in _FRAMES:
        raise ConfigError(f"{path}: a turntable is a film or a sheet; use a name that ends in {', '.join(_FRAMES)}")
    pictures = _turn(twin, view_poses, frames or _FRAMES[kind], progress)
    with replacing(path, kind) as partial:
        {".mp4": _write_film, ".webp": _write_animation, ".png": _write_sheet}[kind](partial, pictures)


def _turn(twin: Twin, view_poses: Matrix, frames: int, progress: Progress) -> Iterator[Image]:
    centre, distance = _orbit(twin.gaussians, view_poses)
    for frame in range(frames):
        azimuth = 2.0 * np.pi * frame / frames
        direction = np.array(
            [np.cos(_ELEVATION) * np.cos(azimuth), np.cos(_ELEVATION) * np.sin(azimuth), np.sin(_ELEVATION)]
        )
        yield twin.picture(look_at(centre + distance * direction, centre, np.array([0.0, 0.0, 1.0])))
        progress(frame + 1, frames, "")


def _write_film(path: Path, pictures: Iterator[Image]) -> None:
    first = next(pictures)
    size = (first.shape[1], first.shape[0])
    film = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"mp4v"), _FRAMES_PER_SECOND, size)  # type: ignore[attr-defined]
    if not film.isOpened():
        raise ConfigError(f"{path.parent}: no film can be written there; choose a writable folder, or a .png")
    count = 0
    for picture in chain([first], pictures):
        film.write(cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
        count += 1
    film.release()
    if cv2.VideoCapture(str(path)).get(cv2.CAP_PROP_FRAME_COUNT) != count:  # the writer says nothing of a full disk
        raise ConfigError(f"{path.parent}: only a part of the film could be written there; is the disk full?")


def _write_animation(path: Path, pictures: Iterator[Image]) -> None:
    if not hasattr(cv2, "imwriteanimation"):
        raise ConfigError(f"OpenCV {cv2.__version__} animates no .webp, 4.11 does; choose .mp4 or .png")
    animation = cv2.Animation()
    animation.frames = [cv2.cvtColor(picture, cv2.COLOR_RGB2BGR) for picture in pictures]
    animation.durations = [2000 // _FRAMES_PER_SECOND] * len(animation.frames)  # ms: half as many per second
    if not cv2.imwriteanimation(str(path), animation, [cv2.IMWRITE_WEBP_QUALITY, 90]):
        raise ConfigError(f"{path.parent}: no .webp can be written there; choose a writable folder, or .mp4 or .png")


def _write_sheet(path: Path, pictures: Iterator[Image]) -> None:
    tiles = list(pictures)
    tiles += [np.full_like(tiles[0], 255)] * (-len(tiles) % _SHEET_COLUMNS)
    rows = [np.concatenate(tiles[i : i + _SHEET_COLUMNS], axis=1) for i in range(0, len(tiles), _SHEET_COLUMNS)]
    write_image(path, np.concatenate(rows))


def _orbit(gaussians: Gaussians, view_poses: Matrix) -> tuple[Matrix, float]:
    """The part's centre [3] and the distance from which the training cameras saw it."""
    centre = np.median(gaussians.means, axis=0).astype(np.float64)
    return centre, float(np.median(np.linalg.norm(view_poses[:, :3, 3] - centre, axis=1)))
