"""The scene in Blender: an object on a conveyor, its light, its surroundings, the camera.

Runs inside Blender's Python: numpy, bpy and this package's light modules only. World frame: z up, belt
surface at z = 0, belt running along x.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import bpy
import numpy as np

from pad_ros.synthesis.assembly import Assembly, Material, Mesh
from pad_ros.synthesis.bpy_data import add_object, linear, matrix, mesh_data, new_material
from pad_ros.synthesis.lights import Light
from pad_ros.synthesis.surroundings import Surroundings

_USUAL_SIZE = 0.2  # metres: what is larger gets a conveyor that is larger by as much


class Scene:
    """The Blender scene: one is set up, then objects, conditions and cameras are exchanged between renders."""

    def __init__(
        self, resolution: int, horizontal_angle: float, samples: int, threads: int = 0, object_size: float = 0.0
    ) -> None:
        """Sets up an empty Blender file with conveyor, floor, light and camera.

        Args:
            resolution: width and height, pixels.
            horizontal_angle: of the camera's view, radians.
            samples: per pixel.
            threads: to render with; 0 for one per processor.
            object_size: the longest horizontal diagonal of what is going to be shown, metres.
        """
        bpy.ops.wm.read_factory_settings(use_empty=True)
        self._meshes: dict[tuple[int, Material], tuple[Mesh, Any]] = {}
        self._materials: dict[Material, Any] = {}
        self._roots: dict[str, Any] = {}
        self._samples = samples
        _configure(resolution, threads)
        self._camera = _camera(horizontal_angle)
        scale = max(1.0, object_size / _USUAL_SIZE)
        self._light = Light(scale)
        self._surroundings = Surroundings(scale)

    def add_assembly(self, key: str, assembly: Assembly) -> None:
        """Adds an assembly under a name, hidden until it is shown; equal meshes are shared."""
        root = add_object(key, None)
        for part in assembly.parts:
            item = add_object(f"{key}/{part.name}", self._mesh(part.mesh, part.material))
            item.matrix_world = matrix(part.placement)
            item.parent = root
        self._roots[key] = root
        self._hide(root, True)

    def show(
        self,
        key: str,
        world_from_object: np.ndarray,
        belt_shift: float,
        cutout: bool,
        conditions: Mapping[str, Mapping[str, Any]],
    ) -> None:
        """Puts one assembly on the belt, under conditions that hold until the next call.

        Args:
            key: the assembly's name.
            world_from_object: its pose [4, 4].
            belt_shift: how far the belt has run along x, metres.
            cutout: hides all else from the camera, but not from the light.
            conditions: as `conditions` describes; the defaults where they say nothing.
        """
        for name, root in self._roots.items():
            self._hide(root, name != key)
        self._roots[key].matrix_world = matrix(world_from_object)
        self._light.apply(conditions.get("light", {}))
        self._surroundings.show(conditions, belt_shift, visible=not cutout)
        bpy.context.scene.render.film_transparent = cutout
        bpy.context.scene.render.image_settings.color_mode = "RGBA" if cutout else "RGB"

    def render(self, world_from_camera: np.ndarray, path: str, oversampling: int = 1) -> None:
        """Renders to a PNG, with so many times the samples; the pose is in Blender's camera axes."""
        bpy.context.scene.cycles.samples = oversampling * self._samples
        self._camera.matrix_world = matrix(world_from_camera)
        bpy.context.scene.render.filepath = path
        bpy.ops.render.render(write_still=True)

    def _mesh(self, mesh: Mesh, material: Material) -> Any:
        key = (id(mesh), material)
        if key not in self._meshes:
            data = mesh_data(mesh)
            data.materials.append(self._plastic(material))
            self._meshes[key] = (mesh, data)  # the mesh too: its id must not be given to another one
        return self._meshes[key][1]

    def _plastic(self, material: Material) -> Any:
        if material not in self._materials:
            made, shader = new_material(material.name)
            shader.inputs["Base Color"].default_value = (*linear(material.rgb), 1.0)
            shader.inputs["Roughness"].default_value = material.roughness
            shader.inputs["Metallic"].default_value = material.metallic
            shader.inputs["Specular IOR Level"].default_value = 0.3
            self._materials[material] = made
        return self._materials[material]

    @staticmethod
    def _hide(root: Any, hidden: bool) -> None:
        for item in root.children:
            if item.hide_render != hidden:
                item.hide_render = hidden


def _configure(resolution: int, threads: int) -> None:
    scene = bpy.context.scene
    scene.render.engine = "CYCLES"
    scene.render.resolution_x = scene.render.resolution_y = resolution
    scene.render.resolution_percentage = 100
    if threads:
        scene.render.threads_mode, scene.render.threads = "FIXED", threads
    scene.render.use_persistent_data = True
    scene.render.image_settings.file_format = "PNG"
    scene.render.image_settings.compression = 15
    scene.render.use_file_extension = False
    scene.view_settings.view_transform = "Standard"
    cycles = scene.cycles
    cycles.device = "CPU"
    cycles.use_light_tree = False  # one lamp: the tree costs a tenth of the time and finds nothing
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
    item = add_object("camera", data)
    bpy.context.scene.camera = item
    return item
