import base64
import json
import struct

import cv2
import numpy as np
import pytest

from pad_ros.errors import SynthesisError
from pad_ros.synthesis import cameras
from pad_ros.synthesis.defects import ADDED, DefectMaker
from pad_ros.synthesis.gltf import read_gltf
from pad_ros.synthesis.shapes import box

# glTF's axes (x left, y up, z forward) from ours.
TO_GLTF = np.array([[0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [1.0, 0.0, 0.0]])


class Writer:
    """Writes a small glTF file: meshes of primitives, nodes as given."""

    def __init__(self):
        self.blob = b""
        self.document = {"asset": {"version": "2.0"}, "bufferViews": [], "accessors": [], "meshes": [], "materials": []}

    def accessor(self, values, component, kind):
        data = np.ascontiguousarray(values).tobytes()
        self.document["bufferViews"].append({"buffer": 0, "byteOffset": len(self.blob), "byteLength": len(data)})
        view = len(self.document["bufferViews"]) - 1
        accessor = {"bufferView": view, "componentType": component, "type": kind, "count": len(values)}
        self.document["accessors"].append(accessor)
        self.blob += data + b"\0" * (-len(data) % 4)
        return len(self.document["accessors"]) - 1

    def primitive(self, mesh, material=None, **attributes):
        positions = (mesh.vertices @ TO_GLTF.T).astype("<f4")
        attributes = {"POSITION": self.accessor(positions, 5126, "VEC3"), **attributes}
        indices = self.accessor(mesh.triangles.ravel().astype("<u2"), 5123, "SCALAR")
        return {"attributes": attributes, "indices": indices} | ({} if material is None else {"material": material})

    def mesh(self, *primitives):
        self.document["meshes"].append({"primitives": list(primitives)})
        return len(self.document["meshes"]) - 1

    def material(self, colour, metallic=0.0, roughness=0.5, **extra):
        surface = {"baseColorFactor": [*colour], "metallicFactor": metallic, "roughnessFactor": roughness}
        self.document["materials"].append({"name": "Paint", "pbrMetallicRoughness": surface, **extra})
        return len(self.document["materials"]) - 1

    def write(self, path, nodes, roots=(0,), **extra):
        document = {**self.document, "nodes": nodes, "scenes": [{"nodes": list(roots)}], **extra}
        document["buffers"] = [{"byteLength": len(self.blob)}]
        if path.suffix == ".gltf":
            document["buffers"][0]["uri"] = "some%20data.bin"
            (path.parent / "some data.bin").write_bytes(self.blob)
            path.write_text(json.dumps(document))
        else:
            text = json.dumps(document).encode()
            text += b" " * (-len(text) % 4)
            chunks = struct.pack("<I4s", len(text), b"JSON") + text
            chunks += struct.pack("<I4s", len(self.blob), b"BIN\0") + self.blob
            path.write_bytes(struct.pack("<4sII", b"glTF", 2, 12 + len(chunks)) + chunks)
        return path


@pytest.fixture
def writer():
    return Writer()


def volume(mesh):
    a, b, c = mesh.vertices[mesh.triangles].transpose(1, 0, 2)
    return float(np.einsum("td,td->t", a, np.cross(b, c)).sum() / 6)


@pytest.mark.parametrize("suffix", [".glb", ".gltf"])
def test_objects_become_parts(tmp_path, writer, suffix):
    red = writer.material((0.5, 0.0, 0.0, 1.0), metallic=0.25, roughness=0.75)
    shape = box(0.06, 0.04, 0.02)
    body = writer.mesh(writer.primitive(shape, red))
    nodes = [
        {"name": "Car", "children": [1, 2, 3]},
        {"name": "Body", "mesh": body},
        {"name": "Roof Box", "mesh": body, "translation": [0, 0.02, 0], "rotation": [0, 0.5**0.5, 0, 0.5**0.5]},
        {"name": "Lamp", "children": [], "translation": [1, 1, 1]},
    ]
    assembly = read_gltf(writer.write(tmp_path / f"My Car{suffix}", nodes))
    first, second = assembly.parts
    assert assembly.name == "my_car" and [first.name, second.name] == ["000_body", "001_roof_box"]
    assert first.mesh is second.mesh and first.material == second.material
    assert first.material.rgb == pytest.approx((0.7354, 0, 0), abs=1e-3)  # sRGB of linear 0.5
    assert (first.material.metallic, first.material.roughness) == (0.25, 0.75)
    assert len(first.mesh.triangles) == len(shape.triangles)
    assert volume(first.mesh) == pytest.approx(volume(shape), rel=1e-3)
    low, high = assembly.bounds
    np.testing.assert_allclose(high - low, [0.06, 0.06, 0.04], atol=1e-5)
    assert low[2] == pytest.approx(0, abs=1e-6) and np.allclose(low[:2], -high[:2])
    np.testing.assert_allclose(second.placement[:3, 3] - first.placement[:3, 3], [0, 0, 0.02], atol=1e-6)


def test_scale_and_mirroring_go_into_the_mesh(tmp_path, writer):
    mesh = writer.mesh(writer.primitive(box(0.06, 0.04, 0.02)))
    matrix = np.diag([-2.0, 1, 1, 1])
    matrix[:3, 3] = 0.1, 0, 0
    nodes = [{"mesh": mesh, "matrix": matrix.T.ravel().tolist()}, {"mesh": mesh}]
    scaled, plain = read_gltf(writer.write(tmp_path / "a.glb", nodes, roots=(0, 1))).parts
    assert volume(scaled.mesh) == pytest.approx(2 * volume(plain.mesh), rel=1e-3) and volume(plain.mesh) > 0
    np.testing.assert_allclose(scaled.placement[:3, :3], np.eye(3), atol=1e-9)
    np.testing.assert_allclose((scaled.placement - plain.placement)[:3, 3], [0, 0.1, 0], atol=1e-9)  # x is left
    assert [scaled.name, plain.name] == ["000_node0", "001_node1"]


def test_an_object_takes_the_material_of_its_largest_area(tmp_path, writer):
    small, large = writer.material((1, 0, 0, 1)), writer.material((0, 1, 0, 1))
    primitives = [writer.primitive(box(0.01, 0.01, 0.01), small), writer.primitive(box(0.06, 0.04, 0.02), large)]
    path = writer.write(tmp_path / "a.glb", [{"mesh": writer.mesh(*primitives)}])
    (part,) = read_gltf(path).parts
    assert part.material.rgb == pytest.approx((0, 1, 0))
    assert len(part.mesh.triangles) == 2 * len(box(1, 1, 1).triangles)


def test_transparent_becomes_dark_and_glossy(tmp_path, writer):
    materials = [writer.material((1, 1, 1, alpha), roughness=0.9, alphaMode="BLEND") for alpha in (1.0, 0.2)]
    nodes = [{"mesh": writer.mesh(writer.primitive(box(0.06, 0.04, 0.02), index))} for index in materials]
    opaque, glass = (part.material for part in read_gltf(writer.write(tmp_path / "a.glb", nodes, roots=(0, 1))).parts)
    assert opaque.rgb == pytest.approx((1, 1, 1)) and max(glass.rgb) < 0.5 and glass.roughness < opaque.roughness
    assert opaque.name != glass.name  # although both are called Paint


@pytest.mark.parametrize("corner", [(0, 0), (1, 1)])
def test_a_texture_counts_by_its_colour_on_the_surface(tmp_path, writer, corner):
    image = np.zeros((4, 4, 3), np.uint8)
    image[:2, :2], image[2:, 2:] = (0, 0, 255), (255, 0, 0)  # blue, green, red: red above left, blue below right
    data = base64.b64encode(cv2.imencode(".png", image)[1].tobytes()).decode()
    shape = box(0.06, 0.04, 0.02)
    places = np.tile(0.25 + 0.5 * np.array(corner), (len(shape.vertices), 1)).astype("<f4")
    index = writer.material((1, 1, 1, 1))
    writer.document["materials"][index]["pbrMetallicRoughness"]["baseColorTexture"] = {"index": 0}
    extra = {"textures": [{"source": 0}], "images": [{"uri": f"data:image/png;base64,{data}"}]}
    primitive = writer.primitive(shape, index, TEXCOORD_0=writer.accessor(places, 5126, "VEC2"))
    (part,) = read_gltf(writer.write(tmp_path / "a.glb", [{"mesh": writer.mesh(primitive)}], **extra)).parts
    assert part.material.rgb == pytest.approx((1, 0, 0) if corner == (0, 0) else (0, 0, 1))


@pytest.mark.parametrize(("mode", "order"), [(5, [0, 1, 2, 3]), (6, [0, 1, 3, 2])])
def test_strips_and_fans(tmp_path, writer, mode, order):
    corners = np.array([[0, 0, 0], [0.1, 0, 0], [0, 0.1, 0], [0.1, 0.1, 0]], dtype="<f4")[order]
    primitive = {"attributes": {"POSITION": writer.accessor(corners, 5126, "VEC3")}, "mode": mode}
    lines = {**primitive, "mode": 1}
    (part,) = read_gltf(writer.write(tmp_path / "a.glb", [{"mesh": writer.mesh(primitive, lines)}])).parts
    a, b, c = part.mesh.vertices[part.mesh.triangles].transpose(1, 0, 2)
    np.testing.assert_allclose(np.cross(b - a, c - a), [[0.01, 0, 0]] * 2, atol=1e-7)  # towards our x, their z


def test_objects_can_be_left_out(tmp_path, writer):
    mesh = writer.mesh(writer.primitive(box(0.06, 0.04, 0.02)))
    nodes = [
        {"name": "Car", "children": [1]},
        {"name": "Body", "mesh": mesh},
        {"name": "Figure", "children": [3]},
        {"name": "Head", "mesh": mesh},
    ]
    path = writer.write(tmp_path / "a.glb", nodes, roots=(0, 2))
    assert [part.name for part in read_gltf(path, ["figure"]).parts] == ["000_body"]
    assert [part.name for part in read_gltf(path, ["BOD*"]).parts] == ["001_head"]
    with pytest.raises(SynthesisError, match="called 'tree'; its submodels: Car, Body, Figure, Head"):
        read_gltf(path, ["tree"])
    with pytest.raises(SynthesisError, match="no object with triangles is left"):
        read_gltf(path, ["*"])


def test_broken_files_are_refused(tmp_path, writer):
    path = writer.write(tmp_path / "a.glb", [{"mesh": writer.mesh(writer.primitive(box(0.06, 0.04, 0.02)))}])
    whole = path.read_bytes()
    for broken in (b"", b"glTF", whole[: len(whole) - 200], b"oops" + whole[4:], whole[:30]):
        path.write_bytes(broken)
        with pytest.raises(SynthesisError, match=r"a.glb: not a valid glTF 2.0 file"):
            read_gltf(path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[]", "no glTF 2 asset"),
        ("{}", "asset"),
        ('{"asset": {"version": "1.0"}}', "no glTF 2 asset"),
        ('{"asset": {"version": "2.0"}}', "no object with triangles"),
        ('{"asset": {"version": "2.0"}, "nodes": [{"mesh": 3}]}', "meshes"),
        ('{"asset": {"version": "2.0"}, "scenes": [{"nodes": [0]}], "nodes": [{"children": [0]}]}', "placed twice"),
        ('{"asset": {"version": "2.0"}, "extensionsRequired": ["KHR_draco_mesh_compression"]}', "without compression"),
        ('{"asset": {"version": "2.0"}, "nodes": [{"translation": [0, 0, 1e999]}]}', "not finite"),
    ],
)
def test_broken_documents_are_refused(tmp_path, text, message):
    (tmp_path / "a.gltf").write_text(text)
    with pytest.raises(SynthesisError, match=message):
        read_gltf(tmp_path / "a.gltf")


def test_a_missing_buffer_is_named(tmp_path, writer):
    path = writer.write(tmp_path / "a.gltf", [{"mesh": writer.mesh(writer.primitive(box(0.06, 0.04, 0.02)))}])
    (tmp_path / "some data.bin").unlink()
    with pytest.raises(SynthesisError, match=r"a.gltf: .*some data.bin cannot be read"):
        read_gltf(path)


def test_parts_can_be_added_to_what_was_read(tmp_path, writer):
    red = writer.material((0.5, 0.0, 0.0, 1.0))
    nodes = [{"mesh": writer.mesh(writer.primitive(box(0.12, 0.06, 0.03), red))}]
    assembly = read_gltf(writer.write(tmp_path / "a.glb", nodes))
    views = cameras.test_poses(4, assembly.bounds, np.random.default_rng(1))
    defect = DefectMaker(assembly).make(ADDED, cameras.make_camera(100), views, np.random.default_rng(2))
    assert len(defect.assembly.parts) == 2
