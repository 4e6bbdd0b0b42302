"""pycolmap, imported quietly, and the conversions between its types and ours.

Importing pycolmap installs glog's failure handlers, which print a stack trace on SIGTERM (an ordinary stop of a ROS
node) and on crashes, and logs to stderr. The handlers that were there before are put back; only errors are logged.
"""

from __future__ import annotations

import ctypes
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from pad_ros.geometry import Camera, Matrix, invert_rigid

_GLOG_SIGNALS = ("SIGSEGV", "SIGILL", "SIGFPE", "SIGABRT", "SIGBUS", "SIGTERM")


@contextmanager
def _signal_handlers_kept() -> Iterator[None]:
    # sigaction, not signal.signal: it sees handlers that C code installed (rclpy's) and works in any thread.
    libc = ctypes.CDLL(None)
    saved = {}
    for name in _GLOG_SIGNALS:
        saved[name] = ctypes.create_string_buffer(256)  # larger than any struct sigaction
        libc.sigaction(int(getattr(signal, name)), None, saved[name])
    try:
        yield
    finally:
        for name, action in saved.items():
            libc.sigaction(int(getattr(signal, name)), action, None)


with _signal_handlers_kept():
    import pycolmap

pycolmap.logging.minloglevel = pycolmap.logging.Level.ERROR.value

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
