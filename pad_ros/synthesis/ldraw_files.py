"""LDraw's text files, parsed: what a file draws itself, what it refers to, and where that is found."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

import numpy as np
from numpy.typing import NDArray

from pad_ros.errors import SynthesisError
from pad_ros.geometry import Matrix
from pad_ros.synthesis.assembly import Points

MODEL, PART, PIECE = "model", "part", "piece"  # a PIECE (primitive, subpart) is only ever a piece of a part
_SUFFIXES = (".ldr", ".mpd", ".dat")
_ROLES = {"part": PART, "shortcut": MODEL, "subpart": PIECE, "primitive": PIECE}


@dataclass(frozen=True)
class Reference:
    """A file placed in another: `matrix` [4, 4] in LDU; `inverted` by BFC INVERTNEXT."""

    name: str
    colour: int
    matrix: Matrix
    inverted: bool


@dataclass(frozen=True, eq=False)
class LDrawFile:
    """One file, or one section of an MPD: triangles [T, 3, 3] in LDU, counter-clockwise, with colour codes [T]."""

    name: str
    description: str
    role: str
    corners: Points
    colours: NDArray[np.int64]
    references: tuple[Reference, ...]
    palette: tuple[tuple[str, str], ...] = ()  # !COLOUR lines, each with where it stands

    @property
    def stem(self) -> str:
        """The name without folder and suffix."""
        return key_of(self.name).rpartition("/")[2].rpartition(".")[0] or self.name


class LDrawFiles:
    """Finds and parses files, each once: sections of the model, files beside it, then the library."""

    def __init__(self, library: Path) -> None:
        """Lists the library.

        Raises:
            SynthesisError: the folder is not an LDraw library.
        """
        entries = {entry.name.lower(): entry for entry in library.iterdir()} if library.is_dir() else {}
        absent = [name for name in ("parts", "p", "ldconfig.ldr") if name not in entries]
        if absent:
            raise SynthesisError(
                f"{library}: not an LDraw parts library ({', '.join(absent)} missing); "
                "give the folder that holds parts/, p/ and LDConfig.ldr"
            )
        self.config = entries["ldconfig.ldr"]
        self._paths: dict[str, tuple[Path, str]] = {}
        for folder, role in ((entries["p"], PIECE), (entries["parts"], PART)):
            for path in folder.rglob("*"):
                if path.suffix.lower() == ".dat":
                    place = key_of(path.relative_to(folder).as_posix())
                    self._paths[place] = (path, PIECE if "/" in place else role)
        self._parsed: dict[str, LDrawFile] = {}

    def open_model(self, path: Path) -> LDrawFile:
        """Parses a model; its sections and the files beside it become known to `find`.

        Raises:
            SynthesisError: the file cannot be read, or a line is malformed.
        """
        for other in path.parent.iterdir():
            if other.suffix.lower() in _SUFFIXES:
                self._paths[key_of(other.name)] = (other, MODEL)
        sections = _sections(path, MODEL)
        for section in sections:
            self._parsed.setdefault(key_of(section.name), section)
        return sections[0]

    def find(self, name: str) -> LDrawFile | None:
        """The file that a reference names, upper or lower case, with either slash; None if there is none.

        Raises:
            SynthesisError: the file cannot be read, or a line is malformed.
        """
        key = key_of(name)
        if key not in self._parsed and key in self._paths:
            self._parsed[key] = _sections(*self._paths[key])[0]
        return self._parsed.get(key)


def key_of(name: str) -> str:
    """The form of a file's name in which names are compared."""
    return " ".join(name.lower().replace("\\", "/").split())


def read_lines(path: Path) -> list[str]:
    """The lines of a text file.

    Raises:
        SynthesisError: the file cannot be read, or is not UTF-8 text.
    """
    try:
        return path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise SynthesisError(f"{path}: not UTF-8 text (byte {error.start}); save it as UTF-8") from None
    except OSError as error:
        raise SynthesisError(f"{path}: cannot be read ({error.strerror})") from None


