import os
import warnings
from pathlib import Path

import numpy as np
import pytest

from pad_ros.errors import SynthesisError
from pad_ros.synthesis.assembly import apply
from pad_ros.synthesis.ldraw import read_ldraw

UNIT = "1 0 0 0 1 0 0 0 1"
BRICK_HEIGHT = 24  # LDU, up to the feet of the studs

CONFIG = """
0 !COLOUR Black CODE 0 VALUE #101010 EDGE #808080
0 !COLOUR Red CODE 4 VALUE #B40000 EDGE #333333
0 !COLOUR Yellow CODE 14 VALUE #FAC80A EDGE #333333
0 !COLOUR Main_Colour CODE 16 VALUE #FFFF80 EDGE #333333
0 !COLOUR Edge_Colour CODE 24 VALUE #7F7F7F EDGE #333333
0 !COLOUR Trans_Clear CODE 47 VALUE #FCFCFC EDGE #C9C9C9 ALPHA 128
0 !COLOUR Rubber_Black CODE 256 VALUE #101010 EDGE #808080 RUBBER
0 !COLOUR Chrome_Silver CODE 383 VALUE #CECECE EDGE #9C9C9C CHROME
"""

# A box from -1 to 1 around the origin, counter-clockwise seen from outside (LDraw's y points down).
CUBE = """0 Cube
0 !LDRAW_ORG Primitive
0 BFC CERTIFY CCW
4 16 1 -1 -1 1 -1 1 -1 -1 1 -1 -1 -1
4 16 -1 1 1 1 1 1 1 1 -1 -1 1 -1
4 16 1 -1 1 1 1 1 -1 1 1 -1 -1 1
4 16 -1 1 -1 1 1 -1 1 -1 -1 -1 -1 -1
4 16 1 1 -1 1 1 1 1 -1 1 1 -1 -1
4 16 -1 -1 1 -1 1 1 -1 1 -1 -1 -1 -1
"""


def clockwise(text):
    """The same faces in the other winding, certified so."""
    lines = []
    for line in text.splitlines():
        words = line.split()
        if words[0] == "4":
            points = [words[i : i + 3] for i in range(2, 14, 3)]
            line = " ".join(["4", words[1], *(number for point in reversed(points) for number in point)])
        lines.append(line.replace("CERTIFY CCW", "CERTIFY CW"))
    return "\n".join(lines)


@pytest.fixture
def library(tmp_path):
    """A brick of 40 x 24 x 20 LDU with two studs, a shortcut, a print, and a part with an inside-out cube."""
    root = tmp_path / "library"
    files = {
        "LDConfig.ldr": CONFIG,
        "p/cube.dat": CUBE,
        "p/cubecw.dat": clockwise(CUBE),
        "p/stud.dat": "0 Stud\n0 !LDRAW_ORG Primitive\n0 BFC CERTIFY CCW\n1 16 0 -2 0 6 0 0 0 2 0 0 0 6 cube.dat\n",
        "p/stud4.dat": "0 Stud Tube Open\n0 !LDRAW_ORG Primitive\n1 16 0 -2 0 6 0 0 0 2 0 0 0 6 cube.dat\n",
        "parts/s/BODY.DAT": "0 ~Body\n0 !LDRAW_ORG Subpart\n1 16 0 12 0 20 0 0 0 12 0 0 0 10 CubeCW.dat\n",
        "parts/brick.dat": "0 Brick  1 x  2\n0 !LDRAW_ORG Part\n0 BFC CERTIFY CCW\n"
        + f"1 16 0 0 0 {UNIT} s\\body.dat\n1 16 -10 0 0 {UNIT} STUD.DAT\n1 16 10 0 0 {UNIT} stud.dat\n"
        + f"1 16 0 24 0 {UNIT} stud4.dat\n1 16 0 12 10 1 0 0 0 0 1 0 -1 0 stud.dat\n",
        "parts/printed.dat": "0 Tile with Print\n0 !LDRAW_ORG Part\n0 BFC CERTIFY CCW\n"
        + f"1 16 0 0 0 8 0 0 0 8 0 0 0 8 cube.dat\n1 4 0 -10 0 {UNIT} cube.dat\n",
        "parts/hollow.dat": "0 Hollow\n0 !LDRAW_ORG Part\n0 BFC CERTIFY CCW\n"
        + "1 16 0 0 0 8 0 0 0 8 0 0 0 8 cube.dat\n0 BFC INVERTNEXT\n1 16 0 0 0 4 0 0 0 4 0 0 0 4 cube.dat\n",
        "parts/pair.dat": "0 Pair (Complete)\n0 !LDRAW_ORG Shortcut\n"
        + f"1 16 0 0 0 {UNIT} brick.dat\n1 4 0 -24 0 {UNIT} brick.dat\n",
    }
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


