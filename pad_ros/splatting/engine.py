"""What a training step needs from a device: the interface, its implementations by name, and what they share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from pad_ros.common.registry import create
from pad_ros.geometry import Camera
from pad_ros.splatting.gaussians import Floats, Gaussians
from pad_ros.splatting.settings import TrainerSettings
from pad_ros.splatting.views import View

IMPLEMENTATIONS = {
    "cpu": "pad_ros.splatting.cpu_engine:CpuEngine",
    "cuda": "pad_ros.splatting.cuda:create_cuda_engine",
    "auto": "pad_ros.splatting.automatic:create_auto_engine",
}

Array = Any  # of the engine's own kind: NumPy's, or PyTorch's on its device
Number = Any  # a float, or a tensor that float() waits for


@dataclass(frozen=True)
class ScreenGradients:
    """How one view's loss pulls at the screen-space means, per pixel; 0 for Gaussians that do not show.

    Attributes:
        screen: [N] the norm of the sums over the pixels of the gradient's absolute values.
        screen_signed: [N] the norm of the sums with their signs: the gradient itself, as 3DGS takes it.
    """

    screen: Array
    screen_signed: Array


# How much one view asks each Gaussian to grow, [N].
Measure = Callable[[ScreenGradients, Camera], Array]


class Engine(Protocol):
    """Holds the Gaussians that are trained, with their momentum and their score, and takes the steps."""

    @property
    def kernels(self) -> str:
        """What the gradients come from; the same kernels give the same bits (not on CUDA, which adds in any order)."""
        ...

    @property
    def gaussians(self) -> Gaussians:
        """The present ones: not to be changed, and valid until the next step."""
        ...

    def __len__(self) -> int:
        """The number of Gaussians."""
        ...

    def begin(self, gaussians: Gaussians) -> None:
        """Takes the first Gaussians; they are copied."""
        ...

    def step(self, view: View, sh_degree: int, rates: Mapping[str, Floats], measure: Measure) -> Number | None:
        """Renders a view, and takes one step of Adam against the loss, see `image_loss` in torch_engine.py.

        Args:
            view: photo, camera and pose.
            sh_degree: evaluates only the harmonics up to this degree.
            rates: a learning rate per column of each parameter array.
            measure: gives what the score is the mean of.

        Returns:
            The mean squared error over the image, in units of 0…1 squared; None if there was nothing to see, and no
            step.
        """
        ...

    def score(self) -> NDArray[np.float64]:
        """The mean measure of each Gaussian [N] over the views that showed it since the last `replace`."""
        ...

    def replace(self, gaussians: Gaussians, origin: NDArray[np.int64]) -> None:
        """Goes on with other Gaussians; `origin` [N] says whose momentum each inherits, -1 for nobody's."""
        ...

    def limit_opacities(self, logit: float) -> None:
        """Makes all at least as transparent as this, and clears their opacities' momentum."""
        ...

    def state(self) -> dict[str, NDArray[Any]]:
        """What `restore` needs to go on from here."""
        ...

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Goes on from a `state`."""
        ...


def create_engine(settings: TrainerSettings) -> Engine:
    """Makes the engine of the rasterizer that the settings name.

    Raises:
        BuildError: it cannot run here; says what it needs.
    """
    return create("trainer's rasterizer", IMPLEMENTATIONS, {"name": settings.rasterizer, "settings": settings})


class GrowthScore:
    """The mean measure of each Gaussian over the views that showed it.

    Args:
        zeros: [N] in float64, a NumPy array or a PyTorch tensor; what comes in is of the same kind.
    """

    def __init__(self, zeros: Array) -> None:
        self._total, self._seen = zeros, 1 * zeros

    def add(self, measured: Array) -> None:
        """Takes one view's measures [N]."""
        self._total += measured
        self._seen += measured > 0

    def mean(self) -> Array:
        """The scores [N]; 0 where never drawn."""
        return self._total / self._seen.clip(min=1)

    def state(self) -> dict[str, Array]:
        """What `restore` needs to go on from here."""
        return {"score_total": self._total, "score_seen": self._seen}

    def restore(self, state: Mapping[str, Array]) -> None:
        """Goes on from a `state`."""
        self._total, self._seen = state["score_total"], state["score_seen"]
