"""A coloured disc on a belt of metal plates: the smallest scene with what separation has to cope with."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import pytest

from pad_ros.errors import ImageError, NoObjectError

SIZE = 200
CENTRE = (100, 100)


@dataclass
class Scene:
    image: np.ndarray  # [H, W, 3]
    belt: np.ndarray  # [H, W, 3] the same without the part
    part: np.ndarray  # [H, W] bool


def drawn(draw) -> np.ndarray:
    canvas = np.zeros((SIZE, SIZE), np.uint8)
    draw(canvas)
    return canvas.astype(bool)


def disc(radius: int, centre=CENTRE) -> np.ndarray:
    return drawn(lambda canvas: cv2.circle(canvas, centre, radius, 1, -1))


def box(x: int, y: int, width: int, height: int) -> np.ndarray:
    mask = np.zeros((SIZE, SIZE), bool)
    mask[y : y + height, x : x + width] = True
    return mask


def make_belt(seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    belt = np.full((SIZE, SIZE, 3), (120, 124, 130), np.float32)
    belt[::40] -= 60  # the gaps between the plates
    belt[1::40] -= 40
    belt += np.linspace(-15, 15, SIZE)[None, :, None]
    belt += rng.normal(0, 5, (SIZE, SIZE, 1))
    return np.clip(belt, 0, 255).astype(np.uint8)


def make_scene(part: np.ndarray, colour=(190, 40, 30), seed: int = 0, extra=None, extra_colour=(240, 200, 40)) -> Scene:
    """A part of one colour with shading, noise and a soft shadow; `extra` is an added part."""
    rng = np.random.default_rng(seed + 1)
    belt = make_belt(seed)
    shadow = cv2.GaussianBlur(np.roll(part, (6, 8), (0, 1)).astype(np.float32), (0, 0), 3)[..., None]
    image = belt * (1 - 0.35 * shadow)
    paint = np.array(colour, np.float32) * (0.8 + 0.4 * np.linspace(0, 1, SIZE))[:, None, None]
    image = np.where(part[..., None], paint, image)
    if extra is not None:
        image = np.where(extra[..., None], np.array(extra_colour, np.float32), image)
    image = cv2.GaussianBlur(image.astype(np.float32), (0, 0), 0.6) + rng.normal(0, 2, image.shape)
    return Scene(np.clip(image, 0, 255).astype(np.uint8), belt, part)


def iou(a: np.ndarray, b: np.ndarray) -> float:
    return float((a & b).sum() / (a | b).sum())


def check_silhouettes_without_sense(segmenter) -> None:
    """Every segmenter that is shown a silhouette refuses these."""
    scene = make_scene(disc(50))
    with pytest.raises(NoObjectError, match="empty"):
        segmenter.segment(scene.image, np.zeros((SIZE, SIZE), bool))
    with pytest.raises(NoObjectError, match="no background"):
        segmenter.segment(scene.image, np.ones((SIZE, SIZE), bool))
    with pytest.raises(ImageError):
        segmenter.segment(scene.image, np.ones((SIZE, SIZE - 1), bool))
