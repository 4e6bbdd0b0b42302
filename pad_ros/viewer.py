"""Looking at the twin: one pose, or a film around it."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from pad_ros.errors import ConfigError
from pad_ros.geometry import Matrix, is_rigid, look_at
from pad_ros.images import to_uint8, write_image
from pad_ros.product import Product
from pad_ros.progress import Progress, silent
from pad_ros.results import Image
from pad_ros.splatting.rasterize import create_rasterizer

_FRAMES_PER_SECOND = 24
_ELEVATION = np.radians(30.0)


def render_pose(product: Product, object_from_camera: Matrix, path: Path) -> None:
    """Writes the picture of the twin from a camera-to-object pose [4, 4].

    Raises:
        ConfigError: not a rigid transform.
    """
    if not is_rigid(object_from_camera):
        raise ConfigError("the pose is not a rigid transform 4x4 (rotation, translation, last row 0 0 0 1)")
    write_image(path, _picture(product, object_from_camera))


def write_turntable(product: Product, path: Path, frames: int = 96, progress: Progress = silent) -> None:
    """Writes a film around the part's vertical axis (+z of the object frame).

    Raises:
        ConfigError: the film cannot be written there.
    """
    centre, distance = _orbit(product)
    size = (product.camera.width, product.camera.height)
    film = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"mp4v"), _FRAMES_PER_SECOND, size)  # type: ignore[attr-defined]
    if not film.isOpened():
        raise ConfigError(f"{path}: cannot be written as a film; use a name that ends in .mp4 in a writable folder")
    for frame in range(frames):
        azimuth = 2.0 * np.pi * frame / frames
        direction = np.array(
            [np.cos(_ELEVATION) * np.cos(azimuth), np.cos(_ELEVATION) * np.sin(azimuth), np.sin(_ELEVATION)]
        )
        pose = look_at(centre + distance * direction, centre, np.array([0.0, 0.0, 1.0]))
        film.write(cv2.cvtColor(_picture(product, pose), cv2.COLOR_RGB2BGR))
        progress(frame + 1, frames, "")
    film.release()


def _orbit(product: Product) -> tuple[Matrix, float]:
    """The part's centre [3] and the distance from which the training cameras saw it."""
    centre = np.median(product.gaussians.means, axis=0).astype(np.float64)
    cameras = product.sfm_map.view_poses[:, :3, 3]  # [V, 3]
    return centre, float(np.median(np.linalg.norm(cameras - centre, axis=1)))


def _picture(product: Product, pose: Matrix) -> Image:
    rasterizer = create_rasterizer(product.profile["splatting"]["rasterizer"])
    color = rasterizer.render(product.gaussians, product.camera, pose).color
    return to_uint8(color * 255.0)
