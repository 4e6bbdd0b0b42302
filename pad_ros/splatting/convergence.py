"""How well training does, and when more of it is no use; counted in iterations, so the same on every machine."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, SupportsFloat

import numpy as np

_SMOOTHING = 0.02
_ROUNDS = 5


class Convergence:
    """Follows the squared error inside the object.

    In a round every view is seen once, so rounds compare where single views do not. Training has converged when the
    PSNR over the last 5 rounds is less than `gain` dB above that over the 5 rounds before them.

    Errors may be still on their way from a device: they are waited for when they are needed, not when they are added.
    """

    def __init__(self, views: int, gain: float) -> None:
        self._views = views
        self._gain = gain
        self._smooth = 0.0
        self._added: list[SupportsFloat] = []  # since the last look at them
        self._round: list[SupportsFloat] = []
        self._rounds: list[float] = []

    @property
    def psnr(self) -> float:
        """Inside the object, in dB, over about the last 50 views; infinite before the first."""
        self._follow()
        return _psnr(self._smooth)

    def add(self, mse: SupportsFloat) -> None:
        """Takes a view's mean squared error over its object, in units of 0…1 squared."""
        self._added.append(mse)
        self._round.append(mse)

    def forget(self) -> None:
        """Starts the comparison anew: the Gaussians or the resolution have changed."""
        self._round, self._rounds = [], []

    def end_round(self) -> bool:
        """Every view was seen once more; returns whether training has converged."""
        self._follow()
        if len(self._round) == self._views:
            self._rounds = [*self._rounds, float(np.mean([float(mse) for mse in self._round]))][-2 * _ROUNDS :]
        self._round = []
        if self._gain <= 0 or len(self._rounds) < 2 * _ROUNDS:
            return False
        before, after = self._rounds[:_ROUNDS], self._rounds[_ROUNDS:]
        return _psnr(float(np.mean(after))) - _psnr(float(np.mean(before))) < self._gain

    def state(self) -> dict[str, Any]:
        """What `restore` needs, as JSON knows it."""
        self._follow()
        return {"smooth": self._smooth, "round": [float(mse) for mse in self._round], "rounds": self._rounds}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Goes on from a `state`."""
        self._smooth, self._round, self._rounds = state["smooth"], list(state["round"]), list(state["rounds"])

    def _follow(self) -> None:
        for mse in map(float, self._added):
            self._smooth += (_SMOOTHING if self._smooth else 1.0) * (mse - self._smooth)
        self._added = []


def _psnr(mse: float) -> float:
    return float(-10.0 * np.log10(max(mse, 1e-10)))
