"""Differentiable rendering of splats on PyTorch tensors: one function in gsplat's terms, several backends."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from pad_ros.errors import ConfigError
from pad_ros.splatting import cpu_autograd, cuda, reference
from pad_ros.splatting.rasterize import WHITE

# Each takes the arguments of `rasterization`, checked, with the background as a tensor [3].
BACKENDS: dict[str, Callable[..., tuple[Tensor, Tensor]]] = {
    "cpu": cpu_autograd.rasterize,
    "cuda": cuda.rasterize,
    "reference": reference.rasterize,
}
_DTYPES = {"reference": (torch.float32, torch.float64)}  # the others compute in float32


def rasterization(
    means: Tensor,
    quats: Tensor,
    scales: Tensor,
    opacities: Tensor,
    sh: Tensor,
    viewmats: Tensor,
    Ks: Tensor,  # noqa: N803 - gsplat's name
    width: int,
    height: int,
    background: Sequence[float] = WHITE,
    backend: str = "cpu",
) -> tuple[Tensor, Tensor]:
    """Composites N Gaussians front to back into C views (paper, eq. 1 and 2).

    The gradient flows to `means`, `quats`, `scales`, `opacities`, `sh` and `viewmats`. Where a Gaussian's opacity
    on the screen is below 1/255 it does not show and has no gradient (so at opacity 0); an alpha is cut at 0.999
    and has no gradient there (the middle of a splat of opacity 1).

    Args:
        means: [N, 3] in the object frame.
        quats: [N, 4] w, x, y, z, any length > 0.
        scales: standard deviations [N, 3] > 0, not their logarithms.
        opacities: [N] in 0…1, not their logits.
        sh: spherical harmonics [N, K, 3] with K = 1, 4, 9 or 16.
        viewmats: camera-from-object [C, 4, 4], OpenCV axes.
        Ks: intrinsics [C, 3, 3]; only focal lengths and principal point count.
        width: of the images, in pixels.
        height: of the images, in pixels.
        background: RGB in 0…1.
        backend: "cpu" (compiled, float32), "cuda" (gsplat, float32) or "reference" (plain PyTorch in float64).

    Returns:
        Colours [C, H, W, 3] over the background and alphas [C, H, W, 1]; the residual transmittance is 1 - alpha.

    Raises:
        ConfigError: an unknown backend; or shapes, types or devices that do not fit together or the backend.
        BuildError: the backend cannot run here; says what it needs.
    """
    if backend not in BACKENDS:
        raise ConfigError(f"rasterization: no backend {backend!r}; choose one of {', '.join(sorted(BACKENDS))}")
    tensors = {
        "means": means,
        "quats": quats,
        "scales": scales,
        "opacities": opacities,
        "sh": sh,
        "viewmats": viewmats,
        "Ks": Ks,
    }
    _check(tensors, width, height, background, backend)
    color = torch.tensor([float(value) for value in background], dtype=means.dtype, device=means.device)
    return BACKENDS[backend](**tensors, width=width, height=height, background=color)


def _check(tensors: dict[str, Tensor], width: int, height: int, background: Sequence[float], backend: str) -> None:
    for name, value in tensors.items():
        if not isinstance(value, Tensor):
            raise ConfigError(f"rasterization: {name} must be a torch tensor, got {type(value).__name__}")
    n, c = len(tensors["means"]), len(tensors["viewmats"])
    coefficients = tensors["sh"].shape[1] if tensors["sh"].dim() == 3 else 0
    shapes = {
        "means": (n, 3),
        "quats": (n, 4),
        "scales": (n, 3),
        "opacities": (n,),
        "sh": (n, coefficients, 3),
        "viewmats": (c, 4, 4),
        "Ks": (c, 3, 3),
    }
    for name, shape in shapes.items():
        if tuple(tensors[name].shape) != shape:
            got = tuple(tensors[name].shape)
            raise ConfigError(f"rasterization: {name} has shape {got}, expected {shape} for {n} Gaussians, {c} views")
    if coefficients not in (1, 4, 9, 16):
        raise ConfigError(f"rasterization: sh has {coefficients} coefficients, expected 1, 4, 9 or 16")
    if c == 0:
        raise ConfigError("rasterization: no view in viewmats")
    for name, size in (("width", width), ("height", height)):
        if not isinstance(size, int) or isinstance(size, bool) or size <= 0:
            raise ConfigError(f"rasterization: {name} must be an integer > 0, got {size!r}")
    if len(background) != 3:
        raise ConfigError(f"rasterization: background needs 3 values, got {len(background)}")
    _check_kind(tensors, backend)


def _check_kind(tensors: dict[str, Tensor], backend: str) -> None:
    dtype, device = tensors["means"].dtype, tensors["means"].device
    for name, tensor in tensors.items():
        if tensor.dtype != dtype or tensor.device != device:
            kind = f"{tensor.dtype} on {tensor.device}"
            raise ConfigError(f"rasterization: {name} is {kind}, but means {dtype} on {device}; make them alike")
    allowed = _DTYPES.get(backend, (torch.float32,))
    if dtype not in allowed:
        names = " or ".join(str(kind).removeprefix("torch.") for kind in allowed)
        raise ConfigError(f"rasterization: backend {backend!r} takes {names}, got {dtype}")
    if backend != "reference" and device.type != backend:
        raise ConfigError(f"rasterization: backend {backend!r} needs tensors on {backend!r}, they are on {device}")
    if tensors["Ks"].requires_grad:
        raise ConfigError("rasterization: there is no gradient for Ks; detach it")
