"""LDraw's colours as materials."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pad_ros.errors import SynthesisError
from pad_ros.synthesis.assembly import Material
from pad_ros.synthesis.model_tools import GLASS_ROUGHNESS, glossy_opaque, slug

MAIN, EDGE = 16, 24  # the colour of the reference, and that colour's edge colour
_DIRECT = 0x2000000  # plus 0xRRGGBB
_TRANSPARENT = 0x3000000
_GREY = (0.54, 0.57, 0.55)  # what has no colour
_FINISHES = {  # roughness, metallic
    "CHROME": (0.2, 0.8),
    "METAL": (0.4, 0.6),
    "MATTE_METALLIC": (0.5, 0.6),
    "PEARLESCENT": (0.4, 0.3),
    "RUBBER": (0.75, 0.0),
    "": (Material.roughness, Material.metallic),
}


@dataclass(frozen=True)
class _Colour:
    name: str
    value: int  # 0xRRGGBB
    edge: int  # a colour code
    alpha: int  # 255 is opaque
    finish: str


class Colours:
    """The colour table: LDConfig.ldr's and a model's own `!COLOUR` lines.

    Transparent colours become opaque: darkened and glossy (see `glossy_opaque`).
    """

    def __init__(self) -> None:
        self._colours: dict[int, _Colour] = {}
        self.unknown: set[int] = set()  # codes that were asked for in vain

    def add(self, lines: Iterable[tuple[str, str]]) -> None:
        """Adds `!COLOUR` lines, each with the place to name in errors.

        Raises:
            SynthesisError: a line is malformed.
        """
        for line, place in lines:
            words = line.split()
            try:
                options = {word.upper(): words[i + 1] for i, word in enumerate(words[3:-1], 3)}
                finish = next((word for word in words[3:] if word in _FINISHES), "")
                alpha = int(options.get("ALPHA", "255"))
                colour = _Colour(words[2], _hex(options["VALUE"]), _edge(options["EDGE"]), alpha, finish)
                self._colours[int(options["CODE"])] = colour
            except (ValueError, KeyError, IndexError):
                raise SynthesisError(f"{place}: malformed !COLOUR; it needs a name, CODE, VALUE and EDGE") from None

    def edge(self, code: int) -> int:
        """The code of a colour's edge colour."""
        return self._colours[code].edge if code in self._colours else code

    def material(self, code: int) -> Material:
        """The material of a colour code; a code that is not in the table is grey, and kept in `unknown`."""
        if code >= _DIRECT:
            colour = _Colour("direct", code & 0xFFFFFF, code, 128 if code >= _TRANSPARENT else 255, "")
        elif code in self._colours and code not in (MAIN, EDGE):
            colour = self._colours[code]
        else:
            if code not in (MAIN, EDGE):
                self.unknown.add(code)
            return Material("ldraw_uncoloured", _GREY)
        rgb = glossy_opaque([channel / 255 for channel in colour.value.to_bytes(3, "big")], colour.alpha / 255)
        roughness, metallic = _FINISHES[colour.finish]
        if colour.alpha < 255:
            roughness = min(roughness, GLASS_ROUGHNESS)
        # Materials are told apart by name, and a model may define a colour anew: the value makes the name unique.
        name = f"ldraw_{slug(colour.name)}_{colour.value:06x}_{colour.alpha}"
        return Material(name, rgb, roughness, metallic)


def _hex(text: str) -> int:
    value = int(text.removeprefix("#").removeprefix("0x"), 16)
    if not 0 <= value <= 0xFFFFFF:
        raise ValueError
    return value


def _edge(text: str) -> int:
    return _DIRECT + _hex(text) if text.startswith(("#", "0x")) else int(text)
