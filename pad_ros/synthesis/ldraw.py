"""Reads LDraw models: real LEGO sets as assemblies.

LDraw's frame is x right, y down, z back, in units (LDU) of 0.4 mm. Parts keep their own origin, with axes as in the
object's frame: x forward (LDraw's -z), y left, z up.
"""

from __future__ import annotations

import os
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pad_ros.errors import SynthesisError
from pad_ros.geometry import Matrix, invert_rigid, is_rigid
from pad_ros.synthesis.assembly import Assembly, Mesh, Part, Points, apply
from pad_ros.synthesis.ldraw_colours import EDGE, MAIN, Colours
from pad_ros.synthesis.ldraw_files import MODEL, PART, PIECE, LDrawFile, LDrawFiles, read_lines
from pad_ros.synthesis.model_tools import grounded, part_name, selected, slug, some_of, split_rigid, weld
from pad_ros.synthesis.overlaps import lift_overlaps

LIBRARY_VARIABLE = "LDRAWDIR"
_LDU = 0.0004  # metres
_AXES = np.array([[0.0, 0.0, -1.0], [1.0, 0.0, 0.0], [0.0, -1.0, 0.0]])  # our axes from LDraw's
_SEAM = 0.00006  # metres by which each side of a part stands back, so that neighbours' faces do not coincide


def read_ldraw(
    path: Path | str, library: Path | str | None = None, leave_out: Sequence[str] = (), strict: bool = False
) -> Assembly:
    """Reads an LDraw model (.ldr, .mpd, .dat) with the parts of an LDraw library.

    One reference to a part of the library is one part of the assembly; submodels and the library's shortcuts are
    taken apart. What a model draws itself, and a hose that LDCad generated, is one part too. The front is LDraw's
    -z; where all that is left lies in one upright submodel, that one's frame counts.

    A part has one material. One with several colours (mostly prints) takes the one that covers the largest area: as
    several parts, a removed one would leave a hole in another's surface, as prints are cut into it. Transparent
    colours become opaque ones (see `Colours`).

    Args:
        path: the model.
        library: folder with parts/, p/ and LDConfig.ldr; the environment's LDRAWDIR by default.
        leave_out: patterns (`fnmatch`, any case) of submodels and parts to leave out, by file name, with or without
            suffix, by description or by the part's name in the assembly.
        strict: whether missing files and unknown colours are errors. They are warnings otherwise, and the model
            comes without those parts, or with them in grey.

    Raises:
        SynthesisError: no library; a file that is missing, unreadable or malformed, or that refers to itself; a
            pattern that matches nothing; no part is left.
    """
    model, folder = Path(path), library or os.environ.get(LIBRARY_VARIABLE)
    if not folder:
        raise SynthesisError(
            f"{model}: an LDraw model needs the LDraw parts library; give its folder or set {LIBRARY_VARIABLE} to it"
        )
    if not model.is_file():
        raise SynthesisError(f"{model}: no such file")
    return _Reader(model, Path(folder)).assembly(leave_out, strict)


@dataclass(frozen=True, eq=False)
class _Node:
    """A model in its place: `matrix` [4, 4] is root-from-model in LDU."""

    file: LDrawFile
    matrix: Matrix


@dataclass(frozen=True, eq=False)
class _Placed:
    """A part in its place; `file` is the name alone where the file is missing."""

    chain: tuple[_Node, ...]  # the models it lies in, outermost first
    file: LDrawFile | str
    colour: int
    matrix: Matrix
    index: int = 0

    @property
    def name(self) -> str:
        texts = (self.file,) if isinstance(self.file, str) else (self.file.stem, self.file.description)
        return part_name(self.index, *texts)

    def labels(self) -> set[str]:
        """All that a pattern may match."""
        labels = {self.name}
        for file in (*(node.file for node in self.chain), self.file):
            labels |= {file} if isinstance(file, str) else {file.name, file.stem, file.description}
        return labels


