"""Where Gaussians are added and which are dropped while training goes on: two strategies, one interface."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from pad_ros.geometry import Camera
from pad_ros.splatting.engine import Array, Engine, ScreenGradients
from pad_ros.splatting.gaussians import Gaussians
from pad_ros.splatting.settings import TrainerSettings

_SHRINK = 1.6  # of the halves of a split Gaussian, as in 3DGS
_RESET_OPACITY = 0.01  # as in 3DGS
_LARGEST = 0.1  # of the extent; larger ones are dropped once opacities were reset, as in 3DGS


class Densifier(Protocol):
    """Says how much each Gaussian should grow, and now and then replaces the engine's Gaussians."""

    def measure(self, gradients: ScreenGradients, camera: Camera) -> Array:
        """How much one view asks each Gaussian to grow, [N]; 0 where it does not show."""
        ...

    def update(self, engine: Engine, done: int, rng: np.random.Generator) -> None:
        """Called after each step; `done` is how many came before it."""
        ...


def create_densifier(settings: TrainerSettings, extent: float, count: int) -> Densifier:
    """Makes the strategy that the settings name, for training that starts from `count` Gaussians.

    Args:
        settings: the trainer's.
        extent: their unit of length, in the product's.
        count: of the Gaussians at the start.
    """
    strategies: dict[str, Callable[[TrainerSettings, float, int], Densifier]]
    strategies = {"budget": BudgetDensifier, "threshold": ThresholdDensifier}
    return strategies[settings.densification](settings, extent, count)


class BudgetDensifier:
    """Grows the Gaussians of the largest gradients until a budget that rises over time, see `densify`."""

    def __init__(self, settings: TrainerSettings, extent: float, count: int) -> None:
        self._settings = settings
        self._extent = extent
        self._start_count = count

    def measure(self, gradients: ScreenGradients, camera: Camera) -> Array:
        """See `Densifier`."""
        return gradients.screen

    def update(self, engine: Engine, done: int, rng: np.random.Generator) -> None:
        """See `Densifier`."""
        s = self._settings
        if not _is_due(s, done):
            return
        grown = min(1.0, (done / s.iterations - s.densify_from) / max(1e-9, 0.9 * (s.densify_until - s.densify_from)))
        budget = round(self._start_count + grown * (s.max_gaussians - self._start_count))
        gaussians, origin = densify(
            engine.gaussians, engine.score(), budget, s.split_above * self._extent, s.min_opacity, rng
        )
        engine.replace(gaussians, origin)


class ThresholdDensifier:
    """3DGS's adaptive control (Kerbl et al., 2023, section 5.2, and its code): all above a mean gradient grow.

    Opacities are reset at `densify_from`, since the background is white, and then every so often; from the second
    interval on, very large Gaussians are dropped. The code's third rule, which drops what is large on the screen,
    never acts in the version that the baselines use, because it clears its sizes first; it is left out.
    """

    def __init__(self, settings: TrainerSettings, extent: float, count: int) -> None:
        self._settings = settings
        self._extent = extent

    def measure(self, gradients: ScreenGradients, camera: Camera) -> Array:
        """See `Densifier`."""
        return gradients.screen_signed * (0.5 * camera.width)  # from pixels to -1…1 over the image

    def update(self, engine: Engine, done: int, rng: np.random.Generator) -> None:
        """See `Densifier`."""
        s, number = self._settings, done + 1
        if _is_due(s, done):
            self._replace(engine, too_large=0 < s.reset_opacity_every < number, rng=rng)
        first = round(s.densify_from * s.iterations)
        again = s.reset_opacity_every > 0 and number % s.reset_opacity_every == 0
        if first <= number < s.densify_until * s.iterations and s.reset_opacity_every and (number == first or again):
            engine.limit_opacities(_logit(_RESET_OPACITY))

    def _replace(self, engine: Engine, too_large: bool, rng: np.random.Generator) -> None:
        s, old, score = self._settings, engine.gaussians, engine.score()
        ranked = _highest(score, np.flatnonzero(score >= s.densify_gradient), s.max_gaussians - len(old))
        merged, origin = _grow(old, np.arange(len(old)), ranked, s.split_above * self._extent, rng)
        keep = merged.logit_opacities > _logit(s.min_opacity)
        if too_large:
            keep &= merged.log_scales.max(axis=1) <= np.log(_LARGEST * self._extent)
        engine.replace(merged.select(keep), origin[keep])


