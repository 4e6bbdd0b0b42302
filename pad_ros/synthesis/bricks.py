"""Parametric LEGO-like parts as meshes with bevelled edges.

Sizes are in studs (8 mm) along x and y and in plates (3.2 mm) along z; meshes are in metres. A part
stands on z = 0, centred in x and y, unless its docstring says otherwise.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from pad_ros.synthesis.assembly import Mesh, Points, join, rotation, translation

STUD = 0.008
PLATE = 0.0032
BRICK = 3  # plates
_STUD_RADIUS = 0.0024
_STUD_HEIGHT = 0.0018
_BEVEL = 0.00025
_GAP = 0.00006  # a seam between neighbours, so that no faces coincide


def prism(profile: Points, width: float, bevel: float = _BEVEL) -> Mesh:
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


def _box(length: float, width: float, height: float, bevel: float = _BEVEL) -> Mesh:
    x = 0.5 * length
    return prism(np.array([[-x, 0.0], [x, 0.0], [x, height], [-x, height]]), width, bevel)


def _cylinder(radius: float, height: float, segments: int = 24, bevel: float = _BEVEL) -> Mesh:
    b = min(bevel, 0.4 * radius)
    return lathe(np.array([[radius - b, 0.0], [radius, b], [radius, height - b], [radius - b, height]]), segments)


def _studded(body: Mesh, places: Points) -> Mesh:
    """Adds studs on `places` [S, 3], which become the sockets."""
    stud = _cylinder(_STUD_RADIUS, _STUD_HEIGHT + 0.0004, 16)
    studs = [stud.moved(translation(x, y, z - 0.0004)) for x, y, z in places]
    joined = join([body, *studs])
    return Mesh(joined.vertices, joined.triangles, np.asarray(places, dtype=np.float64).reshape(-1, 3))


def _grid(length: int, width: int, height: float) -> Points:
    x, y = np.meshgrid(np.arange(length) - 0.5 * (length - 1), np.arange(width) - 0.5 * (width - 1))
    return np.column_stack([x.ravel() * STUD, y.ravel() * STUD, np.full(length * width, height)])


@cache
def brick(length: int, width: int, height: float = BRICK) -> Mesh:
    """A brick, or a plate with `height` 1, with a stud on every field."""
    top = height * PLATE
    return _studded(_box(length * STUD - 2 * _GAP, width * STUD - 2 * _GAP, top), _grid(length, width, top))


@cache
def tile(length: float, width: float, height: float = 1) -> Mesh:
    """A plate without studs."""
    return _box(length * STUD - 2 * _GAP, width * STUD - 2 * _GAP, height * PLATE)


@cache
def slope(length: float, width: float, height: float = BRICK, lip: float = 0.5, top: float = 0.1) -> Mesh:
    """A slope that falls towards +x: flat on top for `top` studs, ending in a lip of `lip` plates."""
    x, z = 0.5 * length * STUD - _GAP, height * PLATE
    profile = [[-x, 0.0], [x, 0.0], [x, lip * PLATE], [-x + top * STUD, z], [-x, z]]
    return prism(np.array(profile), width * STUD - 2 * _GAP)


@cache
def windscreen(length: float, width: float, height: float, thickness: float = 0.0016) -> Mesh:
    """A slanted pane that leans back towards -x by `length` studs over its height."""
    x, z = 0.5 * length * STUD, height * PLATE
    profile = [[x - thickness, 0.0], [x, 0.0], [-x, z], [-x - thickness, z]]
    return prism(np.array(profile), width * STUD - 2 * _GAP)


@cache
def round_brick(diameter: float = 1, height: float = BRICK, stud: bool = True) -> Mesh:
    """A round brick or plate."""
    body = _cylinder(0.5 * diameter * STUD - _GAP, height * PLATE)
    return _studded(body, np.array([[0.0, 0.0, height * PLATE]])) if stud else body


@cache
def cone(diameter: float = 1, height: float = BRICK) -> Mesh:
    """A cone with a blunt tip."""
    r, z = 0.5 * diameter * STUD - _GAP, height * PLATE
    return lathe(np.array([[r - _BEVEL, 0], [r, _BEVEL], [r, 0.1 * z], [0.4 * r, z - _BEVEL], [0.4 * r - _BEVEL, z]]))


@cache
def lamp(diameter: float = 1) -> Mesh:
    """A round lamp with a rim and a domed glass; its foot on z = 0, shining to +z."""
    r, z = 0.5 * diameter * STUD - _GAP, PLATE
    return lathe(np.array([[0.7 * r, 0], [r, 0.3 * z], [r, z], [0.82 * r, z], [0.8 * r, 0.8 * z], [0.4 * r, 1.2 * z]]))


@cache
def bar(length: float, radius: float = 0.0016) -> Mesh:
    """A round bar of `length` studs that stands on z = 0."""
    return _cylinder(radius, length * STUD, 12)


@cache
def grille(length: int, width: int = 1) -> Mesh:
    """A tile of ribs along x."""
    base = _box(length * STUD - 2 * _GAP, width * STUD - 2 * _GAP, 0.5 * PLATE)
    pitch = width * STUD / (4 * width + 1)
    ribs = [
        _box(length * STUD - 2 * _GAP, 0.55 * pitch, 0.6 * PLATE).moved(translation(0, y * pitch, 0.45 * PLATE))
        for y in np.arange(4 * width + 1) - 2.0 * width
    ]
    return join([base, *ribs])


@cache
def tyre(radius: float, width: float, treads: int = 20) -> Mesh:
    """A tyre with tread blocks, metres; its axle is y through the origin."""
    h, inner = 0.5 * width, 0.62 * radius
    tread = 0.07 * radius
    r = radius - tread
    profile = [[inner, -0.8 * h], [r - 0.12 * radius, -h], [r, -0.7 * h], [r, 0.7 * h], [r - 0.12 * radius, h]]
    body = lathe(np.array([*profile, [inner, 0.8 * h]]), 40, closed=True)
    blocks = []
    for index in range(treads):
        block = _box(2.2 * tread + 0.0006, 0.62 * width, np.pi * radius / treads * 1.05, 0.0001)
        side = (0.22 if index % 2 else -0.22) * width
        place = translation(r - 0.1 * tread, side, -0.5 * np.pi * radius / treads)
        blocks.append(block.moved(place))
    turned = [b.moved(rotation("y", 360 * i / treads)) for i, b in enumerate(blocks)]
    return join([body.moved(rotation("x", 90)), *turned])


@cache
def hub(radius: float, width: float, spokes: int = 6) -> Mesh:
    """A rim with spokes and a nave, metres; its axle is y, its face towards +y."""
    h = 0.5 * width
    ring = lathe(np.array([[0.8 * radius, -h], [radius, -h], [radius, h], [0.8 * radius, h]]), 32, closed=True)
    disc = _cylinder(0.85 * radius, 0.6 * h, 32).moved(translation(0, 0, -0.5 * h))
    nave = _cylinder(0.3 * radius, 1.5 * h, 16).moved(translation(0, 0, -0.5 * h))
    arm = _box(0.62 * radius, 0.2 * radius, 0.8 * h).moved(translation(0.5 * radius, 0, 0))
    arms = [arm.moved(rotation("z", 360 * i / spokes)) for i in range(spokes)]
    return join([ring, disc, nave, *arms]).moved(rotation("x", -90))
