"""The scene, built in Blender: conveyor of metal plates, textured floor, soft light, camera, parts.

Runs inside Blender's Python: numpy, bpy and this package's light modules only. World frame: z up, belt
surface at z = 0, belt running along x. The light is the same for every yaw of an object (a round lamp
overhead and a uniform world), so that a part looks alike wherever it points.
"""

from __future__ import annotations

import math
from typing import Any

import bpy
import numpy as np

from pad_ros.synthesis.assembly import Assembly, Material, Mesh
from pad_ros.synthesis.shapes import prism

_PLATE_PITCH = 0.048  # along the belt
_BELT_WIDTH = 0.26
_FLOOR_DEPTH = 0.16
_SMOOTH_ANGLE = math.radians(32)


class Scene:
    """The Blender scene: one is set up, then objects and cameras are exchanged between renders."""

    def __init__(self, resolution: int, horizontal_angle: float, samples: int) -> None:
        """Sets up an empty Blender file with conveyor, floor, light and camera."""
        bpy.ops.wm.read_factory_settings(use_empty=True)
        self._meshes: dict[tuple[int, str], tuple[Mesh, Any]] = {}
        self._materials: dict[str, Any] = {}
        self._roots: dict[str, Any] = {}
        _configure(resolution, samples)
        self._camera = _camera(horizontal_angle)
        _light()
        self._surroundings = [*_floor(), *_frame()]
        self._belt = _belt()
        self._belt_root = bpy.data.objects.new("belt", None)
        for item in self._belt:
            item.parent = self._belt_root
        bpy.context.collection.objects.link(self._belt_root)

    def add_assembly(self, key: str, assembly: Assembly) -> None:
        """Adds an assembly under a name, hidden until it is shown; equal meshes are shared."""
        root = bpy.data.objects.new(key, None)
        bpy.context.collection.objects.link(root)
        for part in assembly.parts:
            item = bpy.data.objects.new(f"{key}/{part.name}", self._mesh(part.mesh, part.material))
            item.matrix_world = _matrix(part.placement)
            item.parent = root
            bpy.context.collection.objects.link(item)
        self._roots[key] = root
        self._hide(root, True)

    def show(self, key: str, world_from_object: np.ndarray, belt_shift: float, cutout: bool) -> None:
        """Puts one assembly on the belt; `cutout` hides all else from the camera but not from the light."""
        for name, root in self._roots.items():
            self._hide(root, name != key)
        self._roots[key].matrix_world = _matrix(world_from_object)
        self._belt_root.location = (belt_shift, 0.0, 0.0)
        for item in [*self._belt, *self._surroundings]:
            item.visible_camera = not cutout
        bpy.context.scene.render.film_transparent = cutout
        bpy.context.scene.render.image_settings.color_mode = "RGBA" if cutout else "RGB"

    def render(self, world_from_camera: np.ndarray, path: str) -> None:
        """Renders to a PNG; the pose is in Blender's camera axes."""
        self._camera.matrix_world = _matrix(world_from_camera)
        bpy.context.scene.render.filepath = path
        bpy.ops.render.render(write_still=True)

    def _mesh(self, mesh: Mesh, material: Material) -> Any:
        key = (id(mesh), material.name)
        if key not in self._meshes:
            data = _mesh_data(mesh)
            data.materials.append(self._plastic(material))
            self._meshes[key] = (mesh, data)  # the mesh too: its id must not be given to another one
        return self._meshes[key][1]

    def _plastic(self, material: Material) -> Any:
        if material.name not in self._materials:
            made, shader = _material(material.name)
            shader.inputs["Base Color"].default_value = (*_linear(material.rgb), 1.0)
            shader.inputs["Roughness"].default_value = material.roughness
            shader.inputs["Metallic"].default_value = material.metallic
            shader.inputs["Specular IOR Level"].default_value = 0.3
            self._materials[material.name] = made
        return self._materials[material.name]

    @staticmethod
    def _hide(root: Any, hidden: bool) -> None:
        for item in root.children:
            if item.hide_render != hidden:
                item.hide_render = hidden


