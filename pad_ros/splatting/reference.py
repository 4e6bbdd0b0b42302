"""The oracle: the same rendering in plain float64 PyTorch, differentiated by autograd; slow and clear.

Conventions are gsplat's with `rasterize_mode="antialiased"`: EWA splatting (Zwicker et al., 2001) as in 3DGS (Kerbl
et al., 2023), opacities compensated for the dilation as in Mip-Splatting (Yu et al., 2024). Unlike the backends it goes
on where hardly any light passes (less than 1e-5, or gsplat's 1e-4), and differs from them by up to that much.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

DILATION = 0.3  # px^2 added to each screen-space covariance
MIN_ALPHA = 1.0 / 255.0  # fainter contributions are skipped
MAX_ALPHA = 0.999
NEAR = 0.01
FRUSTUM_MARGIN = 0.15  # of the image's size around it, where the projection is linearised


def rasterize(
    means: Tensor,
    quats: Tensor,
    scales: Tensor,
    opacities: Tensor,
    sh: Tensor,
    viewmats: Tensor,
    Ks: Tensor,  # noqa: N803 - gsplat's name
    width: int,
    height: int,
    background: Tensor,
) -> tuple[Tensor, Tensor]:
    """The backend `reference` of `rasterization.rasterization`; float64, whatever comes in."""
    gaussians = tuple(tensor.double() for tensor in (means, quats, scales, opacities, sh))
    views = [
        _render(gaussians, viewmat, K, width, height, background.double())
        for viewmat, K in zip(viewmats.double(), Ks.double(), strict=True)
    ]
    colors, transmittances = (torch.stack(images) for images in zip(*views, strict=True))
    return colors, 1.0 - transmittances[..., None]


class Splats(NamedTuple):
    """The Gaussians in front of the camera on the screen, front to back; [n, …]."""

    order: Tensor  # the Gaussians' indices
    center: Tensor  # [n, 2] px
    covariance: Tensor  # [n, 2, 2] px^2, dilated
    peak: Tensor  # [n] opacity, compensated for the dilation
    color: Tensor  # [n, 3]


def _render(
    gaussians: tuple[Tensor, ...],
    viewmat: Tensor,
    K: Tensor,  # noqa: N803
    width: int,
    height: int,
    background: Tensor,
) -> tuple[Tensor, Tensor]:
    """One view: colour [H, W, 3] and residual transmittance [H, W]."""
    splats = project(gaussians, viewmat, K, width, height)
    rows = [_row(y, width, splats, background) for y in range(height)]
    color, transmittance = (torch.stack(images) for images in zip(*rows, strict=True))
    return color, transmittance


def project(gaussians: tuple[Tensor, ...], viewmat: Tensor, K: Tensor, width: int, height: int) -> Splats:  # noqa: N803
    """Projects means, quats, scales, opacities and sh through one view matrix [4, 4] and intrinsics [3, 3]."""
    points = gaussians[0] @ viewmat[:3, :3].T + viewmat[:3, 3]  # [N, 3] in the camera's frame
    order = torch.argsort(points[:, 2], stable=True)
    order = order[points[order, 2] > NEAR]
    points = points[order]
    means, quats, scales, opacities, sh = (values[order] for values in gaussians)
    center = points[:, :2] / points[:, 2:] * torch.stack([K[0, 0], K[1, 1]]) + K[:2, 2]
    transform = _jacobian(points, K, width, height) @ viewmat[:3, :3]  # [n, 2, 3]
    covariance = transform @ _covariance(quats, scales) @ transform.mT
    dilated = covariance + DILATION * torch.eye(2).to(covariance)
    # The dilated splat keeps the energy of the undilated one. (The determinant of a flat one may round below 0.)
    ratio = torch.linalg.det(covariance).clamp(min=1e-30) / torch.linalg.det(dilated)
    color = harmonics_color(sh, means - torch.linalg.inv(viewmat)[:3, 3])
    return Splats(order, center, dilated, opacities * ratio.sqrt(), color)


def uncut_alpha(splats: Splats, y: int, width: int) -> Tensor:
    """The alphas [n, W] of splats in one row of pixels, before the cuts at MIN_ALPHA and MAX_ALPHA."""
    x = torch.arange(width).to(splats.center) + 0.5
    offset = torch.stack([x, torch.full_like(x, y + 0.5)], dim=1) - splats.center[:, None]  # [n, W, 2]
    distance = torch.einsum("nwi,nij,nwj->nw", offset, torch.linalg.inv(splats.covariance), offset)
    return splats.peak[:, None] * torch.exp(-0.5 * distance)


def _row(y: int, width: int, splats: Splats, background: Tensor) -> tuple[Tensor, Tensor]:
    """Composites one row of pixels, front to back (paper, eq. 1 and 2): colour [W, 3], transmittance [W]."""
    with torch.no_grad():  # only those whose alpha may reach 1/255 there: the others' is 0 anyway
        reach = torch.sqrt(2.0 * torch.log(splats.peak / MIN_ALPHA).clamp(min=0.0) * splats.covariance[:, 1, 1])
        near = (splats.peak >= MIN_ALPHA) & ((splats.center[:, 1] - (y + 0.5)).abs() <= reach + 1.0)
    splats = Splats(*(values[near] for values in splats))
    alpha = uncut_alpha(splats, y, width).clamp(max=MAX_ALPHA)
    alpha = torch.where(alpha >= MIN_ALPHA, alpha, 0.0)
    through = torch.cumprod(torch.cat([alpha.new_ones(1, width), 1.0 - alpha]), dim=0)  # [n + 1, W]
    color = torch.einsum("nw,nc->wc", alpha * through[:-1], splats.color)
    return color + through[-1, :, None] * background, through[-1]


def _jacobian(points: Tensor, K: Tensor, width: int, height: int) -> Tensor:  # noqa: N803
    """Of the projection at each point, [N, 2, 3]; points far outside the image count as on its margin."""
    size = torch.tensor([width, height]).to(points)
    focal, middle = torch.stack([K[0, 0], K[1, 1]]), K[:2, 2]
    plane = points[:, :2] / points[:, 2:]
    plane = plane.clamp(-(middle + FRUSTUM_MARGIN * size) / focal, ((1.0 + FRUSTUM_MARGIN) * size - middle) / focal)
    slope = torch.diag(focal).expand(len(points), 2, 2)
    return torch.cat([slope, -(focal * plane)[..., None]], dim=2) / points[:, 2, None, None]


def _covariance(quats: Tensor, scales: Tensor) -> Tensor:
    """Covariances [N, 3, 3] in the object frame."""
    w, x, y, z = torch.nn.functional.normalize(quats, dim=1).unbind(1)
    rows = [
        torch.stack([1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)], dim=1),
        torch.stack([2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)], dim=1),
        torch.stack([2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)], dim=1),
    ]
    shape = torch.stack(rows, dim=1) * scales[:, None]
    return shape @ shape.mT


def harmonics_color(sh: Tensor, offset: Tensor) -> Tensor:
    """Colours [N, 3] of harmonics [N, K, 3] seen along `offset` [N, 3] (mean minus camera centre)."""
    x, y, z = torch.nn.functional.normalize(offset, dim=1).unbind(1)
    basis = [
        (1 / 4) ** 0.5 * torch.ones_like(x),
        -((3 / 4) ** 0.5) * y,
        (3 / 4) ** 0.5 * z,
        -((3 / 4) ** 0.5) * x,
        (15 / 4) ** 0.5 * x * y,
        -((15 / 4) ** 0.5) * y * z,
        (5 / 16) ** 0.5 * (3 * z * z - 1),
        -((15 / 4) ** 0.5) * x * z,
        (15 / 16) ** 0.5 * (x * x - y * y),
        -((35 / 32) ** 0.5) * y * (3 * x * x - y * y),
        (105 / 4) ** 0.5 * x * y * z,
        -((21 / 32) ** 0.5) * y * (5 * z * z - 1),
        (7 / 16) ** 0.5 * z * (5 * z * z - 3),
        -((21 / 32) ** 0.5) * x * (5 * z * z - 1),
        (105 / 16) ** 0.5 * z * (x * x - y * y),
        -((35 / 32) ** 0.5) * x * (x * x - 3 * y * y),
    ]
    values = torch.stack(basis[: sh.shape[1]], dim=1) / torch.pi**0.5  # [N, K]
    return torch.clamp(0.5 + torch.einsum("nk,nkc->nc", values, sh), min=0.0)
