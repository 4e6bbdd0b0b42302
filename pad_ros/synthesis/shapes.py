"""Primitive solids with bevelled edges, in metres: what parts are made of."""

from __future__ import annotations

from functools import cache

import numpy as np

from pad_ros.synthesis.assembly import Mesh, Points, rotation, translation

BEVEL = 0.00025


def prism(profile: Points, width: float, bevel: float = BEVEL) -> Mesh:
    """A convex profile in the x-z plane, drawn out along y and centred there, with chamfered edges.

    Args:
        profile: corners [N, 2] as (x, z) in metres, counter-clockwise seen from -y.
        width: extent along y, metres.
        bevel: width of the chamfer, metres.
    """
    points = np.asarray(profile, dtype=np.float64)
    count = len(points)
    edge = np.roll(points, -1, axis=0) - points
    along = edge / np.linalg.norm(edge, axis=1, keepdims=True)  # [N, 2]
    before = np.roll(along, 1, axis=0)
    # Moving a corner inwards from both its edges by the bevel: along the bisector of the two directions.
    cross = before[:, 0] * along[:, 1] - before[:, 1] * along[:, 0]
    inset = points + bevel * (along - before) / np.maximum(cross, 0.3)[:, None]
    leaving, arriving = points + bevel * along, np.roll(points, -1, axis=0) - bevel * along
    half = 0.5 * width
    # Rings of N: cap, then the start and end of every side's edge; below (-w), then above.
    rings = []
    for sign in (-1.0, 1.0):
        for ring, depth in ((inset, half), (leaving, half - bevel), (arriving, half - bevel)):
            rings.append(np.column_stack([ring[:, 0], np.full(count, -sign * depth), ring[:, 1]]))
    index = np.arange(6 * count).reshape(6, count)
    low_cap, low_start, low_end, cap, start, end = index
    after = np.roll(np.arange(count), -1)
    quads = [
        (low_start, low_end, end, start),  # sides
        (low_end, low_start[after], start[after], end),  # chamfers between sides
        (start, end, cap[after], cap),  # chamfers to the caps
        (low_cap, low_cap[after], low_end, low_start),
    ]
    triangles = [np.stack([a, b, c], axis=1) for a, b, c, _ in quads]
    triangles += [np.stack([a, c, d], axis=1) for a, _, c, d in quads]
    triangles.append(np.stack([end, start[after], cap[after]], axis=1))  # corners
    triangles.append(np.stack([low_end, low_cap[after], low_start[after]], axis=1))
    fan = np.arange(1, count - 1)
    triangles.append(np.stack([np.full_like(fan, cap[0]), cap[fan], cap[fan + 1]], axis=1))
    triangles.append(np.stack([np.full_like(fan, low_cap[0]), low_cap[fan + 1], low_cap[fan]], axis=1))
    return Mesh(np.concatenate(rings), np.concatenate(triangles).astype(np.int32))


def lathe(profile: Points, segments: int = 24, closed: bool = False) -> Mesh:
    """A profile of (radius, z) turned about the z axis, metres.

    An open profile goes from the bottom to the top and is capped there; a closed one (a ring, such as
    a tyre) is counter-clockwise with the radius to the right.
    """
    points = np.asarray(profile, dtype=np.float64)
    count = len(points)
    angle = np.arange(segments) * (2 * np.pi / segments)
    ring = np.stack([np.cos(angle), np.sin(angle)], axis=1)  # [S, 2]
    vertices = np.concatenate(
        [points[:, None, :1] * ring[None], np.broadcast_to(points[:, None, 1:], (count, segments, 1))], axis=2
    ).reshape(-1, 3)
    index = np.arange(count * segments).reshape(count, segments)
    rows = np.arange(count if closed else count - 1)
    low, high = index[rows], index[(rows + 1) % count]
    low_next, high_next = np.roll(low, -1, axis=1), np.roll(high, -1, axis=1)
    triangles = [np.stack([low, low_next, high_next], axis=-1), np.stack([low, high_next, high], axis=-1)]
    if not closed:
        poles = np.array([[0, 0, points[0, 1]], [0, 0, points[-1, 1]]])
        bottom, top = len(vertices), len(vertices) + 1
        vertices = np.concatenate([vertices, poles])
        first, last = index[0], index[-1]
        triangles.append(np.stack([np.roll(first, -1), first, np.full(segments, bottom)], axis=-1)[None])
        triangles.append(np.stack([last, np.roll(last, -1), np.full(segments, top)], axis=-1)[None])
    return Mesh(vertices, np.concatenate([t.reshape(-1, 3) for t in triangles]).astype(np.int32))


