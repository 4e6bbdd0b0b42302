"""The conveyor's belts: metal plates (the default), black rubber, green PVC, plastic modules.

Runs inside Blender's Python. Each belt's surface is at z = 0, it runs along x, and is longer than any view.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from pad_ros.synthesis.assembly import Mesh
from pad_ros.synthesis.bpy_data import add_object, covered, math_node, mixed, new_material, noise, ramp, solid, tone
from pad_ros.synthesis.shapes import prism

WIDTH = 0.26
_LENGTH = 8.0
_PLATE_PITCH = 0.048  # along the belt
_MODULE = (0.0254, 0.052)  # along and across the belt


def bar(length: float, low: float, high: float, width: float, bevel: float = 0.001) -> Mesh:
    """A box along x, centred there, from z = `low` to `high`."""
    half = 0.5 * length
    return prism(np.array([[-half, low], [half, low], [half, high], [-half, high]]), width, bevel)


def plates(root: Any) -> list[Any]:
    """Slats across the belt with rivets, each with its own tone by position."""
    slat = solid(
        bar(_PLATE_PITCH - 0.0024, -0.006, 0.0, WIDTH), metal("belt_plate", 0.36, 0.5, stretch=(6.0, 60.0, 6.0))
    )
    x = 0.004
    profile = np.array([[-x, 0.0], [x, 0.0], [0.6 * x, 0.0012], [-0.6 * x, 0.0012]])
    rivet = solid(prism(profile, 2 * x, 0.0004), metal("rivet", 0.22, 0.4))
    items = []
    for index in range(-40, 41):
        place = index * _PLATE_PITCH
        items.append(add_object(f"plate{index}", slat, (place, 0.0, 0.0), root))
        items += [add_object(f"rivet{index}{y}", rivet, (place, y * 0.43 * WIDTH, 0.0), root) for y in (-1, 1)]
    return items


def rubber(root: Any) -> list[Any]:
    """Black rubber: scuffed along its run, with a slanted seam now and then."""
    return _band(root, "rubber", (0.026, 0.026, 0.028), 0.6, scuff=(0.075, 0.075, 0.075), seam=(0.011, 0.011, 0.011))


def pvc(root: Any) -> list[Any]:
    """Green PVC, smoother and cleaner."""
    return _band(root, "pvc", (0.035, 0.17, 0.10), 0.42, scuff=(0.09, 0.24, 0.17), seam=(0.02, 0.10, 0.06))


def modular(root: Any) -> list[Any]:
    """Slotted plastic modules laid like bricks, the dark bed showing between them."""
    material, shader = new_material("module")
    tree = material.node_tree
    worn, coordinates = noise(tree, 60.0, 5.0)
    colour = mixed(tree, _own_tone(tree, (0.10, 0.17, 0.27), 0.85), worn, 0.3)
    tree.links.new(_slotted(tree, colour, coordinates), shader.inputs["Base Color"])
    shader.inputs["Roughness"].default_value = 0.38
    shader.inputs["Specular IOR Level"].default_value = 0.4
    length, width = _MODULE
    whole = solid(bar(length - 0.0022, -0.006, 0.0, width - 0.0022, 0.0008), material)
    half = solid(bar(length - 0.0022, -0.006, 0.0, 0.5 * width - 0.0022, 0.0008), material)
    items = []
    for index in range(-76, 77):
        x = index * length
        if index % 2:
            places = [(whole, y * width) for y in (-1.5, -0.5, 0.5, 1.5)] + [(half, y * width) for y in (-2.25, 2.25)]
        else:
            places = [(whole, y * width) for y in range(-2, 3)]
        items += [add_object(f"module{index},{y:.3f}", data, (x, y, 0.0), root) for data, y in places]
    return items


def metal(
    name: str,
    grey: float,
    roughness: float,
    stretch: tuple[float, ...] = (1.0, 1.0, 1.0),
    tint: tuple[float, ...] = (1, 1, 1),
) -> Any:
    """Brushed metal: a noise stretched along the belt, spots, and a tone of each plate's own."""
    material, shader = new_material(name)
    tree = material.node_tree
    brushed = noise(tree, 22.0, 3.0, stretch)[0]
    spots = noise(tree, 95.0, 6.0)[0]
    toned = _own_tone(tree, [grey * share for share in tint], 0.62)
    colour = mixed(tree, mixed(tree, toned, brushed, 0.6), spots, 0.35)
    tree.links.new(colour, shader.inputs["Base Color"])
    shader.inputs["Metallic"].default_value = 0.6
    shader.inputs["Roughness"].default_value = roughness
    return material


