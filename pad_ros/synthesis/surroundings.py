"""What surrounds the object: belt, rails and floor, clean or dirty, seen by the camera or not.

Runs inside Blender's Python.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pad_ros.synthesis import belts, floors
from pad_ros.synthesis.bpy_data import add_object, solid
from pad_ros.synthesis.conditions import BELTS, FLOORS
from pad_ros.synthesis.dirt import Dirt

_KINDS: dict[str, Callable[[Any], list[Any]]] = {
    "plates": belts.plates,
    "rubber": belts.rubber,
    "pvc": belts.pvc,
    "modular": belts.modular,
    "paving": floors.paving,
    "epoxy": floors.epoxy,
    "tiles": floors.tiles,
}


class Surroundings:
    """Belts and floors are made when they are first asked for; one of each is in the picture."""

    def __init__(self, scale: float) -> None:
        """Builds the default ones; `scale` is how much larger than usual all of it is."""
        self._dirt = Dirt(scale)
        self._fixed, self._moving = (_root(name, scale) for name in ("fixed", "belt"))
        self._made: dict[str, list[Any]] = {}
        self._made["frame"] = _frame(self._fixed)
        self._dirt.may_cover(self._made["frame"][0].data.materials[0])
        self.show({}, 0.0, visible=True)

    def show(self, conditions: Mapping[str, Mapping[str, Any]], belt_shift: float, visible: bool) -> None:
        """Sets the `surroundings` and `dirt` conditions (see `conditions`), and where the belt is along x.

        With `visible` false the camera sees nothing of it; its light on the object stays.
        """
        chosen = conditions.get("surroundings", {})
        belt, floor = chosen.get("belt", BELTS[0]), chosen.get("floor", FLOORS[0])
        self._make(belt, self._moving, dirty=True)
        self._make(floor, self._fixed, dirty=False)
        self._dirt.apply(conditions.get("dirt", {}))
        self._moving.location = (belt_shift, 0.0, 0.0)
        for name, items in self._made.items():
            hidden = name not in ("frame", belt, floor)
            for item in items:
                _set(item, "hide_render", hidden)
                _set(item, "visible_camera", visible)

    def _make(self, name: str, root: Any, dirty: bool) -> None:
        if name not in self._made:
            self._made[name] = _KINDS[name](root)
            for material in {item.data.materials[0].name: item.data.materials[0] for item in self._made[name]}.values():
                if dirty:
                    self._dirt.may_cover(material)


def _frame(root: Any) -> list[Any]:
    """The conveyor's rails, and the dark bed below the gaps in its belt."""
    length, width = 8.0, belts.WIDTH
    rail = solid(belts.bar(length, -0.03, 0.008, 0.022), belts.metal("rail", 0.16, 0.4, tint=(0.75, 0.85, 1.0)))
    bed = solid(belts.bar(length, -0.03, -0.015, width), belts.metal("bed", 0.05, 0.6))
    y = 0.5 * width + 0.013
    return [
        add_object("rail", rail, (0, y, 0), root),
        add_object("rail", rail, (0, -y, 0), root),
        add_object("bed", bed, (0, 0, 0), root),
    ]


def _root(name: str, scale: float) -> Any:
    root = add_object(name, None)
    root.scale = (scale, scale, scale)
    return root


def _set(item: Any, name: str, value: bool) -> None:
    """Sets a property where it differs: Blender takes any assignment for a change of the scene."""
    if getattr(item, name) != value:
        setattr(item, name, value)
