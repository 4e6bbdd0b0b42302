"""Training of splats on photos with known poses (paper, section 3.1; Kerbl et al., 2023), on the CPU."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from pad_ros.errors import ConfigError
from pad_ros.geometry import Camera, Matrix
from pad_ros.progress import Progress
from pad_ros.results import Image, Map
from pad_ros.splatting.cpu import Box, CpuRasterizer
from pad_ros.splatting.densify import GrowthScore, densify
from pad_ros.splatting.gaussians import Floats, Gaussians
from pad_ros.splatting.initialize import initial_gaussians
from pad_ros.splatting.optimizer import Optimizer
from pad_ros.splatting.views import View, make_views, scale_views

_LOSS_MARGIN = 6  # pixels around the object: half of SSIM's window, and one
_REPORT_EVERY = 50  # iterations


@dataclass(frozen=True)
class TrainerSettings:
    """How to train; lengths relative to the object's radius, fractions relative to `iterations`.

    Attributes:
        iterations: steps of one view each.
        max_gaussians: the budget that densification grows to and never exceeds.
        initial_gaussians: to start from (SfM points, filled up inside the visual hull).
        sh_degree: degree of the view-dependent colour, 0 to 3; grows by one each `sh_every` of the way. At
            0 the twin cannot learn highlights that a test image would then miss.
        sh_every: see there.
        ssim_weight: share of 1 - SSIM in the loss, the rest is L1.
        alpha_weight: of |transmittance - (1 - alpha)|, where alphas are given.
        densify_from: where densification begins,
        densify_until: and ends,
        densify_every: and how many iterations lie between.
        split_above: Gaussians larger than this are split, smaller ones doubled.
        min_opacity: fainter Gaussians are dropped.
        coarse_size: the first views are this many pixels wide, then twice as many, …
        coarse_fraction: until this fraction of the way, where they are full size.
        rate_means: learning rate at the start; falls to a hundredth.
        rate_quats: learning rate.
        rate_log_scales: learning rate.
        rate_logit_opacities: learning rate.
        rate_sh: learning rate of the constant harmonic; a twentieth of it for the others.
        rate_final: what the other learning rates fall to, as a fraction.
        time_limit: seconds after which training ends early; 0 for none (only then is it deterministic).
        threads: 0 for one per core.
    """

    iterations: int = 6000
    max_gaussians: int = 20_000
    initial_gaussians: int = 6_000
    sh_degree: int = 0
    sh_every: float = 0.1
    ssim_weight: float = 0.2
    alpha_weight: float = 0.2
    densify_from: float = 0.05
    densify_until: float = 0.6
    densify_every: int = 100
    split_above: float = 0.005
    min_opacity: float = 0.02
    coarse_size: int = 200
    coarse_fraction: float = 0.15
    rate_means: float = 2.5e-3
    rate_quats: float = 2e-3
    rate_log_scales: float = 1.5e-2
    rate_logit_opacities: float = 5e-2
    rate_sh: float = 1e-2
    rate_final: float = 0.1
    time_limit: float = 0.0
    threads: int = 0

    def __post_init__(self) -> None:
        """Refuses impossible settings.

        Raises:
            ConfigError: says which.
        """
        for field in fields(self):
            value = getattr(self, field.name)
            whole = field.type == "int"
            if isinstance(value, bool) or not isinstance(value, int if whole else int | float) or not 0 <= value < 1e9:
                kind = "an integer" if whole else "a number"
                raise ConfigError(f"trainer: {field.name} must be {kind} >= 0, got {value!r}")
        if self.sh_degree > 3:
            raise ConfigError(f"trainer: sh_degree must be 0 to 3, got {self.sh_degree}")
        for name in ("iterations", "max_gaussians", "initial_gaussians", "densify_every", "coarse_size"):
            if getattr(self, name) < 1:
                raise ConfigError(f"trainer: {name} must be at least 1")
        for name in ("ssim_weight", "densify_from", "densify_until", "coarse_fraction", "min_opacity"):
            if getattr(self, name) > 1:
                raise ConfigError(f"trainer: {name} must be at most 1, got {getattr(self, name)}")


def train_splats(
    images: Sequence[Image],
    alphas: Sequence[Map] | None,
    camera: Camera,
    poses: Sequence[Matrix],
    points: NDArray[np.floating],
    colors: NDArray[np.uint8],
    settings: TrainerSettings,
    seed: int = 0,
    progress: Progress | None = None,
) -> Gaussians:
    """Trains splats that look like the photos.

    Args:
        images: photos over white, each uint8 [H, W, 3].
        alphas: the object's coverage in each, [H, W] in 0…1; None when unknown. They make silhouettes and
            holes crisp.
        camera: the intrinsics of all photos.
        poses: camera-to-object poses [4, 4].
        points: SfM points [P, 3]; may be empty.
        colors: their colours [P, 3].
        settings: how.
        seed: of everything that is drawn; the same seed gives the same Gaussians, bit by bit.
        progress: called with (iterations done, of how many, "PSNR 31.2 dB, 18k Gaussians").

    Raises:
        TrainingError: views that nothing can be learned from.
        BuildError: the compiled rasterizer is missing and cannot be built.
    """
    return _Training(images, alphas, camera, poses, points, colors, settings, seed).run(progress)


class _Training:
    def __init__(
        self,
        images: Sequence[Image],
        alphas: Sequence[Map] | None,
        camera: Camera,
        poses: Sequence[Matrix],
        points: NDArray[np.floating],
        colors: NDArray[np.uint8],
        settings: TrainerSettings,
        seed: int,
    ) -> None:
        self._settings = settings
        self._rng = np.random.default_rng(seed)
        self._full = make_views(images, alphas, camera, poses)
        count = min(settings.initial_gaussians, settings.max_gaussians)
        start = initial_gaussians(self._full, points, colors, count, settings.sh_degree, self._rng)
        self._radius = float(np.percentile(np.linalg.norm(start.means - np.median(start.means, axis=0), axis=1), 95))
        self._start_count = len(start)
        self._rasterizer = CpuRasterizer(settings.threads)
        self._optimizer = Optimizer(self._rasterizer, start)
        self._score = GrowthScore(len(start))
        self._object_mse = 0.0  # smoothed over the views
        self._order: list[int] = []

    def run(self, progress: Progress | None) -> Gaussians:
        s = self._settings
        began = time.monotonic()
        level, views = -1, self._full
        for done in range(s.iterations):
            fraction = done / s.iterations
            if self._level(fraction) != level:
                level = self._level(fraction)
                views = scale_views(self._full, 0.5**level)
                self._d_color = np.zeros((views[0].camera.height, views[0].camera.width, 3), np.float32)
                self._d_transmittance = np.zeros(self._d_color.shape[:2], np.float32)
            if not self._order:
                self._order = list(self._rng.permutation(len(views)))
            self._step(views[self._order.pop()], fraction)
            growing = s.densify_from <= fraction < s.densify_until
            if growing and (done + 1) % s.densify_every == 0:
                self._densify(fraction)
            if progress and ((done + 1) % _REPORT_EVERY == 0 or done + 1 == s.iterations):
                progress(done + 1, s.iterations, self._report())
            if s.time_limit and time.monotonic() - began > s.time_limit:
                break
        return self._result()

    def _level(self, fraction: float) -> int:
        """How often the views are halved now: equal parts of the coarse time, coarsest first."""
        s = self._settings
        levels = max(0, int(np.floor(np.log2(self._full[0].camera.width / s.coarse_size) + 1e-6)))
        if fraction >= s.coarse_fraction or levels == 0:
            return 0
        return levels - int(fraction / s.coarse_fraction * levels)

    def _step(self, view: View, fraction: float) -> None:
        s, optimizer = self._settings, self._optimizer
        degree = min(s.sh_degree, int(fraction / s.sh_every)) if s.sh_every else s.sh_degree
        rendering, drawn = self._rasterizer.forward(
            optimizer.gaussians, view.camera, view.object_from_camera, sh_degree=degree
        )
        crop = _crop(view, drawn)
        if crop is None:
            return
        value = self._rasterizer.loss(
            rendering,
            view.image,
            view.alpha,
            crop,
            s.ssim_weight,
            s.alpha_weight,
            self._d_color,
            self._d_transmittance,
        )
        self._rasterizer.backward(
            optimizer.gaussians, rendering, self._d_color, self._d_transmittance, optimizer.gradients
        )
        self._score.add(optimizer.gradients.screen)
        optimizer.step(self._rates(fraction))
        object_mse = value.mse * view.image.size / 3 / max(1, view.object_pixels)
        self._object_mse += (0.02 if self._object_mse else 1.0) * (object_mse - self._object_mse)

    def _rates(self, fraction: float) -> dict[str, Floats]:
        s = self._settings
        fall = s.rate_final**fraction
        sh = np.full((self._optimizer.gaussians.sh.shape[1], 3), s.rate_sh / 20.0)
        sh[0] = s.rate_sh
        rates = {
            "means": np.full(3, s.rate_means * self._radius * 0.01**fraction),
            "quats": np.full(4, s.rate_quats * fall),
            "log_scales": np.full(3, s.rate_log_scales * fall),
            "logit_opacities": np.full(1, s.rate_logit_opacities * fall),
            "sh": sh.ravel() * fall,
        }
        return {name: rate.astype(np.float32) for name, rate in rates.items()}

    def _densify(self, fraction: float) -> None:
        s = self._settings
        grown = min(1.0, (fraction - s.densify_from) / max(1e-9, 0.9 * (s.densify_until - s.densify_from)))
        budget = round(self._start_count + grown * (s.max_gaussians - self._start_count))
        gaussians, origin = densify(
            self._optimizer.gaussians,
            self._score.mean(),
            budget,
            s.split_above * self._radius,
            s.min_opacity,
            self._rng,
        )
        self._optimizer.replace(gaussians, origin)
        self._score = GrowthScore(len(gaussians))

    def _report(self) -> str:
        psnr = -10.0 * np.log10(max(self._object_mse, 1e-10))
        return f"PSNR {psnr:.1f} dB, {len(self._optimizer.gaussians) / 1000:.0f}k Gaussians"

    def _result(self) -> Gaussians:
        gaussians = self._optimizer.gaussians
        limit = self._settings.min_opacity
        return gaussians.select(gaussians.logit_opacities > np.log(limit / (1 - limit)))


def _crop(view: View, drawn: Box | None) -> Box | None:
    """The box outside of which photo and rendering are both background."""
    boxes = [box for box in (view.box, drawn) if box]
    if not boxes:
        return None
    x0, y0 = (max(0, min(box[i] for box in boxes) - _LOSS_MARGIN) for i in (0, 1))
    x1 = min(view.camera.width, max(box[2] for box in boxes) + _LOSS_MARGIN)
    y1 = min(view.camera.height, max(box[3] for box in boxes) + _LOSS_MARGIN)
    return x0, y0, x1, y1