def box(length: float, width: float, height: float, bevel: float = BEVEL) -> Mesh:
    """A box that stands on z = 0, centred in x and y."""
    x = 0.5 * length
    return prism(np.array([[-x, 0.0], [x, 0.0], [x, height], [-x, height]]), width, bevel)


def cylinder(radius: float, height: float, segments: int = 24, bevel: float = BEVEL) -> Mesh:
    """A cylinder about the z axis that stands on z = 0."""
    b = min(bevel, 0.4 * radius)
    return lathe(np.array([[radius - b, 0.0], [radius, b], [radius, height - b], [radius - b, height]]), segments)


@cache
def ring(inner: float, outer: float, height: float) -> Mesh:
    """A hollow cylinder about the z axis that stands on z = 0."""
    return lathe(np.array([[inner, 0.0], [outer, 0.0], [outer, height], [inner, height]]), 24, closed=True)


def slab(outline: Points, height: float, bevel: float = BEVEL) -> Mesh:
    """A convex outline in the x-y plane, [N, 2] counter-clockwise seen from above, drawn up from z = 0."""
    points = np.asarray(outline, dtype=np.float64)[::-1] * (1.0, -1.0)
    return prism(points, height, bevel).moved(translation(0, 0, 0.5 * height) @ rotation("x", 90))


def sector(inner: float, outer: float, width: float, start: float, end: float, segments: int = 20) -> Mesh:
    """A piece of a ring about the y axis, `width` along y, between two angles (degrees from x towards z)."""
    angle = np.radians(np.linspace(start, end, segments + 1))
    direction = np.stack([np.cos(angle), np.zeros_like(angle), np.sin(angle)], axis=1)  # [S + 1, 3]
    b, half = BEVEL, 0.5 * width
    section = [(inner, -half + b), (inner + b, -half), (outer - b, -half), (outer, -half + b)]
    section += [(r, -y) for r, y in reversed(section)]
    rings = np.stack([r * direction + (0.0, y, 0.0) for r, y in section], axis=1)  # [S + 1, 8, 3]
    return _swept(rings)


def tube(path: Points, radius: float, segments: int = 12) -> Mesh:
    """A round bar along a path of corners [N, 3], with mitred bends and flat ends."""
    points = np.asarray(path, dtype=np.float64)
    along = np.diff(points, axis=0)
    along /= np.linalg.norm(along, axis=1, keepdims=True)  # [N - 1, 3]
    side = np.cross(along[0], [0.0, 0.0, 1.0] if abs(along[0, 2]) < 0.9 else [1.0, 0.0, 0.0])
    side /= np.linalg.norm(side)
    angle = np.arange(segments) * (2 * np.pi / segments)
    circle = np.cos(angle)[:, None] * side + np.sin(angle)[:, None] * np.cross(along[0], side)
    ring = points[0] + radius * circle  # [S, 3]
    rings = [ring]
    for index in range(1, len(points)):
        # Each corner of the ring slides along its bar to the plane that halves the bend.
        before = along[index - 1]
        normal = before + along[min(index, len(along) - 1)]
        ring = ring + ((points[index] - ring) @ normal / (before @ normal))[:, None] * before
        rings.append(ring)
    return _swept(np.stack(rings))


def _swept(rings: Points) -> Mesh:
    """The closed mesh through rings [R, N, 3], each counter-clockwise seen along the sweep's way back."""
    count, size = rings.shape[:2]
    index = np.arange(count * size).reshape(count, size)
    a, b = index[:-1], index[1:]
    after_a, after_b = np.roll(a, -1, axis=1), np.roll(b, -1, axis=1)
    quads = [np.stack([a, after_a, after_b], axis=-1), np.stack([a, after_b, b], axis=-1)]
    vertices = np.concatenate([rings.reshape(-1, 3), rings[0].mean(axis=0)[None], rings[-1].mean(axis=0)[None]])
    first, last = index[0], index[-1]
    caps = [
        np.stack([np.roll(first, -1), first, np.full(size, count * size)], axis=-1),
        np.stack([last, np.roll(last, -1), np.full(size, count * size + 1)], axis=-1),
    ]
    triangles = np.concatenate([t.reshape(-1, 3) for t in [*quads, *caps]]).astype(np.int32)
    return Mesh(vertices, _outwards(vertices, triangles))


def _outwards(vertices: Points, triangles: np.ndarray) -> np.ndarray:
    """The triangles, turned if the closed mesh they make is inside out."""
    a, b, c = vertices[triangles].transpose(1, 0, 2)
    return triangles if np.einsum("ij,ij->", a, np.cross(b, c)) > 0 else triangles[:, ::-1].copy()
