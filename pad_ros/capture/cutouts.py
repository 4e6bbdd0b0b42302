"""The part in each photo, without any weights: as the scene's splats show it, which all photos agree on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from pad_ros.capture.grabcut import labels_around, settle, soften
from pad_ros.capture.ground import Placed
from pad_ros.capture.mosaic import picture_ground
from pad_ros.capture.scene import model_scene
from pad_ros.common.progress import Progress, silent
from pad_ros.errors import CaptureError
from pad_ros.results import Image, Map, Mask
from pad_ros.splatting.cpu import CpuRasterizer

_LOOK = 420  # pixels of the longer side at which the views agree
_RIM = 8.0  # of these pixels: how far from the others' outline a view looks for its own
_EDGE = 1.0  # of these pixels: how far from there its edge may be
_AGREED = 0.87  # IoU of both in the median view; a part that moved keeps its overlap
_DISAGREES = 0.75  # IoU of both in a view that is left out


@dataclass(frozen=True)
class PartCutouts:
    """Coverage [H, W] of the part in each undistorted photo, and how well each agrees with the others."""

    alphas: list[Map]
    agreements: list[float]


def cut_out(images: Sequence[Image], placed: Placed, progress: Progress = silent) -> PartCutouts:
    """Tells the part from its surroundings in all undistorted photos [H, W, 3] together.

    Raises:
        CaptureError: the views agree on nothing.
    """
    sparse, camera = placed.sparse, placed.sparse.camera
    factor = min(1.0, _LOOK / max(camera.width, camera.height))
    small = camera.scaled(factor)
    size = (small.width, small.height)
    looks = [np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8) for image in images]
    ground = picture_ground(looks, small, sparse.poses, placed.box, placed.sheet) if placed.grounded else None
    scene = model_scene(looks, small, placed, ground, lambda n, of, text: progress(9 * n, 10 * of, text))
    rasterizer, alphas, agreements = CpuRasterizer(), [], []
    for view, (look, pose) in enumerate(zip(looks, sparse.poses, strict=True)):
        shape = scene.coverage(small, pose, rasterizer) > 0.5
        agreements.append(agreement(shape, settle(look, labels_around(shape, shape, _RIM), 2)))
        mask = scene.coverage(camera, pose, rasterizer) > 0.5
        alphas.append(soften(settle(images[view], labels_around(mask, mask, _EDGE / factor), 2)))
        progress(9 * len(looks) + view + 1, 10 * len(looks), "cutting out")
    if float(np.median(agreements)) < _AGREED:
        raise CaptureError(
            "the photos do not agree on what is the part: it looks like its surroundings, or it moved between photos; "
            "take it off like-coloured ground, onto a plain cloth or the printed board"
        )
    return PartCutouts(alphas, agreements)


def disagreeing(cutouts: PartCutouts) -> list[int]:
    """The views whose cut-out is not what the other views say."""
    return [
        view for view, share in enumerate(cutouts.agreements) if share < _DISAGREES or not cutouts.alphas[view].any()
    ]


def agreement(one: Mask, other: Mask) -> float:
    """Intersection over union of two masks; 1 if both are empty."""
    union = np.count_nonzero(one | other)
    return np.count_nonzero(one & other) / union if union else 1.0
