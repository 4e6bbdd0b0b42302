"""The light: a round lamp overhead and a uniform world around it, and how both may change.

Runs inside Blender's Python. By default the light is the same for every yaw of an object, so that a part
looks alike wherever it points.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import bpy
import numpy as np
from numpy.typing import NDArray

from pad_ros.synthesis.bpy_data import add_object

_LAMP_COLOUR = (1.0, 0.97, 0.92)
_LAMP_POWER = 11.0  # watts
_LAMP_DISTANCE = 1.0  # metres, from the middle of the belt; also the lamp's diameter
_WORLD_COLOUR = (0.93, 0.96, 1.0)
_WORLD_STRENGTH = 0.40
_WHITE = 5000.0  # kelvin: the temperature at which lamp and world have the colours above


class Light:
    """Lamp and world of the scene; `scale` is how much larger the scene is than usual."""

    def __init__(self, scale: float) -> None:
        """Adds both to the scene, in their default state."""
        self._scale = scale
        world = bpy.data.worlds.new("world")
        bpy.context.scene.world = world
        if world.node_tree is None:
            world.use_nodes = True
        self._world = world.node_tree.nodes["Background"].inputs
        self._lamp = bpy.data.lights.new("lamp", "AREA")
        self._lamp.shape = "DISK"
        self._place = add_object("lamp", self._lamp)
        self.apply({})

    def apply(self, conditions: Mapping[str, Any]) -> None:
        """Sets the light to the `light` conditions (see `conditions`); what they leave out is the default."""
        intensity = conditions.get("intensity", 1.0)
        tint = _tint(conditions["temperature_k"]) if "temperature_k" in conditions else np.ones(3)
        distance = _LAMP_DISTANCE * self._scale
        away = math.radians(90.0 - conditions.get("elevation_deg", 90.0))  # from overhead
        around = math.radians(conditions.get("azimuth_deg", 0.0)) if away else 0.0
        self._lamp.energy = _LAMP_POWER * self._scale**2 * intensity
        self._lamp.color = _LAMP_COLOUR * tint
        self._lamp.size = distance * conditions.get("softness", 1.0)
        self._place.rotation_euler = (0.0, away, around)  # it shines along its own -z
        self._place.location = (
            distance * math.sin(away) * math.cos(around),
            distance * math.sin(away) * math.sin(around),
            distance * math.cos(away),
        )
        # The hall is lit by other lamps too, and takes half of the tint.
        self._world["Color"].default_value = (*(_WORLD_COLOUR * np.sqrt(tint)), 1.0)
        self._world["Strength"].default_value = _WORLD_STRENGTH * intensity


def _tint(kelvin: float) -> NDArray[np.float64]:
    """The colour [3] (linear sRGB) of a black body relative to one at the default's temperature."""
    tint = _black_body(kelvin) / _black_body(_WHITE)
    return np.asarray(tint / (tint @ (0.2126, 0.7152, 0.0722)))


def _black_body(kelvin: float) -> NDArray[np.float64]:
    """Linear sRGB [3] of a black body of luminance 1 (cubic fits of the Planckian locus, Kim et al. 2002)."""
    t = 1000.0 / kelvin
    x = np.polyval([-0.2661239, -0.2343589, 0.8776956, 0.179910], t)
    if kelvin > 4000:
        x = np.polyval([-3.0258469, 2.1070379, 0.2226347, 0.240390], t)
        y = np.polyval([3.0817580, -5.87338670, 3.75112997, -0.37001483], x)
    else:
        y = np.polyval([-0.9549476, -1.37418593, 2.09137015, -0.16748867], x)
    xyz = np.array([x / y, 1.0, (1.0 - x - y) / y])
    to_rgb = np.array([[3.2406, -1.5372, -0.4986], [-0.9689, 1.8758, 0.0415], [0.0557, -0.2040, 1.0570]])
    return np.asarray(to_rgb @ xyz)
