"""Training steps on the CPU: the compiled rasterizer's forward, loss, backward and Adam."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pad_ros.splatting.cpu import Box, CpuRasterizer
from pad_ros.splatting.engine import GrowthScore, Measure, ScreenGradients
from pad_ros.splatting.gaussians import PARAMETERS, Floats, Gaussians
from pad_ros.splatting.optimizer import Optimizer
from pad_ros.splatting.settings import TrainerSettings
from pad_ros.splatting.views import View

_LOSS_MARGIN = 6  # pixels around the object: half of SSIM's window, and one


class CpuEngine:
    """The `Engine` of the backend `cpu`; the same bits whatever the number of threads."""

    def __init__(self, settings: TrainerSettings) -> None:
        self._settings = settings
        self._rasterizer = CpuRasterizer(settings.threads)
        self._d_color = np.zeros((0, 0, 3), np.float32)
        self._d_transmittance = np.zeros((0, 0), np.float32)

    @property
    def kernels(self) -> str:
        """See `Engine`."""
        return self._rasterizer.kernels

    @property
    def gaussians(self) -> Gaussians:
        """See `Engine`."""
        return self._optimizer.gaussians

    def __len__(self) -> int:
        return len(self.gaussians)

    def begin(self, gaussians: Gaussians) -> None:
        """See `Engine`."""
        self._optimizer = Optimizer(self._rasterizer, gaussians)
        self._score = GrowthScore(np.zeros(len(gaussians)))

    def step(self, view: View, sh_degree: int, rates: Mapping[str, Floats], measure: Measure) -> float | None:
        """See `Engine`."""
        s, optimizer, shape = self._settings, self._optimizer, (view.camera.height, view.camera.width)
        rendering, drawn = self._rasterizer.forward(
            optimizer.gaussians, view.camera, view.object_from_camera, sh_degree=sh_degree
        )
        crop = _crop(view, drawn)
        if crop is None:
            return None
        if self._d_transmittance.shape != shape:
            self._d_color, self._d_transmittance = np.zeros((*shape, 3), np.float32), np.zeros(shape, np.float32)
        slopes = self._d_color, self._d_transmittance
        value = self._rasterizer.loss(rendering, view.image, view.alpha, crop, s.ssim_weight, s.alpha_weight, *slopes)
        gradients = self._rasterizer.backward(optimizer.gaussians, rendering, *slopes, optimizer.gradients)
        self._score.add(measure(ScreenGradients(gradients.screen, gradients.screen_signed), view.camera))
        optimizer.step(rates)
        return value.mse

    def score(self) -> NDArray[np.float64]:
        """See `Engine`."""
        return self._score.mean()  # type: ignore[no-any-return]

    def replace(self, gaussians: Gaussians, origin: NDArray[np.int64]) -> None:
        """See `Engine`."""
        self._optimizer.replace(gaussians, origin)
        self._score = GrowthScore(np.zeros(len(gaussians)))

    def limit_opacities(self, logit: float) -> None:
        """See `Engine`."""
        logits = self.gaussians.logit_opacities
        np.minimum(logits, np.float32(logit), out=logits)
        self._optimizer.forget("logit_opacities")

    def state(self) -> dict[str, NDArray[Any]]:
        """See `Engine`."""
        return {**self._optimizer.state(), **self._score.state()}

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """See `Engine`."""
        self.begin(Gaussians(*(state[name] for name in PARAMETERS)))
        self._optimizer.restore(state)
        self._score.restore(state)


def _crop(view: View, drawn: Box | None) -> Box | None:
    """The box outside of which photo and rendering are both background."""
    boxes = [box for box in (view.box, drawn) if box]
    if not boxes:
        return None
    x0, y0 = (max(0, min(box[i] for box in boxes) - _LOSS_MARGIN) for i in (0, 1))
    x1 = min(view.camera.width, max(box[2] for box in boxes) + _LOSS_MARGIN)
    y1 = min(view.camera.height, max(box[3] for box in boxes) + _LOSS_MARGIN)
    return x0, y0, x1, y1