@dataclass(frozen=True)
class _Geometry:
    """Triangles [T, 3, 3] in LDU, their colour codes [T], and studs [S, 2, 3]: the foot and a point above it."""

    corners: Points
    colours: NDArray[np.int64]
    studs: Points

    @cached_property
    def main_colour(self) -> int:
        """The colour code of the largest area."""
        a, b, c = self.corners.transpose(1, 0, 2)
        codes, which = np.unique(self.colours, return_inverse=True)
        areas = np.bincount(which, np.linalg.norm(np.cross(b - a, c - a), axis=1))
        return int(codes[areas.argmax()]) if len(codes) else MAIN


class _Reader:
    """Reads one model; every file is parsed and flattened once, and equal parts share a mesh."""

    def __init__(self, path: Path, library: Path) -> None:
        self._path, self._library = path, library
        self._files = LDrawFiles(library)
        self._root = self._files.open_model(path)
        self._colours = Colours()
        config = self._files.config
        lines = [(line, f"{config}, line {number}") for number, line in enumerate(read_lines(config), 1)]
        self._colours.add((line, place) for line, place in lines if line.split()[:2] == ["0", "!COLOUR"])
        self._own: dict[LDrawFile, LDrawFile] = {}
        self._geometries: dict[LDrawFile, _Geometry] = {}
        self._meshes: dict[tuple[LDrawFile, bytes], Mesh] = {}
        self._missing: Counter[str] = Counter()

    def assembly(self, leave_out: Sequence[str], strict: bool) -> Assembly:
        placed = [
            replace(one, index=index) for index, one in enumerate(self._placed(_Node(self._root, np.eye(4)), MAIN, ()))
        ]
        submodels = (node.file.name for one in placed for node in one.chain[1:])
        kept = [placed[i] for i in selected([one.labels() for one in placed], leave_out, submodels, self._path)]
        frame = _common_frame(kept)
        parts = [part for one in kept if (part := self._part(one, frame))]
        self._report(strict)
        if not parts:
            raise SynthesisError(f"{self._path}: the model has no parts{' left' if leave_out else ''}")
        return grounded(slug(self._path.stem) or "model", parts)

    def _placed(self, node: _Node, colour: int, above: tuple[_Node, ...]) -> Iterator[_Placed]:
        """All parts of a model, in the order of the file."""
        file, chain = node.file, (*above, node)
        _refuse_cycle(self._path, [one.file for one in chain])
        self._colours.add(file.palette)
        if file.role != MODEL:  # a single part, opened as a model
            yield _Placed(chain, file, colour, node.matrix)
            return
        own = []
        for reference in file.references:
            target = self._files.find(reference.name)
            if target and target.role == PIECE:
                own.append(reference)
                continue
            inner, matrix = self._inherited(reference.colour, colour), node.matrix @ reference.matrix
            if target and target.role == MODEL:
                yield from self._placed(_Node(target, matrix), inner, chain)
            else:
                yield _Placed(chain, target or reference.name, inner, matrix)
        if own or len(file.corners):  # what the model draws itself is one part
            piece = self._own.setdefault(file, replace(file, role=PART, references=tuple(own)))
            yield _Placed(chain, piece, colour, node.matrix)

    def _part(self, placed: _Placed, frame: Matrix) -> Part | None:
        """The part in its place; None where it is missing or has no surface."""
        if isinstance(placed.file, str):
            self._missing[placed.file] += 1
            return None
        matrix = frame @ placed.matrix
        rotation, residue = split_rigid(matrix[:3, :3])
        mesh = self._mesh(placed.file, residue)
        if not len(mesh.triangles):
            return None
        placement = np.eye(4)
        placement[:3, :3] = _AXES @ rotation @ _AXES.T
        placement[:3, 3] = _LDU * _AXES @ matrix[:3, 3]
        colour = self._inherited(self._geometry(placed.file).main_colour, placed.colour)
        return Part(placed.name, mesh, placement, self._colours.material(colour))

    def _inherited(self, code: int, above: int) -> int:
        """The colour of what is drawn in `code` inside a reference of colour `above`."""
        if code == MAIN or (code == EDGE and above in (MAIN, EDGE)):
            return above if code == MAIN else EDGE
        return self._colours.edge(above) if code == EDGE else code

    def _mesh(self, file: LDrawFile, residue: Matrix) -> Mesh:
        key = (file, (residue.round(4) + 0.0).tobytes())
        if key not in self._meshes:
            geometry = self._geometry(file)
            corners = geometry.corners[:, ::-1] if np.linalg.det(residue) < 0 else geometry.corners
            linear = _LDU * _AXES @ residue
            feet, heads = (geometry.studs @ linear.T).transpose(1, 0, 2)
            ups = (heads - feet)[:, 2] > 0.99 * np.linalg.norm(heads - feet, axis=1)
            self._meshes[key] = weld(
                lift_overlaps(_with_seam(corners @ linear.T)), np.unique(feet[ups].round(6), axis=0)
            )
        return self._meshes[key]

    def _geometry(self, file: LDrawFile, above: tuple[LDrawFile, ...] = ()) -> _Geometry:
        """All that a file draws, with its references resolved."""
        if file not in self._geometries:
            chain = (*above, file)
            _refuse_cycle(self._path, chain)
            corners, colours, studs = [file.corners], [file.colours], [_studs(file)]
            for reference in file.references:
                target = self._files.find(reference.name)
                if target is None:
                    self._missing[reference.name] += 1
                    continue
                inner = self._geometry(target, chain)
                moved = apply(reference.matrix, inner.corners)
                mirrored = np.linalg.det(reference.matrix[:3, :3]) < 0
                corners.append(moved[:, ::-1] if mirrored != reference.inverted else moved)
                codes, which = np.unique(inner.colours, return_inverse=True)
                outer = np.array([self._inherited(int(code), reference.colour) for code in codes], dtype=np.int64)
                colours.append(outer[which])
                studs.append(apply(reference.matrix, inner.studs))
            pieces = np.concatenate(corners), np.concatenate(colours), np.concatenate(studs)
            self._geometries[file] = _Geometry(*pieces)
        return self._geometries[file]

    def _report(self, strict: bool) -> None:
        """Warns of what is missing.

        Raises:
            SynthesisError: the same, if `strict`.
        """
        if self._missing:
            uses = sum(self._missing.values())
            names = some_of(sorted(self._missing))
            text = f"{len(self._missing)} files are missing from {self._library} ({uses} uses): {names}"
            _complain(f"{self._path}: {text}", strict)
        if self._colours.unknown:
            codes = some_of([str(code) for code in sorted(self._colours.unknown)])
            _complain(f"{self._path}: colours that LDConfig.ldr does not have, drawn in grey: {codes}", strict)


