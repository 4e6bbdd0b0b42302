"""Exact masks: which part each pixel shows, by a z-buffer in numpy (no Blender needed)."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from pad_ros.geometry import Camera, Matrix, invert_rigid
from pad_ros.synthesis.assembly import Assembly, Part, Points

_BLOCK = 4_000_000  # pixels in the triangles' bounding boxes, drawn at once: bounds the memory
_NEAR = 1e-6  # metres: what is nearer to the camera's plane is behind it

Ids = NDArray[np.int32]
Window = tuple[slice, slice]  # rows, columns


@dataclass(frozen=True)
class View:
    """What a camera sees: `ids` [H, W], each pixel's part or -1, and `inverse_depth` [H, W], 0 without a part."""

    ids: Ids
    inverse_depth: Matrix


def see(assembly: Assembly, camera: Camera, object_from_camera: Matrix) -> View:
    """Looks at an assembly; pixels are sampled at their centres.

    Triangles that reach behind the camera are left out: cameras look at the object from outside.
    """
    surface = assembly.surface
    u, v, inverse_depth = project(surface.vertices, camera, object_from_camera)
    kept, corners = _candidates(surface.triangles.T, u, v, inverse_depth, camera)
    boxes = _extent(v, corners, camera.height)[1] * _extent(u, corners, camera.width)[1]
    ends = np.searchsorted(np.cumsum(boxes), np.arange(_BLOCK, boxes.sum(), _BLOCK)) + 1
    nearest, ids = np.zeros(camera.height * camera.width), np.full(camera.height * camera.width, -1, dtype=np.int32)
    for start, stop in zip([0, *ends], [*ends, len(kept)], strict=True):
        pixel, depth, triangle = _fill(corners[:, start:stop], u, v, inverse_depth, camera)
        np.maximum.at(nearest, pixel, depth)
        front = depth >= nearest[pixel]
        ids[pixel[front]] = surface.owner[kept[start:stop][triangle[front]]]
    shape = (camera.height, camera.width)
    return View(ids.reshape(shape), nearest.reshape(shape))


def see_again(
    assembly: Assembly, camera: Camera, object_from_camera: Matrix, before: View, where: NDArray[np.bool_]
) -> View:
    """Looks anew at some pixels [H, W] only, with only the parts that may lie there; the others stay as before."""
    if not where.any():
        return before
    rows, columns = (np.flatnonzero(where.any(axis=axis)) for axis in (1, 0))
    window = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    cropped = _crop(camera, window)
    where = where[window]
    ids, inverse_depth = before.ids.copy(), before.inverse_depth.copy()
    ids[window][where], inverse_depth[window][where] = -1, 0.0
    near = _parts_in(assembly, cropped, object_from_camera)
    if len(near):
        seen = see(Assembly(assembly.name, tuple(assembly.parts[i] for i in near)), cropped, object_from_camera)
        where &= seen.ids >= 0
        ids[window][where], inverse_depth[window][where] = near[seen.ids[where]], seen.inverse_depth[where]
    return View(ids, inverse_depth)


def see_with(part: Part, number: int, camera: Camera, object_from_camera: Matrix, before: View) -> View:
    """What shows when a part is added, with this number, to what showed before."""
    alone = Assembly(part.name, (part,))
    u, v, _ = project(alone.surface.vertices, camera, object_from_camera)
    low, high = np.floor([v.min(), u.min()]), np.ceil([v.max(), u.max()]) + 1
    size = camera.height, camera.width
    first, last = np.clip(low, 0, size).astype(int), np.clip(high, 0, size).astype(int)
    if (first >= last).any():
        return before
    window = slice(first[0], last[0]), slice(first[1], last[1])
    seen = see(alone, _crop(camera, window), object_from_camera)
    ids, inverse_depth = before.ids.copy(), before.inverse_depth.copy()
    front = seen.inverse_depth > inverse_depth[window]
    ids[window][front], inverse_depth[window][front] = number, seen.inverse_depth[front]
    return View(ids, inverse_depth)


def _crop(camera: Camera, window: Window) -> Camera:
    """The camera of a part of the image."""
    (top, bottom), (left, right) = ((int(s.start), int(s.stop)) for s in window)
    return replace(camera, width=right - left, height=bottom - top, cx=camera.cx - left, cy=camera.cy - top)


def part_ids(assembly: Assembly, camera: Camera, object_from_camera: Matrix) -> Ids:
    """The index of the part that each pixel's centre shows, -1 where it misses the object: [H, W]."""
    return see(assembly, camera, object_from_camera).ids


