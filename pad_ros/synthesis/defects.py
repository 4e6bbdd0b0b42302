"""Small, subtle but real defects: a colour changed, a part removed, a part added.

A defect is drawn from a seeded generator and kept only if it shows in as many of the given views as is
asked for, in colours unlike those it covers or uncovers, and with nothing left floating. Every view either
shows it (the least area or more) or does not (less than a tenth of it): none is in doubt.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from pad_ros.errors import SynthesisError
from pad_ros.geometry import Camera, Matrix
from pad_ros.synthesis.additions import Supports
from pad_ros.synthesis.assembly import Assembly, Material, Part, pieces, touching
from pad_ros.synthesis.materials import BRICK_COLOURS, PALETTE, contrast
from pad_ros.synthesis.visibility import Ids, View, see, see_again, see_with

COLOUR, REMOVED, ADDED = "colour", "removed", "added"
# Shares of the image: a view with as much shows the defect; no view has more, so that it is subtle.
DEFECT_AREA = (0.0005, 0.012)
_HIDDEN = 0.1  # of the first of these: a view with less does not show it
_MARGIN = 1.1  # on the first, as pixels are counted in a small image here
_MIN_CONTRAST = 0.45  # between colours, of 1.73
_UNLIKE = 0.3  # the same, where before and after are told apart pixel by pixel
_DRAWS = 4000  # of added parts, most of which are refused before anything is rendered
_LOOKS = 120  # candidates that are rendered
_WISHES = 40  # of these, after which one that does not stand out, or is not hidden in any view, will do


@dataclass(frozen=True)
class Defect:
    """A defective assembly, and the index of the part in question.

    `part` counts in the defective assembly, but for a removed part in the intact one; `target` is the intact
    part that is altered, missing or built upon, and `shape` what is added.
    """

    kind: str
    assembly: Assembly
    part: int
    target: str
    target_index: int
    description: str
    shape: str = ""
    shown: tuple[bool, ...] = ()  # in which of the views that it was made for

    def seen(self, camera: Camera, pose: Matrix, intact: View) -> View:
        """What the camera at `pose` sees of the defective assembly, given what it sees of the intact one.

        Only what differs is drawn.
        """
        if self.kind == COLOUR:
            return intact
        if self.kind == REMOVED:
            renumbered = View(intact.ids - (intact.ids > self.part), intact.inverse_depth)
            return see_again(self.assembly, camera, pose, renumbered, intact.ids == self.part)
        return see_with(self.assembly.parts[self.part], self.part, camera, pose, intact)

    def mask(self, intact_ids: Ids, defective_ids: Ids) -> NDArray[np.bool_]:
        """The defect's pixels [H, W]: the part's own visible ones, or where the removed part would be seen."""
        ids = intact_ids if self.kind == REMOVED else defective_ids
        return np.equal(ids, self.part)


class DefectMaker:
    """Draws defects of one intact assembly."""

    def __init__(self, intact: Assembly, area: tuple[float, float] = DEFECT_AREA) -> None:
        """Looks at what may be altered; `area` is what a defect takes of an image that shows it, at least and most."""
        self._intact, self._area = intact, area
        self._touching = touching(intact)
        self._supports = Supports(intact)
        self._draw: dict[str, Callable[[_Look, np.random.Generator], Iterator[Defect]]] = {
            COLOUR: self._recoloured,
            REMOVED: self._removed,
            ADDED: self._added,
        }

    def make(
        self,
        kind: str,
        camera: Camera,
        poses: Sequence[Matrix],
        rng: np.random.Generator,
        shown: tuple[int, int] | None = None,
        stand_out: bool = False,
        earlier: Sequence[Defect] = (),
    ) -> Defect:
        """Draws a defect that shows in some number of views and is hidden in the others.

        Args:
            kind: `COLOUR`, `REMOVED` or `ADDED`.
            camera: the views' camera; a small one is enough.
            poses: the views, as camera-to-object poses [4, 4].
            rng: source of all draws.
            shown: the least and the greatest number of views that show it; default: 4 of 9 or more.
            stand_out: whether much of an added or removed part should be before the background in a third of the
                views; otherwise it should be hidden in some view. If no such defect is found soon, another is taken.
            earlier: defects whose target and shape are not to be used again.

        Raises:
            SynthesisError: no such defect was found.
        """
        low, high = shown or (least_shown(len(poses)), len(poses))
        look = _Look(camera, poses, [see(self._intact, camera, pose) for pose in poses], low, high, self._area)
        reserve = None
        targets, shapes = {defect.target_index for defect in earlier}, {defect.shape for defect in earlier} - {""}
        fresh = (d for d in self._draw[kind](look, rng) if d.target_index not in targets and d.shape not in shapes)
        for count, candidate in enumerate(islice(fresh, _LOOKS)):
            if reserve and count >= _WISHES:
                break
            defect, stands_out = self._judged(candidate, look)
            if defect and (stands_out if stand_out else not all(defect.shown)):
                return defect
            reserve = reserve or defect
        if reserve:
            return reserve
        raise SynthesisError(
            f"{self._intact.name}: no {kind} defect found that shows in {low} to {high} of {len(poses)} views and is "
            f"{self._area[0]:.2%} to {self._area[1]:.1%} of the image; the model has too few such parts in sight"
        )

    def _judged(self, defect: Defect, look: _Look) -> tuple[Defect | None, bool]:
        """The defect, if it shows as it should, and whether it stands out over the background."""
        before_colours, after_colours = _colours(self._intact), _colours(defect.assembly)
        areas: list[float] = []
        bare, unlike = [], []
        for pose, intact in zip(look.poses, look.intact, strict=True):
            seen = defect.seen(look.camera, pose, intact)
            mask = defect.mask(intact.ids, seen.ids)
            areas.append(float(mask.mean()))
            if not look.allows(np.array(areas)):
                return None, False
            if areas[-1] >= self._area[0]:
                before, after = intact.ids[mask], seen.ids[mask]
                bare.append(np.mean((before < 0) | (after < 0)))
                difference = np.linalg.norm(before_colours[before] - after_colours[after], axis=1)
                unlike.append(np.mean(difference > _UNLIKE))
        if np.median(unlike) < 0.6:
            return None, False
        stands_out = 3 * sum(float(share) > 0.4 for share in bare) >= len(look.poses)
        return replace(defect, shown=tuple(area >= self._area[0] for area in areas)), stands_out

    def _recoloured(self, look: _Look, rng: np.random.Generator) -> Iterator[Defect]:
        for index in rng.permutation(look.parts_allowed(len(self._intact.parts))):
            part = self._intact.parts[index]
            material = _other_colour(part.material, rng)
            assembly = self._intact.recoloured(index, material)
            yield Defect(COLOUR, assembly, int(index), part.name, int(index), f"in {material.name}")

    def _removed(self, look: _Look, rng: np.random.Generator) -> Iterator[Defect]:
        whole = pieces(self._touching)
        for index in rng.permutation(look.parts_allowed(len(self._intact.parts))):
            if pieces(self._touching, [index]) <= whole:
                name = self._intact.parts[index].name
                yield Defect(REMOVED, self._intact.without(index), int(index), name, int(index), "removed")

    def _added(self, look: _Look, rng: np.random.Generator) -> Iterator[Defect]:
        shapes = self._supports.fitting_shapes(self._area)
        free = self._supports.exposed(look.camera, look.poses, look.intact)
        count = len(self._intact.parts)
        for _ in range(_DRAWS if shapes and len(free) else 0):
            shape, support = shapes[int(rng.integers(len(shapes)))], int(rng.choice(free))
            place = self._supports.place(shape, support, int(rng.integers(4)))
            if place is None:
                continue
            index = int(self._supports.holders[support])
            holder = self._intact.parts[index]
            material = _other_colour(holder.material, rng)
            part = Part(f"{count:03d}_added_{shape.name}", shape.mesh, place, material)
            description = f"{shape.name} in {material.name} on it"
            yield Defect(ADDED, self._intact.with_part(part), count, holder.name, index, description, shape.name)


@dataclass(frozen=True)
class _Look:
    """The views that a defect is made for, and in how many of them it is to show."""

    camera: Camera
    poses: Sequence[Matrix]
    intact: list[View]
    low: int
    high: int
    area: tuple[float, float]

    def allows(self, areas: NDArray[np.float64]) -> bool:
        """Whether a defect with these shares of the first images [N] or of all of them may do."""
        least, most = self.area
        shows = areas >= _MARGIN * least
        shown, left = int(shows.sum()), len(self.poses) - len(areas)
        clear = bool((shows | (areas < _HIDDEN * least)).all()) and areas.max() <= most
        return clear and shown <= self.high and shown + left >= self.low

    def parts_allowed(self, count: int) -> list[int]:
        """The intact assembly's parts whose visible areas may do."""
        areas = np.stack([np.bincount(view.ids.ravel() + 1, minlength=count + 1)[1:] for view in self.intact], axis=1)
        shares = areas / self.intact[0].ids.size  # [P, V]
        return [index for index in range(count) if self.allows(shares[index])]


def least_shown(views: int) -> int:
    """In how many views a defect must show: 4 of 9."""
    return math.ceil(4 * views / 9)


def _other_colour(material: Material, rng: np.random.Generator) -> Material:
    return PALETTE[str(rng.choice([n for n in BRICK_COLOURS if contrast(PALETTE[n], material) > _MIN_CONTRAST]))]


def _colours(assembly: Assembly) -> Matrix:
    """The parts' colours [P + 1, 3]; the last, for pixels without a part (-1), is unlike any."""
    return np.array([*(part.material.rgb for part in assembly.parts), (-1.0, -1.0, -1.0)])
