"""A picture of the ground without the part, from all photos together: what looks like it is not part.

The part hides other ground in every view, so the median over the views is ground; with the shadow that lies on it,
which stays where it is while the camera goes around.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from pad_ros.capture.views import Points, project
from pad_ros.geometry import Camera, Matrix
from pad_ros.results import Image, Mask

_CELLS = 400  # along the longer side
_MOST_VIEWS = 48
_FEWEST = 4  # views of a place
_LOWEST = 0.17  # sine of the angle at which ground is looked at
_SURROUND = 1.2  # of the part's box: how far the ground is looked at around it
_STEADY = 14.0  # grey levels that views may differ in the median
_GRAIN = 0.9  # pixels
_LEAST_DIFFERENCE = 22.0  # summed over the channels


@dataclass(frozen=True)
class Ground:
    """The ground's picture [G, G, 3] over a rectangle of the plane z = 0, and where it is sure [G, G]."""

    colours: NDArray[np.float32]
    spread: NDArray[np.float32]  # [G, G] grey levels, summed over the channels
    sure: Mask
    low: Points  # x, y of the rectangle's corner
    cell: float

    def compare(self, image: Image, camera: Camera, pose: Matrix) -> tuple[Mask, Mask]:
        """Where an image [H, W, 3] shows this ground, and where something else; neither where it is unknown."""
        rows, columns = np.mgrid[: image.shape[0], : image.shape[1]]
        rays = np.stack(
            [(columns + 0.5 - camera.cx) / camera.fx, (rows + 0.5 - camera.cy) / camera.fy, np.ones_like(rows)], -1
        )
        rays = rays @ pose[:3, :3].T
        with np.errstate(divide="ignore", invalid="ignore"):
            way = -pose[2, 3] / rays[..., 2]
        place = pose[:2, 3] + way[..., None] * rays[..., :2]  # [H, W, 2]
        slant = -rays[..., 2] / np.linalg.norm(rays, axis=-1)
        x, y = (((place[..., axis] - self.low[axis]) / self.cell - 0.5).astype(np.float32) for axis in (0, 1))
        valid = np.asarray(cv2.remap(self.sure.astype(np.uint8), x, y, cv2.INTER_NEAREST)) > 0
        valid &= (way > 0) & (slant > _LOWEST)
        expected = np.asarray(cv2.remap(self.colours, x, y, cv2.INTER_LINEAR), np.float32)
        spread = np.asarray(cv2.remap(self.spread, x, y, cv2.INTER_LINEAR))
        if valid.sum() < 50:
            return np.zeros(valid.shape, bool), np.zeros(valid.shape, bool)
        seen = _smooth(image) * _gain(expected[valid], image[valid])
        # A pixel or two of misalignment is no difference: within the colours of the neighbourhood is the same.
        kernel = np.ones((5, 5), np.uint8)
        above, below = seen - cv2.dilate(expected, kernel), cv2.erode(expected, kernel) - seen
        difference = np.maximum(np.maximum(above, below), 0).sum(axis=-1)
        like = difference < _LEAST_DIFFERENCE + 2 * spread
        return valid & like, valid & ~like


def picture_ground(images: Sequence[Image], camera: Camera, poses: Points, box: Points) -> Ground:
    """Makes the ground's picture around a box [2, 3] from undistorted images [H, W, 3] and their poses [V, 4, 4]."""
    middle, half = box[:, :2].mean(axis=0), (box[1, :2] - box[0, :2]) * (0.5 + _SURROUND)
    cell = float(2 * half.max() / _CELLS)
    counts = np.ceil(2 * half / cell).astype(int)
    low = middle - half
    columns, rows = np.meshgrid(np.arange(counts[0]) + 0.5, np.arange(counts[1]) + 0.5)
    places = np.stack([low[0] + cell * columns, low[1] + cell * rows, np.zeros_like(rows)], -1).reshape(-1, 3)
    chosen = np.unique(np.linspace(0, len(images) - 1, min(len(images), _MOST_VIEWS)).astype(int))
    stack = np.full((len(chosen), *columns.shape, 3), np.nan, np.float32)
    for layer, view in zip(stack, chosen, strict=True):
        pixels, depth = project(camera, poses[view], places)
        pixels = pixels.reshape(*columns.shape, 2).astype(np.float32)
        towards = poses[view][:3, 3] - places
        slant = (towards[:, 2] / np.linalg.norm(towards, axis=1)).reshape(columns.shape)
        inside = ((pixels > 1) & (pixels < (camera.width - 1, camera.height - 1))).all(axis=-1)
        inside &= (depth.reshape(columns.shape) > 0) & (slant > _LOWEST)
        pixels = np.nan_to_num(pixels, nan=-1e4).clip(-1e4, 1e4)
        sampled = cv2.remap(_smooth(images[view]), pixels[..., 0] - 0.5, pixels[..., 1] - 0.5, cv2.INTER_LINEAR)
        layer[inside] = sampled[inside]
    with np.errstate(all="ignore"):
        colours = _median(stack)
        for layer in stack:  # each view's exposure, against all
            both = np.isfinite(layer[..., 0]) & np.isfinite(colours[..., 0])
            if both.sum() > 50:
                layer *= _gain(colours[both], layer[both])
        colours = _median(stack)
        spread = _median(np.abs(stack - colours)).sum(axis=-1)
    enough = np.isfinite(stack[..., 0]).sum(axis=0) >= _FEWEST
    sure = enough & (spread < _STEADY * 3)
    return Ground(np.nan_to_num(colours), np.nan_to_num(spread), sure, low, cell)


def _smooth(image: Image) -> NDArray[np.float32]:
    """Without the grain that no two photos show alike."""
    return np.asarray(cv2.GaussianBlur(image.astype(np.float32), (0, 0), _GRAIN), np.float32)


def _median(stack: NDArray[np.float32]) -> NDArray[np.float32]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # where no view sees the ground
        return np.asarray(np.nanmedian(stack, axis=0), np.float32)


def _gain(expected: NDArray[np.floating], seen: NDArray[np.generic]) -> NDArray[np.float32]:
    """By what each channel [3] of pixels [N, 3] must be multiplied to be as expected, in the median."""
    ratio = (expected + 8.0) / (np.asarray(seen, np.float32) + 8.0)
    return np.clip(np.median(ratio, axis=0), 0.5, 2.0).astype(np.float32)
