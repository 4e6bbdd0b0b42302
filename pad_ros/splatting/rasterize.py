"""Rendering splats: the interface of the backends and their names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from pad_ros.common.registry import create
from pad_ros.geometry import Camera, Matrix
from pad_ros.results import Map
from pad_ros.splatting.gaussians import Gaussians

WHITE = (1.0, 1.0, 1.0)
IMPLEMENTATIONS = {
    "cpu": "pad_ros.splatting.cpu:CpuRasterizer",
    "cuda": "pad_ros.splatting.cuda:CudaRasterizer",
    "auto": "pad_ros.splatting.automatic:create_auto_rasterizer",
}


@dataclass(frozen=True)
class Rendering:
    """A rendered view; the residual transmittance is 1 on background (paper, eq. 2)."""

    color: NDArray[np.float32]  # [H, W, 3] RGB, 0…1 (may exceed 1 a little)
    transmittance: Map  # [H, W]


class Rasterizer(Protocol):
    """Composites splats front to back (paper, eq. 1)."""

    def render(
        self,
        gaussians: Gaussians,
        camera: Camera,
        object_from_camera: Matrix,
        background: Sequence[float] = WHITE,
    ) -> Rendering:
        """Renders the Gaussians from a camera-to-object pose [4, 4] over an RGB background in 0…1."""
        ...


def create_rasterizer(settings: Mapping[str, Any]) -> Rasterizer:
    """Makes the rasterizer that a profile names, e.g. `{"name": "cpu", "threads": 2}`.

    Raises:
        ConfigError: unknown name or setting.
        BuildError: its compiled part is missing and cannot be built.
    """
    return create("rasterizer", IMPLEMENTATIONS, settings)
