import numpy as np
import pytest

from pad_ros.synthesis import bricks, wheels

SHAPES = {
    "brick": bricks.brick(4, 2),
    "plate": bricks.brick(2, 1, 1),
    "tile": bricks.tile(2, 1),
    "slope": bricks.slope(2, 1),
    "windscreen": bricks.windscreen(1, 4, 4),
    "round": bricks.round_brick(2, 3),
    "cone": bricks.cone(),
    "lamp": bricks.lamp(),
    "bar": bricks.bar(3),
    "grille": bricks.grille(2, 1),
    "curved_slope": bricks.curved_slope(3, 2),
    "inverted_slope": bricks.inverted_slope(2, 2),
    "wedge": bricks.wedge(4, 4, 2),
    "wedge_left": bricks.wedge(4, 4, 2, side=1),
    "wedge_right": bricks.wedge(4, 4, 2, side=-1),
    "arch": bricks.arch(6, 1),
    "mudguard": bricks.mudguard(0.014, 0.012),
    "pane_frame": bricks.pane_frame(3, 6),
    "ladder": bricks.ladder(6),
    "pipe": bricks.pipe(((0, 0, 0), (0, 0, 5), (3, 0, 8), (3, 2, 8))),
    "dome": bricks.dome(),
    "dish": bricks.dish(),
    "propeller": bricks.propeller(),
    "hinge": bricks.hinge(),
    "steering_wheel": bricks.steering_wheel(),
    "digit": bricks.digit(4),
    "tyre": wheels.tyre(0.012, 0.011),
    "slick": wheels.tyre(0.012, 0.011, 0),
    "hub": wheels.hub(0.008, 0.009),
    "track": wheels.track(0.08, 0.012, 0.014),
}


@pytest.mark.parametrize("name", SHAPES)
def test_meshes_are_closed_and_face_outwards(name):
    mesh = SHAPES[name]
    triangles = mesh.triangles
    edges = np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]])
    forward, counts = np.unique(edges, axis=0, return_counts=True)
    assert (counts == 1).all()  # no edge is walked twice in one direction …
    backward = np.unique(edges[:, ::-1], axis=0)
    np.testing.assert_array_equal(forward, backward)  # … and each is walked back once: closed, one orientation
    corners = mesh.vertices[triangles]
    volume = np.einsum("ti,ti->", corners[:, 0], np.cross(corners[:, 1], corners[:, 2])) / 6
    assert volume > 0
    assert np.isfinite(mesh.vertices).all()


def test_volume_of_a_tile_is_that_of_its_box():
    corners = bricks.tile(4, 2).vertices[bricks.tile(4, 2).triangles]
    volume = np.einsum("ti,ti->", corners[:, 0], np.cross(corners[:, 1], corners[:, 2])) / 6
    assert volume == pytest.approx(0.032 * 0.016 * 0.0032, rel=0.03)


def test_a_brick_has_a_socket_on_every_field():
    mesh = bricks.brick(4, 2)
    assert mesh.sockets.shape == (8, 3)
    assert np.allclose(mesh.sockets[:, 2], 3 * bricks.PLATE)
    assert mesh.bounds[1][2] == pytest.approx(3 * bricks.PLATE + 0.0018)
    np.testing.assert_allclose(mesh.bounds[0][:2] + mesh.bounds[1][:2], 0, atol=1e-9)


def test_a_slope_falls_towards_x():
    vertices = bricks.slope(2, 1).vertices
    high = vertices[vertices[:, 2] > 0.8 * vertices[:, 2].max()]
    assert (high[:, 0] < 0).all()
