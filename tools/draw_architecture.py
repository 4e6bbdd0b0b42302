"""Draws docs/images/architecture.svg: the rooms of `pad_ros` and the arrows between them, from the real imports.

    python tools/draw_architecture.py [--check]

Rows are the layers of pyproject.toml's contract. An arrow is drawn where a room imports another, unless a longer way of
arrows says so already. `--check` draws nothing and exits 1 when the picture is not up to date.
"""

from __future__ import annotations

import argparse
import ast
import re
import sys
import textwrap
from pathlib import Path
from xml.sax.saxutils import escape

import grimp
from importlinter.api import read_configuration

ROOT = Path(__file__).resolve().parent.parent
PICTURE = ROOT / "docs" / "images" / "architecture.svg"
PACKAGE = ROOT / "pad_ros"

BOX, GAP, ROW, MARGIN, WIDTH = (200, 62), 24, 100, 24, 940
FOLDER, MODULE, LINE, LONG, TEXT = "#e7effb", "#fdf3dc", "#6f7f98", "#bcc7d6", "#1d2736"


def layers() -> list[list[str]]:
    """The rooms of each layer, top first."""
    (contract,) = (c for c in read_configuration(str(ROOT / "pyproject.toml"))["contracts_options"] if "layers" in c)
    return [[name.strip() for name in layer.split("|")] for layer in contract["layers"]]


def arrows(rooms: list[str]) -> set[tuple[str, str]]:
    """Which room imports which, without the arrows that a longer way implies."""
    graph = grimp.build_graph("pad_ros", exclude_type_checking_imports=True, cache_dir=None)
    direct: dict[str, set[str]] = {room: set() for room in rooms}
    for module in graph.modules - {"pad_ros"}:
        for imported in graph.find_modules_directly_imported_by(module) - {"pad_ros"}:
            source, target = (name.split(".")[1] for name in (module, imported))
            if source != target:
                direct[source].add(target)

    def reachable(room: str) -> set[str]:
        return direct[room].union(*(reachable(below) for below in direct[room]))

    return {
        (room, below)
        for room in rooms
        for below in direct[room]
        if not any(below in reachable(other) for other in direct[room] - {below})
    }


def purpose(room: str) -> list[str]:
    """The first sentence of what the room says of itself, in lines that fit its box."""
    path = PACKAGE / room / "__init__.py" if (PACKAGE / room).is_dir() else PACKAGE / f"{room}.py"
    says = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return textwrap.wrap(re.match(r"[^.:;?(]*\??", says.splitlines()[0])[0].replace("`", "").strip(), 32)


def draw() -> str:
    """The picture as SVG."""
    rows = layers()
    lowest = rows[-2:]  # everybody uses these: arrows to them would hide the others
    rooms = [room for row in rows for room in row]
    place: dict[str, tuple[float, float]] = {}  # left, top
    for depth, row in enumerate(rows):
        left = (WIDTH - len(row) * BOX[0] - (len(row) - 1) * GAP) / 2
        for column, room in enumerate(row):
            place[room] = left + column * (BOX[0] + GAP), MARGIN + depth * ROW
    height = round(2 * MARGIN + len(rows) * ROW - (ROW - BOX[1]))
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" '
        'font-family="DejaVu Sans, Helvetica, Arial, sans-serif">',
        "<!-- made by tools/draw_architecture.py -->",
        *(
            f'<defs><marker id="head{color[1:]}" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" '
            f'orient="auto"><path d="M0 0 8 4 0 8z" fill="{color}"/></marker></defs>'
            for color in (LINE, LONG)
        ),
        f'<rect width="{WIDTH}" height="{height}" fill="white"/>',
    ]
    drawn = [(source, target) for source, target in arrows(rooms) if [target] not in lowest]
    # Long arrows pass behind other rooms: first, and in a lighter colour.
    for source, target in sorted(drawn, key=lambda arrow: (place[arrow[0]][1] - place[arrow[1]][1], arrow)):
        (x1, y1), (x2, y2) = place[source], place[target]
        color = LONG if y2 - y1 > ROW else LINE
        start, end = (x1 + BOX[0] / 2, y1 + BOX[1]), (x2 + BOX[0] / 2, y2)
        lean = 0.5 * (end[1] - start[1])
        parts.append(
            f'<path d="M{start[0]:.0f} {start[1]:.0f}C{start[0]:.0f} {start[1] + lean:.0f} '
            f'{end[0]:.0f} {end[1] - lean:.0f} {end[0]:.0f} {end[1] - 2:.0f}" '
            f'fill="none" stroke="{color}" stroke-width="1.4" marker-end="url(#head{color[1:]})"/>'
        )
    for room, (x, y) in place.items():
        folder = (PACKAGE / room).is_dir()
        name = f"{room}/" if folder else f"{room}.py"
        wide = [room] in lowest
        left, width = (MARGIN, WIDTH - 2 * MARGIN) if wide else (x, BOX[0])
        middle = left + width / 2
        parts += [
            f'<rect x="{left:.0f}" y="{y:.0f}" width="{width}" height="{BOX[1]}" rx="7" '
            f'fill="{FOLDER if folder else MODULE}" stroke="{LINE}"/>',
            f'<text x="{middle:.0f}" y="{y + 22:.0f}" text-anchor="middle" font-size="15" font-weight="bold" '
            f'fill="{TEXT}">{name}</text>',
            *(
                f'<text x="{middle:.0f}" y="{y + 38 + 14 * index:.0f}" text-anchor="middle" font-size="11" '
                f'fill="{TEXT}">{escape(line)}</text>'
                for index, line in enumerate(purpose(room))
            ),
        ]
    return "\n".join([*parts, "</svg>", ""])


def main() -> int:
    """Draws the picture, or checks that it is up to date."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="only say whether the picture is up to date")
    picture = draw()
    if not parser.parse_args().check:
        PICTURE.write_text(picture, encoding="utf-8")
        print(PICTURE.relative_to(ROOT))
        return 0
    current = PICTURE.is_file() and PICTURE.read_text(encoding="utf-8") == picture
    if not current:
        print(f"{PICTURE.relative_to(ROOT)} is not up to date: python tools/draw_architecture.py", file=sys.stderr)
    return int(not current)


if __name__ == "__main__":
    sys.exit(main())
