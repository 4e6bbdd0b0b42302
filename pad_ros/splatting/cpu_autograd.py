"""The compiled CPU backend as a PyTorch function."""

from __future__ import annotations

import threading
from functools import lru_cache
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from pad_ros.splatting.cpu import CpuRasterizer, Gradients, native_scene, native_view
from pad_ros.splatting.rasterize import Rendering

_LOCK = threading.Lock()  # a rasterizer holds one view at a time, and uses every core for it


class _Frame(NamedTuple):
    size: tuple[int, int]  # width, height
    intrinsics: tuple[float, float, float, float]  # fx, fy, cx, cy
    background: tuple[float, ...]


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
    rasterizer: CpuRasterizer | None = None,
) -> tuple[Tensor, Tensor]:
    """The backend `cpu` of `rasterization.rasterization`, by default with one thread per core."""
    rasterizer = rasterizer or _shared_rasterizer()
    centers = torch.linalg.inv(viewmats)[:, :3, 3]  # [C, 3]; autograd takes their gradient back to the view matrices
    gaussians = [tensor.contiguous() for tensor in (means, quats, scales, opacities, sh)]
    views = []
    for viewmat, center, k in zip(viewmats, centers, Ks.tolist(), strict=True):
        frame = _Frame((width, height), (k[0][0], k[1][1], k[0][2], k[1][2]), tuple(background.tolist()))
        views.append(_Rasterize.apply(rasterizer, frame, *gaussians, viewmat, center))
    colors, transmittances = (torch.stack(images) for images in zip(*views, strict=True))
    return colors, 1.0 - transmittances[..., None]


@lru_cache(maxsize=1)
def _shared_rasterizer() -> CpuRasterizer:
    return CpuRasterizer()


class _Rasterize(torch.autograd.Function):
    """One view: colour [H, W, 3] and residual transmittance [H, W]."""

    @staticmethod
    def forward(  # type: ignore[override]
        ctx: Any, rasterizer: CpuRasterizer, frame: _Frame, *inputs: Tensor
    ) -> tuple[Tensor, Tensor]:
        means, quats, scales, opacities, sh, viewmat, center = (tensor.numpy() for tensor in inputs)
        degree = round(sh.shape[1] ** 0.5) - 1
        scene = native_scene(means, quats, scales, opacities, sh, degree, activated=True)
        view = native_view(frame.size, frame.intrinsics, viewmat, center, frame.background)
        width, height = frame.size
        color, transmittance = inputs[0].new_empty(height, width, 3), inputs[0].new_empty(height, width)
        with _LOCK:
            rasterizer.draw(scene, view, _rendering(color, transmittance))
        ctx.rasterizer, ctx.scene, ctx.view = rasterizer, scene, view
        ctx.save_for_backward(*inputs, color, transmittance)  # keeps alive what `scene` points to
        return color, transmittance

    @staticmethod
    @once_differentiable
    def backward(  # type: ignore[override]
        ctx: Any, d_color: Tensor, d_transmittance: Tensor
    ) -> tuple[Tensor | None, ...]:
        *gaussians, _, _, color, transmittance = ctx.saved_tensors
        gradients = [torch.empty_like(tensor) for tensor in gaussians]
        screens = [torch.empty_like(gradients[3]) for _ in range(2)]
        pose = d_color.new_empty(5, 3) if any(ctx.needs_input_grad[-2:]) else None
        arrays: list[Any] = [None if tensor is None else tensor.numpy() for tensor in (*gradients, *screens, pose)]
        out = Gradients(*arrays)
        rendering = _rendering(color, transmittance)
        with _LOCK:
            if not ctx.rasterizer.holds(ctx.scene, ctx.view):  # other views were drawn since: the same bits again
                ctx.rasterizer.draw(ctx.scene, ctx.view, rendering)
            slopes = (tensor.contiguous().numpy() for tensor in (d_color, d_transmittance))
            ctx.rasterizer.differentiate(rendering, *slopes, out)
        if pose is None:
            return None, None, *gradients, None, None
        d_viewmat = torch.nn.functional.pad(torch.cat([pose[:3], pose[3, :, None]], dim=1), (0, 0, 0, 1))  # [4, 4]
        return None, None, *gradients, d_viewmat, pose[4]


def _rendering(color: Tensor, transmittance: Tensor) -> Rendering:
    return Rendering(color.numpy(), transmittance.numpy())