@pytest.fixture
def read(tmp_path, library):
    def read_text(text, name="My Model.mpd", **options):
        path = tmp_path / name
        path.write_text(text)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            return read_ldraw(path, library, **options)

    return read_text


def volume(mesh):
    a, b, c = mesh.vertices[mesh.triangles].transpose(1, 0, 2)
    return float(np.einsum("td,td->t", a, np.cross(b, c)).sum() / 6) / 0.0004**3  # LDU^3


def size(assembly):
    return (assembly.bounds[1] - assembly.bounds[0]) / 0.0004


def test_a_brick_stands_on_the_ground(read):
    assembly = read(f"0 Test\n1 4 5 -7 3 {UNIT} BRICK.dat\n", name="My Model 2.ldr")
    (part,) = assembly.parts
    assert assembly.name == "my_model_2" and part.name == "000_brick_brick_1_x_2"
    np.testing.assert_allclose(part.material.rgb, (180 / 255, 0, 0), atol=1e-9)
    low, high = assembly.bounds
    assert low[2] == pytest.approx(0, abs=1e-9) and np.allclose(low[:2], -high[:2], atol=1e-9)
    # LDraw's x is our y, its z our x; a stud at the back reaches out by 4, a tube and two studs are 4 high.
    np.testing.assert_allclose(size(assembly), [24, 40, 28], atol=0.4)


def test_sockets_are_the_feet_of_the_upright_studs(read):
    (part,) = read("1 4 0 0 0 0 0 1 0 1 0 -1 0 0 brick.dat\n").parts
    np.testing.assert_allclose(np.sort(part.mesh.sockets[:, 1]), [-0.004, 0.004], atol=1e-9)
    np.testing.assert_allclose(part.mesh.sockets[:, [0, 2]], 0, atol=1e-9)
    feet = apply(part.placement, part.mesh.sockets)
    np.testing.assert_allclose(feet[:, 2], BRICK_HEIGHT * 0.0004, atol=2e-5)
    np.testing.assert_allclose(part.placement[:3, 2], [0, 0, 1], atol=1e-9)  # upright


def test_the_front_is_minus_z(read):
    assembly = read(f"1 4 0 0 -100 {UNIT} brick.dat\n1 14 0 0 100 {UNIT} brick.dat\n1 0 50 0 0 {UNIT} brick.dat\n")
    front, back, right = (part.placement[:3, 3] for part in assembly.parts)
    assert front[0] > 0 > back[0] and right[1] > front[1]  # LDraw's x is to the left of -z seen with y down


def test_equal_parts_share_a_mesh(read):
    turned = "0 0 1 0 1 0 -1 0 0"
    parts = read(f"1 4 0 0 0 {UNIT} brick.dat\n1 14 80 0 0 {turned} brick.dat\n1 14 0 0 90 {UNIT} hollow.dat\n").parts
    assert parts[0].mesh is parts[1].mesh and parts[0].mesh is not parts[2].mesh


