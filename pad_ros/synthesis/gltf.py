"""Reads glTF 2.0 files as assemblies: one object is one part.

glTF's frame is x left, y up, z forward, in metres. Meshes keep their own origin, with axes as in the object's
frame: x forward, y left, z up.
"""

from __future__ import annotations

import base64
import json
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import numpy as np
from numpy.typing import NDArray

from pad_ros.errors import ImageError, SynthesisError
from pad_ros.geometry import Matrix, rotation_from_quaternion
from pad_ros.images import decode_image
from pad_ros.synthesis.assembly import Assembly, Material, Mesh, Part, Points
from pad_ros.synthesis.model_tools import (
    GLASS_ROUGHNESS,
    glossy_opaque,
    grounded,
    part_name,
    selected,
    slug,
    split_rigid,
    weld,
)

_AXES = np.array([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])  # our axes from glTF's
_TYPES = {5120: "<i1", 5121: "<u1", 5122: "<i2", 5123: "<u2", 5125: "<u4", 5126: "<f4"}
_WIDTHS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4}
_TRIANGLES, _STRIP, _FAN = 4, 5, 6
_COMPRESSED = ("KHR_draco_mesh_compression", "EXT_meshopt_compression", "KHR_texture_basisu")


def read_gltf(path: Path | str, leave_out: Sequence[str] = ()) -> Assembly:
    """Reads a glTF file (.glb, .gltf), whose unit is the metre; its front is +z, as glTF has it.

    Each object (node with a mesh) is one part of one material; an object of several takes the one that covers the
    largest area, as with LDraw parts. A texture counts by its mean colour on the surface. Transparent materials
    become opaque (see `glossy_opaque`). Meshes have no sockets.

    Args:
        path: the file.
        leave_out: patterns (`fnmatch`, any case) of objects to leave out, by the name of the object or of one above
            it, or by the part's name in the assembly.

    Raises:
        SynthesisError: the file or one that it needs is missing, broken or compressed; a pattern matches nothing; no
            object is left.
    """
    path = Path(path)
    try:
        return _Reader(path).assembly(leave_out)
    except OSError as error:
        raise SynthesisError(f"{path}: {error.filename or path} cannot be read ({error.strerror})") from None
    except (KeyError, IndexError, TypeError, ValueError, AttributeError, struct.error, ImageError) as error:
        raise SynthesisError(f"{path}: not a valid glTF 2.0 file ({type(error).__name__}: {error})") from None


@dataclass(frozen=True)
class _Primitive:
    """Triangles [T, 3, 3] of one material; the triangles' areas; texture coordinates [T, 3, 2] where it has any."""

    corners: Points
    material: int | None
    texture: Points | None

    @cached_property
    def areas(self) -> Points:
        a, b, c = self.corners.transpose(1, 0, 2)
        return np.asarray(0.5 * np.linalg.norm(np.cross(b - a, c - a), axis=1))


