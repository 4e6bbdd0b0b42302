"""Where Gaussians are added and which are dropped."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pad_ros.splatting.gaussians import Floats, Gaussians

_SHRINK = 1.6  # of the halves of a split Gaussian, as in 3DGS


class GrowthScore:
    """The mean absolute screen-space gradient of each Gaussian over the views that it was drawn in."""

    def __init__(self, count: int) -> None:
        self._total = np.zeros(count)
        self._seen = np.zeros(count, np.int64)

    def add(self, screen: Floats) -> None:
        """Takes one view's `Gradients.screen` [N]."""
        self._total += screen
        self._seen += screen > 0

    def mean(self) -> NDArray[np.float64]:
        """The scores [N]; 0 where never drawn."""
        return self._total / np.maximum(self._seen, 1)


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
    kept = np.flatnonzero(gaussians.logit_opacities > np.log(min_opacity / (1 - min_opacity)))
    room = max(0, min(budget - len(kept), len(kept)))
    ranked = kept[np.argsort(-score[kept], kind="stable")[:room]]
    ranked = ranked[score[ranked] > 0]
    parents = gaussians.select(ranked)
    split = np.exp(parents.log_scales.max(axis=1)) > small
    parents.log_scales[split] -= np.float32(np.log(_SHRINK))

    halves = [_displaced(parents, split, rng) for _ in range(2)]
    keep_whole = np.setdiff1d(kept, ranked, assume_unique=True)
    parts = [gaussians.select(keep_whole), *halves]
    names = ("means", "quats", "log_scales", "logit_opacities", "sh")
    merged = Gaussians(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))
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
