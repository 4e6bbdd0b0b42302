"""Exact masks: which part each pixel shows, by a z-buffer in numpy (no Blender needed)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pad_ros.geometry import Camera, Matrix, invert_rigid
from pad_ros.synthesis.assembly import Assembly, apply

_PAIRS = 4_000_000  # (triangle, pixel) pairs tested at once: bounds the memory


@dataclass(frozen=True)
class View:
    """What a camera sees: `ids` [H, W], each pixel's part or -1, and `inverse_depth` [H, W], 0 without a part."""

    ids: NDArray[np.int32]
    inverse_depth: Matrix

    def behind(self, other: View) -> View:
        """Both views in one, the nearer surface in each pixel."""
        nearer = other.inverse_depth > self.inverse_depth
        return View(np.where(nearer, other.ids, self.ids), np.where(nearer, other.inverse_depth, self.inverse_depth))


def see(assembly: Assembly, camera: Camera, object_from_camera: Matrix) -> View:
    """Looks at an assembly; pixels are sampled at their centres.

    Triangles that reach behind the camera are left out: cameras look at the object from outside.
    """
    corners, owner = assembly.triangles
    points = apply(invert_rigid(object_from_camera), corners.reshape(-1, 3)).reshape(-1, 3, 3)  # [T, 3, 3]
    ahead = (points[..., 2] > 1e-6).all(axis=1)
    points, owner = points[ahead], owner[ahead]
    u = camera.fx * points[..., 0] / points[..., 2] + camera.cx - 0.5  # [T, 3]; pixel centres at whole numbers
    v = camera.fy * points[..., 1] / points[..., 2] + camera.cy - 0.5
    left = np.clip(np.ceil(u.min(axis=1)), 0, camera.width).astype(np.int64)
    right = np.clip(np.floor(u.max(axis=1)) + 1, 0, camera.width).astype(np.int64)
    top = np.clip(np.ceil(v.min(axis=1)), 0, camera.height).astype(np.int64)
    bottom = np.clip(np.floor(v.max(axis=1)) + 1, 0, camera.height).astype(np.int64)
    area = (u[:, 1] - u[:, 0]) * (v[:, 2] - v[:, 0]) - (u[:, 2] - u[:, 0]) * (v[:, 1] - v[:, 0])
    count = np.maximum(right - left, 0) * np.maximum(bottom - top, 0)
    kept = np.flatnonzero((count > 0) & (np.abs(area) > 1e-9))

    nearest = np.zeros(camera.height * camera.width)  # the largest 1/z so far
    ids = np.full(camera.height * camera.width, -1, dtype=np.int32)
    blocks = np.cumsum(count[kept]) // _PAIRS
    for block in np.unique(blocks):
        t = kept[blocks == block]
        pair = np.repeat(t, count[t])
        nth = np.arange(len(pair)) - np.repeat(np.cumsum(count[t]) - count[t], count[t])
        width = (right - left)[pair]
        x, y = left[pair] + nth % width, top[pair] + nth // width
        weights = [_edge(u, v, pair, x, y, i) / area[pair] for i in range(3)]
        inside = np.logical_and.reduce([w >= 0 for w in weights])
        pair, pixel = pair[inside], (y * camera.width + x)[inside]
        inverse_depth = sum(w[inside] / points[pair, i, 2] for i, w in enumerate(weights))
        np.maximum.at(nearest, pixel, inverse_depth)
        front = inverse_depth >= nearest[pixel]
        ids[pixel[front]] = owner[pair[front]]
    shape = (camera.height, camera.width)
    return View(ids.reshape(shape), nearest.reshape(shape))


def part_ids(assembly: Assembly, camera: Camera, object_from_camera: Matrix) -> NDArray[np.int32]:
    """The index of the part that each pixel's centre shows, -1 where it misses the object: [H, W]."""
    return see(assembly, camera, object_from_camera).ids


def _edge(u: Matrix, v: Matrix, pair: Matrix, x: Matrix, y: Matrix, corner: int) -> Matrix:
    """Twice the signed area between a pixel and the edge opposite to a corner."""
    a, b = (corner + 1) % 3, (corner + 2) % 3
    du, dv = (u[:, b] - u[:, a])[pair], (v[:, b] - v[:, a])[pair]
    return du * (y - v[pair, a]) - dv * (x - u[pair, a])
