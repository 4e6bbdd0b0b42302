"""The oracle: the same rendering in plain float64 numpy, every Gaussian at every pixel; slow and clear."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pad_ros.geometry import Camera, Matrix, invert_rigid
from pad_ros.splatting.rasterize import WHITE

Array = NDArray[np.float64]

DILATION = 0.3  # px^2 added to each screen-space covariance
MIN_ALPHA = 1.0 / 255.0
MAX_ALPHA = 0.999
_NEAR = 0.01
_MIN_COMPENSATION = 2.5e-5


def render_reference(
    means: Array,
    quats: Array,
    log_scales: Array,
    logit_opacities: Array,
    sh: Array,
    camera: Camera,
    object_from_camera: Matrix,
    background: Sequence[float] = WHITE,
) -> tuple[Array, Array]:
    """Composites every Gaussian at every pixel, front to back (paper, eq. 1 and 2).

    Args:
        means: [N, 3].
        quats: [N, 4] w, x, y, z.
        log_scales: [N, 3].
        logit_opacities: [N].
        sh: [N, K, 3].
        camera: the intrinsics.
        object_from_camera: camera-to-object pose [4, 4].
        background: RGB in 0…1.

    Returns:
        Colour [H, W, 3] and residual transmittance [H, W].
    """
    camera_from_object = invert_rigid(object_from_camera)
    points = means @ camera_from_object[:3, :3].T + camera_from_object[:3, 3]  # [N, 3]
    center, covariance = _project(points, _covariance(quats, log_scales), camera_from_object[:3, :3], camera)
    dilated = covariance + DILATION * np.eye(2)
    ratio = np.maximum(np.linalg.det(covariance) / np.linalg.det(dilated), _MIN_COMPENSATION)
    opacity = np.sqrt(ratio) / (1.0 + np.exp(-logit_opacities))  # [N] Mip-Splatting's compensation
    colors = sh_color(sh, means - object_from_camera[:3, 3])

    order = np.argsort(points[:, 2], kind="stable")
    order = order[points[order, 2] > _NEAR]
    grid = np.stack(np.meshgrid(np.arange(camera.width), np.arange(camera.height)), axis=-1) + 0.5  # [H, W, 2]
    d = grid - center[order, None, None]  # [N, H, W, 2]
    distance = np.einsum("nhwi,nij,nhwj->nhw", d, np.linalg.inv(dilated[order]), d)
    alpha = np.minimum(opacity[order, None, None] * np.exp(-0.5 * distance), MAX_ALPHA)
    alpha = np.where(alpha >= MIN_ALPHA, alpha, 0.0)
    through = np.cumprod(np.concatenate([np.ones((1, *alpha.shape[1:])), 1.0 - alpha]), axis=0)  # [N + 1, H, W]
    color = np.einsum("nhw,nc->hwc", alpha * through[:-1], colors[order])
    return color + through[-1][..., None] * np.asarray(background), through[-1]


def _covariance(quats: Array, log_scales: Array) -> Array:
    """Covariances [N, 3, 3] in the object frame."""
    w, x, y, z = (quats / np.linalg.norm(quats, axis=1, keepdims=True)).T
    rotation = np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
            [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
            [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
        ]
    ).transpose(2, 0, 1)  # [N, 3, 3]
    shape = rotation * np.exp(log_scales)[:, None]
    return shape @ shape.transpose(0, 2, 1)


def _project(points: Array, covariance: Array, rotation: Array, camera: Camera) -> tuple[Array, Array]:
    """Centres [N, 2] and undilated covariances [N, 2, 2] in pixels: the projection made linear at the mean."""
    x, y = points[:, 0] / points[:, 2], points[:, 1] / points[:, 2]
    center = np.stack([camera.fx * x + camera.cx, camera.fy * y + camera.cy], axis=1)
    # The linearisation stays within 30 % of the image around it, as in 3DGS.
    x = np.clip(x, -(camera.cx + 0.3 * camera.width) / camera.fx, (1.3 * camera.width - camera.cx) / camera.fx)
    y = np.clip(y, -(camera.cy + 0.3 * camera.height) / camera.fy, (1.3 * camera.height - camera.cy) / camera.fy)
    jacobian = np.zeros((len(points), 2, 3))
    jacobian[:, 0, 0] = camera.fx / points[:, 2]
    jacobian[:, 1, 1] = camera.fy / points[:, 2]
    jacobian[:, 0, 2] = -camera.fx * x / points[:, 2]
    jacobian[:, 1, 2] = -camera.fy * y / points[:, 2]
    transform = jacobian @ rotation
    return center, transform @ covariance @ transform.transpose(0, 2, 1)


def sh_color(sh: Array, offset: Array) -> Array:
    """Colours [N, 3] of harmonics [N, K, 3] seen along `offset` [N, 3] (mean minus camera centre)."""
    x, y, z = (offset / np.linalg.norm(offset, axis=1, keepdims=True)).T
    one = np.ones_like(x)
    s = np.sqrt
    basis = [
        s(1 / 4) * one,
        -s(3 / 4) * y,
        s(3 / 4) * z,
        -s(3 / 4) * x,
        s(15 / 4) * x * y,
        -s(15 / 4) * y * z,
        s(5 / 16) * (3 * z * z - 1),
        -s(15 / 4) * x * z,
        s(15 / 16) * (x * x - y * y),
        -s(35 / 32) * y * (3 * x * x - y * y),
        s(105 / 4) * x * y * z,
        -s(21 / 32) * y * (5 * z * z - 1),
        s(7 / 16) * z * (5 * z * z - 3),
        -s(21 / 32) * x * (5 * z * z - 1),
        s(105 / 16) * z * (x * x - y * y),
        -s(35 / 32) * x * (x * x - 3 * y * y),
    ]
    values = np.stack(basis[: sh.shape[1]], axis=1) / np.sqrt(np.pi)  # [N, K]
    return np.maximum(0.5 + np.einsum("nk,nkc->nc", values, sh), 0.0)
