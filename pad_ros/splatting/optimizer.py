"""Adam over the five parameter arrays of Gaussians whose number changes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pad_ros.splatting.cpu import CpuRasterizer, Gradients, empty_gradients
from pad_ros.splatting.gaussians import PARAMETERS, Floats, Gaussians


class Optimizer:
    """Owns the Gaussians while they are trained; updates them in place.

    Attributes:
        gaussians: the present ones.
        gradients: arrays of the same shapes to write gradients into.
    """

    def __init__(self, rasterizer: CpuRasterizer, gaussians: Gaussians) -> None:
        self._rasterizer = rasterizer
        self.gaussians = Gaussians(*(getattr(gaussians, name).copy() for name in PARAMETERS))
        self.gradients: Gradients = empty_gradients(self.gaussians)
        self._first = {name: np.zeros_like(getattr(self.gaussians, name)) for name in PARAMETERS}
        self._second = {name: np.zeros_like(getattr(self.gaussians, name)) for name in PARAMETERS}
        self._step = 0

    def step(self, rates: Mapping[str, Floats]) -> None:
        """One step along `gradients`, with a learning rate per column of each array."""
        self._step += 1
        for name in PARAMETERS:
            self._rasterizer.adam(
                getattr(self.gaussians, name),
                getattr(self.gradients, name),
                self._first[name],
                self._second[name],
                rates[name],
                self._step,
            )

    def replace(self, gaussians: Gaussians, origin: NDArray[np.int64]) -> None:
        """Goes on with other Gaussians; `origin` [N] says whose momentum each inherits, -1 for nobody's."""
        self.gaussians = gaussians
        self.gradients = empty_gradients(gaussians)
        fresh = origin < 0
        for moments in (self._first, self._second):
            for name in PARAMETERS:
                moments[name] = np.ascontiguousarray(moments[name][origin])
                moments[name][fresh] = 0.0

    def forget(self, name: str) -> None:
        """Clears the momentum of one parameter array."""
        self._first[name][:] = 0.0
        self._second[name][:] = 0.0

    def state(self) -> dict[str, NDArray[Any]]:
        """What `restore` needs to go on from here."""
        arrays: dict[str, NDArray[Any]] = {"step": np.array(self._step)}
        for name in PARAMETERS:
            arrays[name] = getattr(self.gaussians, name)
            arrays[f"first_{name}"], arrays[f"second_{name}"] = self._first[name], self._second[name]
        return arrays

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Goes on from a `state`."""
        self._step = int(state["step"])
        self.gaussians = Gaussians(*(state[name] for name in PARAMETERS))
        self.gradients = empty_gradients(self.gaussians)
        self._first = {name: state[f"first_{name}"] for name in PARAMETERS}
        self._second = {name: state[f"second_{name}"] for name in PARAMETERS}
