"""Small random scenes for the splatting tests."""

import numpy as np

from pad_ros.geometry import Camera, look_at
from pad_ros.splatting.cpu import CpuRasterizer
from pad_ros.splatting.gaussians import PARAMETERS, Gaussians
from pad_ros.splatting.views import make_views

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


def poses_around(count: int, seed: int):
    """Camera-to-object poses that look at the origin from everywhere."""
    rng = np.random.default_rng(seed)
    directions = rng.normal(size=(count, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    return [look_at(2.6 * d, np.zeros(3), np.array([0.1, 0.2, 0.97])) for d in directions]


def start_and_views(count: int = 60, degree: int = 1, poses=None):
    """Gaussians to begin training with, and views of others."""
    poses = poses or [POSE, *poses_around(2, seed=30)]
    truth, rasterizer = random_gaussians(count, degree, seed=31), CpuRasterizer(threads=1)
    renderings = [rasterizer.render(truth, CAMERA, pose) for pose in poses]
    images = [np.round(np.clip(rendering.color, 0, 1) * 255).astype(np.uint8) for rendering in renderings]
    views = make_views(images, [1.0 - rendering.transmittance for rendering in renderings], CAMERA, poses)
    return random_gaussians(count, degree, seed=32), views


def rates_of(gaussians: Gaussians):
    """Another learning rate for each column."""
    rng = np.random.default_rng(33)
    sizes = {name: getattr(gaussians, name)[:1].size for name in PARAMETERS}
    return {name: rng.choice([1e-3, 3e-3], size).astype(np.float32) for name, size in sizes.items()}


def psnr(a, b) -> float:
    return float(-10.0 * np.log10(np.mean((np.asarray(a, np.float64) - b) ** 2)))
