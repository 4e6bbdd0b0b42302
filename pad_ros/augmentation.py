"""Good views as the line will show them: before belts and rails, in another light, through a camera."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from pad_ros.images import to_uint8
from pad_ros.results import Image, Map

_GAMMA = 2.2
# How far the line's light is from the photos', as standard deviations.
_EXPOSURE = 0.2  # natural logarithm of linear light
_BALANCE = 0.03  # the same, of red and of blue against green
_SHADE = 0.25  # the same, from the mean of the faces to those that look into the light
_BLUR = 0.0015  # of the width, at most
_NOISE = 2.5  # grey levels, at most
_RAILS = (0.7, 0.2, 0.1)  # how probable none, one and two are
_LIKE_THE_PART = 0.1  # how many of them have a colour of the part


def line_image(image: Image, alpha: Map, normals: NDArray[np.float32] | None, rng: np.random.Generator) -> Image:
    """Puts a good view [H, W, 3] with coverage [H, W] on an invented belt, in a light of its own.

    Args:
        image: the part over white.
        alpha: its coverage.
        normals: of its surface, [H, W, 3], in any frame; None leaves the shade of its faces.
        rng: draws the belt, the light and the camera's noise.
    """
    through = (1.0 - alpha)[..., None]
    part = np.maximum(image.astype(np.float32) - 255.0 * through, 0.0)  # without the white behind it
    belt = _shadow(belt_image(image, alpha, rng), alpha, rng)
    blended = part * _light(alpha, normals, rng) + through * belt
    sigma = float(rng.uniform(0, _BLUR)) * image.shape[1]
    if sigma > 0.2:
        blended = cv2.GaussianBlur(blended, (0, 0), sigma)
    blended = blended + rng.normal(0, rng.uniform(0, _NOISE), blended.shape)
    return to_uint8(blended)


def _light(alpha: Map, normals: NDArray[np.float32] | None, rng: np.random.Generator) -> NDArray[np.float32]:
    """The factor [H, W, 3] on the pixels: exposure, white balance, and a lamp elsewhere.

    The light that a face gets from large lamps is nearly linear in its normal (spherical harmonics of degree 1).
    """
    balance = rng.normal(0, _EXPOSURE) + rng.normal(0, _BALANCE, 3) * (1.0, 0.0, 1.0)
    logarithm = np.zeros((*alpha.shape, 3), np.float32) + balance.astype(np.float32)
    if normals is not None:
        slope = rng.normal(0, _SHADE, 3).astype(np.float32)
        change = normals @ slope  # [H, W]
        inside = alpha > 0.5
        change -= change[inside].mean() if inside.any() else np.float32(0)
        logarithm += cv2.GaussianBlur(np.where(inside, change, 0.0), (0, 0), 1.0)[..., None]
    return np.exp(logarithm / _GAMMA)


def belt_image(image: Image, alpha: Map, rng: np.random.Generator) -> Map:
    """An invented belt [H, W, 3] in 0…255: stains of several sizes, seams or holes, rails, grain."""
    height, width = alpha.shape
    picture = np.full((height, width, 3), rng.uniform(40, 190), dtype=np.float32)
    picture += rng.uniform(-25, 25, size=3).astype(np.float32)
    for cells, contrast in ((4, 18), (16, 9), (64, 5)):  # large stains are strong, small ones faint, as on a belt
        noise = rng.normal(0, contrast, size=(cells, cells)).astype(np.float32)
        picture += cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC)[..., None]
    rows, columns = np.mgrid[:height, :width]
    angle = rng.uniform(0, np.pi)
    along = columns * np.cos(angle) + rows * np.sin(angle)  # [H, W]
    across = rows * np.cos(angle) - columns * np.sin(angle)
    kind = rng.integers(3)
    period = rng.uniform(0.04, 0.2) * width
    if kind == 0:  # plates
        picture -= 50.0 * (along % period < 2.5)[..., None]
    elif kind == 1:  # perforated
        x, y = along % period - period / 2, across % period - period / 2
        picture -= 60.0 * (np.hypot(x, y) < rng.uniform(0.15, 0.35) * period)[..., None]
    for _ in range(int(rng.choice(3, p=_RAILS))):
        picture = _with_rail(picture, image, alpha, rng)
    picture += rng.normal(0, 3, size=picture.shape)
    return np.clip(picture, 0, 255).astype(np.float32)


def _with_rail(picture: Map, image: Image, alpha: Map, rng: np.random.Generator) -> Map:
    """A rail, seam or hose across the belt; now and then in a colour of the part itself, the hardest case."""
    height, width = alpha.shape
    rows, columns = np.nonzero(alpha > 0.5)
    colour = rng.uniform(0, 255, 3)
    if len(rows) and rng.random() < _LIKE_THE_PART:
        pick = int(rng.integers(len(rows)))
        colour = image[rows[pick], columns[pick]].astype(np.float64)
    middle = np.array([width, height]) * rng.uniform(0.1, 0.9, 2)
    angle = rng.uniform(0, np.pi)
    reach = np.array([np.cos(angle), np.sin(angle)]) * 2 * max(width, height)
    band = np.zeros(alpha.shape, np.uint8)
    ends = [tuple(int(value) for value in np.round(middle + sign * reach)) for sign in (-1, 1)]
    cv2.line(band, ends[0], ends[1], 255, int(rng.integers(2, max(3, width // 12))), cv2.LINE_AA)
    weight = (band / np.float32(255.0))[..., None]
    return np.asarray(picture * (1 - weight) + weight * colour, np.float32)


def _shadow(belt: Map, alpha: Map, rng: np.random.Generator) -> Map:
    """The part's soft shadow on the belt beside it."""
    size = max(2.0, 0.03 * alpha.shape[1])
    move = np.array([[1, 0, rng.normal(0, size)], [0, 1, rng.normal(0, size)]])
    shifted = cv2.warpAffine(alpha, move, alpha.shape[::-1])
    dark = cv2.GaussianBlur(shifted, (0, 0), float(rng.uniform(0.3, 1.0)) * size)
    return np.asarray(belt * (1.0 - float(rng.uniform(0, 0.6)) * dark[..., None]), np.float32)