def test_vertices_are_welded(read):
    (part,) = read("0 Cube\n1 4 0 0 0 10 0 0 0 10 0 0 0 10 cube.dat\n").parts
    assert part.mesh.vertices.shape == (8, 3) and part.mesh.triangles.shape == (12, 3)


@pytest.mark.parametrize("placement", [UNIT, "-1 0 0 0 1 0 0 0 1", "1 0 0 0 -1 0 0 0 1", "1 0 0 0 1 0 0 0 -1"])
@pytest.mark.parametrize("part", ["brick.dat", "hollow.dat"])
def test_faces_point_outwards_also_when_mirrored(read, part, placement):
    (made,) = read(f"1 4 0 0 0 {placement} {part}\n").parts
    expected = {"brick.dat": 40 * 24 * 20 + 4 * 12 * 4 * 12, "hollow.dat": 16**3 - 8**3}[part]
    assert volume(made.mesh) == pytest.approx(expected, rel=0.05)
    assert np.linalg.det(made.placement[:3, :3]) == pytest.approx(1)


def test_a_mirrored_part_is_mirrored(read):
    text = "1 4 0 0 0 {} 0 0 0 1 0 0 0 1 wedge.ldr\n0 FILE wedge.ldr\n0 Wedge\n0 !LDRAW_ORG Unofficial_Part\n"
    text = "0 FILE main.ldr\n" + text + "3 16 0 0 0 30 0 0 0 -10 0\n"
    plain, mirrored = (read(text.format(sign)).parts[0] for sign in (1, -1))
    y = [apply(part.placement, part.mesh.vertices)[:, 1] for part in (plain, mirrored)]
    np.testing.assert_allclose(np.sort(y[0]), np.sort(-y[1]), atol=1e-9)


def test_scale_and_shear_go_into_the_mesh(read):
    (part,) = read("1 4 0 0 0 2 1 0 0 1 0 0 0 1 hollow.dat\n").parts
    rotation = part.placement[:3, :3]
    np.testing.assert_allclose(rotation.T @ rotation, np.eye(3), atol=1e-9)
    assert volume(part.mesh) == pytest.approx(2 * (16**3 - 8**3), rel=0.05)


def test_a_rotation_of_few_digits_is_rigid(read):
    text = f"1 4 0 0 0 {UNIT} brick.dat\n1 4 0 0 90 1 0.17 0 -0.17 1 0 0 0 1 brick.dat\n"
    straight, leaning = read(text).parts
    assert straight.mesh is leaning.mesh


def test_a_flattened_part_is_kept_and_a_vanished_one_is_not(read):
    text = f"1 4 0 0 0 1 0 0 0 0 0 0 0 1 brick.dat\n1 4 0 0 0 0 0 0 0 0 0 0 0 0 brick.dat\n1 4 0 0 0 {UNIT} brick.dat\n"
    flat, full = read(text).parts
    assert np.ptp(flat.mesh.vertices[:, 2]) < 1e-4 < np.ptp(full.mesh.vertices[:, 2])
    assert np.isfinite(flat.mesh.vertices).all() and np.linalg.det(flat.placement[:3, :3]) == pytest.approx(1)


def test_colours(read):
    codes = ["4", "0x2102030", "47", "256", "383", "24"]
    parts = read("".join(f"1 {code} 0 {-24 * i} 0 {UNIT} brick.dat\n" for i, code in enumerate(codes))).parts
    red, direct, clear, rubber, chrome, _ = (part.material for part in parts)
    np.testing.assert_allclose(direct.rgb, np.array([0x10, 0x20, 0x30]) / 255)
    assert max(clear.rgb) < 0.8 and clear.roughness < red.roughness < rubber.roughness
    assert chrome.metallic > 0.5 > red.metallic
    assert len({material.name for material in (red, direct, clear, rubber, chrome)}) == 5