class _Reader:
    def __init__(self, path: Path) -> None:
        self._path = path
        self._document, self._blob = _open(path)
        compressed = [name for name in self._document.get("extensionsRequired", ()) if name in _COMPRESSED]
        if compressed:
            raise SynthesisError(f"{path}: needs {', '.join(compressed)}; export it without compression")
        self._buffers: dict[int, bytes] = {}
        self._primitives: dict[int, list[_Primitive]] = {}
        self._meshes: dict[tuple[int, bytes], Mesh] = {}

    def assembly(self, leave_out: Sequence[str]) -> Assembly:
        objects = list(self._objects())
        labels = [{part_name(i, names[-1]), *names} for i, (names, _, _) in enumerate(objects)]
        groups = (name for names, _, _ in objects for name in names)
        parts = []
        for index in selected(labels, leave_out, groups, self._path):
            names, mesh, matrix = objects[index]
            if part := self._part(part_name(index, names[-1]), mesh, matrix):
                parts.append(part)
        if not parts:
            raise SynthesisError(f"{self._path}: no object with triangles{' is left' if leave_out else ''}")
        return grounded(slug(self._path.stem) or "model", parts)

    def _objects(self) -> Iterator[tuple[list[str], int, Matrix]]:
        """Names of the nodes from the root to the object, its mesh, and root-from-object [4, 4]."""
        nodes = self._document.get("nodes", [])
        children = {child for node in nodes for child in node.get("children", ())}
        roots = [index for index in range(len(nodes)) if index not in children]
        if self._document.get("scenes"):
            roots = self._document["scenes"][self._document.get("scene", 0)].get("nodes", [])
        waiting: list[tuple[int, list[str], Matrix]] = [(root, [], np.eye(4)) for root in reversed(roots)]
        seen: set[int] = set()
        while waiting:
            index, above, parent = waiting.pop()
            if index in seen:
                raise ValueError(f"node {index} is placed twice")
            seen.add(index)
            node = nodes[index]
            names, matrix = [*above, str(node.get("name", f"node{index}"))], parent @ _node_matrix(node)
            if "mesh" in node:
                yield names, int(node["mesh"]), matrix
            waiting += [(child, names, matrix) for child in reversed(node.get("children", ()))]

    def _part(self, name: str, index: int, matrix: Matrix) -> Part | None:
        """The object as a part; None if it has no surface."""
        rotation, residue = split_rigid(matrix[:3, :3])
        key = (index, (residue.round(6) + 0.0).tobytes())
        primitives = self._mesh_primitives(index)
        if key not in self._meshes:
            corners = np.concatenate([np.zeros((0, 3, 3)), *(one.corners for one in primitives)])
            corners = corners[:, ::-1] if np.linalg.det(residue) < 0 else corners
            self._meshes[key] = weld(corners @ (_AXES @ residue).T)
        if not len(self._meshes[key].triangles):
            return None
        placement = np.eye(4)
        placement[:3, :3] = _AXES @ rotation @ _AXES.T
        placement[:3, 3] = _AXES @ matrix[:3, 3]
        return Part(name, self._meshes[key], placement, self._material(primitives))

    def _mesh_primitives(self, index: int) -> list[_Primitive]:
        if index not in self._primitives:
            found = self._document["meshes"][index]["primitives"]
            self._primitives[index] = [one for primitive in found if (one := self._primitive(primitive))]
        return self._primitives[index]

    def _primitive(self, primitive: dict[str, Any]) -> _Primitive | None:
        mode, attributes = primitive.get("mode", _TRIANGLES), primitive["attributes"]
        if mode < _TRIANGLES or "POSITION" not in attributes:  # points and lines
            return None
        positions = self._accessor(attributes["POSITION"])
        if not np.isfinite(positions).all():
            raise ValueError("a position is not finite")
        count = len(positions)
        indices = self._accessor(primitive["indices"])[:, 0].astype(int) if "indices" in primitive else np.arange(count)
        triangles = _triangles(indices, mode)
        texture = self._accessor(attributes["TEXCOORD_0"])[triangles] if "TEXCOORD_0" in attributes else None
        return _Primitive(positions[triangles], primitive.get("material"), texture)

    def _accessor(self, index: int) -> Points:
        """An accessor's values [N, width] as numbers."""
        accessor = self._document["accessors"][index]
        if "sparse" in accessor:
            raise SynthesisError(f"{self._path}: sparse accessors are not supported; export it without them")
        kind, width = np.dtype(_TYPES[accessor["componentType"]]), _WIDTHS[accessor["type"]]
        view = self._document["bufferViews"][accessor["bufferView"]]
        start = view.get("byteOffset", 0) + accessor.get("byteOffset", 0)
        strides = (view.get("byteStride", kind.itemsize * width), kind.itemsize)
        shape = (accessor["count"], width)
        values = np.ndarray(shape, kind, self._buffer(view["buffer"]), start, strides).astype(np.float64)
        if accessor.get("normalized"):
            values = np.maximum(values / np.iinfo(kind).max, -1.0)
        return values

    def _buffer(self, index: int) -> bytes:
        if index not in self._buffers:
            buffer = self._document["buffers"][index]
            self._buffers[index] = self._resource(buffer["uri"]) if "uri" in buffer else self._blob
        return self._buffers[index]

    def _resource(self, uri: str) -> bytes:
        if uri.startswith("data:"):
            return base64.b64decode(uri.partition(",")[2], validate=True)
        return (self._path.parent / unquote(uri)).read_bytes()

    def _material(self, primitives: list[_Primitive]) -> Material:
        """The material of the largest area, in the colour that it has there on average."""
        areas: dict[int | None, float] = {}
        for one in primitives:
            areas[one.material] = areas.get(one.material, 0.0) + float(one.areas.sum())
        index = max(areas, key=lambda key: areas[key])
        given = {} if index is None else self._document["materials"][index]
        surface = given.get("pbrMetallicRoughness", {})
        factor = np.array(surface.get("baseColorFactor", (1.0, 1.0, 1.0, 1.0)), dtype=np.float64)
        if "baseColorTexture" in surface:
            factor[:3] *= self._mean_colour(surface["baseColorTexture"], [p for p in primitives if p.material == index])
        red, green, blue = (_srgb(float(channel)) for channel in factor[:3])
        roughness, metallic = float(surface.get("roughnessFactor", 1.0)), float(surface.get("metallicFactor", 1.0))
        rgb = (red, green, blue)
        if given.get("alphaMode") == "BLEND" and factor[3] < 1:
            rgb, roughness = glossy_opaque(rgb, float(factor[3])), min(roughness, GLASS_ROUGHNESS)
        # Materials are told apart by name, and those of two files may be called the same: values make it unique.
        values = "".join(f"{round(255 * value):02x}" for value in (*rgb, roughness, metallic))
        return Material(f"gltf_{slug(given.get('name', 'plain'))}_{values}", rgb, roughness, metallic)

    def _mean_colour(self, texture: dict[str, Any], primitives: list[_Primitive]) -> Points:
        """The mean linear colour [3] of a texture at the middles of the triangles that it covers."""
        image = self._document["images"][self._document["textures"][texture["index"]]["source"]]
        if "uri" in image:
            data = self._resource(image["uri"])
        else:
            view = self._document["bufferViews"][image["bufferView"]]
            start = view.get("byteOffset", 0)
            data = self._buffer(view["buffer"])[start : start + view["byteLength"]]
        pixels = decode_image(bytes(data), "a texture")
        places = [(one.texture.mean(axis=1), one.areas) for one in primitives if one.texture is not None]
        if not places or texture.get("texCoord", 0):
            return np.asarray(_linear(pixels.reshape(-1, 3)).mean(axis=0))
        middles, areas = (np.concatenate(values) for values in zip(*places, strict=True))
        height, width = pixels.shape[:2]
        columns, rows = ((middles % 1.0) * (width, height)).astype(int).T
        colours = _linear(pixels[np.minimum(rows, height - 1), np.minimum(columns, width - 1)])
        return np.asarray(np.average(colours, axis=0, weights=areas + 1e-12))


