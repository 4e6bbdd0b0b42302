"""Parametric LEGO-like parts as meshes with bevelled edges.

Sizes are in studs (8 mm) along x and y and in plates (3.2 mm) along z; meshes are in metres. A part
stands on z = 0, centred in x and y, unless its docstring says otherwise.
"""

from __future__ import annotations

from functools import cache
from itertools import pairwise

import numpy as np

from pad_ros.synthesis.assembly import Mesh, Points, join, rotation, translation
from pad_ros.synthesis.shapes import BEVEL, box, cylinder, lathe, prism, sector, slab, tube

STUD = 0.008
PLATE = 0.0032
BRICK = 3  # plates
_STUD_RADIUS = 0.0024
_STUD_HEIGHT = 0.0018
_GAP = 0.00006  # a seam between neighbours, so that no faces coincide


def _studded(body: Mesh, places: Points) -> Mesh:
    """Adds studs on `places` [S, 3], which become the sockets."""
    stud = cylinder(_STUD_RADIUS, _STUD_HEIGHT + 0.0004, 16)
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
    return _studded(box(length * STUD - 2 * _GAP, width * STUD - 2 * _GAP, top), _grid(length, width, top))


@cache
def tile(length: float, width: float, height: float = 1) -> Mesh:
    """A plate without studs."""
    return box(length * STUD - 2 * _GAP, width * STUD - 2 * _GAP, height * PLATE)


@cache
def slope(length: float, width: float, height: float = BRICK, lip: float = 0.5, top: float = 0.1) -> Mesh:
    """A slope that falls towards +x: flat on top for `top` studs, ending in a lip of `lip` plates."""
    x, z = 0.5 * length * STUD - _GAP, height * PLATE
    profile = [[-x, 0.0], [x, 0.0], [x, lip * PLATE], [-x + top * STUD, z], [-x, z]]
    return prism(np.array(profile), width * STUD - 2 * _GAP)


@cache
def curved_slope(length: float, width: float, height: float = BRICK, lip: float = 0.5, top: float = 0.2) -> Mesh:
    """A slope that falls towards +x in an arc: flat on top for `top` studs, ending in a lip of `lip` plates."""
    x, low, high = 0.5 * length * STUD - _GAP, lip * PLATE, height * PLATE
    angle = np.linspace(0.0, 0.5 * np.pi, 9)
    start = -x + top * STUD
    arc = np.column_stack([start + (x - start) * np.cos(angle), low + (high - low) * np.sin(angle)])
    return prism(np.array([[-x, 0.0], [x, 0.0], *arc, [-x, high]]), width * STUD - 2 * _GAP, 0.0001)


@cache
def inverted_slope(length: int, width: int, height: float = BRICK, foot: float = 1, lip: float = 1) -> Mesh:
    """A brick with a foot of `foot` studs at -x that widens upwards to its studded top."""
    x, z = 0.5 * length * STUD - _GAP, height * PLATE
    profile = [[-x, 0.0], [-x + foot * STUD, 0.0], [x, z - lip * PLATE], [x, z], [-x, z]]
    return _studded(prism(np.array(profile), width * STUD - 2 * _GAP), _grid(length, width, z))


@cache
def wedge(length: int, width: int, tip: float = 1, height: float = 1, side: int = 0, studs: bool = True) -> Mesh:
    """A plate that narrows towards +x from `width` to `tip` studs: on both sides, or on one (1 left, -1 right)."""
    x, y, t = 0.5 * length * STUD - _GAP, 0.5 * width * STUD - _GAP, tip * STUD
    left, right = {0: (0.5 * t, -0.5 * t), 1: (t - y, -y), -1: (y, y - t)}[side]
    outline = np.array([[-x, -y], [x, right], [x, left], [-x, y]])
    body = slab(outline, height * PLATE)
    if not studs:
        return body
    fields = _grid(length, width, height * PLATE)
    edge = np.roll(outline, -1, axis=0) - outline
    offset = fields[:, None, :2] - outline  # [S, 4, 2]
    distance = (edge[:, 0] * offset[..., 1] - edge[:, 1] * offset[..., 0]) / np.linalg.norm(edge, axis=1)
    return _studded(body, fields[(distance > _STUD_RADIUS).all(axis=1)])