def test_a_model_may_define_colours(read):
    (part,) = read(f"0 !COLOUR Mine CODE 9000 VALUE #00FF00 EDGE #000000\n1 9000 0 0 0 {UNIT} brick.dat\n").parts
    assert part.material.rgb == (0, 1, 0)


def test_colours_are_inherited_through_submodels(read):
    text = (
        f"0 FILE main.ldr\n1 14 0 0 0 {UNIT} sub.ldr\n1 4 0 50 0 {UNIT} SUB.ldr\n"
        f"0 FILE Sub.ldr\n1 16 0 0 0 {UNIT} brick.dat\n1 0 0 -24 0 {UNIT} brick.dat\n1 24 0 -48 0 {UNIT} brick.dat\n"
    )
    names = [part.material.name for part in read(text).parts]
    assert [name.split("_")[1] for name in names] == ["yellow", "black", "direct", "red", "black", "direct"]
    assert names[2] == names[5] == "ldraw_direct_333333_255"  # both have this edge colour


def test_a_printed_part_is_one_part_in_its_main_colour(read):
    (part,) = read(f"1 14 0 0 0 {UNIT} printed.dat\n").parts
    assert part.material.name.startswith("ldraw_yellow") and len(part.mesh.triangles) == 24


def test_shortcuts_are_taken_apart(read):
    parts = read(f"1 14 0 0 0 {UNIT} pair.dat\n").parts
    assert [part.name for part in parts] == ["000_brick_brick_1_x_2", "001_brick_brick_1_x_2"]
    assert [part.material.name.split("_")[1] for part in parts] == ["yellow", "red"]


def test_what_a_model_draws_itself_is_one_part(read):
    text = (
        f"0 Frame\n3 4 0 0 0 0 9 0 9 0 0\n1 4 0 0 0 {UNIT} cube.dat\n1 4 0 -50 0 {UNIT} brick.dat\n2 24 0 0 0 1 1 1\n"
    )
    assert [part.name for part in read(text).parts] == ["000_brick_brick_1_x_2", "001_my_model_frame"]


def test_overlapping_faces_are_taken_apart(read):
    face = "4 16 {0} 0 -10 {1} 0 -10 {1} 0 10 {0} 0 10\n"
    text = "0 Faces\n0 BFC CERTIFY CCW\n" + face.format(0, 20) + face.format(10, 30) + face.format(30, 50)
    (part,) = read(text).parts
    heights = part.mesh.vertices[:, 2]
    assert 0.000005 < np.ptp(heights) < 0.00005
    top = part.mesh.vertices[np.isclose(heights, heights.max(), atol=1e-9)]
    np.testing.assert_allclose([top[:, 1].min(), top[:, 1].max()], [0.004, 0.012], atol=1e-4)  # the second face


FIGURE = (
    "0 FILE main.ldr\n0 Main\n1 14 30 0 0 0.8 0 -0.6 0 1 0 0.6 0 0.8 set - car.ldr\n"
    f"1 4 90 0 0 {UNIT} set - minifig.ldr\n0 FILE set - car.ldr\n0 Car\n1 16 0 0 0 {UNIT} brick.dat\n"
    f"1 16 0 0 60 {UNIT} brick.dat\n1 16 0 0 90 {UNIT} hollow.dat\n"
    f"0 FILE set - minifig.ldr\n0 Driver\n1 16 0 0 0 {UNIT} hollow.dat\n"
)


@pytest.mark.parametrize("pattern", ["*MINIFIG*", "set - minifig.ldr", "driver", "003_*"])
def test_submodels_can_be_left_out(read, pattern):
    assembly = read(FIGURE, leave_out=[pattern])
    assert [part.name[:3] for part in assembly.parts] == ["000", "001", "002"]
    # What is left is the car alone, in its own frame: 30° askew in the whole model.
    np.testing.assert_allclose(assembly.parts[0].placement[:3, :3], np.eye(3), atol=1e-9)
    assert len(read(FIGURE).parts) == 4


