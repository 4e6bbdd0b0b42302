import numpy as np
import pytest

from pad_ros.errors import SynthesisError
from pad_ros.synthesis.assembly import (
    Assembly,
    Mesh,
    Part,
    apply,
    connected,
    pieces,
    rotation,
    surface_points,
    touching,
    translation,
)
from pad_ros.synthesis.bricks import brick
from pad_ros.synthesis.materials import PALETTE


def stack(*heights):
    parts = [Part(f"p{i}", brick(2, 1), translation(0, 0, z), PALETTE["red"]) for i, z in enumerate(heights)]
    return Assembly("stack", tuple(parts))


def test_touching_and_connected():
    touch = touching(stack(0.0, 0.0096, 0.0192, 0.05))
    assert touch[0, 1] and touch[1, 2] and not touch[0, 2] and not touch[:3, 3].any()
    assert not connected(touch)
    assert connected(touch[:3, :3])
    assert not connected(touch[:3, :3], removed=[1])
    assert connected(touch[:3, :3], removed=[2])


def test_pieces_of_what_never_hung_together():
    touch = touching(stack(0.0, 0.0096, 0.0192, 0.05))
    assert pieces(touch) == 2
    assert pieces(touch, removed=[1]) == 3
    assert pieces(touch, removed=[2]) == 2
    assert pieces(touch, removed=[3]) == 1
    assert pieces(touch, removed=range(4)) == 0


@pytest.mark.parametrize(("size", "gap", "expected"), [(0.01, 0.0004, False), (0.1, 0.0004, True), (2.0, 0.006, True)])
def test_what_counts_as_touching_follows_the_objects_size(size, gap, expected):
    mesh = Mesh(brick(2, 1).vertices * size / 0.036, brick(2, 1).triangles)
    height = mesh.bounds[1][2] + gap
    parts = [Part(f"p{i}", mesh, translation(0, 0, i * height), PALETTE["red"]) for i in range(2)]
    assert touching(Assembly("two", tuple(parts)))[0, 1] == expected


def test_surface_and_boxes_are_in_the_object_frame():
    place = translation(0.1, 0.2, 0.3) @ rotation("z", 90)
    intact = Assembly("a", (*stack(0.0).parts, Part("turned", brick(2, 1), place, PALETTE["red"])))
    corners, owner = intact.triangles
    expected = apply(place, brick(2, 1).vertices)[brick(2, 1).triangles]
    np.testing.assert_array_equal(corners[owner == 1], expected)
    low, high = intact.boxes
    np.testing.assert_allclose([low[1], high[1]], [expected.min(axis=(0, 1)), expected.max(axis=(0, 1))])
    np.testing.assert_array_equal(intact.bounds, [low.min(axis=0), high.max(axis=0)])


def test_editing_leaves_the_original_alone():
    intact = stack(0.0, 0.0096)
    assert len(intact.without(0).parts) == 1 and intact.without(0).parts[0].name == "p1"
    assert intact.recoloured(1, PALETTE["blue"]).parts[1].material.name == "blue"
    assert len(intact.with_part(intact.parts[0]).parts) == 3
    assert [part.material.name for part in intact.parts] == ["red", "red"]


def test_save_and_load(tmp_path):
    intact = stack(0.0, 0.0096).recoloured(1, PALETTE["silver"])
    intact.save(tmp_path / "a.npz")
    loaded = Assembly.load(tmp_path / "a.npz")
    assert loaded.name == "stack" and [p.name for p in loaded.parts] == ["p0", "p1"]
    assert [p.material for p in loaded.parts] == [p.material for p in intact.parts]
    assert loaded.parts[0].mesh is loaded.parts[1].mesh  # shared as before
    np.testing.assert_array_equal(loaded.triangles[0], intact.triangles[0])
    np.testing.assert_array_equal(loaded.parts[0].mesh.sockets, brick(2, 1).sockets)


def test_a_broken_file_is_refused(tmp_path):
    (tmp_path / "a.npz").write_bytes(b"PK\x03\x04 broken")
    with pytest.raises(SynthesisError, match="not an assembly"):
        Assembly.load(tmp_path / "a.npz")


def test_surface_points_are_dense_and_on_the_triangle():
    corners = np.array([[[0.0, 0, 0], [1, 0, 0], [0, 1, 0]]])
    points = surface_points(corners, 0.1)
    assert (points.sum(axis=1) <= 1 + 1e-9).all() and (points >= -1e-9).all()
    samples = np.random.default_rng(0).dirichlet([1, 1, 1], 50) @ corners[0]
    assert np.linalg.norm(samples[:, None] - points[None], axis=2).min(axis=1).max() < 0.1


@pytest.mark.parametrize(("axis", "before", "after"), [("x", 1, 2), ("y", 2, 0), ("z", 0, 1)])
def test_rotation_is_counter_clockwise(axis, before, after):
    unit = np.eye(4)
    np.testing.assert_allclose(rotation(axis, 90) @ unit[before], unit[after], atol=1e-12)
