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


@dataclass(frozen=True, eq=False)
class Assembly:
    """A named tuple of parts; frame: x forward, y left, z up, origin on the ground below the middle."""

    name: str
    parts: tuple[Part, ...]

    @cached_property
    def triangles(self) -> tuple[Points, NDArray[np.int32]]:
        """All triangles in the object frame [T, 3, 3] and the index of each one's part [T]."""
        corners = [apply(part.placement, part.mesh.vertices)[part.mesh.triangles] for part in self.parts]
        owner = np.repeat(np.arange(len(self.parts), dtype=np.int32), [len(c) for c in corners])
        return np.concatenate(corners), owner

    @cached_property
    def bounds(self) -> tuple[Points, Points]:
        """The lower and upper corner [3] of the box around the assembly."""
        corners = self.triangles[0].reshape(-1, 3)
        return corners.min(axis=0), corners.max(axis=0)

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


def touching(assembly: Assembly, spacing: float = 0.001) -> NDArray[np.bool_]:
    """Which parts touch: [P, P], true where surfaces come nearer than one to two `spacing` (metres)."""
    corners, owner = assembly.triangles
    points, part = surface_points(corners, owner, spacing)
    cells, strides = grid_cells(points, spacing)
    count = len(assembly.parts)
    keys, parts = np.divmod(np.unique(cells * count + part), count)  # sorted by cell
    result = np.eye(len(assembly.parts), dtype=bool)
    for offset in np.ndindex(3, 3, 3):
        shifted = keys + (np.array(offset) - 1) @ strides
        first, last = np.searchsorted(keys, shifted, "left"), np.searchsorted(keys, shifted, "right")
        for nth in range(int((last - first).max())):
            hit = first + nth < last
            result[parts[hit], parts[first[hit] + nth]] = True
    return result | result.T


def grid_cells(points: Points, spacing: float) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Numbers the cells of a cubic grid that points [N, 3] lie in.

    Returns:
        The cell of each point [N], and the strides [3] between neighbouring cells' numbers; the grid has a
        free border, so that neighbours never wrap around.
    """
    cells = np.floor((points - points.min(axis=0)) / spacing).astype(np.int64) + 1  # [N, 3]
    size = cells.max(axis=0) + 2
    strides = np.array([size[1] * size[2], size[2], 1])
    return cells @ strides, strides


def surface_points(corners: Points, owner: NDArray[np.int32], spacing: float) -> tuple[Points, NDArray[np.int32]]:
    """Covers triangles [T, 3, 3] with points at most `spacing` apart along and across each triangle's longest edge.

    Returns:
        The points [N, 3] and their owners [N].
    """
    lengths = np.linalg.norm(np.roll(corners, -1, axis=1) - corners, axis=2)  # [T, 3], of the edge after each corner
    turn = (lengths.argmax(axis=1)[:, None] + np.arange(3)) % 3
    a, b, apex = np.take_along_axis(corners, turn[..., None], axis=1).transpose(1, 0, 2)
    longest = lengths.max(axis=1)
    height = np.linalg.norm(np.cross(b - a, apex - a), axis=1) / np.maximum(longest, 1e-12)
    steps = np.maximum(np.ceil(np.stack([longest, height], axis=1) / spacing).astype(int), 1)
    points, owners = [], []
    for columns, rows in np.unique(steps, axis=0):
        chosen = (steps == (columns, rows)).all(axis=1)
        i, j = (grid.ravel() for grid in np.meshgrid(np.arange(columns + 1) / columns, np.arange(rows + 1) / rows))
        weights = np.stack([(1 - i) * (1 - j), i * (1 - j), j], axis=1)  # rows shrink towards the apex
        triangle = np.stack([a[chosen], b[chosen], apex[chosen]], axis=1)
        points.append((weights @ triangle).reshape(-1, 3))
        owners.append(np.repeat(owner[chosen], len(weights)))
    return np.concatenate(points), np.concatenate(owners)


def connected(touch: NDArray[np.bool_], removed: Sequence[int] = ()) -> bool:
    """Whether the parts that are left hang together, given which parts touch [P, P]."""
    left = np.ones(len(touch), dtype=bool)
    left[list(removed)] = False
    reached = np.zeros_like(left)
    reached[np.flatnonzero(left)[:1]] = True
    while True:
        grown = left & touch[:, reached].any(axis=1)
        if (grown == reached).all():
            return bool((reached == left).all())
        reached = grown