def test_parts_can_be_left_out_by_description(read):
    assert [part.name[:3] for part in read(FIGURE, leave_out=["brick*", "set - m*"]).parts] == ["002"]


def test_leaving_out_nothing_or_all_is_refused(read):
    with pytest.raises(SynthesisError, match=r"'\*figure\*'; its submodels: set - car.ldr, set - minifig.ldr"):
        read(FIGURE, leave_out=["*figure*"])
    with pytest.raises(SynthesisError, match="no parts left"):
        read(FIGURE, leave_out=["set*"])


def test_missing_files_are_named_and_counted(tmp_path, library):
    path = tmp_path / "model.ldr"
    names = ["brick.dat", "gone.dat", "gone.dat", "part.dat"]
    path.write_text("".join(f"1 4 0 0 0 {UNIT} {name}\n" for name in names))
    part = f"0 Part\n0 !LDRAW_ORG Part\n1 16 0 0 0 {UNIT} primitive.dat\n1 16 0 0 0 {UNIT} cube.dat\n"
    (library / "parts" / "part.dat").write_text(part)
    with pytest.warns(UserWarning, match=r"2 files are missing from .* \(3 uses\): gone.dat, primitive.dat$"):
        assembly = read_ldraw(path, library)
    assert [part.name for part in assembly.parts] == ["000_brick_brick_1_x_2", "003_part_part"]
    with pytest.raises(SynthesisError, match="2 files are missing"):
        read_ldraw(path, library, strict=True)


def test_what_is_left_out_is_not_missed(tmp_path, read):
    text = (
        f"0 FILE a.ldr\n1 4 0 0 0 {UNIT} brick.dat\n1 4 0 0 0 {UNIT} b.ldr\n0 FILE b.ldr\n1 4 0 0 0 {UNIT} gone.dat\n"
    )
    assert len(read(text, leave_out=["b"], strict=True).parts) == 1


def test_unknown_colours_are_grey(tmp_path, library):
    path = tmp_path / "model.ldr"
    path.write_text(f"1 777 0 0 0 {UNIT} brick.dat\n")
    with pytest.warns(UserWarning, match="grey: 777$"):
        assert np.ptp(read_ldraw(path, library).parts[0].material.rgb) < 0.05
    with pytest.raises(SynthesisError, match="777"):
        read_ldraw(path, library, strict=True)


def test_files_beside_the_model_are_found(tmp_path, read):
    (tmp_path / "Wheel Axle.ldr").write_text(f"0 Axle\n1 16 0 0 0 {UNIT} brick.dat\n")
    assert len(read(f"1 4 0 0 0 {UNIT} wheel axle.LDR\n").parts) == 1


@pytest.mark.parametrize(
    "text",
    [
        f"0 FILE a.ldr\n1 4 0 0 0 {UNIT} b.ldr\n0 FILE b.ldr\n1 4 0 0 0 {UNIT} a.ldr\n",
        f"0 FILE a.ldr\n1 4 0 0 0 {UNIT} a.ldr\n",
        f"0 FILE a.ldr\n1 4 0 0 0 {UNIT} b\n0 FILE b\n0 B\n0 !LDRAW_ORG Part\n1 4 0 0 0 {UNIT} b\n",
    ],
)
def test_cycles_are_refused(read, text):
    with pytest.raises(SynthesisError, match=r"refers to itself: (a.ldr|b)"):
        read(text)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("1 4 0 0 0 1 0 0 0 1 0 0 0 1", "file name, not 13 fields"),
        ("1 4 0 0 x 1 0 0 0 1 0 0 0 1 brick.dat", "'x'"),
        ("1 red 0 0 0 1 0 0 0 1 0 0 0 1 brick.dat", "'red' is not a colour"),
        ("3 4 0 0 0 1 0 0 0 1", "needs 9 coordinates, not 8"),
        ("4 4 0 0 0 1 0 0 0 1 0 0 0 nan", "not finite"),
        ("7 4", "unknown line type '7'"),
        ("0 !COLOUR Red CODE four VALUE #FF0000 EDGE #000000", "malformed !COLOUR"),
    ],
)
def test_malformed_lines_are_refused_with_their_place(read, line, message):
    with pytest.raises(SynthesisError, match=f"model.mpd, line 3: .*{message}"):
        read(f"0 FILE a.ldr\n1 4 0 0 0 {UNIT} brick.dat\n{line}\n", name="model.mpd")