def _parts_in(assembly: Assembly, camera: Camera, object_from_camera: Matrix) -> NDArray[np.int64]:
    """The parts whose boxes' projections meet the image, or that reach behind the camera."""
    choice = np.array(list(np.ndindex(2, 2, 2)))  # [8, 3]
    boxes = np.stack(assembly.boxes)  # [2, P, 3]
    corners = np.stack([boxes[choice[:, axis], :, axis] for axis in range(3)], axis=-1)  # [8, P, 3]
    projected = project(corners.reshape(-1, 3), camera, object_from_camera)
    u, v, inverse_depth = (values.reshape(corners.shape[:2]) for values in projected)
    meets = (v.max(axis=0) >= 0) & (v.min(axis=0) <= camera.height)
    meets &= (u.max(axis=0) >= 0) & (u.min(axis=0) <= camera.width)
    return np.flatnonzero(meets | (inverse_depth <= 0).any(axis=0))


def project(points: Points, camera: Camera, object_from_camera: Matrix) -> tuple[Matrix, Matrix, Matrix]:
    """Where points [N, 3] appear: column and row (pixel centres at whole numbers) and inverse depth, [N] each.

    The inverse depth is 0 of points behind the camera.
    """
    transform = invert_rigid(object_from_camera)
    x, y, z = transform[:3, :3] @ points.T + transform[:3, 3:]
    ahead = z > _NEAR
    inverse_depth = np.divide(1.0, z, out=np.zeros_like(z), where=ahead)
    x *= camera.fx * inverse_depth
    x += camera.cx - 0.5
    y *= camera.fy * inverse_depth
    y += camera.cy - 0.5
    return x, y, inverse_depth


def _limits(coordinate: Matrix, corners: Ids) -> tuple[Matrix, Matrix]:
    """The least and greatest coordinate [T] of triangles [3, T]."""
    a, b, c = (coordinate[corner] for corner in corners)
    return np.minimum(np.minimum(a, b), c), np.maximum(np.maximum(a, b), c)


def _meets(coordinate: Matrix, corners: Ids, size: int) -> NDArray[np.bool_]:
    """Which triangles [3, T] hold a whole number in 0…size - 1 along one axis."""
    low, high = _limits(coordinate, corners)
    first = np.ceil(low, out=low)
    return (np.maximum(first, 0) <= high) & (first < size)


def _extent(coordinate: Matrix, corners: Ids, size: int) -> tuple[Ids, Ids]:
    """The first whole number in 0…size - 1 within each triangle [3, T] along one axis, and how many there are."""
    low, high = _limits(coordinate, corners)
    return _steps(low, high, size)


def _steps(low: Matrix, high: Matrix, size: int) -> tuple[Ids, Ids]:
    """The first whole number in 0…size - 1 from `low` to `high`, and how many there are."""
    first = np.clip(np.ceil(low), 0, size).astype(np.int32)
    return first, np.maximum(np.clip(np.floor(high) + 1, 0, size).astype(np.int32) - first, 0)


def _candidates(
    corners: Ids, u: Matrix, v: Matrix, inverse_depth: Matrix, camera: Camera
) -> tuple[NDArray[np.int64], Ids]:
    """The triangles [K] of [3, T] whose boxes hold a pixel's centre, and their corners [3, K] from the top down."""
    kept = np.flatnonzero(_meets(v, corners, camera.height))
    kept = kept[_meets(u, corners[:, kept], camera.width)]
    kept = kept[(inverse_depth[corners[:, kept]] > 0).all(axis=0)]
    a, b, c = corners[:, kept]
    a, b = np.where(v[b] < v[a], (b, a), (a, b))
    b, c = np.where(v[c] < v[b], (c, b), (b, c))
    a, b = np.where(v[b] < v[a], (b, a), (a, b))
    return kept, np.stack([a, b, c])


def _fill(
    corners: Ids, u: Matrix, v: Matrix, inverse_depth: Matrix, camera: Camera
) -> tuple[NDArray[np.int64], Matrix, NDArray[np.int64]]:
    """The pixels [N] in triangles [3, T], their inverse depths [N] and triangles [N].

    Both triangles at an edge find its ends in a row by the same arithmetic, so that there is no gap between them.
    """
    triangle, y = _count_up(*_extent(v, corners, camera.height))  # one entry per row of a triangle
    a, b, c = corners[:, triangle]
    upper = y < v[b]
    ends = []
    for start, end in ((a, c), (np.where(upper, a, b), np.where(upper, b, c))):
        height = v[end] - v[start]
        along = (y - v[start]) / np.where(height > 0, height, 1.0)
        ends.append([value[start] + along * (value[end] - value[start]) for value in (u, inverse_depth)])
    (x0, depth0), (x1, depth1) = ends
    slope = (depth1 - depth0) / np.where(x0 == x1, 1.0, x1 - x0)  # 1/z is linear in the image
    row, x = _count_up(*_steps(np.minimum(x0, x1), np.maximum(x0, x1), camera.width))  # one entry per pixel
    return y[row] * camera.width + x, depth0[row] + slope[row] * (x - x0[row]), triangle[row]


def _count_up(first: Ids, count: Ids) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Whole numbers from each of `first` [N], `count` [N] of them: the index in N and the number, flat."""
    index = np.repeat(np.arange(len(count)), count)
    before = np.cumsum(count) - count
    return index, np.arange(len(index)) + (first - before)[index]
