"""Dirt on the conveyor: grime, oil stains, streaks along the belt, dust and crumbs, by shader nodes.

Runs inside Blender's Python. Nothing lies on the object or changes a shape.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import bpy
import numpy as np

from pad_ros.synthesis.bpy_data import covered, math_node, noise_at, ramp

_GRIME = (0.030, 0.022, 0.014)  # linear colours
_OIL = (0.008, 0.007, 0.006)
_SCUFF = (0.012, 0.012, 0.012)
_DUST = (0.36, 0.31, 0.24)


class Dirt:
    """A group of nodes between the colours of surfaces and their shaders, linked only while there is dirt."""

    def __init__(self, scale: float) -> None:
        """Makes the group; `scale` is how much larger the scene is than usual."""
        self._group, self._amount, self._offset = _group(scale)
        self._surfaces: list[tuple[Any, Any, Any, Any]] = []
        self._on = False

    def may_cover(self, material: Any) -> None:
        """Names a material whose base colour comes from nodes."""
        tree = material.node_tree
        target = tree.nodes["Principled BSDF"].inputs["Base Color"]
        clean = target.links[0].from_socket
        node = tree.nodes.new("ShaderNodeGroup")
        node.node_tree = self._group
        tree.links.new(clean, node.inputs[0])
        self._surfaces.append((tree, target, clean, node.outputs[0]))
        self._link(*self._surfaces[-1])

    def apply(self, conditions: Mapping[str, Any]) -> None:
        """Sets the `dirt` conditions (see `conditions`); none is a clean conveyor."""
        amount = conditions.get("amount", 0.0)
        if amount:
            self._amount.default_value = amount
            place = np.random.default_rng(conditions["seed"]).uniform(-100.0, 100.0, 3)
            self._offset.default_value = tuple(float(value) for value in place)
        if self._on != bool(amount):
            self._on = bool(amount)
            for surface in self._surfaces:
                self._link(*surface)

    def _link(self, tree: Any, target: Any, clean: Any, dirty: Any) -> None:
        tree.links.new(dirty if self._on else clean, target)


def _group(scale: float) -> tuple[Any, Any, Any]:
    """The group of nodes, the socket of its amount, and the one of its place in the noise."""
    tree = bpy.data.node_groups.new("dirt", "ShaderNodeTree")
    tree.interface.new_socket("Color", in_out="INPUT", socket_type="NodeSocketColor")
    tree.interface.new_socket("Color", in_out="OUTPUT", socket_type="NodeSocketColor")
    colour = tree.nodes.new("NodeGroupInput").outputs[0]
    amount = tree.nodes.new("ShaderNodeValue").outputs[0]
    mapping = tree.nodes.new("ShaderNodeMapping")
    mapping.inputs["Scale"].default_value = (1.0 / scale,) * 3
    tree.links.new(tree.nodes.new("ShaderNodeNewGeometry").outputs["Position"], mapping.inputs["Vector"])
    place = mapping.outputs["Vector"]
    colour = covered(tree, colour, _GRIME, _grime(tree, place, amount))
    colour = covered(tree, colour, _SCUFF, _streaks(tree, place, amount))
    colour = covered(tree, colour, _OIL, _stains(tree, place, amount))
    colour = covered(tree, colour, _DUST, _dust(tree, place, amount))
    tree.links.new(colour, tree.nodes.new("NodeGroupOutput").inputs[0])
    return tree, amount, mapping.inputs["Location"]


def _grime(tree: Any, place: Any, amount: Any) -> Any:
    """Broad clouds of dark grime."""
    share = ramp(tree, noise_at(tree, place, 11.0, 6.0), (0.40, 0.66), (0.0, 0.9))
    return math_node(tree, "MULTIPLY", share, amount)


def _streaks(tree: Any, place: Any, amount: Any) -> Any:
    """Scuffs along the belt, broken up."""
    along = tree.nodes.new("ShaderNodeMapping")
    along.inputs["Scale"].default_value = (5.0, 90.0, 1.0)
    tree.links.new(place, along.inputs["Vector"])
    lines = ramp(tree, noise_at(tree, along.outputs["Vector"], 1.0, 2.0), (0.62, 0.72), (0.0, 0.8))
    return math_node(tree, "MULTIPLY", lines, amount)


def _stains(tree: Any, place: Any, amount: Any) -> Any:
    """Drops of oil: ragged discs around some of the points of a Voronoi pattern."""
    ragged = tree.nodes.new("ShaderNodeTexNoise")
    ragged.inputs["Scale"].default_value = 60.0
    warped = tree.nodes.new("ShaderNodeVectorMath")
    warped.operation = "MULTIPLY_ADD"
    warped.inputs[1].default_value = (0.02, 0.02, 0.02)
    tree.links.new(place, ragged.inputs["Vector"])
    tree.links.new(ragged.outputs["Color"], warped.inputs[0])
    tree.links.new(place, warped.inputs[2])
    cells = tree.nodes.new("ShaderNodeTexVoronoi")
    cells.voronoi_dimensions = "2D"
    cells.inputs["Scale"].default_value = 20.0
    tree.links.new(warped.outputs[0], cells.inputs["Vector"])
    size = ramp(tree, cells.outputs["Color"], (0.45, 1.0), (-0.05, 0.42))  # most cells stay empty
    inside = math_node(tree, "SUBTRACT", math_node(tree, "MULTIPLY", size, amount), cells.outputs["Distance"])
    return ramp(tree, inside, (0.0, 0.06), (0.0, 0.85))


def _dust(tree: Any, place: Any, amount: Any) -> Any:
    """A light film in patches, and crumbs."""
    patches = ramp(tree, noise_at(tree, place, 23.0, 8.0), (0.5, 0.75), (0.0, 0.45))
    grain = ramp(tree, noise_at(tree, place, 700.0, 2.0), (0.4, 0.7))
    crumbs = ramp(tree, noise_at(tree, place, 520.0, 0.0), (0.785, 0.80), (0.0, 0.8))
    film = math_node(tree, "MULTIPLY", math_node(tree, "MULTIPLY", patches, grain), amount)
    return math_node(tree, "MAXIMUM", film, math_node(tree, "MULTIPLY", crumbs, amount))
