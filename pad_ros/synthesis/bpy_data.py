"""Small helpers on Blender's data: meshes, objects, materials and shader nodes.

Runs inside Blender's Python.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import bpy
import numpy as np

from pad_ros.synthesis.assembly import Mesh

_SMOOTH_ANGLE = math.radians(32)


def mesh_data(mesh: Mesh) -> Any:
    """Blender's mesh of one of ours, smooth but for its sharp edges."""
    data = bpy.data.meshes.new("part")
    count = len(mesh.triangles)
    data.vertices.add(len(mesh.vertices))
    data.vertices.foreach_set("co", np.ascontiguousarray(mesh.vertices, dtype=np.float32).ravel())
    data.loops.add(3 * count)
    data.loops.foreach_set("vertex_index", np.ascontiguousarray(mesh.triangles, dtype=np.int32).ravel())
    data.polygons.add(count)
    data.polygons.foreach_set("loop_start", np.arange(0, 3 * count, 3, dtype=np.int32))
    data.update(calc_edges=True)
    data.validate()
    data.polygons.foreach_set("use_smooth", np.ones(len(data.polygons), dtype=bool))
    data.set_sharp_from_angle(angle=_SMOOTH_ANGLE)
    return data


def solid(mesh: Mesh, material: Any) -> Any:
    """Blender's mesh of one of ours in a material."""
    data = mesh_data(mesh)
    data.materials.append(material)
    return data


def add_object(name: str, data: Any, place: Sequence[float] = (0.0, 0.0, 0.0), parent: Any = None) -> Any:
    """Puts an object (an empty one without data) into the scene.

    Its name matters: Blender draws an object's random number, which shifts its texture, from it.
    """
    item = bpy.data.objects.new(name, data)
    item.location = place
    item.parent = parent
    bpy.context.collection.objects.link(item)
    return item


def matrix(values: np.ndarray) -> Any:
    """Blender's matrix of an array [4, 4]."""
    from mathutils import Matrix

    return Matrix([list(map(float, row)) for row in values])


def linear(rgb: tuple[float, float, float]) -> list[float]:
    """Blender's shaders want linear values; colours are given in sRGB."""
    return [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in rgb]


def new_material(name: str) -> tuple[Any, Any]:
    """A new material and its shader."""
    material = bpy.data.materials.new(name)
    if material.node_tree is None:
        material.use_nodes = True
    return material, material.node_tree.nodes["Principled BSDF"]


def noise(tree: Any, scale: float, detail: float, stretch: tuple[float, ...] = (1.0, 1.0, 1.0)) -> tuple[Any, Any]:
    """Noise of strong contrast, 0.25…1.25, and the node of the coordinates that it is made from."""
    coordinates = tree.nodes.new("ShaderNodeTexCoord")
    mapping = tree.nodes.new("ShaderNodeMapping")
    mapping.inputs["Scale"].default_value = stretch
    # Each object draws its noise elsewhere, so that no two plates are alike.
    info = tree.nodes.new("ShaderNodeObjectInfo")
    tree.links.new(info.outputs["Random"], mapping.inputs["Location"])
    tree.links.new(coordinates.outputs["Object"], mapping.inputs["Vector"])
    texture = noise_at(tree, mapping.outputs["Vector"], scale, detail)
    return ramp(tree, texture, (0.3, 0.7), (0.25, 1.25)), coordinates


def noise_at(tree: Any, vector: Any, scale: float, detail: float) -> Any:
    """Noise around 0.5 at a position."""
    texture = tree.nodes.new("ShaderNodeTexNoise")
    texture.inputs["Scale"].default_value = scale
    texture.inputs["Detail"].default_value = detail
    tree.links.new(vector, texture.inputs["Vector"])
    return texture.outputs["Fac"]


def ramp(tree: Any, value: Any, source: tuple[float, float], target: tuple[float, float] = (0.0, 1.0)) -> Any:
    """Maps a range of values linearly to another, clamped."""
    node = tree.nodes.new("ShaderNodeMapRange")
    node.inputs["From Min"].default_value, node.inputs["From Max"].default_value = source
    node.inputs["To Min"].default_value, node.inputs["To Max"].default_value = target
    tree.links.new(value, node.inputs["Value"])
    return node.outputs["Result"]


def math_node(tree: Any, operation: str, *values: Any) -> Any:
    """The result of arithmetic (`ADD`, `LESS_THAN`…) on sockets and numbers."""
    node = tree.nodes.new("ShaderNodeMath")
    node.operation = operation
    for value, socket in zip(values, node.inputs, strict=False):
        if isinstance(value, int | float):
            socket.default_value = value
        else:
            tree.links.new(value, socket)
    return node.outputs["Value"]


def mixed(tree: Any, colour: Any, factor: Any, amount: float) -> Any:
    """Multiplies a colour by a grey factor, to a degree."""
    mix = tree.nodes.new("ShaderNodeMix")
    mix.data_type, mix.blend_type = "RGBA", "MULTIPLY"
    mix.inputs[0].default_value = amount
    tree.links.new(colour, mix.inputs[6])
    tree.links.new(factor, mix.inputs[7])
    return mix.outputs[2]


def covered(tree: Any, colour: Any, cover: tuple[float, float, float], share: Any) -> Any:
    """A colour under another one (linear), as far as `share` (0…1) says."""
    mix = tree.nodes.new("ShaderNodeMix")
    mix.data_type, mix.blend_type = "RGBA", "MIX"
    tree.links.new(share, mix.inputs[0])
    tree.links.new(colour, mix.inputs[6])
    mix.inputs[7].default_value = (*cover, 1.0)
    return mix.outputs[2]


def tone(tree: Any, rgb: Sequence[float]) -> Any:
    """A constant colour (linear)."""
    node = tree.nodes.new("ShaderNodeRGB")
    node.outputs[0].default_value = (*rgb, 1.0)
    return node.outputs[0]