@cache
def arch(length: int, width: int, height: float = 2 * BRICK, rise: float = 1) -> Mesh:
    """A bridge along x with round opening below, one stud of foot at each end and `rise` plates above the opening."""
    x, y, z = 0.5 * length * STUD - _GAP, width * STUD - 2 * _GAP, height * PLATE
    half, opening = x - STUD, z - rise * PLATE
    angle = np.linspace(np.pi, 0.0, 11)
    curve = np.column_stack([half * np.cos(angle), opening * np.sin(angle)])
    pieces = [np.array([[-x, 0], [-half, 0], [-half, z], [-x, z]]), np.array([[half, 0], [x, 0], [x, z], [half, z]])]
    pieces += [np.array([a, b, [b[0], z], [a[0], z]]) for a, b in pairwise(curve)]
    return _studded(join(prism(piece, y, 0.00001) for piece in pieces), _grid(length, width, z))


@cache
def windscreen(length: float, width: float, height: float, thickness: float = 0.0016) -> Mesh:
    """A slanted pane that leans back towards -x by `length` studs over its height."""
    x, z = 0.5 * length * STUD, height * PLATE
    profile = [[x - thickness, 0.0], [x, 0.0], [-x, z], [-x - thickness, z]]
    return prism(np.array(profile), width * STUD - 2 * _GAP)


@cache
def round_brick(diameter: float = 1, height: float = BRICK, stud: bool = True) -> Mesh:
    """A round brick or plate."""
    body = cylinder(0.5 * diameter * STUD - _GAP, height * PLATE)
    return _studded(body, np.array([[0.0, 0.0, height * PLATE]])) if stud else body


@cache
def cone(diameter: float = 1, height: float = BRICK) -> Mesh:
    """A cone with a blunt tip."""
    r, z = 0.5 * diameter * STUD - _GAP, height * PLATE
    return lathe(np.array([[r - BEVEL, 0], [r, BEVEL], [r, 0.1 * z], [0.4 * r, z - BEVEL], [0.4 * r - BEVEL, z]]))


@cache
def lamp(diameter: float = 1) -> Mesh:
    """A round lamp with a rim and a domed glass; its foot on z = 0, shining to +z."""
    r, z = 0.5 * diameter * STUD - _GAP, PLATE
    return lathe(np.array([[0.7 * r, 0], [r, 0.3 * z], [r, z], [0.82 * r, z], [0.8 * r, 0.8 * z], [0.4 * r, 1.2 * z]]))


@cache
def bar(length: float, radius: float = 0.0016) -> Mesh:
    """A round bar of `length` studs that stands on z = 0."""
    return cylinder(radius, length * STUD, 12)


@cache
def grille(length: int, width: int = 1) -> Mesh:
    """A tile of ribs along x."""
    base = box(length * STUD - 2 * _GAP, width * STUD - 2 * _GAP, 0.5 * PLATE)
    pitch = width * STUD / (4 * width + 1)
    ribs = [
        box(length * STUD - 2 * _GAP, 0.55 * pitch, 0.6 * PLATE).moved(translation(0, y * pitch, 0.45 * PLATE))
        for y in np.arange(4 * width + 1) - 2.0 * width
    ]
    return join([base, *ribs])


@cache
def mudguard(radius: float, width: float, start: float = 15, end: float = 165, thickness: float = 0.0016) -> Mesh:
    """A curved guard above a wheel, metres: a ring about y from `start` to `end` degrees (from x towards z)."""
    return sector(radius, radius + thickness, width, start, end)


@cache
def pane_frame(length: float, height: float, thickness: float = 0.4, border: float = 0.3) -> Mesh:
    """An open window frame that stands along x: `length` and `border` in studs, `height` in plates."""
    x, y, b, z = length * STUD, thickness * STUD, border * STUD, height * PLATE
    sill, post = box(x, y, b), box(b, y, z - 2 * b)
    places = ((sill, 0, 0), (sill, 0, z - b), (post, 0.5 * (x - b), b), (post, -0.5 * (x - b), b))
    return join(mesh.moved(translation(at, 0, height)) for mesh, at, height in places)


@cache
def ladder(length: float, width: float = 1.2, rungs: int = 5) -> Mesh:
    """Two rails with rungs, standing on z = 0 along z; `length` and `width` (along y) in studs."""
    rail = cylinder(0.0010, length * STUD, 10)
    rung = cylinder(0.0008, width * STUD, 10).moved(rotation("x", 90))
    y = 0.5 * width * STUD
    heights = (np.arange(rungs) + 0.5) * length * STUD / rungs
    rails = [rail.moved(translation(0, side * y, 0)) for side in (-1, 1)]
    return join([*rails, *(rung.moved(translation(0, y, z)) for z in heights)])


