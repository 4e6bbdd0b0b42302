"""Differences made on purpose: in the twin, so that they are right in 3D, and on the picture."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from pad_ros.results import Map, Mask
from pad_ros.splatting.gaussians import SH_C0, Gaussians
from pad_ros.splatting.rasterize import Rendering

_SIZE = (0.02, 0.09)  # radius of what is altered, as a share of the object's size
_SEEN, _UNSEEN = 0.10, 0.02  # changes of colour, of 1: what counts as a difference, and what as none


def altered(gaussians: Gaussians, centre: NDArray[np.float32], rng: np.random.Generator) -> Gaussians:
    """The twin with the surroundings of a place [3] taken away, in another colour, or doubled beside it.

    What is in the image and not in the twin has been added, so this teaches the three kinds of defects, reversed.
    """
    low, high = np.percentile(gaussians.means, [2, 98], axis=0)
    radius = float(np.linalg.norm(high - low)) * np.exp(rng.uniform(*np.log(_SIZE)))
    stretch = np.exp(rng.normal(0, 0.5, 3))
    turn = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    offsets = (gaussians.means - centre) @ turn / (radius * stretch)
    box = rng.random() < 0.5
    inside = (np.abs(offsets).max(axis=1) < 0.8) if box else (np.linalg.norm(offsets, axis=1) < 1.0)  # [N]
    colours = gaussians.base_colours
    if rng.random() < 0.5 and inside.any():  # one colour, as of one piece
        nearest = colours[inside][np.linalg.norm(gaussians.means[inside] - centre, axis=1).argmin()]
        inside &= np.linalg.norm(colours - nearest, axis=1) < 0.25
    kind = rng.random()
    if kind < 0.4:
        return gaussians.select(~inside)
    if kind < 0.8:
        target = rng.uniform(0, 1, 3) if rng.random() < 0.6 else colours[int(rng.integers(len(colours)))]
        sh = gaussians.sh.copy()
        mean = colours[inside].mean(axis=0) if inside.any() else target
        sh[inside, 0] += (target - mean) / SH_C0
        return replace(gaussians, sh=sh)
    piece = gaussians.select(inside)
    moved = replace(piece, means=piece.means + (rng.normal(size=3) * 1.5 * radius).astype(np.float32))
    return Gaussians.joined([gaussians, moved])


def difference(before: Rendering, after: Rendering) -> tuple[Mask, Mask]:
    """Where two renderings over white differ for everyone to see, and where one could argue: both [H, W]."""
    change = np.abs(before.color - after.color).max(axis=2)
    change = np.maximum(change, np.abs(before.transmittance - after.transmittance))
    seen = cv2.morphologyEx((change > _SEEN).astype(np.uint8), cv2.MORPH_OPEN, np.ones((2, 2), np.uint8)) > 0
    return seen, (change > _UNSEEN) & ~seen


def pasted(image: Map, within: Mask, rng: np.random.Generator) -> tuple[Map, Mask, Mask]:
    """The image [H, W, 3] in 0…1 with a stain, chip, scratch or piece of something else on it, inside a mask [H, W].

    Returns:
        The image, where it differs for everyone to see, and where one could argue.
    """
    rows, columns = np.nonzero(within)
    pick = int(rng.integers(len(rows)))
    spot = (_blot, _scratch, _stick)[int(rng.choice(3, p=(0.6, 0.25, 0.15)))]
    weight = spot(image.shape[:2], (int(columns[pick]), int(rows[pick])), rng)  # [H, W] 0…1
    weight = weight * (cv2.blur(within.astype(np.float32), (3, 3)) if rng.random() < 0.7 else within)
    painted = _paint(image, (rows[pick], columns[pick]), rng)
    result = np.clip(image + weight[..., None] * (painted - image), 0, 1)
    change = np.abs(result - image).max(axis=2)
    seen = change > _SEEN
    return result, seen, (change > _UNSEEN) & ~seen


def attached(image: Map, part: Mask, rng: np.random.Generator) -> tuple[Map, Mask, Mask]:
    """The image [H, W, 3] in 0…1 with a rod or block that begins at the part [H, W] and sticks out of it.

    Returns:
        The image, where something was added for everyone to see, and where one could argue.
    """
    outline = part & ~(cv2.erode(part.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0)
    rows, columns = np.nonzero(outline)
    pick = int(rng.integers(len(rows)))
    start = np.array([columns[pick], rows[pick]], np.float64)
    outwards = start - np.array([columns.mean(), rows.mean()])
    angle = np.arctan2(outwards[1], outwards[0]) + rng.normal(0, 0.7)
    size = float(np.sqrt(part.sum()))
    long = rng.random() < 0.6
    length = size * (rng.uniform(0.15, 0.8) if long else rng.uniform(0.05, 0.35))
    width = rng.uniform(2, 0.06 * size + 3) if long else rng.uniform(4, 0.3 * size + 5)
    axis, side = np.array([np.cos(angle), np.sin(angle)]), np.array([-np.sin(angle), np.cos(angle)])
    taper = rng.uniform(0.6, 1.2)
    corners = start + np.array(
        [
            -0.1 * length * axis + 0.5 * width * side,
            length * axis + 0.5 * taper * width * side,
            length * axis - 0.5 * taper * width * side,
            -0.1 * length * axis - 0.5 * width * side,
        ]
    )
    weight: Map = np.zeros(image.shape[:2], np.float32)
    cv2.fillPoly(weight, [np.round(corners * 16).astype(np.int32)], 1.0, cv2.LINE_AA, 4)
    middle = np.clip(np.rint(start + 0.5 * length * axis), 0, np.array(part.shape[::-1]) - 1).astype(int)
    at = (int(middle[1]), int(middle[0])) if rng.random() < 0.5 else (int(rows[pick]), int(columns[pick]))
    painted = _paint(image, at, rng)  # like what it covers, or like what it is fixed to, at times
    y, x = np.mgrid[0 : image.shape[0], 0 : image.shape[1]].astype(np.float32)
    across = ((x - start[0]) * side[0] + (y - start[1]) * side[1]) / np.float32(width)
    shade = 1.0 + np.float32(rng.normal(0, 0.4)) * across - np.float32(rng.uniform(0, 1.2)) * across**2  # round, or lit
    result = np.clip(image + weight[..., None] * (np.clip(painted * shade[..., None], 0, 1) - image), 0, 1)
    change = np.abs(result - image).max(axis=2)
    covered = (
        cv2.morphologyEx(
            ((weight > 0.5) & (change > _SEEN)).astype(np.uint8), cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8)
        )
        > 0
    )
    seen = covered & (weight > 0.5)
    return result.astype(np.float32), seen, (weight > 0) & ~seen


def _blot(shape: tuple[int, int], at: tuple[int, int], rng: np.random.Generator) -> Map:
    """A compact spot of 3 to 24 pixels: an ellipse, a box, or of ragged outline."""
    size = np.exp(rng.uniform(np.log(1.5), np.log(12), 2))
    weight: Map = np.zeros(shape, np.float32)
    angle = float(rng.uniform(0, 180))
    if rng.random() < 0.4:
        corners = cv2.boxPoints(((float(at[0]), float(at[1])), (2 * float(size[0]), 2 * float(size[1])), angle))
        cv2.fillPoly(weight, [np.round(corners * 16).astype(np.int32)], 1.0, cv2.LINE_AA, 4)
    else:
        axes = tuple(max(1, round(float(value))) for value in size)
        cv2.ellipse(weight, at, axes, angle, 0, 360, 1.0, -1, cv2.LINE_AA)
    if rng.random() < 0.4:
        grain = _blurred(rng.normal(size=shape).astype(np.float32), 2.0)
        ragged = _blurred(weight, 1.5) + 2.0 * grain * (weight > 0) - 0.3
        weight = np.clip(2.0 * ragged, 0, 1).astype(np.float32)
    return weight if rng.random() < 0.7 else _blurred(weight, rng.uniform(0.5, 2.0))


def _blurred(picture: Map, sigma: float) -> Map:
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), sigma), np.float32)


def _scratch(shape: tuple[int, int], at: tuple[int, int], rng: np.random.Generator) -> Map:
    """A line of 6 to 40 pixels, 1 or 2 wide, slightly bent."""
    weight = np.zeros(shape, np.float32)
    angle, step = rng.uniform(0, 2 * np.pi), 3.0
    bends = np.cumsum(rng.normal(0, 0.15, int(rng.integers(2, 14)))) + angle
    path = np.cumsum(step * np.stack([np.cos(bends), np.sin(bends)], axis=1), axis=0) + at
    cv2.polylines(weight, [np.round(path * 16).astype(np.int32)], False, 1.0, int(rng.integers(1, 3)), cv2.LINE_AA, 4)
    return weight


def _stick(shape: tuple[int, int], at: tuple[int, int], rng: np.random.Generator) -> Map:
    """A straight bar of 12 to 100 pixels, 1 to 6 wide: a rod, tube or plate seen from its side."""
    weight = np.zeros(shape, np.float32)
    angle, length = rng.uniform(0, 2 * np.pi), np.exp(rng.uniform(np.log(12), np.log(100)))
    ends = np.array(at) + np.outer((-0.5, 0.5), length * np.array([np.cos(angle), np.sin(angle)]))
    first, last = (tuple(int(value) for value in end) for end in np.round(ends * 16))
    cv2.line(weight, first, last, 1.0, int(rng.integers(1, 7)), cv2.LINE_AA, 4)
    return weight


def _paint(image: Map, at: tuple[int, int], rng: np.random.Generator) -> Map:
    """What a spot shows: a flat colour, the image from elsewhere, its own surface darker or lighter, or blurred."""
    kind = rng.random()
    if kind < 0.4:
        colour = rng.uniform(0, 1, 3).astype(np.float32)
        if rng.random() < 0.4:  # near to what is there: faint
            colour = np.clip(image[at] + rng.normal(0, 0.15, 3), 0, 1).astype(np.float32)
        return np.broadcast_to(colour, image.shape) + rng.normal(0, 0.01, image.shape).astype(np.float32)
    if kind < 0.7:
        shift = rng.integers(-60, 61, 2)
        return np.roll(image, tuple(int(value) for value in shift), axis=(0, 1))
    if kind < 0.9:
        factor = rng.uniform(0.25, 0.75) if rng.random() < 0.6 else rng.uniform(1.3, 2.2)
        return np.clip(image * np.float32(factor), 0, 1)
    return _blurred(image, 6.0)