def _configure(resolution: int, samples: int) -> None:
    scene = bpy.context.scene
    scene.render.engine = "CYCLES"
    scene.render.resolution_x = scene.render.resolution_y = resolution
    scene.render.resolution_percentage = 100
    scene.render.use_persistent_data = True
    scene.render.image_settings.file_format = "PNG"
    scene.render.image_settings.compression = 15
    scene.render.use_file_extension = False
    scene.view_settings.view_transform = "Standard"
    cycles = scene.cycles
    cycles.device = "CPU"
    cycles.samples = samples
    cycles.use_adaptive_sampling = False
    cycles.use_denoising = True
    cycles.denoiser = "OPENIMAGEDENOISE"
    cycles.denoising_input_passes = "RGB_ALBEDO_NORMAL"
    cycles.denoising_prefilter = "FAST"
    cycles.max_bounces = 3
    cycles.diffuse_bounces = 2
    cycles.glossy_bounces = 2
    cycles.transmission_bounces = 0
    cycles.caustics_reflective = cycles.caustics_refractive = False
    cycles.sample_clamp_indirect = 4.0
    cycles.seed = 0


def _camera(horizontal_angle: float) -> Any:
    data = bpy.data.cameras.new("camera")
    data.sensor_fit = "HORIZONTAL"
    data.angle = horizontal_angle
    data.clip_start, data.clip_end = 0.01, 100.0
    item = bpy.data.objects.new("camera", data)
    bpy.context.collection.objects.link(item)
    bpy.context.scene.camera = item
    return item


def _light() -> None:
    world = bpy.data.worlds.new("world")
    bpy.context.scene.world = world
    if world.node_tree is None:
        world.use_nodes = True
    background = world.node_tree.nodes["Background"]
    background.inputs["Color"].default_value = (0.93, 0.96, 1.0, 1.0)
    background.inputs["Strength"].default_value = 0.40
    lamp = bpy.data.lights.new("lamp", "AREA")
    lamp.shape = "DISK"
    lamp.size = 1.0
    lamp.energy = 11.0
    lamp.color = (1.0, 0.97, 0.92)
    item = bpy.data.objects.new("lamp", lamp)
    item.location = (0.0, 0.0, 1.0)
    bpy.context.collection.objects.link(item)


def _belt() -> list[Any]:
    """Slats across the belt; a period longer than any view, each with its own tone by position."""
    x, z = 0.5 * _PLATE_PITCH - 0.0012, 0.006
    slat = prism(np.array([[-x, -z], [x, -z], [x, 0.0], [-x, 0.0]]), _BELT_WIDTH, 0.001)
    data = _mesh_data(slat)
    data.materials.append(_metal("belt_plate", 0.36, 0.5, stretch=(6.0, 60.0, 6.0)))
    x = 0.004
    rivet = _mesh_data(prism(np.array([[-x, 0.0], [x, 0.0], [0.6 * x, 0.0012], [-0.6 * x, 0.0012]]), 2 * x, 0.0004))
    rivet.materials.append(_metal("rivet", 0.22, 0.4))
    items = []
    for index in range(-40, 41):
        place = index * _PLATE_PITCH
        items.append(_object(f"plate{index}", data, (place, 0.0, 0.0)))
        items += [_object(f"rivet{index}{y}", rivet, (place, y * 0.43 * _BELT_WIDTH, 0.0)) for y in (-1, 1)]
    return items


def _frame() -> list[Any]:
    """The conveyor's rails, and the dark bed below the gaps between its plates."""
    length = 8.0
    rail = np.array([[-length / 2, -0.03], [length / 2, -0.03], [length / 2, 0.008], [-length / 2, 0.008]])
    data = _mesh_data(prism(rail, 0.022, 0.001))
    data.materials.append(_metal("rail", 0.16, 0.4, tint=(0.75, 0.85, 1.0)))
    bed = np.array([[-length / 2, -0.03], [length / 2, -0.03], [length / 2, -0.015], [-length / 2, -0.015]])
    below = _mesh_data(prism(bed, _BELT_WIDTH, 0.001))
    below.materials.append(_metal("bed", 0.05, 0.6))
    y = 0.5 * _BELT_WIDTH + 0.013
    return [_object("rail", data, (0, y, 0)), _object("rail", data, (0, -y, 0)), _object("bed", below, (0, 0, 0))]


def _floor() -> list[Any]:
    """A large concrete floor with painted stripes."""
    material, shader = _material("floor")
    tree = material.node_tree
    noise = _noise(tree, 14.0, 8.0, (1.0, 1.0, 1.0))
    tiles = tree.nodes.new("ShaderNodeTexBrick")
    tiles.inputs["Scale"].default_value = 5.0
    tiles.inputs["Mortar Size"].default_value = 0.015
    tiles.inputs["Color1"].default_value = (0.20, 0.21, 0.19, 1)
    tiles.inputs["Color2"].default_value = (0.34, 0.30, 0.25, 1)
    tiles.inputs["Mortar"].default_value = (0.07, 0.07, 0.07, 1)
    tree.links.new(noise[1].outputs["Object"], tiles.inputs["Vector"])
    tree.links.new(_mixed(tree, tiles.outputs["Color"], noise[0], 0.55), shader.inputs["Base Color"])
    shader.inputs["Roughness"].default_value = 0.8
    size = 30.0
    corners = np.array([[-size, -size, 0], [size, -size, 0], [size, size, 0], [-size, size, 0]], dtype=float)
    data = _mesh_data(Mesh(corners, np.array([[0, 1, 2], [0, 2, 3]], dtype=np.int32)))
    data.materials.append(material)
    return [_object("floor", data, (0, 0, -_FLOOR_DEPTH))]


