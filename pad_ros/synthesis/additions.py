"""What may be added to an assembly, and where: bricks of a fitting size, on free studs or level faces."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from pad_ros.geometry import Camera, Matrix, invert_rigid
from pad_ros.synthesis.assembly import Assembly, Mesh, Points, apply, surface_points, translation
from pad_ros.synthesis.bricks import STUD, bar, brick, cone, dome, round_brick, slope, tile
from pad_ros.synthesis.cameras import frame_width
from pad_ros.synthesis.visibility import View, project

_FIELDS = ((1, 1), (2, 1), (3, 1), (4, 1), (6, 1), (2, 2), (3, 2), (4, 2), (6, 2), (8, 2), (4, 4), (6, 4))  # studs
_SIZE = (2.4, 0.75)  # of a defect's least and most area: what an added part would take if nothing were before it
_ELEVATION = math.radians(50)  # of the cameras, on average
_BRICK_OBJECT = 0.18  # metres: objects without studs are taken for ones of this size, and parts scaled likewise
_FEW = 8  # with fewer free studs, level faces serve too
_GAP = 0.0001  # keeps faces from coinciding
_STUD_ROOM = 0.0021  # what a part swallows of the studs below
_CLEARANCE = 0.0003
_GROUND = 0.0005  # metres above the ground that an added part stays


@dataclass(frozen=True)
class Shape:
    """A part to add; `middle` [2] is where its middle is from the stud that it stands on, metres."""

    name: str
    mesh: Mesh
    middle: tuple[float, float] = (0.0, 0.0)


@cache
def shapes() -> tuple[Shape, ...]:
    """All parts that may be added, from a single stud to the size of a hand."""
    found = []
    for length, width in (
        (1, 1),
        (2, 1),
        (3, 1),
        (4, 1),
        (6, 1),
        (2, 2),
        (3, 2),
        (4, 2),
        (6, 2),
        (8, 2),
        (4, 4),
        (6, 4),
    ):
        size, middle = f"{length}x{width}", (_off_middle(length), _off_middle(width))
        found.append(Shape(f"brick_{size}", brick(length, width), middle))
        found.append(Shape(f"plate_{size}", brick(length, width, 1), middle))
        if width < 4 and length > 1:
            found.append(Shape(f"tile_{size}", tile(length, width), middle))
            found.append(Shape(f"slope_{size}", slope(length, width, 2 + width), middle))
    for diameter in (1, 2, 3, 4):
        middle = (_off_middle(diameter), _off_middle(diameter))
        found.append(Shape(f"round_{diameter}", round_brick(diameter), middle))
        found.append(Shape(f"cone_{diameter}", cone(diameter, 4 * diameter), middle))
        found.append(Shape(f"dome_{diameter}", dome(diameter, 1.4 * diameter), middle))
        found.append(Shape(f"post_{diameter}", round_brick(diameter, 8 * diameter), middle))
    found += [Shape(f"rod_{length}", bar(length, 0.0004 * length)) for length in (4, 6, 8, 12)]
    return tuple(found)


def _off_middle(studs: int) -> float:
    """How far a part of some length is held from its middle, metres: by a stud near it, so that little hangs over."""
    return STUD * min(0.5 * (studs - 1), 1.0 if studs % 2 else 0.5)


class Supports:
    """The places of one assembly on which a part may stand."""

    def __init__(self, assembly: Assembly) -> None:
        self._assembly = assembly
        self._starts = np.searchsorted(assembly.surface.owner, np.arange(len(assembly.parts) + 1))
        low, high = assembly.bounds
        places = [part.placement @ _shifts(part.mesh.sockets) for part in assembly.parts]
        self.studs = sum(map(len, places))
        self.scale = 1.0 if self.studs else float(np.linalg.norm(high - low)) / _BRICK_OBJECT
        level = [self._level_face(part) for part in range(len(assembly.parts))]
        self.frames = np.concatenate([*places, *(_shifts(points) for points in level)])  # [S, 4, 4] object-from-foot
        self.holders = np.concatenate([_owners(places), _owners(level)])

    def _corners(self, part: int | np.integer) -> Points:
        """The corners [T, 3, 3] of one part's triangles."""
        surface = self._assembly.surface
        return surface.vertices[surface.triangles[self._starts[part] : self._starts[part + 1]]]

    def _level_face(self, part: int) -> Points:
        """Points [N, 3] on the faces of one part that look straight up."""
        corners = self._corners(part)
        a, b, c = corners.transpose(1, 0, 2)
        normal = np.cross(b - a, c - a)
        up = normal[:, 2] > np.maximum(0.999 * np.linalg.norm(normal, axis=1), (0.5 * STUD * self.scale) ** 2)
        return surface_points(corners[up], STUD * self.scale) if up.any() else np.zeros((0, 3))

    def exposed(self, camera: Camera, views: Sequence[Matrix], intact: Sequence[View]) -> NDArray[np.int64]:
        """The places that are seen in some view, so that nothing stands on them: studs, or else level faces too."""
        points = self.frames[:, :3, 3] + 0.003 * self.scale * self.frames[:, :3, 2]
        seen = np.zeros(len(points), dtype=bool)
        for pose, view in zip(views, intact, strict=True):
            u, v, inverse_depth = project(points, camera, pose)
            column, row = np.round([u, v]).astype(int)
            inside = (column >= 0) & (column < camera.width) & (row >= 0) & (row < camera.height)
            seen[inside] |= inverse_depth[inside] > view.inverse_depth[row[inside], column[inside]]
        studs = np.flatnonzero(seen[: self.studs])
        return studs if len(studs) >= _FEW else np.flatnonzero(seen)

    def fitting_shapes(self, area: tuple[float, float]) -> list[Shape]:
        """The shapes, scaled to the object, that fit what a defect may take of an image, at least and most."""
        image = frame_width(self._assembly.bounds) ** 2
        low, high = _SIZE[0] * area[0], _SIZE[1] * area[1]
        return [_scaled(s, self.scale) for s in shapes() if low <= _area(s.mesh, self.scale) / image <= high]

    def place(self, shape: Shape, support: int, quarters: int) -> Matrix | None:
        """Where the shape stands on a support, turned by quarter turns: [4, 4]; None if there is no room."""
        turn = np.eye(4)
        cosine, sine = ((1, 0), (0, 1), (-1, 0), (0, -1))[quarters % 4]
        turn[:2, :2] = (cosine, -sine), (sine, cosine)
        stud = support < self.studs
        middle = shape.middle if stud else (0.0, 0.0)
        place = self.frames[support] @ turn @ translation(*middle, _GAP * self.scale)
        return place if self._free(shape.mesh, place, _STUD_ROOM if stud else _CLEARANCE) else None

    def _free(self, mesh: Mesh, place: Matrix, room_below: float) -> bool:
        """Whether a part's box, less the room for studs below, holds no other surface and is above the ground."""
        vertices = apply(place, mesh.vertices)
        low, high = vertices.min(axis=0), vertices.max(axis=0)
        if low[2] < _GROUND * self.scale:
            return False
        lower, upper = self._assembly.boxes
        near = np.flatnonzero(((upper >= low) & (lower <= high)).all(axis=1))
        corners = np.concatenate([self._corners(part) for part in near] or [np.zeros((0, 3, 3))])
        corners = corners[((corners.max(axis=1) >= low) & (corners.min(axis=1) <= high)).all(axis=1)]
        low, high = mesh.bounds
        spacing, margin = 0.25 * float((high - low).min()), _CLEARANCE * self.scale
        low = low + np.array([margin, margin, room_below * self.scale])
        high = high - np.array([margin, margin, 0.0])
        part_from_object = invert_rigid(place)

        def hit(points: Points) -> bool:
            local = apply(part_from_object, points)
            return bool(((local > low) & (local < high)).all(axis=1).any())

        # Corners are looked at first: there are fewer.
        return not len(corners) or not (hit(corners.reshape(-1, 3)) or hit(surface_points(corners, spacing)))


def _owners(groups: Sequence[Points]) -> NDArray[np.int64]:
    return np.repeat(np.arange(len(groups)), [len(group) for group in groups])


def _shifts(points: Points) -> Points:
    """Translations [N, 4, 4] to points [N, 3]."""
    frames = np.tile(np.eye(4), (len(points), 1, 1))
    frames[:, :3, 3] = points
    return frames


def _scaled(shape: Shape, scale: float) -> Shape:
    if scale == 1.0:
        return shape
    mesh = Mesh(shape.mesh.vertices * scale, shape.mesh.triangles)
    return Shape(shape.name, mesh, (shape.middle[0] * scale, shape.middle[1] * scale))


def _area(mesh: Mesh, scale: float) -> float:
    """What a free part shows from a usual height, averaged over all sides, square metres."""
    length, width, height = scale * (mesh.bounds[1] - mesh.bounds[0])
    top, sides = length * width, 2 / math.pi * (length + width) * height
    return float(top * math.sin(_ELEVATION) + sides * math.cos(_ELEVATION))
