"""Small random scenes for the splatting tests."""

import numpy as np

from pad_ros.geometry import Camera, look_at
from pad_ros.splatting.gaussians import Gaussians

CAMERA = Camera(40, 36, 45.0, 44.0, 20.5, 17.0)
POSE = look_at(np.array([1.5, -2.0, 1.2]), np.array([0.05, 0.0, 0.0]), np.array([0.0, 0.0, 1.0]))


def random_gaussians(count: int, sh_degree: int, seed: int) -> Gaussians:
    rng = np.random.default_rng(seed)
    return Gaussians(
        means=rng.uniform(-0.6, 0.6, (count, 3)),
        quats=rng.normal(size=(count, 4)),
        log_scales=np.log(rng.uniform(0.03, 0.25, (count, 3))),
        logit_opacities=rng.normal(0.5, 1.5, count),
        sh=rng.normal(0.0, 0.3, (count, (sh_degree + 1) ** 2, 3)),
    )


def psnr(a, b) -> float:
    return float(-10.0 * np.log10(np.mean((np.asarray(a, np.float64) - b) ** 2)))