def _metal(
    name: str,
    grey: float,
    roughness: float,
    stretch: tuple[float, ...] = (1.0, 1.0, 1.0),
    tint: tuple[float, ...] = (1, 1, 1),
) -> Any:
    """Brushed metal: a noise stretched along the belt, spots, and a tone of each plate's own."""
    material, shader = _material(name)
    tree = material.node_tree
    brushed = _noise(tree, 22.0, 3.0, stretch)[0]
    spots = _noise(tree, 95.0, 6.0, (1.0, 1.0, 1.0))[0]
    tone = tree.nodes.new("ShaderNodeRGB")
    tone.outputs[0].default_value = (*(grey * np.array(tint)), 1.0)
    plate = tree.nodes.new("ShaderNodeMapRange")
    info = tree.nodes.new("ShaderNodeObjectInfo")
    tree.links.new(info.outputs["Random"], plate.inputs["Value"])
    plate.inputs["To Min"].default_value, plate.inputs["To Max"].default_value = 0.62, 1.0
    toned = _mixed(tree, tone.outputs[0], plate.outputs["Result"], 1.0)
    colour = _mixed(tree, _mixed(tree, toned, brushed, 0.6), spots, 0.35)
    tree.links.new(colour, shader.inputs["Base Color"])
    shader.inputs["Metallic"].default_value = 0.6
    shader.inputs["Roughness"].default_value = roughness
    return material


def _noise(tree: Any, scale: float, detail: float, stretch: tuple[float, ...]) -> tuple[Any, Any]:
    coordinates = tree.nodes.new("ShaderNodeTexCoord")
    mapping = tree.nodes.new("ShaderNodeMapping")
    mapping.inputs["Scale"].default_value = stretch
    # Each object draws its noise elsewhere, so that no two plates are alike.
    info = tree.nodes.new("ShaderNodeObjectInfo")
    tree.links.new(info.outputs["Random"], mapping.inputs["Location"])
    noise = tree.nodes.new("ShaderNodeTexNoise")
    noise.inputs["Scale"].default_value = scale
    noise.inputs["Detail"].default_value = detail
    contrast = tree.nodes.new("ShaderNodeMapRange")
    contrast.inputs["From Min"].default_value, contrast.inputs["From Max"].default_value = 0.3, 0.7
    contrast.inputs["To Min"].default_value, contrast.inputs["To Max"].default_value = 0.25, 1.25
    tree.links.new(coordinates.outputs["Object"], mapping.inputs["Vector"])
    tree.links.new(mapping.outputs["Vector"], noise.inputs["Vector"])
    tree.links.new(noise.outputs["Fac"], contrast.inputs["Value"])
    return contrast.outputs["Result"], coordinates


def _mixed(tree: Any, colour: Any, factor: Any, amount: float) -> Any:
    """Multiplies a colour by a grey factor, to a degree."""
    mix = tree.nodes.new("ShaderNodeMix")
    mix.data_type, mix.blend_type = "RGBA", "MULTIPLY"
    mix.inputs[0].default_value = amount
    tree.links.new(colour, mix.inputs[6])
    tree.links.new(factor, mix.inputs[7])
    return mix.outputs[2]


def _material(name: str) -> tuple[Any, Any]:
    material = bpy.data.materials.new(name)
    if material.node_tree is None:
        material.use_nodes = True
    return material, material.node_tree.nodes["Principled BSDF"]


def _mesh_data(mesh: Mesh) -> Any:
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


def _object(name: str, data: Any, place: tuple[float, float, float]) -> Any:
    item = bpy.data.objects.new(name, data)
    item.location = place
    bpy.context.collection.objects.link(item)
    return item


def _matrix(values: np.ndarray) -> Any:
    from mathutils import Matrix

    return Matrix([list(map(float, row)) for row in values])


def _linear(rgb: tuple[float, float, float]) -> list[float]:
    """Blender's shaders want linear values; colours are given in sRGB."""
    return [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in rgb]