def densify(
    gaussians: Gaussians,
    score: NDArray[np.float64],
    budget: int,
    small: float,
    min_opacity: float,
    rng: np.random.Generator,
) -> tuple[Gaussians, NDArray[np.int64]]:
    """Drops faint Gaussians, then grows those of the highest scores until there are `budget`.

    A Gaussian larger than `small` is split in two, a smaller one is doubled (3DGS's split and clone).

    Args:
        gaussians: N of them.
        score: [N].
        budget: how many there may be afterwards.
        small: a length, in the product's unit.
        min_opacity: fainter ones are dropped.
        rng: draws the positions of the halves.

    Returns:
        The new Gaussians, and for each the index of the old one that it continues, -1 for a new one.
    """
    kept = np.flatnonzero(gaussians.logit_opacities > _logit(min_opacity))
    ranked = _highest(score, kept, budget - len(kept))
    return _grow(gaussians, kept, ranked[score[ranked] > 0], small, rng)


def _is_due(settings: TrainerSettings, done: int) -> bool:
    """Whether Gaussians are added after this iteration; never after the last, which could not train them."""
    s = settings
    growing = s.densify_from <= done / s.iterations < s.densify_until
    return growing and (done + 1) % s.densify_every == 0 and done + 1 < s.iterations


def _logit(opacity: float) -> float:
    return float(np.log(opacity / (1 - opacity)))


def _highest(score: NDArray[np.float64], candidates: NDArray[np.int64], room: int) -> NDArray[np.int64]:
    """At most `room` of the candidates, by falling score."""
    return candidates[np.argsort(-score[candidates], kind="stable")[: max(0, room)]]


def _grow(
    gaussians: Gaussians,
    kept: NDArray[np.int64],
    ranked: NDArray[np.int64],
    small: float,
    rng: np.random.Generator,
) -> tuple[Gaussians, NDArray[np.int64]]:
    """The kept ones with those of `ranked`, which are among them, split or doubled; returns what `densify` does."""
    parents = gaussians.select(ranked)
    split = np.exp(parents.log_scales.max(axis=1)) > small
    parents.log_scales[split] -= np.float32(np.log(_SHRINK))

    halves = [_displaced(parents, split, rng) for _ in range(2)]
    keep_whole = np.setdiff1d(kept, ranked, assume_unique=True)
    merged = Gaussians.joined([gaussians.select(keep_whole), *halves])
    # A clone's first copy goes on as its parent; both halves of a split are new.
    origin = np.concatenate([keep_whole, np.where(split, -1, ranked), np.full(len(ranked), -1)])
    return merged, origin


def _displaced(parents: Gaussians, split: NDArray[np.bool_], rng: np.random.Generator) -> Gaussians:
    """Copies; those of split parents lie at a random place inside the parent."""
    local = rng.normal(size=(len(parents), 3)) * np.exp(parents.log_scales) * _SHRINK  # log_scales are shrunk already
    w, *axis = (parents.quats / np.linalg.norm(parents.quats, axis=1, keepdims=True)).T
    v = np.stack(axis, axis=1)  # [N, 3]
    turned = local + 2.0 * np.cross(v, np.cross(v, local) + w[:, None] * local)
    means = parents.means + np.where(split[:, None], turned, 0.0)
    return Gaussians(means, parents.quats, parents.log_scales, parents.logit_opacities, parents.sh)
