"""What the trainer looks at: photos and alphas, at the resolutions of its coarse-to-fine schedule."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from pad_ros.errors import TrainingError
from pad_ros.geometry import Camera, Matrix, is_rigid
from pad_ros.results import Image, Map
from pad_ros.splatting.cpu import Box

Bytes = NDArray[np.uint8]


@dataclass(frozen=True)
class View:
    """One photo at one resolution."""

    image: Image  # [H, W, 3] over white
    alpha: Bytes | None  # [H, W], 255 on the object
    camera: Camera
    object_from_camera: Matrix  # [4, 4]
    box: Box | None  # of what is not background
    object_pixels: int


def make_views(
    images: Sequence[Image], alphas: Sequence[Map] | None, camera: Camera, poses: Sequence[Matrix]
) -> list[View]:
    """Checks the photos and gives them their object's box.

    Raises:
        TrainingError: no or too few views, other numbers of alphas or poses, or a wrong size or pose.
    """
    if len(images) < 2:
        raise TrainingError(f"splatting needs at least 2 views with poses, got {len(images)}")
    if len(poses) != len(images) or (alphas is not None and len(alphas) != len(images)):
        raise TrainingError(
            f"{len(images)} images with {len(poses)} poses and {'no' if alphas is None else len(alphas)} alphas"
        )
    views = []
    for index, (image, pose) in enumerate(zip(images, poses, strict=True)):
        shape = (camera.height, camera.width)
        if image.shape != (*shape, 3) or image.dtype != np.uint8:
            raise TrainingError(f"view {index}: {image.dtype} image {image.shape}, expected uint8 {(*shape, 3)}")
        if not is_rigid(pose):
            raise TrainingError(f"view {index}: its pose is not a rigid transform 4x4")
        alpha = None
        if alphas is not None:
            if alphas[index].shape != shape or not np.isfinite(alphas[index]).all():
                raise TrainingError(f"view {index}: alpha {alphas[index].shape} must be finite and {shape}")
            alpha = np.round(np.clip(alphas[index], 0.0, 1.0) * 255.0).astype(np.uint8)
        views.append(_view(np.ascontiguousarray(image), alpha, camera, np.asarray(pose, np.float64)))
    if not any(view.box for view in views):
        raise TrainingError("no view shows an object: every image is white")
    return views


def scale_views(views: Sequence[View], factor: float) -> list[View]:
    """The same views resized by `factor` <= 1."""
    if factor == 1.0:
        return list(views)
    camera = views[0].camera.scaled(factor)
    size = (camera.width, camera.height)
    scaled = []
    for view in views:
        alpha = None if view.alpha is None else cv2.resize(view.alpha, size, interpolation=cv2.INTER_AREA)
        image = cv2.resize(view.image, size, interpolation=cv2.INTER_AREA)
        scaled.append(_view(image, alpha, camera, view.object_from_camera))  # type: ignore[arg-type]
    return scaled


def object_mask(view: View) -> NDArray[np.bool_]:
    """Where the view shows something, [H, W]: by its alpha or, without, by not being white."""
    if view.alpha is not None:
        return view.alpha > 0
    return np.any(view.image < 250, axis=2)  # type: ignore[return-value]


def camera_extent(views: Sequence[View]) -> float:
    """1.1 times the largest distance of a camera from their mean: 3DGS's unit of length."""
    centers = np.array([view.object_from_camera[:3, 3] for view in views])
    return float(1.1 * np.linalg.norm(centers - centers.mean(axis=0), axis=1).max())


def _view(image: Image, alpha: Bytes | None, camera: Camera, pose: Matrix) -> View:
    view = View(image, alpha, camera, pose, None, 0)
    mask = object_mask(view)
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    box = None
    if rows.size:
        box = (int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1)
    return View(image, alpha, camera, pose, box, int(mask.sum()))
