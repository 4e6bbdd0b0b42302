"""Part and surroundings as splats: what stands in the part's place, and does not look like ground, is part.

All photos say together how far away each thing is that they show, so what is seen through the part and beside it
lies where it belongs: behind the part.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from pad_ros.capture.ground import Placed, together
from pad_ros.capture.mosaic import Ground
from pad_ros.capture.views import project
from pad_ros.common.progress import Progress, silent
from pad_ros.geometry import Camera, Matrix
from pad_ros.results import Image, Map, Mask
from pad_ros.splatting.cpu import CpuRasterizer
from pad_ros.splatting.gaussians import SH_C0, Gaussians
from pad_ros.splatting.settings import TrainerSettings
from pad_ros.splatting.trainer import train_splats

# Cameras stand around the part at about twice its size, so their extent is some four times the part's.
_TRAINING = TrainerSettings(
    iterations=2500,
    max_gaussians=30_000,
    gaussians_per_pixel=0.15,
    initial_gaussians=4_000,
    alpha_weight=0.0,
    extent="cameras",
    rate_means=6e-4,
    split_above=1.25e-3,
    coarse_size=150,
)
_ABOVE = 0.003  # of the cameras' distance: what is higher than the ground
_LOW = 0.1  # of the same: what looks like ground and is no higher, is ground; what is higher has its colour only
_AGREEMENT = 0.9  # share of the views
_CELL = 0.06  # of the same: splats nearer than that hang together


@dataclass(frozen=True)
class Scene:
    """The splats of all that the photos show, and which of them [N] are the part's."""

    gaussians: Gaussians
    part: Mask

    def coverage(self, camera: Camera, pose: Matrix, rasterizer: CpuRasterizer) -> Map:
        """Which share of each pixel [H, W] shows the part."""
        white = np.where(self.part, 0.5, -0.5)[:, None, None] / SH_C0
        marked = replace(self.gaussians, sh=np.broadcast_to(white, (len(self.part), 1, 3)))
        return rasterizer.render(marked, camera, pose, (0.0, 0.0, 0.0)).color[..., 0]


def model_scene(
    images: Sequence[Image], camera: Camera, placed: Placed, ground: Ground | None, progress: Progress = silent
) -> Scene:
    """Trains the splats and tells which are the part's.

    Args:
        images: undistorted photos [H, W, 3].
        camera: of all of them.
        placed: their poses, and where the part is.
        ground: its picture, if there is a ground.
        progress: called with (done, total, text).
    """
    sparse = placed.sparse
    gaussians = train_splats(
        images, None, camera, list(sparse.poses), sparse.points, sparse.colors, _TRAINING, progress=progress
    )
    like_ground, shown = _looks(gaussians, images, camera, sparse.poses, ground)
    means = gaussians.means.astype(np.float64)
    part = ((means > placed.box[0]) & (means < placed.box[1])).all(axis=1)
    if ground is not None:
        height = means[:, 2] / placed.distance
        part &= (height > _ABOVE) & ((height > _LOW) | (like_ground < 0.5 * shown))
    candidates = np.flatnonzero(part)
    part[:] = False
    part[candidates[together(means[candidates], _CELL * placed.distance, shown[candidates])]] = True
    scene = Scene(gaussians, part)
    for _ in range(2):
        scene = Scene(gaussians, scene.part & _inside(scene, camera, sparse.poses))
    return scene


def _inside(scene: Scene, camera: Camera, poses: NDArray[np.float64]) -> Mask:
    """Which splats [N] lie within the part's outline in nearly all views; haze that a few views see does not."""
    rasterizer, means = CpuRasterizer(), scene.gaussians.means.astype(np.float64)
    inside, seen = np.zeros(len(means)), np.zeros(len(means))
    for pose in poses:
        outline = scene.coverage(camera, pose, rasterizer) > 0.5
        outline = cv2.dilate(outline.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
        pixels, depth = project(camera, pose, means)
        within = (depth > 0) & ((pixels >= 0) & (pixels < (camera.width, camera.height))).all(axis=1)
        x, y = np.where(within[:, None], pixels, 0).astype(int).T
        inside += within & outline[y, x]
        seen += within
    return inside >= _AGREEMENT * seen


def _looks(
    gaussians: Gaussians, images: Sequence[Image], camera: Camera, poses: NDArray[np.float64], ground: Ground | None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """How much each splat shows in all views together, [N] in pixels: of what looks like ground, and of all."""
    rasterizer, total = CpuRasterizer(), np.zeros((len(gaussians), 3))
    grey = replace(gaussians, sh=np.zeros((len(gaussians), 1, 3), np.float32))
    for image, pose in zip(images, poses, strict=True):
        rendering, _ = rasterizer.forward(grey, camera, pose)
        weights = np.ones_like(rendering.color)
        if ground is not None:
            weights[..., 0] = ground.seen_in(image, camera, pose)
        # A colour's gradient is the share of each pixel that the splat shows, summed over the pixels.
        total += rasterizer.backward(grey, rendering, weights, np.zeros_like(rendering.transmittance)).sh[:, 0]
    return total[:, 0] / SH_C0, total[:, 1] / SH_C0
