"""Camera pose from 2D-3D matches: seeded LO-RANSAC and refinement by COLMAP."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pad_ros.geometry import Camera, Matrix, invert_rigid
from pad_ros.localization.colmap import colmap_camera, object_from_camera, pycolmap

MIN_MATCHES = 4  # three for the pose, one to tell the solutions apart


@dataclass(frozen=True)
class PnpResult:
    """A pose `object_from_camera` [4, 4], which matches agree with it, bool [N], and how long finding it took."""

    pose: Matrix
    inliers: NDArray[np.bool_]
    milliseconds: float


def solve_pnp(
    camera: Camera,
    pixels: NDArray[np.floating],
    points: NDArray[np.floating],
    *,
    max_error_px: float,
    max_trials: int,
    seed: int,
) -> PnpResult | None:
    """Finds the pose that most matches agree with, and refines it on those.

    Args:
        camera: that took the image.
        pixels: [N, 2], centres at +0.5.
        points: [N, 3] in the object's frame.
        max_error_px: largest reprojection error of an inlier.
        max_trials: most RANSAC samples.
        seed: of the samples; the same matches and seed give the same pose.

    Returns:
        None if there are too few matches or no pose agrees with any.
    """
    if len(pixels) < MIN_MATCHES:
        return None
    start = time.perf_counter()
    options = pycolmap.AbsolutePoseEstimationOptions()
    options.ransac.max_error = max_error_px
    options.ransac.max_num_trials = max_trials
    options.ransac.min_inlier_ratio = 0.01  # only bounds the number of trials, which max_trials does
    options.ransac.random_seed = seed
    found = pycolmap.estimate_and_refine_absolute_pose(
        pixels.astype(np.float64), points.astype(np.float64), colmap_camera(camera), options
    )
    if found is None:
        return None
    pose = object_from_camera(found["cam_from_world"])
    if not np.isfinite(pose).all():
        return None
    inliers = reprojection_errors(camera, pose, pixels, points) <= max_error_px
    return PnpResult(pose, inliers, 1000.0 * (time.perf_counter() - start))


def project(
    camera: Camera, pose: Matrix, points: NDArray[np.floating]
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Projects points [N, 3] of the object's frame.

    Returns:
        Pixels [N, 2] (centres at +0.5), and whether each point is in front of the camera [N].
    """
    camera_from_object = invert_rigid(pose)
    seen = points @ camera_from_object[:3, :3].T + camera_from_object[:3, 3]
    front = seen[:, 2] > 1e-9
    homogeneous = seen @ camera.K.T
    return homogeneous[:, :2] / np.where(front, seen[:, 2], 1.0)[:, None], front


def reprojection_errors(
    camera: Camera, pose: Matrix, pixels: NDArray[np.floating], points: NDArray[np.floating]
) -> NDArray[np.float64]:
    """Distances in pixels of the projected points [N, 3] from `pixels` [N, 2]; infinite behind the camera, [N]."""
    projected, front = project(camera, pose, points)
    return np.where(front, np.linalg.norm(projected - pixels, axis=1), np.inf)
