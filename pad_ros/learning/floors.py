"""Floors and belts without end, drawn by rule: what a part may lie on, beyond the few that are rendered."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from pad_ros.results import Map, Mask

Plane = NDArray[np.float32]


def floor(shape: tuple[int, int], rng: np.random.Generator) -> Map:
    """A floor of some colour, grain and pattern, seen at a slant, unevenly lit: [H, W, 3] in 0…1."""
    height, width = shape
    across, along = _slanted(shape, rng)
    colour = np.full(3, rng.uniform(0.04, 0.9)) + rng.normal(0, 0.03 if rng.random() < 0.5 else 0.25, 3)
    brightness = np.ones(shape, np.float32)
    brightness += np.float32(rng.uniform(0, 0.15)) * _clouds(shape, float(rng.uniform(8, 60)), rng)
    brightness += np.float32(rng.uniform(0, 0.12)) * _streaks(shape, rng)
    picture = np.clip(colour, 0, 1).astype(np.float32) * brightness[..., None]
    for _ in range(int(rng.integers(0, 3))):
        weight = _PATTERNS[int(rng.integers(len(_PATTERNS)))](across, along, rng)[..., None]
        other = _another(colour, rng)
        picture += np.float32(rng.uniform(0.3, 1)) * weight * (other * brightness[..., None] - picture)
    for _ in range(int(rng.integers(0, 3)) if rng.random() < 0.5 else 0):  # rails, edges of the belt
        place, half = rng.uniform(0, 1), np.exp(rng.uniform(np.log(0.005), np.log(0.06)))
        weight = _soft(half - np.abs(across / across.max() - place), 0.004)[..., None]
        picture += weight * (_another(colour, rng) - picture)
    lit = (
        1.0
        + rng.normal(0, 0.25) * np.linspace(-1, 1, width)[None, :]
        + rng.normal(0, 0.25) * np.linspace(-1, 1, height)[:, None]
    )
    picture = picture * np.clip(lit, 0.3, 1.8)[..., None].astype(np.float32)
    picture += rng.normal(0, rng.uniform(0.002, 0.03), (height, width, 1)).astype(np.float32)
    return np.clip(picture, 0, 1).astype(np.float32)


def laid_on(image: Map, part: Mask, ground: Map, rng: np.random.Generator) -> Map:
    """The part [H, W] of an image [H, W, 3], cut out and laid on another ground, with a shadow."""
    weight = cv2.GaussianBlur(part.astype(np.float32), (0, 0), 0.6)
    shadow = np.ones_like(weight)
    size = float(np.sqrt(part.sum()))
    for reach, darkest in ((0.05, 0.6), (0.2, 0.7)):  # right under it, and a lamp's
        move = rng.normal(0, 0.5 * reach * size, 2)
        shifted = cv2.warpAffine(
            part.astype(np.float32),
            np.array([[1, 0, move[0]], [0, 1, move[1]]]),
            part.shape[::-1],
            flags=cv2.INTER_LINEAR,
        )
        blurred = cv2.GaussianBlur(shifted, (0, 0), max(1.0, float(rng.uniform(0.2, 0.8)) * reach * size))
        shadow = np.asarray(shadow * (1.0 - rng.uniform(0, darkest) * blurred), np.float32)
    weight = np.where(part, np.maximum(weight, 0.5), np.minimum(weight, 0.5))[..., None]
    # At the outline the image's own colours are half its belt's: those from further inside stand for them.
    inner = _from_inside(image, part)
    return np.asarray(weight * inner + (1 - weight) * ground * shadow[..., None], np.float32)


def _from_inside(image: Map, part: Mask) -> Map:
    """The image with the colours of what is well inside the part spread over its outline."""
    inside = cv2.erode(part.astype(np.uint8), np.ones((3, 3), np.uint8)).astype(np.float32)
    spread = cv2.GaussianBlur(image * inside[..., None], (0, 0), 1.0)
    total = cv2.GaussianBlur(inside, (0, 0), 1.0)
    known = (total > 1e-3) & (inside == 0)
    result = image.copy()
    result[known] = spread[known] / total[known][:, None]
    return result


def _another(colour: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float32]:
    if rng.random() < 0.6:
        return np.asarray(np.clip(colour * rng.uniform(0.2, 1.8), 0, 1), np.float32)
    return np.asarray(rng.uniform(0, 1, 3), np.float32)


def _slanted(shape: tuple[int, int], rng: np.random.Generator) -> tuple[Plane, Plane]:
    """Coordinates on the floor of each pixel, in its pixels about the middle, both from 0."""
    height, width = shape
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    x, y = x - 0.5 * width, y - 0.5 * height
    angle = rng.uniform(0, 2 * np.pi)
    depth = 1.0 + (x * np.sin(angle) + y * np.cos(angle)) * np.float32(rng.uniform(0, 0.8) / max(shape))
    turn = rng.uniform(0, 2 * np.pi)
    u = (np.cos(turn) * x + np.sin(turn) * y) / depth
    v = (np.cos(turn) * y - np.sin(turn) * x) / depth * np.float32(rng.uniform(1, 1.8))
    return (u - u.min()).astype(np.float32), (v - v.min()).astype(np.float32)


def _clouds(shape: tuple[int, int], sigma: float, rng: np.random.Generator) -> Plane:
    """Smooth noise of spread 1, [H, W]."""
    small = rng.normal(size=(int(shape[0] / sigma) + 3, int(shape[1] / sigma) + 3)).astype(np.float32)
    return np.asarray(cv2.resize(small, shape[::-1], interpolation=cv2.INTER_CUBIC), np.float32)


def _streaks(shape: tuple[int, int], rng: np.random.Generator) -> Plane:
    """Noise drawn out in one direction, as brushed metal has it, of spread 1, [H, W]."""
    side = 2 * max(shape)
    noise = cv2.GaussianBlur(
        rng.normal(size=(side, side)).astype(np.float32), (0, 0), float(rng.uniform(2, 20)), sigmaY=0.7
    )
    turn = cv2.getRotationMatrix2D((side / 2, side / 2), float(rng.uniform(0, 180)), 1.0)
    turned = cv2.warpAffine(noise, turn, (side, side))
    top, left = (side - shape[0]) // 2, (side - shape[1]) // 2
    cut = turned[top : top + shape[0], left : left + shape[1]]
    return np.asarray(cut / (cut.std() + 1e-6), np.float32)


def _soft(distance: Plane, width: float) -> Plane:
    return np.clip(distance / np.float32(width) + 0.5, 0, 1).astype(np.float32)


def _period(rng: np.random.Generator) -> float:
    return float(np.exp(rng.uniform(np.log(8), np.log(90))))


def _nearest(coordinate: Plane, period: float) -> Plane:
    """How far from a multiple of the period, in pixels."""
    return np.abs(np.mod(coordinate + 0.5 * period, period) - 0.5 * period).astype(np.float32)


def _gaps(across: Plane, along: Plane, rng: np.random.Generator) -> Plane:
    return _soft(np.float32(rng.uniform(0.7, 4)) - _nearest(across, _period(rng)), 1.5)


def _grid(across: Plane, along: Plane, rng: np.random.Generator) -> Plane:
    return np.maximum(_gaps(across, along, rng), _gaps(along, across, rng))


def _bricks(across: Plane, along: Plane, rng: np.random.Generator) -> Plane:
    rows, columns, half = _period(rng), 1.5 * _period(rng), np.float32(rng.uniform(0.7, 3))
    shifted = along + np.floor(across / rows) % 2 * np.float32(0.5 * columns)
    joints = np.maximum(half - _nearest(across, rows), half - _nearest(shifted, columns))
    return _soft(joints, 1.5)


def _dots(across: Plane, along: Plane, rng: np.random.Generator) -> Plane:
    period = _period(rng)
    radius = np.float32(period * rng.uniform(0.1, 0.4))
    return _soft(radius - np.hypot(_nearest(across, period), _nearest(along, period)), 1.5)


def _bands(across: Plane, along: Plane, rng: np.random.Generator) -> Plane:
    period = 2 * _period(rng)
    return _soft(np.float32(period * rng.uniform(0.1, 0.4)) - _nearest(across, period), 1.5)


def _patches(across: Plane, along: Plane, rng: np.random.Generator) -> Plane:
    clouds = _clouds(across.shape[:2], float(rng.uniform(6, 60)), rng)  # type: ignore[arg-type]
    return _soft(clouds - np.float32(rng.uniform(0.3, 1.5)), float(rng.uniform(0.05, 0.6)))


_PATTERNS = (_gaps, _grid, _bricks, _dots, _bands, _patches)
