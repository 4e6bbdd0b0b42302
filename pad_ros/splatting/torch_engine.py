"""Training steps on PyTorch tensors, around any differentiable rasterizer: what CUDA trains with.

The same arithmetic as the compiled one's (csrc/loss.inc, csrc/adam.inc), but differentiated by autograd. Nothing here
waits for the device; only the Gaussians, the score and a step's error do, when they are asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pad_ros.geometry import Camera, invert_rigid
from pad_ros.splatting.engine import GrowthScore, Measure, ScreenGradients
from pad_ros.splatting.gaussians import PARAMETERS, Floats, Gaussians
from pad_ros.splatting.settings import TrainerSettings
from pad_ros.splatting.views import View

_BETA1, _BETA2, _EPSILON = 0.9, 0.999, 1e-15  # as in csrc/api.cpp
_WINDOW, _SIGMA = 11, 1.5  # of SSIM, as in 3DGS
_C1, _C2 = 0.01**2, 0.03**2


class Drawing(NamedTuple):
    """One view over white, differentiable."""

    color: Tensor  # [H, W, 3]
    alpha: Tensor  # [H, W]
    screen: Callable[[], ScreenGradients]  # to be called after the backward pass


class TorchView(NamedTuple):
    """A view on the device."""

    image: Tensor  # uint8 [H, W, 3]
    alpha: Tensor | None  # uint8 [H, W]
    viewmat: Tensor  # camera-from-object [4, 4]
    K: Tensor  # [3, 3]


# (parameters by name as in `Gaussians`, the view, its camera, degree of the harmonics) to the drawing.
Draw = Callable[[Mapping[str, Tensor], TorchView, Camera, int], Drawing]


class TorchEngine:
    """An `Engine` on a PyTorch device.

    Args:
        settings: the trainer's.
        draw: the rasterizer.
        device: where it draws.
        kernels: its name.
    """

    def __init__(self, settings: TrainerSettings, draw: Draw, device: str, kernels: str) -> None:
        self.kernels = kernels
        self._settings = settings
        self._draw = draw
        self._device = torch.device(device)
        self._camera: Camera | None = None  # of the views that are on the device
        self._views: dict[int, tuple[View, TorchView]] = {}  # by id; the view itself keeps its id from being reused

    @property
    def gaussians(self) -> Gaussians:
        """See `Engine`; a copy."""
        return Gaussians(*(self._host(self._parameters[name]) for name in PARAMETERS))

    def __len__(self) -> int:
        return len(self._parameters["means"])

    def begin(self, gaussians: Gaussians) -> None:
        """See `Engine`."""
        self._take(gaussians)
        self._first = {name: torch.zeros_like(self._parameters[name]) for name in PARAMETERS}
        self._second = {name: torch.zeros_like(self._parameters[name]) for name in PARAMETERS}
        self._steps = 0

    def step(self, view: View, sh_degree: int, rates: Mapping[str, Floats], measure: Measure) -> Tensor | None:
        """See `Engine`."""
        if not len(self):
            return None
        s, there = self._settings, self._there(view)
        drawing = self._draw(self._parameters, there, view.camera, sh_degree)
        loss, mse = image_loss(drawing.color, drawing.alpha, there.image, there.alpha, s.ssim_weight, s.alpha_weight)
        loss.backward()
        self._score.add(measure(drawing.screen(), view.camera))
        self._adam(rates)
        return mse

    def score(self) -> NDArray[np.float64]:
        """See `Engine`."""
        return self._host(self._score.mean())

    def replace(self, gaussians: Gaussians, origin: NDArray[np.int64]) -> None:
        """See `Engine`."""
        self._take(gaussians)
        index = torch.from_numpy(origin).to(self._device)
        for moments in (self._first, self._second):
            for name in PARAMETERS:
                moments[name] = moments[name][index]
                moments[name][index < 0] = 0.0

    def limit_opacities(self, logit: float) -> None:
        """See `Engine`."""
        with torch.no_grad():
            self._parameters["logit_opacities"].clamp_(max=logit)
        self._first["logit_opacities"].zero_()
        self._second["logit_opacities"].zero_()

    def state(self) -> dict[str, NDArray[Any]]:
        """See `Engine`."""
        tensors = {**self._parameters, **self._score.state()}
        for name in PARAMETERS:
            tensors[f"first_{name}"], tensors[f"second_{name}"] = self._first[name], self._second[name]
        return {"step": np.array(self._steps), **{name: self._host(tensor) for name, tensor in tensors.items()}}

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """See `Engine`."""
        self._take(Gaussians(*(state[name] for name in PARAMETERS)))
        self._first = {name: self._tensor(state[f"first_{name}"]) for name in PARAMETERS}
        self._second = {name: self._tensor(state[f"second_{name}"]) for name in PARAMETERS}
        self._steps = int(state["step"])
        self._score.restore({name: self._tensor(state[name]) for name in self._score.state()})

    def _take(self, gaussians: Gaussians) -> None:
        self._parameters = {name: self._tensor(getattr(gaussians, name)).requires_grad_() for name in PARAMETERS}
        self._score = GrowthScore(torch.zeros(len(gaussians), dtype=torch.float64, device=self._device))

    def _tensor(self, array: NDArray[Any]) -> Tensor:
        return torch.tensor(array, device=self._device)  # always a copy

    def _host(self, tensor: Tensor) -> NDArray[Any]:
        return tensor.detach().cpu().numpy().copy()

    def _there(self, view: View) -> TorchView:
        """The view on the device; it stays there as long as views of its size are asked for."""
        if view.camera != self._camera:
            self._camera, self._views = view.camera, {}
        if id(view) not in self._views:
            viewmat = self._tensor(invert_rigid(view.object_from_camera).astype(np.float32))
            alpha = None if view.alpha is None else self._tensor(view.alpha)
            there = TorchView(self._tensor(view.image), alpha, viewmat, self._tensor(view.camera.K.astype(np.float32)))
            self._views[id(view)] = view, there
        return self._views[id(view)][1]

    @torch.no_grad()
    def _adam(self, rates: Mapping[str, Floats]) -> None:
        """One step, which uses the gradients up."""
        self._steps += 1
        correction1, correction2 = (1.0 / (1.0 - beta**self._steps) for beta in (_BETA1, _BETA2))
        for name, values in self._parameters.items():
            gradient, first, second = values.grad, self._first[name], self._second[name]
            assert gradient is not None
            first.mul_(_BETA1).add_(gradient, alpha=1.0 - _BETA1)
            second.mul_(_BETA2).addcmul_(gradient, gradient, value=1.0 - _BETA2)
            change = (first * correction1) / ((second * correction2).sqrt_() + _EPSILON)
            # By runs of columns with the same rate: a number goes to the device without waiting, an array does not.
            ends = [0, *(np.flatnonzero(np.diff(rates[name])) + 1), len(rates[name])]
            for begin, end in pairwise(ends):
                columns = values.view(len(values), -1)[:, begin:end]
                columns.sub_(change.view(len(values), -1)[:, begin:end], alpha=float(rates[name][begin]))
            values.grad = None


def image_loss(
    color: Tensor,
    alpha: Tensor,
    target: Tensor,
    target_alpha: Tensor | None,
    ssim_weight: float,
    alpha_weight: float,
) -> tuple[Tensor, Tensor]:
    """(1 - w) L1 + w (1 - SSIM) + a |alpha - truth|, mean over the image.

    The compiled one leaves out what lies outside a box around the object, where both are background and add nothing.

    Args:
        color: rendered [H, W, 3].
        alpha: rendered [H, W].
        target: the truth in uint8 [H, W, 3].
        target_alpha: the truth's coverage in uint8 [H, W]; None without.
        ssim_weight: w.
        alpha_weight: a.

    Returns:
        The loss, and the mean squared error without gradient; units of 0…1.
    """
    truth = target.to(color.dtype) / 255.0
    difference = color - truth
    loss = (1.0 - ssim_weight) * difference.abs().mean() + ssim_weight * (1.0 - ssim(color, truth))
    if target_alpha is not None:
        loss = loss + alpha_weight * (alpha - target_alpha.to(alpha.dtype) / 255.0).abs().mean()
    return loss, difference.detach().square().mean()


def ssim(a: Tensor, b: Tensor) -> Tensor:
    """The mean structural similarity of two images [H, W, 3] in 0…1, with zeros around them as in 3DGS."""
    # Contiguous channels: else cuDNN takes over, and rounds to TF32, in which variances drown.
    a, b = (image.permute(2, 0, 1).contiguous() for image in (a, b))
    maps = torch.cat([a, b, a * a + b * b, a * b])  # [12, H, W]
    mean_a, mean_b, squares, product = _blur(maps).split(3)
    means = mean_a * mean_a + mean_b * mean_b
    top = (2.0 * mean_a * mean_b + _C1) * (2.0 * (product - mean_a * mean_b) + _C2)
    return (top / ((means + _C1) * (squares - means + _C2))).mean()


def _blur(maps: Tensor) -> Tensor:
    """Convolves each map [M, H, W] with a Gaussian window."""
    count, radius = len(maps), _WINDOW // 2
    offset = torch.arange(-radius, radius + 1, dtype=maps.dtype, device=maps.device)
    window = torch.exp(-0.5 * (offset / _SIGMA) ** 2)
    window = (window / window.sum()).expand(count, 1, 1, -1).contiguous()  # [M, 1, 1, 11]
    rows = torch.nn.functional.conv2d(maps[None], window, padding=(0, radius), groups=count)
    return torch.nn.functional.conv2d(rows, window.mT.contiguous(), padding=(radius, 0), groups=count)[0]
