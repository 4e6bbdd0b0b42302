"""A part staged on a table in a room and photographed by a real lens, without Blender: for captures with known truth.

The part comes as a picture with coverage: a cut-out photo, or splats. The table's top is the plane z = 0 of the
object's frame, its middle the origin; around it is a room of four walls and a floor.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from pad_ros.geometry import Camera, Matrix, look_at
from pad_ros.images import to_uint8
from pad_ros.lens import Lens, Undistorter
from pad_ros.results import Image, Map

# Of a camera and a camera-to-object pose [4, 4]: the part's colours [H, W, 3] over white in 0…255, coverage [H, W].
PartPicture = Callable[[Camera, Matrix], tuple[NDArray[np.float32], Map]]

_ROOM = 6.0  # half a wall's width, in table widths
_FINER = 2  # rays per pixel and side


@dataclass(frozen=True)
class Stage:
    """A table top with a texture [H, W, 3] on it, `size` metres wide and high (x and y)."""

    texture: Image
    size: tuple[float, float]
    seed: int = 0

    def background(self, camera: Camera, pose: Matrix) -> NDArray[np.float32]:
        """What a camera sees of table and room, [H, W, 3] in 0…255."""
        fine = camera.resized(camera.width * _FINER, camera.height * _FINER)
        columns, rows = np.meshgrid(np.arange(fine.width) + 0.5, np.arange(fine.height) + 0.5)
        rays = np.stack([(columns - fine.cx) / fine.fx, (rows - fine.cy) / fine.fy, np.ones_like(rows)], axis=-1)
        rays, eye = rays @ pose[:3, :3].T, pose[:3, 3]  # [H, W, 3]
        half = _ROOM * max(self.size)
        with np.errstate(divide="ignore", invalid="ignore"):
            walls = (np.sign(rays) * half - eye) / rays  # the way to each wall; the floor lies as deep as the walls
        way = np.nanmin(walls, axis=-1, keepdims=True)
        place = (eye + way * rays) / half  # [H, W, 3] in -1…1
        side = np.abs(place).argmax(axis=-1)
        u = np.where(side == 0, place[..., 1], place[..., 0])
        v = np.where(side == 2, place[..., 1], place[..., 2])
        picture = _look_up(room_texture(self.seed), u, v)
        with np.errstate(divide="ignore", invalid="ignore"):
            down = np.where(rays[..., 2] != 0, -eye[2] / rays[..., 2], -1.0)
        x, y = (eye[axis] + down * rays[..., axis] for axis in (0, 1))
        on_table = (down > 0) & (np.abs(x) < self.size[0] / 2) & (np.abs(y) < self.size[1] / 2)
        table = _look_up(self.texture, 2 * x / self.size[0], -2 * y / self.size[1])
        picture = np.where(on_table[..., None], table, picture).astype(np.float32)
        return np.asarray(cv2.resize(picture, (camera.width, camera.height), interpolation=cv2.INTER_AREA))

    def photograph(
        self,
        lens: Lens,
        pose: Matrix,
        part: PartPicture,
        rng: np.random.Generator,
        *,
        blur: float = 0.0,
        noise: float = 2.0,
    ) -> tuple[Image, Map]:
        """Takes a photo [H, W, 3] and says which share of each pixel is part, [H, W].

        Args:
            lens: of the camera.
            pose: camera-to-object [4, 4].
            part: gives the part's picture.
            rng: draws the noise and the direction of the blur.
            blur: length of the motion's blur in pixels.
            noise: standard deviation of a pixel's noise.
        """
        wide = _wider(lens)
        colours, alpha = part(wide, pose)
        picture = alpha[..., None] * (colours - 255.0 * (1 - alpha[..., None])) / np.maximum(alpha[..., None], 1e-6)
        picture = picture + (1 - alpha[..., None]) * self.background(wide, pose)
        if lens.distorted:
            undistorter = Undistorter(lens, wide)
            picture, alpha = undistorter.distort(picture.astype(np.float32)), undistorter.distort(alpha)
        if blur > 1:
            kernel = _line(blur, rng.uniform(0, np.pi))
            picture = np.asarray(cv2.filter2D(picture, -1, kernel), np.float64)
        return to_uint8(picture + rng.normal(0, noise, picture.shape)), np.clip(alpha, 0, 1)


def room_texture(seed: int, size: int = 1024) -> Image:
    """A picture [size, size, 3] with something to see at every scale: furniture, so to say."""
    rng = np.random.default_rng(seed)
    picture = np.full((size, size, 3), 128.0, np.float32)
    for cells, contrast, how in ((6, 50, cv2.INTER_NEAREST), (24, 30, cv2.INTER_NEAREST), (200, 14, cv2.INTER_CUBIC)):
        noise = rng.normal(0, contrast, (cells, cells, 3)).astype(np.float32)
        picture += cv2.resize(noise, (size, size), interpolation=how)
    return to_uint8(picture)


def cloth_texture(seed: int, size: int = 1024) -> Image:
    """A dull, uneven cloth [size, size, 3]: stains, folds, threads."""
    rng = np.random.default_rng(seed)
    picture = np.full((size, size, 3), rng.uniform(70, 150, 3), np.float32)
    for cells, contrast in ((5, 14), (40, 12), (250, 16)):
        noise = rng.normal(0, contrast, (cells, cells, 1)).astype(np.float32)
        picture += np.atleast_3d(cv2.resize(noise, (size, size), interpolation=cv2.INTER_CUBIC))
    return to_uint8(picture)


def walk_around(
    count: int, target: NDArray[np.float64], distance: float, rng: np.random.Generator, shake: float = 1.0
) -> list[Matrix]:
    """Camera-to-object poses of somebody who goes around a part three times, at three heights; photos shake by 1."""
    poses = []
    for index in range(count):
        turn = 2 * np.pi * 3 * (index + shake * rng.uniform(-0.2, 0.2)) / count
        elevation = np.radians((18, 40, 64)[3 * index // count] + shake * rng.uniform(-5, 5))
        direction = np.array([np.cos(turn) * np.cos(elevation), np.sin(turn) * np.cos(elevation), np.sin(elevation)])
        eye = target + distance * (1 + shake * rng.uniform(-0.08, 0.08)) * direction
        poses.append(look_at(eye, target + shake * rng.normal(0, 0.02, 3) * distance, np.array([0.0, 0.0, 1.0])))
    return poses


def _wider(lens: Lens) -> Camera:
    """An ideal camera that shows all that the lens does."""
    if not lens.distorted:
        return lens.camera
    camera = lens.camera
    edge = np.array([[x, y] for x in np.linspace(0, camera.width, 9) for y in np.linspace(0, camera.height, 9)])
    ideal = lens.undistort(edge)
    left, top = (max(0.0, -float(value)) + 2 for value in ideal.min(axis=0))
    right, bottom = (max(0.0, float(value)) + 2 for value in ideal.max(axis=0) - (camera.width, camera.height))
    left, top, right, bottom = (int(np.ceil(value)) for value in (left, top, right, bottom))
    width, height = camera.width + left + right, camera.height + top + bottom
    return Camera(width, height, camera.fx, camera.fy, camera.cx + left, camera.cy + top)


def _look_up(texture: Image, u: NDArray[np.float64], v: NDArray[np.float64]) -> NDArray[np.float32]:
    """The texture's colours at u, v in -1…1 (right, down)."""
    height, width = texture.shape[:2]
    x, y = ((u + 1) / 2 * width - 0.5).astype(np.float32), ((v + 1) / 2 * height - 0.5).astype(np.float32)
    return np.asarray(cv2.remap(texture, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101), dtype=np.float32)


def _line(length: float, angle: float) -> NDArray[np.float32]:
    size = 2 * int(np.ceil(length / 2)) + 1
    kernel = np.zeros((size, size), np.float32)
    for step in np.linspace(-length / 2, length / 2, 21):
        x, y = size // 2 + step * np.cos(angle), size // 2 + step * np.sin(angle)
        kernel[round(np.clip(y, 0, size - 1)), round(np.clip(x, 0, size - 1))] += 1
    return kernel / kernel.sum()
