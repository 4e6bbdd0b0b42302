"""Conversions between pycolmap's types and ours."""

from __future__ import annotations

from typing import Any

import numpy as np

from pad_ros.common.quiet_pycolmap import pycolmap
from pad_ros.geometry import Camera, Matrix, invert_rigid

__all__ = ["colmap_camera", "colmap_pose", "object_from_camera", "pycolmap"]


def colmap_camera(camera: Camera, camera_id: int = 1) -> Any:
    """The `pycolmap.Camera` of a pinhole camera; both have pixel centres at +0.5."""
    return pycolmap.Camera(
        camera_id=camera_id,
        model="PINHOLE",
        width=camera.width,
        height=camera.height,
        params=[camera.fx, camera.fy, camera.cx, camera.cy],
    )


def colmap_pose(pose: Matrix) -> Any:
    """The `pycolmap.Rigid3d` (camera from world) of a camera-to-object pose [4, 4]."""
    return pycolmap.Rigid3d(invert_rigid(np.asarray(pose, dtype=np.float64))[:3])


def object_from_camera(cam_from_world: Any) -> Matrix:
    """The camera-to-object pose [4, 4] of a `pycolmap.Rigid3d` (camera from world)."""
    transform = np.eye(4)
    transform[:3] = cam_from_world.matrix()
    return invert_rigid(transform)