def _own_tone(tree: Any, rgb: Sequence[float], darkest: float) -> Any:
    """A colour, darkened by an amount of each object's own."""
    info = tree.nodes.new("ShaderNodeObjectInfo")
    return mixed(tree, tone(tree, rgb), ramp(tree, info.outputs["Random"], (0.0, 1.0), (darkest, 1.0)), 1.0)


def _band(
    root: Any,
    name: str,
    rgb: tuple[float, float, float],
    roughness: float,
    scuff: tuple[float, float, float],
    seam: tuple[float, float, float],
) -> list[Any]:
    """An endless band: a weave, scuffs along the belt, seams across at a slant, and pale worn borders."""
    material, shader = new_material(name)
    tree = material.node_tree
    streaks, coordinates = noise(tree, 3.0, 4.0, (1.0, 40.0, 1.0))
    x, y = _xy(tree, coordinates)
    colour = mixed(tree, tone(tree, rgb), _weave(tree, x, y), 0.5)
    colour = covered(tree, colour, scuff, ramp(tree, streaks, (0.7, 1.25), (0.0, 0.55)))
    slanted = math_node(tree, "ADD", x, math_node(tree, "MULTIPLY", y, 0.35))
    beside = math_node(tree, "PINGPONG", math_node(tree, "ADD", slanted, 0.07), 0.13)  # metres from a seam
    colour = covered(tree, colour, seam, math_node(tree, "LESS_THAN", beside, 0.0012))
    worn = ramp(tree, math_node(tree, "ABSOLUTE", y), (0.44 * WIDTH, 0.5 * WIDTH), (0.0, 0.6))
    tree.links.new(covered(tree, colour, scuff, worn), shader.inputs["Base Color"])
    shader.inputs["Roughness"].default_value = roughness
    shader.inputs["Specular IOR Level"].default_value = 0.3
    return [add_object(name, solid(bar(_LENGTH, -0.006, 0.0, WIDTH), material), parent=root)]


def _slotted(tree: Any, colour: Any, coordinates: Any) -> Any:
    """Dark slots along the belt, painted: two rows of them per module, an eighth of its width apart."""
    x, y = _xy(tree, coordinates)
    spacing = _MODULE[1] / 16  # between a slot's middle and the next ridge's
    across = math_node(tree, "PINGPONG", math_node(tree, "ADD", y, spacing), spacing)
    along = math_node(tree, "ABSOLUTE", math_node(tree, "SUBTRACT", math_node(tree, "ABSOLUTE", x), 0.0055))
    inside = math_node(tree, "LESS_THAN", along, 0.0036)
    slot = math_node(tree, "MULTIPLY", inside, math_node(tree, "LESS_THAN", across, 0.0011))
    return covered(tree, colour, (0.006, 0.007, 0.009), slot)


def _xy(tree: Any, coordinates: Any) -> tuple[Any, Any]:
    parts = tree.nodes.new("ShaderNodeSeparateXYZ")
    tree.links.new(coordinates.outputs["Object"], parts.inputs[0])
    return parts.outputs["X"], parts.outputs["Y"]


def _weave(tree: Any, x: Any, y: Any) -> Any:
    """A fine diamond pattern, 0.35…1."""
    ridges = [math_node(tree, "PINGPONG", math_node(tree, operation, x, y), 0.002) for operation in ("ADD", "SUBTRACT")]
    return ramp(tree, math_node(tree, "MINIMUM", *ridges), (0.0, 0.0007), (0.35, 1.0))