def _sections(path: Path, role: str) -> list[LDrawFile]:
    """Parses a file into its MPD sections; a plain file is one section."""
    found: list[tuple[str, list[tuple[int, str]]]] = []
    current: list[tuple[int, str]] = []
    plain = current
    for number, line in enumerate(read_lines(path), 1):
        words = line.split(None, 2)
        if len(words) > 1 and words[0] == "0" and words[1].upper() in ("FILE", "NOFILE"):
            current = []
            if len(words) == 3:
                found.append((words[2].strip(), current))
        else:
            current.append((number, line))
    return [_Parser(path, name, role).parse(lines) for name, lines in found or [(path.name, plain)]]


@dataclass
class _Parser:
    """Reads the lines of one section."""

    path: Path
    name: str
    role: str
    description: str = ""
    corners: list[Sequence[float]] = field(default_factory=list)
    colours: list[int] = field(default_factory=list)
    references: list[Reference] = field(default_factory=list)
    palette: list[tuple[str, str]] = field(default_factory=list)
    clockwise: bool = False
    invert_next: bool = False
    number: int = 0

    def parse(self, lines: Iterable[tuple[int, str]]) -> LDrawFile:
        first = True
        for self.number, line in lines:
            words = line.split(None, 14)
            if not words:
                continue
            if words[0] == "0":
                if first and len(words) > 1 and not words[1].startswith("!"):
                    self.description = " ".join(words[1:])
                self._meta(words[1:], line)
            else:
                self._draw(words, line)
                self.invert_next = False
            first = False
        corners = np.array(self.corners, dtype=np.float64).reshape(-1, 3, 3)
        colours = np.array(self.colours, dtype=np.int64)
        references, palette = tuple(self.references), tuple(self.palette)
        return LDrawFile(self.name, self.description, self.role, corners, colours, references, palette)

    def _meta(self, words: list[str], line: str) -> None:
        command = words[0].upper() if words else ""
        if command == "BFC":
            options = [word.upper() for word in words[1:]]
            self.invert_next = "INVERTNEXT" in options
            if "CW" in options or "CCW" in options:
                self.clockwise = "CW" in options
        elif command == "!LDRAW_ORG" and len(words) > 1 and self.role != PIECE:
            self.role = _ROLES.get(words[1].lower().removeprefix("unofficial_").split("_")[-1], self.role)
        elif command == "!LDCAD" and words[1:2] == ["GENERATED"]:
            self.role = PART  # a hose or string, given as many short pieces
        elif command == "!COLOUR":
            self.palette.append((line, f"{self.path}, line {self.number}"))

    def _draw(self, words: list[str], line: str) -> None:
        if words[0] == "1":
            if len(words) < 15:
                self._fail(f"a reference needs 14 fields and a file name, not {len(words) - 1} fields")
            matrix = np.eye(4)
            values = self._numbers(words[2:14])
            matrix[:3, 3], matrix[:3, :3] = values[:3], np.reshape(values[3:], (3, 3))
            self.references.append(Reference(words[14].strip(), self._colour(words[1]), matrix, self.invert_next))
        elif words[0] in "34":
            count = int(words[0])
            words = line.split()[: 2 + 3 * count]
            if len(words) < 2 + 3 * count:
                self._fail(f"a face of {count} corners needs {3 * count} coordinates, not {max(len(words) - 2, 0)}")
            values = self._numbers(words[2:])
            points = [values[i : i + 3] for i in range(0, 3 * count, 3)]
            if self.clockwise:
                points.reverse()
            for second in range(1, count - 1):
                self.corners.append(points[0] + points[second] + points[second + 1])
                self.colours.append(self._colour(words[1]))
        elif words[0] not in "25":  # lines, which are drawn on paper only
            self._fail(f"unknown line type {words[0]!r:.20}; LDraw has 0 to 5")

    def _numbers(self, words: list[str]) -> list[float]:
        try:
            values = [float(word) for word in words]
        except ValueError as error:
            self._fail(str(error))
        if not math.isfinite(sum(values)):
            self._fail("a number is not finite")
        return values

    def _colour(self, word: str) -> int:
        try:
            return int(word.replace("#", "0x"), 16 if word[:2].lower() in ("0x", "#2", "#3") else 10)
        except ValueError:
            self._fail(f"{word!r:.20} is not a colour code")

    def _fail(self, message: str) -> NoReturn:
        raise SynthesisError(f"{self.path}, line {self.number}: {message}")