@pytest.mark.parametrize("text", ["", "0 Nothing\n", "0 FILE a.ldr\n0 NOFILE\n1 4 0 0 0 1 0 0 0 1 0 0 0 1 brick.dat\n"])
def test_an_empty_model_is_refused(read, text):
    with pytest.raises(SynthesisError, match="has no parts"):
        read(text)


def test_files_that_are_no_text_are_refused(tmp_path, library):
    (tmp_path / "model.ldr").write_bytes(b"0 Caf\xe9\n")
    with pytest.raises(SynthesisError, match=r"model.ldr: not UTF-8 text \(byte 5\)"):
        read_ldraw(tmp_path / "model.ldr", library)
    with pytest.raises(SynthesisError, match="no such file"):
        read_ldraw(tmp_path / "other.ldr", library)


def test_the_library_is_found_or_asked_for(tmp_path, library, monkeypatch):
    path = tmp_path / "model.ldr"
    path.write_text(f"1 4 0 0 0 {UNIT} brick.dat\n")
    monkeypatch.delenv("LDRAWDIR", raising=False)
    with pytest.raises(SynthesisError, match="set LDRAWDIR"):
        read_ldraw(path)
    with pytest.raises(SynthesisError, match=r"not an LDraw parts library \(parts, p, ldconfig.ldr missing\)"):
        read_ldraw(path, tmp_path / "nowhere")
    monkeypatch.setenv("LDRAWDIR", str(library))
    assert len(read_ldraw(path).parts) == 1


SETS = Path(__file__).parents[3] / "shared" / "ldraw"
MODELS = {  # parts, without the figures that ride it or stand beside it; size in mm, all told
    "10156-1 - LEGO Truck": (112, 102, (107, 180, 81)),
    "10220 - Volkswagen T1 Camper Van": (1345, None, (299, 135, 141)),
    "40448 - Vintage Car": (201, 181, (64, 149, 54)),
    "5920-1 - Island Racer": (57, 44, (110, 48, 44)),
    "6814-1 - Ice Tunnelator": (31, 19, (75, 64, 59)),
    "6898-1 - Ice-Sat V": (151, None, (208, 68, 162)),
}


@pytest.mark.parametrize("name", MODELS)
def test_real_models(name):
    if not (SETS / "models").is_dir():
        pytest.skip("no LDraw models beside the repository")
    library = Path(os.environ.get("LDRAWDIR", SETS))
    count, vehicle, extent = MODELS[name]
    path = SETS / "models" / f"{name}.mpd"
    assembly = read_ldraw(path, library, strict=True)
    low, high = assembly.bounds
    assert len(assembly.parts) == count == len({part.name for part in assembly.parts})
    np.testing.assert_allclose(1000 * (high - low), extent, atol=1)
    assert low[2] == pytest.approx(0, abs=1e-9) and np.allclose(low[:2], -high[:2], atol=1e-9)
    assert sum(len(part.mesh.sockets) for part in assembly.parts) > 30
    meshes = {id(part.mesh): part.mesh for part in assembly.parts}.values()
    assert len(meshes) < count and min(volume(mesh) for mesh in meshes) > 0  # outside is out
    for part in assembly.parts:
        np.testing.assert_allclose(part.placement[:3, :3] @ part.placement[:3, :3].T, np.eye(3), atol=1e-9)
    if vehicle:
        assert len(read_ldraw(path, library, ["* - minifig*"]).parts) == vehicle
