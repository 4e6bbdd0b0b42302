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
_SHEET_DIFFERENCE = 45.0  # on a board's sheet, whose shading goes on where the part hides it, so is less well known
_BUSY = 200.0  # summed over the channels
_SHADE = (0.4, 1.15)  # of a plain sheet's colour: what is darker is no shadow on it
_GREY = 0.12  # how far the channels' shares may differ there


@dataclass(frozen=True)
class Ground:
    """The ground's picture [G, G, 3] over a rectangle of the plane z = 0, and where it is sure [G, G]."""

    colours: NDArray[np.float32]
    spread: NDArray[np.float32]  # [G, G] grey levels, summed over the channels
    sure: Mask
    low: Points  # x, y of the rectangle's corner
    cell: float
    on_sheet: bool = False

    def seen_in(self, image: Image, camera: Camera, pose: Matrix) -> Mask:
        """Where an image [H, W, 3] looks like this ground; not where that would say little."""
        x, y, valid = self._places(camera, pose)
        valid = valid & (np.asarray(cv2.remap(self.sure.astype(np.uint8), x, y, cv2.INTER_NEAREST)) > 0)
        if valid.sum() < 50:
            return np.zeros(valid.shape, bool)
        expected = np.asarray(cv2.remap(self.colours, x, y, cv2.INTER_LINEAR), np.float32)
        spread = np.asarray(cv2.remap(self.spread, x, y, cv2.INTER_LINEAR))
        smooth = _smooth(image)
        gain = _most_common_gain if self.on_sheet else _gain
        seen = smooth * gain(expected[valid], smooth[valid])
        # A pixel or two of misalignment is no difference: within the colours of the neighbourhood is the same.
        kernel = np.ones((5, 5), np.uint8)
        most, least = cv2.dilate(expected, kernel), cv2.erode(expected, kernel)
        difference = np.maximum(np.maximum(seen - most, least - seen), 0).sum(axis=-1)
        like = difference < (_SHEET_DIFFERENCE if self.on_sheet else _LEAST_DIFFERENCE) + 2 * spread
        busy = (most - least).sum(axis=-1) > _BUSY  # at a black square's edge, a grey part is within the colours too
        return valid & like & ~busy

    def _places(self, camera: Camera, pose: Matrix) -> tuple[NDArray[np.float32], NDArray[np.float32], Mask]:
        """Where in the picture the camera's pixels look, x and y [H, W], and whether they look at the plane at all."""
        rows, columns = np.mgrid[: camera.height, : camera.width]
        rays = np.stack(
            [(columns + 0.5 - camera.cx) / camera.fx, (rows + 0.5 - camera.cy) / camera.fy, np.ones_like(rows)], -1
        )
        rays = rays @ pose[:3, :3].T
        with np.errstate(divide="ignore", invalid="ignore"):
            way = -pose[2, 3] / rays[..., 2]
        place = pose[:2, 3] + way[..., None] * rays[..., :2]  # [H, W, 2]
        slant = -rays[..., 2] / np.linalg.norm(rays, axis=-1)
        x, y = (((place[..., axis] - self.low[axis]) / self.cell - 0.5).astype(np.float32) for axis in (0, 1))
        return x, y, (way > 0) & (slant > _LOWEST)


def picture_ground(
    images: Sequence[Image], camera: Camera, poses: Points, box: Points, sheet: Points | None = None
) -> Ground:
    """Makes the ground's picture around a box from undistorted images and their poses.

    Args:
        images: [H, W, 3].
        camera: of all images.
        poses: camera-to-object [V, 4, 4].
        box: that holds the part, [2, 3].
        sheet: of a board around the origin, the size of all of it and of its plain middle, [2, 2].
    """
    middle, half = box[:, :2].mean(axis=0), (box[1, :2] - box[0, :2]) * (0.5 + _SURROUND)
    if sheet is not None:  # what is not on it is not known
        middle, half = np.zeros(2), sheet[0] / 2
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
    colours, spread = np.nan_to_num(colours), np.nan_to_num(spread)
    if sheet is None:
        return Ground(colours, spread, sure, low, cell)
    on = (np.abs(places[:, None, :2]) < sheet / 2).all(axis=-1).reshape(*columns.shape, 2)
    sure &= on[..., 0]
    _complete(colours, spread, sure, on[..., 1])
    return Ground(colours, spread, sure, low, cell, on_sheet=True)


def _complete(colours: NDArray[np.float32], spread: NDArray[np.float32], sure: Mask, plain: Mask) -> None:
    """Says of a plain sheet, in place, how it looks where the part hides it: as the rest, in light that falls off.

    A shadow on the sheet dims all channels alike; what else most views see there is the part.
    """
    rows, columns = np.nonzero(plain & sure)
    if len(rows) < 50:
        return
    seen = colours[rows, columns]
    bright = np.abs(seen - np.median(seen, axis=0)).sum(axis=1) < 3 * _STEADY
    terms = np.stack([np.ones(len(rows)), columns, rows], axis=1)[bright]
    fit = np.linalg.lstsq(terms, seen[bright], rcond=None)[0]  # [3, 3]
    y, x = np.nonzero(plain)
    expected = np.stack([np.ones(len(y)), x, y], axis=1) @ fit
    share = (colours[y, x] + 1) / (np.maximum(expected, 0) + 1)
    is_sheet = (share > _SHADE[0]).all(axis=1) & (share < _SHADE[1]).all(axis=1) & (np.ptp(share, axis=1) < _GREY)
    hidden = ~(is_sheet & sure[y, x])
    colours[y[hidden], x[hidden]] = expected[hidden]
    spread[y[hidden], x[hidden]] = float(np.median(spread[rows, columns]))
    sure[plain] = True


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


def _most_common_gain(expected: NDArray[np.floating], seen: NDArray[np.generic]) -> NDArray[np.float32]:
    """By what each channel [3] of pixels [N, 3] must be multiplied to be as expected, where most agree.

    Not the median: on a sheet, a part may hide more than half of it.
    """
    ratio = np.log((expected + 8.0) / (np.asarray(seen, np.float32) + 8.0))
    edges = np.linspace(-np.log(2), np.log(2), 71)
    gains = []
    for channel in ratio.T:
        counts = np.convolve(np.histogram(channel, edges)[0], [1, 2, 1], "same")
        best = int(counts.argmax())
        near = channel[np.abs(channel - 0.5 * (edges[best] + edges[best + 1])) < 0.03]
        gains.append(np.exp(np.median(near)) if len(near) else 1.0)
    return np.array(gains, np.float32)
