"""Training of splats on photos with known poses (paper, section 3.1; Kerbl et al., 2023)."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

import pad_ros
from pad_ros.common.progress import Progress
from pad_ros.geometry import Camera, Matrix
from pad_ros.results import Image, Map
from pad_ros.splatting.checkpoint import Checkpoint
from pad_ros.splatting.convergence import Convergence
from pad_ros.splatting.densify import create_densifier
from pad_ros.splatting.engine import create_engine
from pad_ros.splatting.gaussians import Floats, Gaussians
from pad_ros.splatting.initialize import initial_gaussians
from pad_ros.splatting.settings import TrainerSettings
from pad_ros.splatting.views import View, camera_extent, make_views, scale_views

# Called with (iterations done, a function that gives the Gaussians so far); they must not be changed or kept.
Watch = Callable[[int, Callable[[], Gaussians]], None]

_REPORT_EVERY = 50  # iterations


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
    checkpoint: Checkpoint | None = None,
    watch: Watch | None = None,
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
        seed: of everything that is drawn; on the CPU the same seed gives the same Gaussians, bit by bit.
        progress: called with (iterations done, of how many, "PSNR 31.2 dB, 18k Gaussians").
        checkpoint: where the state is kept now and then; a run that was stopped goes on from there, on the CPU to
            the same Gaussians, bit by bit. Removed at the end.
        watch: called as often as `progress`, to look at the Gaussians.

    Raises:
        TrainingError: views that nothing can be learned from.
        BuildError: the rasterizer that the settings name cannot run here.
    """
    views = make_views(images, alphas, camera, poses)
    training = _Training(views, settings)
    key = _digest(views, points, colors, settings, seed, training.engine.kernels) if checkpoint else ""
    state = checkpoint.load(key) if checkpoint else None
    if state:
        training.restore(state)
    else:
        training.begin(points, colors, seed)
    while not training.finished:
        training.advance()
        if training.done % _REPORT_EVERY == 0 or training.finished:
            if progress:
                progress(training.done, training.done if training.finished else settings.iterations, training.report())
            if watch:
                watch(training.done, lambda: training.engine.gaussians)
        if checkpoint and not training.finished:
            checkpoint.save_when_due(key, training.state)
    if checkpoint:
        checkpoint.remove()
    return training.result()


