"""The Gaussians that training starts from: SfM points, filled up from the visual hull."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from pad_ros.errors import TrainingError
from pad_ros.geometry import invert_rigid
from pad_ros.splatting.gaussians import SH_C0, Gaussians
from pad_ros.splatting.views import View, object_mask

_INITIAL_OPACITY = 0.1
_FEWEST_POINTS = 50
_HULL_GRID = 40  # cells along the longest side of the searched box


def initial_gaussians(
    views: Sequence[View],
    points: NDArray[np.floating],
    colors: NDArray[np.uint8],
    count: int | None,
    sh_degree: int,
    rng: np.random.Generator,
) -> Gaussians:
    """Spheres at the points, as large as the distance to their neighbours.

    Args:
        views: to find the visual hull.
        points: SfM points [P, 3]; may be empty. A random choice if there are more than `count`.
        colors: their colours [P, 3].
        count: how many to have; missing ones are drawn inside the visual hull. None for the points as they are.
        sh_degree: of the harmonics; the higher ones start at 0.
        rng: draws the choice and the random points.

    Raises:
        TrainingError: the views have no common visual hull, so images and poses disagree, or hardly any points.
    """
    centers: NDArray[np.float64] = np.asarray(points, np.float64).reshape(-1, 3)
    colors = np.asarray(colors, np.uint8).reshape(-1, 3)
    finite = np.isfinite(centers).all(axis=1)
    centers, colors = centers[finite], colors[finite]
    if count is None:
        if len(centers) < _FEWEST_POINTS:
            raise TrainingError(
                f"splatting from SfM points alone needs at least {_FEWEST_POINTS}, got {len(centers)}; "
                "set the trainer's initial_gaussians to fill up the visual hull"
            )
    elif len(centers) > count:
        chosen = rng.choice(len(centers), count, replace=False)
        centers, colors = centers[chosen], colors[chosen]
    elif len(centers) < count:
        extra = _hull_points(views, count - len(centers), rng)
        centers = np.concatenate([centers, extra])
        colors = np.concatenate([colors, _seen_colors(views, extra)])
    n = len(centers)
    sh = np.zeros((n, (sh_degree + 1) ** 2, 3), np.float32)
    sh[:, 0] = (colors / 255.0 - 0.5) / SH_C0
    return Gaussians(
        means=centers.astype(np.float32),
        quats=np.tile(np.array([1, 0, 0, 0], np.float32), (n, 1)),
        log_scales=np.log(_neighbour_distance(centers))[:, None].repeat(3, axis=1),
        logit_opacities=np.full(n, np.log(_INITIAL_OPACITY / (1 - _INITIAL_OPACITY))),
        sh=sh,
    )


def project(view: View, points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Pixel coordinates [N, 2] of points [N, 3]; NaN behind the camera."""
    camera_from_object = invert_rigid(view.object_from_camera)
    # einsum, not @: the product is too thin to be worth waking BLAS's threads.
    local = np.einsum("nj,ij->ni", points, camera_from_object[:3, :3]) + camera_from_object[:3, 3]
    depth = np.where(local[:, 2] > 0, local[:, 2], np.nan)
    camera = view.camera
    return np.stack([camera.fx * local[:, 0] / depth + camera.cx, camera.fy * local[:, 1] / depth + camera.cy], axis=1)


def _neighbour_distance(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Root mean square distance of each point to its three nearest neighbours, [N]."""
    if len(points) < 4:
        return np.full(len(points), 0.1)
    table = np.ascontiguousarray(points, np.float32)
    index = cv2.flann.Index(table, {"algorithm": 4})  # an exact k-d tree
    squared = index.knnSearch(table, 4, params={"checks": -1})[1][:, 1:]  # the first is the point itself
    distance = np.sqrt(squared.mean(axis=1))
    typical = np.median(distance)
    return np.clip(distance, 0.05 * typical + 1e-9, 5.0 * typical + 1e-9)


def _inside_fraction(views: Sequence[View], points: NDArray[np.float64]) -> NDArray[np.float64]:
    """The share of the views in whose silhouette each point [N] falls, of those that see it (or of most views)."""
    inside, seen = np.zeros(len(points)), np.zeros(len(points))
    for view in views:
        pixel = project(view, points)
        valid = ((pixel >= 0) & (pixel < [view.camera.width, view.camera.height])).all(axis=1)
        x, y = pixel[valid].astype(np.int64).T
        inside[valid] += object_mask(view)[y, x]
        seen += valid
    return inside / np.maximum(seen, 0.6 * len(views))


def _hull_points(views: Sequence[View], count: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Random points [count, 3] inside the visual hull of the silhouettes."""
    centers = np.array([view.object_from_camera[:3, 3] for view in views])
    axes = np.array([view.object_from_camera[:3, 2] for view in views])
    # The point nearest to all optical axes, and how far the cameras see around it.
    across = np.eye(3) - axes[:, :, None] * axes[:, None, :]  # [V, 3, 3]
    middle = np.linalg.lstsq(across.sum(axis=0), (across @ centers[:, :, None]).sum(axis=0)[:, 0], rcond=None)[0]
    camera = views[0].camera
    distance = np.median(np.linalg.norm(centers - middle, axis=1))
    half = distance * max(camera.width / camera.fx, camera.height / camera.fy) / 2.0
    chosen = views[:: max(1, len(views) // 40)]
    low, high = middle - half, middle + half
    for _ in range(2):  # find the object coarsely, then again inside its own box
        cell = (high - low).max() / _HULL_GRID
        axes_cells = [np.arange(a, b, cell) + cell / 2 for a, b in zip(low, high, strict=True)]
        grid = np.stack(np.meshgrid(*axes_cells), axis=-1).reshape(-1, 3)
        hull = grid[_inside_fraction(chosen, grid) > 0.95]
        if len(hull) == 0:
            raise TrainingError("the views' silhouettes have no common hull: do the poses belong to these images?")
        low, high = hull.min(axis=0) - cell, hull.max(axis=0) + cell
    return hull[rng.integers(0, len(hull), count)] + rng.uniform(-0.5, 0.5, (count, 3)) * cell


def _seen_colors(views: Sequence[View], points: NDArray[np.float64]) -> NDArray[np.uint8]:
    """The mean colour [N, 3] of the pixels that the points fall on: right for the front, grey for the inside."""
    total, seen = np.zeros((len(points), 3)), np.full((len(points), 1), 1e-9)
    for view in views[:: max(1, len(views) // 20)]:
        pixel = project(view, points)
        valid = ((pixel >= 0) & (pixel < [view.camera.width, view.camera.height])).all(axis=1)
        x, y = pixel[valid].astype(np.int64).T
        total[valid] += view.image[y, x]
        seen[valid] += 1
    return (total / seen).astype(np.uint8)