@cache
def pipe(corners: tuple[tuple[float, float, float], ...], radius: float = 0.0016) -> Mesh:
    """A bent round bar through corners given in (studs, studs, plates)."""
    return tube(np.array(corners) * (STUD, STUD, PLATE), radius)


@cache
def dome(diameter: float = 2, height: float = BRICK) -> Mesh:
    """Half a ball on z = 0, flattened to its height."""
    r, angle = 0.5 * diameter * STUD - _GAP, np.linspace(0, 0.48 * np.pi, 8)
    return lathe(np.column_stack([r * np.cos(angle), height * PLATE * np.sin(angle)]))


@cache
def dish(diameter: float = 2, depth: float = 2) -> Mesh:
    """A hollow bowl, open to +z, its foot on z = 0."""
    r, z = 0.5 * diameter * STUD - _GAP, depth * PLATE
    outer = [[0.3 * r, 0], [0.7 * r, 0.35 * z], [r, z]]
    return lathe(np.array([*outer, [0.93 * r, z], [0.63 * r, 0.5 * z], [0.25 * r, 0.2 * z]]))


@cache
def propeller(diameter: float = 3, blades: int = 3, pitch: float = 30) -> Mesh:
    """Twisted blades around a nave; its axle is z, its foot on z = 0; `pitch` in degrees."""
    r = 0.5 * diameter * STUD
    blade = box(0.85 * r, 0.3 * r, 0.0010).moved(translation(0, 0, -0.0005))
    blade = blade.moved(translation(0.57 * r, 0, 0.0018) @ rotation("x", pitch))
    nave = lathe(np.array([[0.0024, 0.0], [0.0024, 0.0030], [0.0015, 0.0044]]), 16)
    return join([nave, *(blade.moved(rotation("z", 360 * i / blades)) for i in range(blades))])


@cache
def hinge(width: float = 1, length: float = 1) -> Mesh:
    """A hinge: a round knuckle along y with a leaf of `length` studs to either side, lying on z = 0."""
    knuckle = cylinder(0.5 * PLATE, width * STUD - 2 * _GAP, 14).moved(rotation("x", 90))
    knuckle = knuckle.moved(translation(0, 0.5 * width * STUD - _GAP, 0.5 * PLATE))
    leaf = box(length * STUD, width * STUD - 2 * _GAP, 0.5 * PLATE)
    return join([knuckle, *(leaf.moved(translation(side * 0.5 * length * STUD, 0, 0)) for side in (-1, 1))])


@cache
def steering_wheel(diameter: float = 1.4) -> Mesh:
    """A rim with three spokes, lying on z = 0."""
    r = 0.5 * diameter * STUD
    rim = lathe(np.array([[r - 0.0014, 0.0], [r, 0.0004], [r, 0.0012], [r - 0.0014, 0.0016]]), 24, closed=True)
    spoke = box(r - 0.0008, 0.0014, 0.0010).moved(translation(0.5 * r, 0, 0.0003))
    return join([rim, cylinder(0.0018, 0.0016, 12), *(spoke.moved(rotation("z", a)) for a in (90, 210, 330))])


_DIGITS = ("abcdef", "bc", "abdeg", "abcdg", "bcfg", "acdfg", "acdefg", "abc", "abcdefg", "abcdfg")


@cache
def digit(value: int, height: float = 1, thickness: float = 0.0005) -> Mesh:
    """A figure 0…9 of seven segments, `height` studs tall, lying on z = 0 and read with +x to the right, +y up."""
    tall = height * STUD
    line, wide, low = 0.16 * tall, 0.56 * tall, 0.9 * thickness  # posts are lower, so that no faces coincide
    x, y = 0.5 * (wide - line), 0.5 * (tall - line)
    segments = {
        "a": (wide, line, thickness, 0.0, y),
        "b": (line, y, low, x, 0.5 * y),
        "c": (line, y, low, x, -0.5 * y),
        "d": (wide, line, thickness, 0.0, -y),
        "e": (line, y, low, -x, -0.5 * y),
        "f": (line, y, low, -x, 0.5 * y),
        "g": (wide, line, thickness, 0.0, 0.0),
    }
    chosen = (segments[key] for key in _DIGITS[value])
    return join(box(dx, dy, dz, 0.00005).moved(translation(x, y, 0)) for dx, dy, dz, x, y in chosen)
