"""Random objects: heaps of parts of every shape, on top of and beside each other, of which no two are alike."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from pad_ros.geometry import Matrix
from pad_ros.synthesis import bricks, shapes
from pad_ros.synthesis.assembly import Assembly, Material, Mesh, Part, apply, rotation, translation
from pad_ros.synthesis.materials import BRICK_COLOURS, PALETTE
from pad_ros.synthesis.wheels import hub, tyre

_CELL = 0.001  # metres, of the map of heights
_SUNK = 0.0002  # metres that a part stands in what is below it, so that they hang together
_TRIALS = 12  # places that are looked at for a part; the lowest is taken
_HIGHEST = 0.11  # metres

_Draw = Callable[[np.random.Generator], Mesh]


def random_object(seed: int) -> Assembly:
    """An object of 25 to 140 parts, named `heap_SEED`: a style, a few colours, a plan that is filled from below.

    Every part stands on what is below its place: on small, high or round parts large ones hang over, so that there
    are gaps and holes, and thin parts stick out.
    """
    rng = np.random.default_rng([seed, 0x4EA9])
    kinds = _STYLES[int(rng.integers(len(_STYLES)))]
    colours = _colours(rng)
    length, width = rng.uniform(0.08, 0.18), rng.uniform(0.05, 0.10)
    heights = np.zeros((round(length / _CELL), round(width / _CELL)))
    parts: list[Part] = []
    for index in range(int(rng.integers(25, 140))):
        large = index < 4 or rng.random() < 0.15
        draw = kinds[int(rng.integers(len(kinds)))] if not large else _BASES[int(rng.integers(len(_BASES)))]
        mesh = draw(rng)
        turn = rotation("z", 90.0 * int(rng.integers(4)) if rng.random() < 0.7 else rng.uniform(0, 360))
        if not large and rng.random() < 0.25:  # lies on its side
            turn = turn @ rotation("xy"[int(rng.integers(2))], 90.0 * int(rng.integers(1, 4)))
        place = _lowest_place(mesh, turn, heights, rng)
        if place is not None:
            parts.append(Part(f"{index:03d}_part", mesh, place, colours[int(rng.integers(len(colours)))]))
    middle = translation(-0.5 * length, -0.5 * width, 0.0)
    placed = tuple(Part(part.name, part.mesh, middle @ part.placement, part.material) for part in parts)
    return Assembly(f"heap_{seed}", placed)


def _colours(rng: np.random.Generator) -> list[Material]:
    """Two to seven materials, some of the palette, some drawn, one of them mostly shiny."""
    found = [PALETTE[str(name)] for name in rng.choice(BRICK_COLOURS, int(rng.integers(1, 5)), replace=False)]
    for index in range(int(rng.integers(1, 4))):
        rgb = rng.uniform(0.05, 0.95, 3) if rng.random() < 0.6 else np.full(3, rng.uniform(0.05, 0.95))
        metallic = float(rng.uniform(0.5, 1.0)) if rng.random() < 0.4 else 0.0
        red, green, blue = (round(float(value), 3) for value in rgb)
        found.append(Material(f"drawn_{index}", (red, green, blue), float(rng.uniform(0.15, 0.8)), metallic))
    return found


def _lowest_place(mesh: Mesh, turn: Matrix, heights: NDArray[np.float64], rng: np.random.Generator) -> Matrix | None:
    """Where the part comes to rest lowest of a few places, [4, 4]; the map of heights is raised there."""
    vertices = apply(turn, mesh.vertices)
    low, high = vertices.min(axis=0), vertices.max(axis=0)
    size = np.maximum(np.ceil((high - low)[:2] / _CELL).astype(int), 1)
    room = np.array(heights.shape) - size
    if (room < 0).any():
        return None
    best, corner = np.inf, np.zeros(2, int)
    for _ in range(_TRIALS):
        candidate = rng.integers(room + 1)
        top = heights[candidate[0] : candidate[0] + size[0], candidate[1] : candidate[1] + size[1]].max()
        if top < best:
            best, corner = float(top), candidate
    below = max(best - _SUNK, 0.0)
    if below + high[2] - low[2] > _HIGHEST:
        return None
    heights[corner[0] : corner[0] + size[0], corner[1] : corner[1] + size[1]] = below + high[2] - low[2]
    return translation(corner[0] * _CELL - low[0], corner[1] * _CELL - low[1], below - low[2]) @ turn


def _studs(rng: np.random.Generator, low: int, high: int) -> int:
    return int(rng.integers(low, high + 1))


def _brick(rng: np.random.Generator) -> Mesh:
    return bricks.brick(_studs(rng, 1, 6), _studs(rng, 1, 3), (1, 1, 3)[_studs(rng, 0, 2)])


def _tile(rng: np.random.Generator) -> Mesh:
    return bricks.tile(_studs(rng, 1, 6), _studs(rng, 1, 3), (1, 2, 3)[_studs(rng, 0, 2)])


def _slope(rng: np.random.Generator) -> Mesh:
    make = bricks.slope if rng.random() < 0.5 else bricks.curved_slope
    return make(_studs(rng, 1, 4), _studs(rng, 1, 4), _studs(rng, 1, 4))


def _round(rng: np.random.Generator) -> Mesh:
    make = (bricks.round_brick, bricks.cone, bricks.dome, bricks.dish)[_studs(rng, 0, 3)]
    return make(_studs(rng, 1, 4), _studs(rng, 1, 4))


def _small(rng: np.random.Generator) -> Mesh:
    make = (bricks.lamp, bricks.steering_wheel, bricks.propeller, bricks.hinge, bricks.grille)[_studs(rng, 0, 4)]
    return make(_studs(rng, 1, 3))


def _bar(rng: np.random.Generator) -> Mesh:
    return bricks.bar(round(rng.uniform(2, 9), 2), round(rng.uniform(0.0006, 0.003), 5))


def _open(rng: np.random.Generator) -> Mesh:
    """Something that one sees through."""
    kind = _studs(rng, 0, 4)
    if kind == 0:
        return bricks.ladder(_studs(rng, 4, 10), round(rng.uniform(0.8, 2.5), 2), _studs(rng, 3, 8))
    if kind == 1:
        return bricks.pane_frame(_studs(rng, 2, 6), _studs(rng, 4, 10))
    if kind == 2:
        return bricks.arch(5, _studs(rng, 1, 2), 5.5, 1.6)
    if kind == 3:
        radius = rng.uniform(0.004, 0.016)
        return shapes.ring(radius * rng.uniform(0.5, 0.85), radius, rng.uniform(0.002, 0.012))
    return hub(rng.uniform(0.005, 0.014), rng.uniform(0.003, 0.010), _studs(rng, 3, 7))


def _pipe(rng: np.random.Generator) -> Mesh:
    span, rise = rng.uniform(1.5, 6), rng.uniform(1.5, 7)
    return bricks.pipe(((-span, 0, 0), (-span, 0, rise), (span, 0, rise), (span, 0, 0)), rng.uniform(0.0007, 0.0022))


def _block(rng: np.random.Generator) -> Mesh:
    size = rng.uniform(0.003, 0.022, 3)
    return shapes.box(size[0], size[1], size[2], min(0.0004, 0.1 * float(size.min())))


def _turned(rng: np.random.Generator) -> Mesh:
    """A turned part: a shaft with shoulders and grooves."""
    steps = _studs(rng, 1, 4)
    radii, tops = rng.uniform(0.0015, 0.011, steps), np.cumsum(rng.uniform(0.001, 0.008, steps))
    bottoms = np.concatenate([[0.0], tops[:-1]])
    profile = [point for r, a, b in zip(radii, bottoms, tops, strict=True) for point in ((r, a), (r, b - 1e-5))]
    return shapes.lathe(np.array(profile), 28)


def _wheel(rng: np.random.Generator) -> Mesh:
    return tyre(rng.uniform(0.006, 0.014), rng.uniform(0.004, 0.010), _studs(rng, 0, 24))


def _digit(rng: np.random.Generator) -> Mesh:
    return bricks.digit(_studs(rng, 0, 9), round(rng.uniform(0.8, 2.0), 1))


def _plate(rng: np.random.Generator) -> Mesh:
    return bricks.brick(_studs(rng, 6, 12), _studs(rng, 3, 6), _studs(rng, 1, 3))


def _slab(rng: np.random.Generator) -> Mesh:
    return shapes.box(rng.uniform(0.03, 0.09), rng.uniform(0.02, 0.05), rng.uniform(0.002, 0.012))


def _disc(rng: np.random.Generator) -> Mesh:
    return shapes.cylinder(rng.uniform(0.010, 0.025), rng.uniform(0.003, 0.015), 40)


_BASES: tuple[_Draw, ...] = (_plate, _slab, _disc)
_TOY: tuple[_Draw, ...] = (_brick, _brick, _tile, _slope, _round, _small, _bar, _pipe, _wheel, _open, _digit)
_MACHINED: tuple[_Draw, ...] = (_block, _block, _turned, _turned, _bar, _pipe, _open, _open, _wheel, _digit)
_STYLES = (_TOY, _MACHINED, _TOY + _MACHINED)