def _studs(file: LDrawFile) -> Points:
    """A stud's foot and a point above it, [1, 2, 3], if the file is a stud that carries parts; else [0, 2, 3]."""
    words = file.description.lower().split()
    stud = file.stem.startswith("stud") and words[:1] == ["stud"] and not {"tube", "underside", "group"} & set(words)
    return np.array([[[0.0, 0.0, 0.0], [0.0, -1.0, 0.0]]] if stud else np.zeros((0, 2, 3)))


def _refuse_cycle(path: Path, chain: Sequence[LDrawFile]) -> None:
    if chain[-1] in chain[:-1]:
        names = " > ".join(file.name for file in chain[chain.index(chain[-1]) :])
        raise SynthesisError(f"{path}: a file refers to itself: {names}")


def _common_frame(placed: Sequence[_Placed]) -> Matrix:
    """Frame-from-root [4, 4] in LDU: the frame of the innermost model that holds all parts, if it stands upright."""
    inner = np.eye(4)
    for nodes in zip(*(one.chain for one in placed), strict=False):
        if any(node is not nodes[0] for node in nodes):
            break
        inner = nodes[0].matrix
    upright = is_rigid(inner) and abs(inner[1, 1] - 1) < 1e-3
    return invert_rigid(inner) if upright else np.eye(4)


def _with_seam(corners: Points) -> Points:
    """Triangles [T, 3, 3] of a part, drawn in by the seam along x and y."""
    if not len(corners):
        return corners
    low, high = corners.min(axis=(0, 1)), corners.max(axis=(0, 1))
    factor = 1 - np.minimum(2 * _SEAM * np.array([1, 1, 0]) / np.maximum(high - low, _SEAM), 0.1)
    middle = 0.5 * (low + high)
    return np.asarray(middle + factor * (corners - middle))


def _complain(message: str, strict: bool) -> None:
    if strict:
        raise SynthesisError(message)
    warnings.warn(message, stacklevel=5)
