"""The objects that the splat benchmark draws: a trained one with several numbers of Gaussians, or made-up ones."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pad_ros.geometry import Camera, Matrix, look_at
from pad_ros.product import Product
from pad_ros.splatting.compact import load_compact
from pad_ros.splatting.densify import densify
from pad_ros.splatting.gaussians import Gaussians


def make_scenes(path: Path | None, counts: Sequence[int], sh_degree: int | None) -> list[Gaussians]:
    """The object of a product's folder or a file of splats, or a made-up one, with each number of Gaussians.

    Harmonics of another degree than the object's own are cut off or zero.
    """
    if path is None:
        scenes = [surface_scene(count) for count in counts]
    else:
        trained = load(path)
        scenes = [resized(trained, count) for count in counts]
    return scenes if sh_degree is None else [with_degree(scene, sh_degree) for scene in scenes]


def load(path: Path) -> Gaussians:
    """Reads what was trained."""
    if path.is_dir():
        return Product.load(path).gaussians
    return load_compact(path) if path.suffix == ".npz" else Gaussians.load_ply(path)


def with_degree(scene: Gaussians, degree: int) -> Gaussians:
    """The same with harmonics up to a degree."""
    sh = np.zeros((len(scene), (degree + 1) ** 2, 3), np.float32)
    kept = min(sh.shape[1], scene.sh.shape[1])
    sh[:, :kept] = scene.sh[:, :kept]
    return Gaussians(scene.means, scene.quats, scene.log_scales, scene.logit_opacities, sh)


def surface_scene(count: int, seed: int = 0) -> Gaussians:
    """Flat Gaussians on a box of about unit size: the layers and overlaps of a trained part."""
    rng = np.random.default_rng(seed)
    direction = rng.normal(size=(count, 3))
    size = 1.6 / np.sqrt(count)
    return Gaussians(
        means=direction / (np.abs(direction).max(axis=1, keepdims=True) * [2.0, 1.4, 1.6]),
        quats=rng.normal(size=(count, 4)),
        log_scales=np.log(rng.uniform(0.3, 1.2, (count, 3)) * size),
        logit_opacities=rng.normal(1.5, 1.5, count),
        sh=rng.normal(0.0, 0.3, (count, 4, 3)),
    )


def resized(gaussians: Gaussians, count: int) -> Gaussians:
    """Those of the largest opacity times area or, for more, with the largest split in two."""
    while True:
        two_largest = np.sort(gaussians.log_scales, axis=1)[:, 1:]
        importance = np.exp(two_largest.sum(axis=1, dtype=np.float64)) / (1.0 + np.exp(-gaussians.logit_opacities))
        if len(gaussians) >= count:
            return gaussians.select(np.argsort(-importance)[:count])
        goal = min(count, 2 * len(gaussians))
        gaussians, _ = densify(gaussians, importance, goal, 0.0, 1e-9, np.random.default_rng(0))


def view_of(scene: Gaussians, size: int) -> tuple[Camera, Matrix]:
    """A camera that the object fills as those of a data set do."""
    middle = np.median(scene.means, axis=0)
    radius = np.percentile(np.linalg.norm(scene.means - middle, axis=1), 98)
    pose = look_at(middle + radius * np.array([3.0, -2.2, 1.9]), middle, np.array([0.0, 0.0, 1.0]))
    return Camera(size, size, 1.4 * size, 1.4 * size, size / 2, size / 2), pose
