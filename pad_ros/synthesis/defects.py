"""Small, subtle but real defects: a colour changed, a part removed, a part added.

A defect is drawn from a seeded generator and kept only if it shows: at least `MIN_AREA` of the image in
at least half of the given views, in colours unlike those it covers or uncovers, and with no part left
floating. Being local, it is hidden in a few views, unless it is made to stand out.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pad_ros.errors import SynthesisError
from pad_ros.geometry import Camera, Matrix, invert_rigid
from pad_ros.synthesis.assembly import (
    Assembly,
    Mesh,
    Part,
    apply,
    connected,
    grid_cells,
    rotation,
    surface_points,
    touching,
    translation,
)
from pad_ros.synthesis.bricks import bar, brick, cone, round_brick, slope, tile
from pad_ros.synthesis.materials import BRICK_COLOURS, PALETTE, contrast
from pad_ros.synthesis.visibility import View, see

COLOUR, REMOVED, ADDED = "colour", "removed", "added"
MIN_AREA = 0.0005  # of the image, where a view counts as showing the defect
MAX_AREA = 0.012  # of the image, in any view: subtle
HIDDEN_AREA = 0.0002  # of the image; with less, a view does not show the defect
_MIN_CONTRAST = 0.45  # between colours, of 1.73
_ATTEMPTS = 300
_SPACING = 0.001  # metres between the points that stand for the surface

Ids = NDArray[np.int32]


@dataclass(frozen=True)
class Defect:
    """A defective assembly, and the index of the part in question.

    `part` counts in the defective assembly, but for a removed part in the intact one.
    """

    kind: str
    assembly: Assembly
    part: int
    target: str  # the part that is altered, missing or built upon
    description: str

    def seen(self, camera: Camera, view: Matrix, intact: View) -> View:
        """What the camera at `view` sees of the defective assembly, given what it sees of the intact one."""
        if self.kind == COLOUR:
            return intact
        if self.kind == ADDED:
            alone = see(Assembly("added", self.assembly.parts[-1:]), camera, view)
            return intact.behind(View(np.where(alone.ids < 0, -1, self.part), alone.inverse_depth))
        return see(self.assembly, camera, view)

    def mask(self, intact_ids: Ids, defective_ids: Ids) -> NDArray[np.bool_]:
        """The defect's pixels [H, W]: the part's own visible ones, or where the removed part would be seen."""
        return (intact_ids if self.kind == REMOVED else defective_ids) == self.part


class DefectMaker:
    """Draws defects of one intact assembly."""

    def __init__(self, intact: Assembly) -> None:
        self._intact = intact
        self._touching = touching(intact)
        points = surface_points(*intact.triangles, spacing=_SPACING)[0]
        self._surface = points[np.unique(grid_cells(points, _SPACING)[0], return_index=True)[1]]  # one per cell
        self._draw: dict[str, Callable[[np.random.Generator], Defect | None]] = {
            COLOUR: self._recolour,
            REMOVED: self._remove,
            ADDED: self._add,
        }

    def make(
        self,
        kind: str,
        camera: Camera,
        views: Sequence[Matrix],
        rng: np.random.Generator,
        stand_out: bool = False,
        avoid: Sequence[str] = (),
    ) -> Defect:
        """Draws a defect that shows in at least half of the views (camera-to-object poses [4, 4]).

        Args:
            kind: `COLOUR`, `REMOVED` or `ADDED`.
            camera: the views' camera; a small one is enough.
            views: camera-to-object poses.
            rng: source of all draws.
            stand_out: whether much of an added part must be seen against the background.
            avoid: targets (`Defect.target`) that were drawn already.

        Raises:
            SynthesisError: no such defect was found.
        """
        intact = [see(self._intact, camera, view) for view in views]
        for _ in range(_ATTEMPTS):
            defect = self._draw[kind](rng)
            if defect is None or defect.target in avoid:
                continue
            if self._shows(defect, camera, views, intact, stand_out):
                return defect
        raise SynthesisError(
            f"{self._intact.name}: no {kind} defect found that shows in half of {len(views)} views; "
            "the model has too few parts, or none that can be seen"
        )

    def _shows(
        self, defect: Defect, camera: Camera, views: Sequence[Matrix], intact: list[View], stand_out: bool
    ) -> bool:
        if defect.kind != ADDED:  # cheap refusal before anything is rendered
            areas = [float((seen.ids == defect.part).mean()) for seen in intact]
            if not _fits(areas, hidden=True):
                return False
        areas, outside, unlike = [], [], []
        for view, seen in zip(views, intact, strict=True):
            before, after = seen.ids, defect.seen(camera, view, seen).ids
            mask = defect.mask(before, after)
            areas.append(float(mask.mean()))
            if mask.any():
                outside.append(float((before[mask] < 0).mean()))
                unlike.append(float(self._unlike(before[mask], after[mask], defect.assembly).mean()))
        if not _fits(areas, hidden=not stand_out) or np.median(unlike) < 0.6:
            return False
        return not stand_out or sum(share > 0.4 for share in outside) >= math.ceil(len(views) / 3)

    def _unlike(self, before: Ids, after: Ids, defective: Assembly) -> NDArray[np.bool_]:
        """Where the parts seen before and after differ in colour; the background is unlike any part."""
        colours = [
            np.array([*(part.material.rgb for part in assembly.parts), (-1.0, -1.0, -1.0)])
            for assembly in (self._intact, defective)
        ]
        return np.linalg.norm(colours[0][before] - colours[1][after], axis=1) > 0.3  # type: ignore[no-any-return]

    def _recolour(self, rng: np.random.Generator) -> Defect:
        index = int(rng.integers(len(self._intact.parts)))
        part = self._intact.parts[index]
        names = [name for name in BRICK_COLOURS if contrast(PALETTE[name], part.material) > _MIN_CONTRAST]
        name = str(rng.choice(names))
        return Defect(COLOUR, self._intact.recoloured(index, PALETTE[name]), index, part.name, f"in {name}")

    def _remove(self, rng: np.random.Generator) -> Defect | None:
        index = int(rng.integers(len(self._intact.parts)))
        if not connected(self._touching, [index]):
            return None
        return Defect(REMOVED, self._intact.without(index), index, self._intact.parts[index].name, "removed")

    def _add(self, rng: np.random.Generator) -> Defect | None:
        shapes = _added_shapes()
        shape = str(rng.choice(list(shapes)))
        mesh, reach = shapes[shape]
        holders = [part for part in self._intact.parts if len(part.mesh.sockets)]
        if not holders:
            return None
        holder = holders[int(rng.integers(len(holders)))]
        socket = holder.mesh.sockets[int(rng.integers(len(holder.mesh.sockets)))]
        turn = rotation("z", 90.0 * int(rng.integers(4)))
        # One end of the part stands on the stud; 0.1 mm of air keeps faces from coinciding.
        place = holder.placement @ translation(*socket) @ turn @ translation(reach, 0.0, 0.0001)
        if not self._free(mesh, place):
            return None
        below = holder.material
        names = [name for name in BRICK_COLOURS if contrast(PALETTE[name], below) > _MIN_CONTRAST]
        name = str(rng.choice(names))
        part = Part(f"{len(self._intact.parts):03d}_added_{shape}", mesh, place, PALETTE[name])
        added = self._intact.with_part(part)
        return Defect(ADDED, added, len(self._intact.parts), holder.name, f"{shape} in {name} on it")

    def _free(self, mesh: Mesh, place: Matrix) -> bool:
        """Whether a part's box, less the studs it swallows, holds no other surface and is above the ground."""
        low, high = mesh.bounds
        if apply(place, mesh.vertices)[:, 2].min() < 0.0005:
            return False
        reach = np.linalg.norm(np.maximum(high, -low))
        near = (np.abs(self._surface - place[:3, 3]) < reach).all(axis=1)  # few are left for the exact test
        local = apply(invert_rigid(place), self._surface[near])
        margin = np.array([0.0003, 0.0003, 0.0])
        inside = (local > low + margin + [0, 0, 0.0021]) & (local < high - margin)
        return not inside.all(axis=1).any()


def _added_shapes() -> dict[str, tuple[Mesh, float]]:
    """Parts to add, with how far (metres) each one's middle is from the stud it stands on."""
    half = 0.004
    return {
        "brick_1x1": (brick(1, 1), 0.0),
        "brick_2x1": (brick(2, 1), half),
        "plate_3x1": (brick(3, 1, 1), 2 * half),
        "plate_4x1": (brick(4, 1, 1), 3 * half),
        "tile_2x2": (tile(2, 2), half),
        "slope_2x1": (slope(2, 1, 2), half),
        "round_1x1": (round_brick(1, 3), 0.0),
        "post_1x1": (round_brick(1, 8), 0.0),
        "cone": (cone(1, 4), 0.0),
        "rod": (bar(4), 0.0),
    }


def _fits(areas: list[float], hidden: bool) -> bool:
    shown = sum(area >= MIN_AREA for area in areas)
    if hidden and sum(area < HIDDEN_AREA for area in areas) < len(areas) // 4:
        return False
    return shown >= math.ceil(len(areas) / 2) and max(areas) <= MAX_AREA
