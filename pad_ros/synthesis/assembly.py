"""An assembly of placed, coloured parts: all that scene, masks and defects know of a vehicle."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from pad_ros.errors import SynthesisError
from pad_ros.geometry import Matrix

Points = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Mesh:
    """A triangle mesh in its part's own frame, metres; counter-clockwise seen from outside.

    `vertices` is [V, 3], `triangles` [T, 3]; `sockets` [S, 3] are the points on top of which another
    part may stand (the feet of the studs).
    """

    vertices: Points
    triangles: NDArray[np.int32]
    sockets: Points = field(default_factory=lambda: np.zeros((0, 3)))

    def moved(self, transform: Matrix) -> Mesh:
        """The mesh under a rigid transform [4, 4]."""
        return Mesh(apply(transform, self.vertices), self.triangles, apply(transform, self.sockets))

    @cached_property
    def bounds(self) -> tuple[Points, Points]:
        """The lower and upper corner [3] of the box around the mesh."""
        return self.vertices.min(axis=0), self.vertices.max(axis=0)


@dataclass(frozen=True)
class Material:
    """A colour (sRGB, 0…1) with its finish."""

    name: str
    rgb: tuple[float, float, float]
    roughness: float = 0.42
    metallic: float = 0.0


@dataclass(frozen=True, eq=False)
class Part:
    """A part in its place: `placement` [4, 4] is object-from-part."""

    name: str
    mesh: Mesh
    placement: Matrix
    material: Material

    @cached_property
    def box(self) -> tuple[Points, Points]:
        """The lower and upper corner [3] of the upright box around the part, in the object frame."""
        vertices = apply(self.placement, self.mesh.vertices)
        return vertices.min(axis=0), vertices.max(axis=0)


@dataclass(frozen=True, eq=False)
class Surface:
    """The triangles of several parts: `vertices` [V, 3], metres, and `triangles` [T, 3], indices of vertices.

    `owner` [T] is the part of each triangle, in rising order.
    """

    vertices: Points
    triangles: NDArray[np.int32]
    owner: NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class Assembly:
    """A named tuple of parts; frame: x forward, y left, z up, origin on the ground below the middle."""

    name: str
    parts: tuple[Part, ...]

    @cached_property
    def surface(self) -> Surface:
        """The surfaces of all parts as one, in the object frame."""
        counts = [len(part.mesh.vertices) for part in self.parts]
        starts = np.cumsum([0, *counts])
        triangles = np.concatenate([p.mesh.triangles + start for p, start in zip(self.parts, starts, strict=False)])
        # Corner by corner in memory: a z-buffer looks at one corner of all triangles.
        return Surface(
            np.concatenate([apply(part.placement, part.mesh.vertices) for part in self.parts]),
            np.asfortranarray(
                triangles, dtype=np.int32
            ),  # corner by corner: z-buffers look at one corner of all triangles
            np.repeat(np.arange(len(counts), dtype=np.int32), [len(part.mesh.triangles) for part in self.parts]),
        )

    @property
    def triangles(self) -> tuple[Points, NDArray[np.int32]]:
        """All triangles' corners in the object frame [T, 3, 3] and the index of each one's part [T]."""
        return self.surface.vertices[self.surface.triangles], self.surface.owner

    @cached_property
    def boxes(self) -> tuple[Points, Points]:
        """The lower and upper corners [P, 3] of the upright box around each part, in the object frame."""
        return np.stack([part.box[0] for part in self.parts]), np.stack([part.box[1] for part in self.parts])

    @cached_property
    def bounds(self) -> tuple[Points, Points]:
        """The lower and upper corner [3] of the box around the assembly."""
        return self.boxes[0].min(axis=0), self.boxes[1].max(axis=0)

    def without(self, index: int) -> Assembly:
        """The assembly less one part; later parts move up by one index."""
        return replace(self, parts=self.parts[:index] + self.parts[index + 1 :])

    def recoloured(self, index: int, material: Material) -> Assembly:
        """The assembly with one part in another material."""
        part = replace(self.parts[index], material=material)
        return replace(self, parts=(*self.parts[:index], part, *self.parts[index + 1 :]))

    def with_part(self, part: Part) -> Assembly:
        """The assembly with one more part, the last."""
        return replace(self, parts=(*self.parts, part))

    def save(self, path: Path | str) -> None:
        """Writes the assembly as .npz: arrays and one JSON text, no pickle."""
        meshes: dict[int, tuple[int, Mesh]] = {}
        for part in self.parts:
            meshes.setdefault(id(part.mesh), (len(meshes), part.mesh))
        rows = [
            {"name": p.name, "mesh": meshes[id(p.mesh)][0], "placement": p.placement.tolist(), **vars(p.material)}
            | {"name": p.name, "material": p.material.name}
            for p in self.parts
        ]
        arrays: dict[str, Any] = {}
        for index, mesh in meshes.values():
            arrays |= {f"vertices{index}": mesh.vertices, f"triangles{index}": mesh.triangles}
            arrays |= {f"sockets{index}": mesh.sockets}
        np.savez(path, header=json.dumps({"name": self.name, "meshes": len(meshes), "parts": rows}), **arrays)

    @classmethod
    def load(cls, path: Path | str) -> Assembly:
        """Reads what `save` wrote.

        Raises:
            SynthesisError: the file is missing or not an assembly.
        """
        try:
            with np.load(path, allow_pickle=False) as file:
                header = json.loads(str(file["header"]))
                meshes = [
                    Mesh(file[f"vertices{i}"], file[f"triangles{i}"], file[f"sockets{i}"])
                    for i in range(header["meshes"])
                ]
        except (OSError, ValueError, KeyError, BadZipFile) as error:
            raise SynthesisError(f"{path}: not an assembly ({error})") from None
        parts = tuple(
            Part(
                row["name"],
                meshes[row["mesh"]],
                np.array(row["placement"]),
                Material(row["material"], tuple(row["rgb"]), row["roughness"], row["metallic"]),
            )
            for row in header["parts"]
        )
        return cls(header["name"], parts)


def apply(transform: Matrix, points: Points) -> Points:
    """Moves points [N, 3] by a rigid transform [4, 4]."""
    return points @ transform[:3, :3].T + transform[:3, 3]


def join(meshes: Iterable[Mesh]) -> Mesh:
    """One mesh of several, which stay closed pieces of their own."""
    pieces = list(meshes)
    starts = np.cumsum([0] + [len(mesh.vertices) for mesh in pieces[:-1]])
    return Mesh(
        np.concatenate([mesh.vertices for mesh in pieces]),
        np.concatenate([mesh.triangles + start for mesh, start in zip(pieces, starts, strict=True)]).astype(np.int32),
        np.concatenate([mesh.sockets for mesh in pieces]),
    )


def translation(x: float, y: float, z: float) -> Matrix:
    """The transform [4, 4] that shifts by (x, y, z)."""
    matrix = np.eye(4)
    matrix[:3, 3] = x, y, z
    return matrix


def rotation(axis: str, degrees: float) -> Matrix:
    """The transform [4, 4] that turns counter-clockwise about the x, y or z axis."""
    i, j = {"x": (1, 2), "y": (2, 0), "z": (0, 1)}[axis]
    cosine, sine = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    matrix = np.eye(4)
    matrix[i, i], matrix[i, j], matrix[j, i], matrix[j, j] = cosine, -sine, sine, cosine
    return matrix


def touching(assembly: Assembly) -> NDArray[np.bool_]:
    """Which parts touch: [P, P], true where surfaces come nearer than one to two times 1 mm.

    The 1 mm are less for objects below 6 cm and more for those above 40 cm.
    """
    low, high = assembly.bounds
    diagonal = float(np.linalg.norm(high - low))
    spacing = min(max(0.001, diagonal / 400), diagonal / 60)
    size = np.ceil((high - low) / spacing).astype(np.int64) + 3  # a free border, so that neighbours never wrap around
    strides = np.array([size[1] * size[2], size[2], 1])
    count = len(assembly.parts)
    samples: dict[int, Points] = {}  # of each mesh
    pairs = []
    for index, part in enumerate(assembly.parts):
        mesh = part.mesh
        if id(mesh) not in samples:
            samples[id(mesh)] = surface_points(mesh.vertices[mesh.triangles], spacing)
        cells = np.floor((apply(part.placement, samples[id(mesh)]) - low) / spacing).astype(np.int64) + 1
        pairs.append(np.unique(cells @ strides) * count + index)
    keys, parts = np.divmod(np.sort(np.concatenate(pairs)), count)
    result = np.eye(count, dtype=bool)
    for step in ((0, 0), (0, 1), (1, -1), (1, 0), (1, 1)):  # half of the neighbours: the others see it from there
        shifted = keys + step @ strides[:2]
        first, last = np.searchsorted(keys, shifted - 1, "left"), np.searchsorted(keys, shifted + 1, "right")
        hit = np.flatnonzero(first < last)
        while len(hit):
            result[parts[hit], parts[first[hit]]] = True
            first[hit] += 1
            hit = hit[first[hit] < last[hit]]
    return result | result.T


def surface_points(corners: Points, spacing: float) -> Points:
    """Covers triangles [T, 3, 3] with points [N, 3], `spacing` apart along and across each one's longest edge."""
    lengths = np.linalg.norm(np.roll(corners, -1, axis=1) - corners, axis=2)  # [T, 3], of the edge after each corner
    turn = (lengths.argmax(axis=1)[:, None] + np.arange(3)) % 3
    turned = np.take_along_axis(corners, turn[..., None], axis=1)
    a, b, apex = turned.transpose(1, 0, 2)
    longest = lengths.max(axis=1)
    height = np.linalg.norm(np.cross(b - a, apex - a), axis=1) / np.maximum(longest, 1e-12)
    columns, rows = np.maximum(np.ceil(np.stack([longest, height]) / spacing).astype(np.int64), 1)
    order = np.lexsort([rows, columns])
    columns, rows = columns[order], rows[order]
    ends = np.flatnonzero(np.diff(columns, append=0) | np.diff(rows, append=0)) + 1
    points = []
    for start, end in zip([0, *ends], ends, strict=False):
        i, j = (grid.ravel() for grid in np.meshgrid(_fractions(columns[start]), _fractions(rows[start])))
        weights = np.stack([(1 - i) * (1 - j), i * (1 - j), j], axis=1)  # rows shrink towards the apex
        points.append((weights @ turned[order[start:end]]).reshape(-1, 3))
    return np.concatenate(points)


def _fractions(steps: int) -> NDArray[np.float64]:
    return np.linspace(0.0, 1.0, steps + 1)


def pieces(touch: NDArray[np.bool_], removed: Sequence[int] = ()) -> int:
    """How many groups of parts hang together when some are removed, given which parts touch [P, P]."""
    left = np.ones(len(touch), dtype=bool)
    left[list(removed)] = False
    count = 0
    while left.any():
        edge = np.flatnonzero(left)[:1]
        while len(edge):
            left[edge] = False
            edge = np.flatnonzero(left & touch[edge].any(axis=0))
        count += 1
    return count


def connected(touch: NDArray[np.bool_], removed: Sequence[int] = ()) -> bool:
    """Whether the parts that are left hang together, given which parts touch [P, P]."""
    return pieces(touch, removed) <= 1
