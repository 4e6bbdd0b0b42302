"""Between CameraInfo and the core's cameras: what a camera says of itself, and whether that is the product's camera."""

from __future__ import annotations

from typing import Any

import numpy as np
from sensor_msgs.msg import CameraInfo
from std_msgs.msg import Header

from pad_ros.geometry import Camera, ros_intrinsics
from pad_ros.lens import MODELS, Lens, largest_shift, ros_distortion

# How far the camera and the product may be apart in where the lens shows a point.
_LENS_TOLERANCE_PX = 1.0


def camera_info_message(header: Header, lens: Lens) -> CameraInfo:
    """Makes the CameraInfo of a camera."""
    camera, k = lens.camera, ros_intrinsics(lens.camera)
    model, coefficients = ros_distortion(lens)
    return CameraInfo(
        header=header,
        height=camera.height,
        width=camera.width,
        distortion_model=model,
        d=coefficients,
        k=k.ravel().tolist(),
        r=np.eye(3).ravel().tolist(),
        p=np.hstack([k, np.zeros((3, 1))]).ravel().tolist(),
    )


def is_calibrated(info: Any) -> bool:
    """Whether a CameraInfo says anything: K[0] = 0 means that the camera is not calibrated."""
    return info.k[0] != 0


def camera_problem(
    info: Any, camera: Camera, rectified: bool = False, tolerance: float = 0.02, *, lens: Lens | None = None
) -> str:
    """How the CameraInfo of a calibrated camera differs from the product's camera; empty when it does not.

    Args:
        info: the CameraInfo.
        camera: the product's.
        rectified: whether the images are rectified; then its projection matrix P is theirs, and K and D are not.
        tolerance: allowed difference, as a share of the focal length.
        lens: the product's, where its camera is not an ideal one.
    """
    if (info.width, info.height) != (camera.width, camera.height):
        return f"camera_info is for {info.width}x{info.height}, the product for {camera.width}x{camera.height}"
    found = np.array(info.p)[[0, 5, 2, 6]] if rectified else np.array(info.k)[[0, 4, 2, 5]]
    wanted = ros_intrinsics(camera).ravel()[[0, 4, 2, 5]]
    if not np.abs(found - wanted).max() <= tolerance * camera.fx:
        says = f"{found.round(1).tolist()}{' in P' if rectified else ''}"
        return f"camera_info has fx, fy, cx, cy = {says}, the product {wanted.round(1).tolist()}"
    if rectified:
        return lens_problem("none", (), lens or Lens(camera))
    return lens_problem(info.distortion_model, info.d, lens or Lens(camera))


def lens_problem(model: str, coefficients: Any, lens: Lens) -> str:
    """How the distortion that a camera says differs from the one that the product undoes; empty when it does not.

    Args:
        model: of the CameraInfo.
        coefficients: its d; empty or all 0 for images without distortion.
        lens: the product's.
    """
    numbers = np.trim_zeros(np.asarray(coefficients, np.float64), "b")
    if numbers.size == 0:
        model = "none"
    count = MODELS.get(model, 0)
    if numbers.size > count or not np.isfinite(numbers).all():
        return f"camera_info has distortion {model!r} {numbers.tolist()}; rectify the images (image_proc)"
    said = Lens(lens.camera, model, tuple(np.pad(numbers, (0, count - numbers.size))))
    if largest_shift(said, lens) <= _LENS_TOLERANCE_PX:
        return ""
    if not lens.distorted:
        return (
            "camera_info has lens distortion; rectify the images (image_proc) and say so with images_rectified:=true, "
            "which is right too when they are rectified already"
        )
    if not said.distorted:
        return (
            "camera_info has no lens distortion, but the product undoes that of its own photos; "
            "give it the camera's raw images, or train it with rectified ones"
        )
    return f"camera_info has {model} {np.round(said.coefficients, 4).tolist()}, the product {list(lens.coefficients)}"
