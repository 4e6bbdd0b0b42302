"""What the readers of model files share: welded meshes, rigid placements, names."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path

import numpy as np

from pad_ros.errors import SynthesisError
from pad_ros.geometry import Matrix
from pad_ros.synthesis.assembly import Assembly, Mesh, Part, Points

GLASS_ROUGHNESS = 0.25
_STEP = 0.000004  # metres; corners in the same cell become one vertex
_SNAP = 0.02  # a placement that is this near to a rotation is one, typed with few digits
_NAMED = 10  # that many names are given in a message


def weld(corners: Points, sockets: Points | None = None) -> Mesh:
    """Joins triangles [T, 3, 3] (metres) at their corners, so that smooth shading sees connected surfaces.

    Triangles without area are dropped; the mesh may be empty.
    """
    cells = np.round(corners.reshape(-1, 3) / _STEP).astype(np.int64)
    _, first, vertex = np.unique(cells, axis=0, return_index=True, return_inverse=True)
    vertices = corners.reshape(-1, 3)[first]
    triangles = vertex.reshape(-1, 3).astype(np.int32)
    a, b, c = vertices[triangles].transpose(1, 0, 2)
    double_area = np.linalg.norm(np.cross(b - a, c - a), axis=1)
    kept = triangles[double_area > _STEP**2]
    used, renumbered = np.unique(kept, return_inverse=True)
    places = np.zeros((0, 3)) if sockets is None else sockets
    return Mesh(vertices[used], renumbered.reshape(-1, 3).astype(np.int32), places)


def split_rigid(linear: Matrix) -> tuple[Matrix, Matrix]:
    """Splits a matrix [3, 3] into a rotation and what is left: scale, shear and mirroring.

    Returns:
        `rotation` and `residue`, with `linear` = rotation @ residue. A mirrored one is mirrored along x, so that
        the part's z axis keeps its meaning; a residue near to none is none.
    """
    mirror = np.diag([-1.0 if np.linalg.det(linear) < 0 else 1.0, 1.0, 1.0])
    left, _, right = np.linalg.svd(linear @ mirror)
    if np.linalg.det(left @ right) < 0:  # flat: the direction without extent may point either way
        left[:, 2] *= -1
    rotation = left @ right
    residue = rotation.T @ linear
    return rotation, mirror if np.abs(residue - mirror).max() < _SNAP else residue


def glossy_opaque(rgb: Sequence[float], alpha: float) -> tuple[float, float, float]:
    """The opaque colour that stands for a transparent one (0…1): darker, like looking through it into a dark inside.

    Nothing is transparent in the scene, since each pixel belongs to one part.
    """
    red, green, blue = (channel * (1 - 0.75 * (1 - alpha)) for channel in rgb)
    return red, green, blue


def slug(text: str) -> str:
    """The text in lower case, with an underscore for all that is no letter or digit."""
    return re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")


def part_name(index: int, *texts: str) -> str:
    """A part's name: its number in the model, and what is said of it."""
    return "_".join([f"{index:03d}", *filter(None, (slug(text)[:40] for text in texts))])


def selected(labels: Sequence[set[str]], leave_out: Sequence[str], groups: Iterable[str], path: Path) -> list[int]:
    """Which parts are left, given each one's names and the patterns (`fnmatch`, any case) to leave out.

    Raises:
        SynthesisError: a pattern matches nothing; the message names the `groups` there are.
    """
    dropped: set[int] = set()
    for pattern in leave_out:
        hits = {
            index
            for index, texts in enumerate(labels)
            if any(fnmatchcase(text.lower(), pattern.lower()) for text in texts)
        }
        if not hits:
            names = some_of(list(dict.fromkeys(groups))) or "none"
            raise SynthesisError(f"{path}: nothing to leave out is called {pattern!r}; its submodels: {names}")
        dropped |= hits
    return [index for index in range(len(labels)) if index not in dropped]


def some_of(names: Sequence[str]) -> str:
    """The first few of these names, and how many more there are."""
    shown = ", ".join(names[:_NAMED])
    return shown if len(names) <= _NAMED else f"{shown} and {len(names) - _NAMED} more"


def grounded(name: str, parts: Sequence[Part]) -> Assembly:
    """The assembly of these parts, with the origin on the ground below their middle."""
    low, high = Assembly(name, tuple(parts)).bounds
    shift = np.eye(4)
    shift[:3, 3] = -0.5 * (low[0] + high[0]), -0.5 * (low[1] + high[1]), -low[2]
    return Assembly(name, tuple(replace(part, placement=shift @ part.placement) for part in parts))