class _Training:
    """One run, an iteration at a time; `begin` or `restore` comes first."""

    def __init__(self, views: list[View], settings: TrainerSettings) -> None:
        self._settings = settings = _limit_gaussians(settings, views)
        self._full = views
        self.engine = create_engine(settings)
        self._convergence = Convergence(len(views), settings.stop_gain)
        self._level, self._views = -1, views
        self._order: list[int] = []  # of the views to come in this round
        self.done = 0  # iterations
        self.finished = False

    def begin(self, points: NDArray[np.floating], colors: NDArray[np.uint8], seed: int) -> None:
        """Makes the first Gaussians."""
        s = self._settings
        self._rng = np.random.default_rng(seed)
        count = min(s.initial_gaussians, s.max_gaussians) or None
        start = initial_gaussians(self._full, points, colors, count, s.sh_degree, self._rng)
        middle = np.median(start.means, axis=0)
        radius = float(np.percentile(np.linalg.norm(start.means - middle, axis=1), 95))
        self._set_up({"object": radius, "cameras": camera_extent(self._full)}[s.extent], len(start), 0.0)
        self.engine.begin(start)

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Goes on from a `state`."""
        rest = json.loads(str(state["rest"]))
        self._rng = np.random.default_rng()
        self._rng.bit_generator.state = rest["rng"]
        self._order, self.done = rest["order"], rest["done"]
        self._convergence.restore(rest["convergence"])
        self._set_up(rest["extent"], rest["count"], rest["seconds"])
        self.engine.restore(state)

    def state(self) -> dict[str, NDArray[Any]]:
        """Everything that the rest of the run depends on."""
        rest = {
            "rng": self._rng.bit_generator.state,
            "order": [int(index) for index in self._order],
            "done": self.done,
            "convergence": self._convergence.state(),
            "extent": self._extent,
            "count": self._count,
            "seconds": time.monotonic() - self._began,
        }
        return {"rest": np.array(json.dumps(rest)), **self.engine.state()}

    def _set_up(self, extent: float, count: int, seconds: float) -> None:
        self._extent, self._count = extent, count
        self._densifier = create_densifier(self._settings, extent, count)
        self._began = time.monotonic() - seconds

    def advance(self) -> None:
        """One iteration."""
        s, fraction = self._settings, self.done / self._settings.iterations
        self._choose_resolution(fraction)
        if not self._order:
            self._order = list(self._rng.permutation(len(self._views)))
        self._step(self._views[self._order.pop()], fraction)
        self._densifier.update(self.engine, self.done, self._rng)
        self.done += 1
        if self._level > 0 or fraction < s.densify_until:
            self._convergence.forget()
        late = s.time_limit and time.monotonic() - self._began > s.time_limit
        converged = not self._order and self._convergence.end_round()
        self.finished = bool(self.done == s.iterations or late or converged)

    def _choose_resolution(self, fraction: float) -> None:
        level = _level(self._settings, self._full[0].camera.width, fraction)
        if level != self._level:
            self._level, self._views = level, scale_views(self._full, 0.5**level)

    def _step(self, view: View, fraction: float) -> None:
        s = self._settings
        degree = min(s.sh_degree, int(fraction / s.sh_every)) if s.sh_every else s.sh_degree
        mse = self.engine.step(view, degree, self._rates(fraction), self._densifier.measure)
        if mse is not None:
            self._convergence.add(mse * view.image.size / 3 / max(1, view.object_pixels))

    def _rates(self, fraction: float) -> dict[str, Floats]:
        s = self._settings
        fall = s.rate_final**fraction
        sh = np.full(((s.sh_degree + 1) ** 2, 3), s.rate_sh / 20.0)
        sh[0] = s.rate_sh
        rates = {
            "means": np.full(3, s.rate_means * self._extent * s.rate_means_final**fraction),
            "quats": np.full(4, s.rate_quats * fall),
            "log_scales": np.full(3, s.rate_log_scales * fall),
            "logit_opacities": np.full(1, s.rate_logit_opacities * fall),
            "sh": sh.ravel() * fall,
        }
        return {name: rate.astype(np.float32) for name, rate in rates.items()}

    def report(self) -> str:
        """How well it does, in a few words."""
        return f"PSNR {self._convergence.psnr:.1f} dB, {len(self.engine) / 1000:.0f}k Gaussians"

    def result(self) -> Gaussians:
        """The Gaussians that are not too faint."""
        limit, gaussians = self._settings.min_opacity, self.engine.gaussians
        return gaussians.select(gaussians.logit_opacities > np.log(limit / (1 - limit)))


def _limit_gaussians(settings: TrainerSettings, views: Sequence[View]) -> TrainerSettings:
    """The settings with `gaussians_per_pixel` worked into `max_gaussians`."""
    if settings.gaussians_per_pixel == 0:
        return settings
    limit = settings.gaussians_per_pixel * float(np.mean([view.object_pixels for view in views]))
    return replace(settings, max_gaussians=min(settings.max_gaussians, max(1, round(limit))))


def _level(settings: TrainerSettings, width: int, fraction: float) -> int:
    """How often the views are halved now: equal parts of the coarse time, coarsest first."""
    s = settings
    levels = max(0, int(np.floor(np.log2(width / s.coarse_size) + 1e-6)))
    if fraction >= s.coarse_fraction or levels == 0:
        return 0
    return levels - int(fraction / s.coarse_fraction * levels)


def _digest(
    views: Sequence[View],
    points: NDArray[np.floating],
    colors: NDArray[np.uint8],
    settings: TrainerSettings,
    seed: int,
    kernels: str,
) -> str:
    """Of all that the trained Gaussians depend on, bit by bit."""
    how = replace(settings, threads=0, time_limit=0.0)
    digest = hashlib.sha256(repr((pad_ros.__version__, kernels, how, seed, views[0].camera)).encode())
    for view in views:
        arrays = (view.image, view.object_from_camera, *(() if view.alpha is None else (view.alpha,)))
        for array in arrays:
            digest.update(np.ascontiguousarray(array).tobytes())
    for array in (points, colors):
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()
