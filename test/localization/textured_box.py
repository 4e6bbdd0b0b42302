"""A textured box, rendered exactly (one homography per face), over white or clutter: ground truth without Blender."""

from __future__ import annotations

import cv2
import numpy as np

from pad_ros.geometry import Camera, invert_rigid, look_at

CAMERA = Camera.from_horizontal_angle(0.7, 320, 320)
_HALF = np.array([0.5, 0.4, 0.3])  # half the box's sides
_TEXTURE = 256


def _noise(rng: np.random.Generator, size: int, low: int, high: int) -> np.ndarray:
    """Blobs and patches at several scales, uint8 [size, size, 3]."""
    image = np.zeros((size, size, 3))
    for cells, weight in ((4, 0.5), (12, 0.5), (24, 0.3)):
        cell = rng.uniform(-1, 1, (cells, cells, 3))
        how = cv2.INTER_NEAREST if cells == 12 else cv2.INTER_CUBIC
        image += weight * cv2.resize(cell, (size, size), interpolation=how)
    return np.clip((low + high) / 2 + (high - low) / 2 * image, 0, 255).astype(np.uint8)


def _faces() -> list[tuple[np.ndarray, np.ndarray]]:
    """Corners [4, 3] (the texture's, clockwise from its origin) and texture of each face."""
    faces = []
    for axis in range(3):
        for sign in (-1.0, 1.0):
            u, v = (axis + 1) % 3, (axis + 2) % 3
            corners = np.zeros((4, 3))
            corners[:, axis] = sign
            corners[:, u] = [-1, 1, 1, -1]
            corners[:, v] = [-1, -1, 1, 1]
            rng = np.random.default_rng(2 * axis + int(sign > 0))
            faces.append((corners * _HALF, _noise(rng, _TEXTURE, 20, 235)))
    return faces


_FACES = _faces()


def clutter(seed: int) -> np.ndarray:
    """A background without the box."""
    return _noise(np.random.default_rng(1000 + seed), CAMERA.width, 60, 200)


def view_pose(azimuth: float, elevation: float, distance: float = 3.0, roll: float = 0.0) -> np.ndarray:
    """The `object_from_camera` of a camera that looks at the box; angles in degrees."""
    a, e, r = np.radians([azimuth, elevation, roll])
    eye = distance * np.array([np.cos(e) * np.cos(a), np.cos(e) * np.sin(a), np.sin(e)])
    pose = look_at(eye, np.zeros(3), np.array([0.0, 0.0, 1.0]))
    turn = np.array([[np.cos(r), -np.sin(r), 0], [np.sin(r), np.cos(r), 0], [0, 0, 1.0]])
    pose[:3, :3] = pose[:3, :3] @ turn
    return pose


def render(pose: np.ndarray, background: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Renders the box over white or `background`: RGB uint8 [H, W, 3] and its mask bool [H, W]."""
    size = (CAMERA.width, CAMERA.height)
    image = np.full((*size[::-1], 3), 255, np.uint8) if background is None else background.copy()
    mask = np.zeros(size[::-1], bool)
    camera_from_object = invert_rigid(pose)
    texels = np.array([[0, 0], [_TEXTURE, 0], [_TEXTURE, _TEXTURE], [0, _TEXTURE]], np.float32)
    centre = np.array([[1, 0, -0.5], [0, 1, -0.5], [0, 0, 1.0]])  # from centres at +0.5 to OpenCV's
    for corners, texture in _FACES:
        normal = corners.mean(axis=0)
        if normal @ (pose[:3, 3] - normal) <= 0:
            continue  # seen from behind; the box is convex, so no order is needed
        seen = (corners @ camera_from_object[:3, :3].T + camera_from_object[:3, 3]) @ CAMERA.K.T
        pixels = (seen[:, :2] / seen[:, 2:]).astype(np.float32)
        homography = centre @ cv2.getPerspectiveTransform(texels, pixels) @ np.linalg.inv(centre)
        warped = cv2.warpPerspective(texture, homography, size, flags=cv2.INTER_AREA)
        cover = cv2.warpPerspective(np.full(texture.shape[:2], 255, np.uint8), homography, size) > 127
        image[cover] = warped[cover]
        mask |= cover
    return image, mask


def train_views(count: int = 24) -> tuple[list[np.ndarray], list[np.ndarray], list[np.ndarray]]:
    """Images over white, masks and poses, spread over the upper three quarters of the sphere."""
    turns = np.arange(count)
    elevations = np.degrees(np.arcsin(np.linspace(-0.5, 0.95, count)))
    poses = [view_pose(137.508 * k, e, roll=17.0 * k) for k, e in zip(turns, elevations, strict=True)]
    views = [render(pose) for pose in poses]
    return [image for image, _ in views], [mask for _, mask in views], poses


def distance_to_surface(points: np.ndarray) -> np.ndarray:
    """Distances of points [P, 3] from the box's surface, [P]."""
    outside = np.abs(points) - _HALF
    return np.abs(np.linalg.norm(np.maximum(outside, 0), axis=1) + np.minimum(outside.max(axis=1), 0))