def _open(path: Path) -> tuple[dict[str, Any], bytes]:
    """The JSON document and, of a .glb, the binary chunk."""
    data, blob = path.read_bytes(), b""
    if path.suffix.lower() == ".glb":
        magic, version, _ = struct.unpack_from("<4sII", data)
        if magic != b"glTF" or version != 2:
            raise ValueError("no glTF 2 header")
        length = struct.unpack_from("<I", data, 12)[0]
        rest = 20 + length
        if rest + 8 <= len(data):
            blob = data[rest + 8 : rest + 8 + struct.unpack_from("<I", data, rest)[0]]
        data = data[20:rest]
    document = json.loads(data.decode("utf-8"))
    if not isinstance(document, dict) or not str(document["asset"]["version"]).startswith("2."):
        raise ValueError("no glTF 2 asset")
    return document, blob


def _node_matrix(node: dict[str, Any]) -> Matrix:
    """Parent-from-node [4, 4]."""
    if "matrix" in node:
        matrix = np.array(node["matrix"], dtype=np.float64).reshape(4, 4).T
    else:
        matrix = np.eye(4)
        matrix[:3, :3] = rotation_from_quaternion(np.array(node.get("rotation", (0, 0, 0, 1)), dtype=np.float64))
        matrix[:3, :3] *= np.array(node.get("scale", (1, 1, 1)), dtype=np.float64)
        matrix[:3, 3] = node.get("translation", (0, 0, 0))
    if not np.isfinite(matrix).all():
        raise ValueError("a node's transform is not finite")
    return matrix


def _triangles(indices: NDArray[np.int_], mode: int) -> NDArray[np.int_]:
    """Corner indices of triangles [T, 3]."""
    if mode == _TRIANGLES:
        return indices.reshape(-1, 3)
    if mode == _FAN:
        return np.stack([np.full(max(len(indices) - 2, 0), indices[0]), indices[1:-1], indices[2:]], axis=1)
    triangles = np.stack([indices[:-2], indices[1:-1], indices[2:]], axis=1)
    triangles[1::2] = triangles[1::2, ::-1]
    return triangles


def _linear(pixels: Any) -> Points:
    values = pixels / 255.0
    return np.asarray(np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4))


def _srgb(value: float) -> float:
    value = min(max(value, 0.0), 1.0)
    return 12.92 * value if value <= 0.0031308 else 1.055 * value ** (1 / 2.4) - 0.055
