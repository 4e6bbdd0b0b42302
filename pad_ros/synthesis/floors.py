"""The floors below the conveyor: paving (the default), painted epoxy, tiles.

Runs inside Blender's Python.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from pad_ros.synthesis.assembly import Mesh
from pad_ros.synthesis.bpy_data import (
    add_object,
    covered,
    math_node,
    mixed,
    new_material,
    noise,
    noise_at,
    ramp,
    solid,
    tone,
)

_DEPTH = 0.16
_SIZE = 30.0


def paving(root: Any) -> list[Any]:
    """Paving stones of two colours."""
    stones = ((0.20, 0.21, 0.19), (0.34, 0.30, 0.25), (0.07, 0.07, 0.07))
    return _laid(root, "floor", stones, 0.8, 0.55, {"Scale": 5.0, "Mortar Size": 0.015})


def tiles(root: Any) -> list[Any]:
    """Square ceramic tiles in a pale grout."""
    colours = ((0.30, 0.13, 0.08), (0.24, 0.10, 0.065), (0.40, 0.38, 0.35))
    size = {"Scale": 5.0, "Mortar Size": 0.012, "Brick Width": 0.5, "Row Height": 0.5}
    return _laid(root, "tiles", colours, 0.35, 0.4, size, offset=0.0)


def epoxy(root: Any) -> list[Any]:
    """Grey paint on concrete: clouds, scratches and yellow lines along the conveyor."""
    material, shader = new_material("epoxy")
    tree = material.node_tree
    clouds, coordinates = noise(tree, 3.0, 6.0)
    place = coordinates.outputs["Object"]
    parts = tree.nodes.new("ShaderNodeSeparateXYZ")
    tree.links.new(place, parts.inputs[0])
    beside = math_node(
        tree, "ABSOLUTE", math_node(tree, "SUBTRACT", math_node(tree, "ABSOLUTE", parts.outputs[1]), 0.4)
    )
    painted = math_node(tree, "LESS_THAN", beside, 0.035)
    rubbed = ramp(tree, noise_at(tree, place, 40.0, 6.0), (0.36, 0.46), (0.25, 1.0))
    colour = mixed(tree, tone(tree, (0.25, 0.27, 0.28)), clouds, 0.3)
    colour = covered(tree, colour, (0.62, 0.40, 0.03), math_node(tree, "MULTIPLY", painted, rubbed))
    chips = ramp(tree, noise_at(tree, place, 55.0, 8.0), (0.66, 0.70), (0.0, 0.7))
    tree.links.new(covered(tree, colour, (0.07, 0.07, 0.07), chips), shader.inputs["Base Color"])
    shader.inputs["Roughness"].default_value = 0.3
    return [_plane(root, "epoxy", material)]


def _laid(
    root: Any,
    name: str,
    colours: tuple[tuple[float, float, float], ...],
    roughness: float,
    stained: float,
    inputs: dict[str, float],
    offset: float = 0.5,
) -> list[Any]:
    """Bricks of two colours in mortar of a third."""
    material, shader = new_material(name)
    tree = material.node_tree
    stains, coordinates = noise(tree, 14.0, 8.0)
    bricks = tree.nodes.new("ShaderNodeTexBrick")
    bricks.offset = offset
    for socket, value in inputs.items():
        bricks.inputs[socket].default_value = value
    for socket, rgb in zip(("Color1", "Color2", "Mortar"), colours, strict=True):
        bricks.inputs[socket].default_value = (*rgb, 1)
    tree.links.new(coordinates.outputs["Object"], bricks.inputs["Vector"])
    tree.links.new(mixed(tree, bricks.outputs["Color"], stains, stained), shader.inputs["Base Color"])
    shader.inputs["Roughness"].default_value = roughness
    return [_plane(root, name, material)]


def _plane(root: Any, name: str, material: Any) -> Any:
    size = _SIZE
    corners = np.array([[-size, -size, 0], [size, -size, 0], [size, size, 0], [-size, size, 0]], dtype=float)
    plane = Mesh(corners, np.array([[0, 1, 2], [0, 2, 3]], dtype=np.int32))
    return add_object(name, solid(plane, material), (0, 0, -_DEPTH), root)
