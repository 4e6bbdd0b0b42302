import numpy as np
import pytest

from pad_ros.geometry import look_at
from pad_ros.synthesis.assembly import Assembly, Part, apply, translation
from pad_ros.synthesis.bricks import brick, tile
from pad_ros.synthesis.cameras import make_camera
from pad_ros.synthesis.cameras import test_poses as poses_of
from pad_ros.synthesis.materials import PALETTE
from pad_ros.synthesis.vehicles import build_vehicle
from pad_ros.synthesis.visibility import part_ids, see, see_again, see_with


def scene(*heights, sizes=(4, 4)):
    parts = [
        Part(f"p{i}", tile(size, size), translation(0, 0, z), PALETTE["red"])
        for i, (z, size) in enumerate(zip(heights, sizes, strict=True))
    ]
    return Assembly("scene", tuple(parts))


def from_above(distance):
    return look_at(np.array([0, 0, distance]), np.zeros(3), np.array([0.0, 1.0, 0.0]))


def test_silhouette_has_the_projected_size_and_place():
    camera = make_camera(201)
    ids = part_ids(scene(0.0, sizes=[4]), camera, from_above(0.2 + 0.0032))
    rows, columns = np.nonzero(ids == 0)
    side = camera.fx * 0.032 / 0.2
    assert (ids >= 0).sum() == pytest.approx(side**2, rel=0.03)
    assert np.ptp(columns) + 1 == pytest.approx(side, abs=1.5)
    assert columns.mean() + 0.5 == pytest.approx(camera.cx, abs=0.6)  # pixel centres at +0.5
    assert rows.mean() + 0.5 == pytest.approx(camera.cy, abs=0.6)


def test_the_nearer_part_hides_the_farther():
    camera = make_camera(101)
    for order, front in (((0.0, 0.02), 1), ((0.02, 0.0), 0)):
        ids = part_ids(scene(*order, sizes=(4, 4)), camera, from_above(0.2))
        assert ids[50, 50] == front
    ids = part_ids(scene(0.0, 0.02, sizes=(4, 1)), camera, from_above(0.2))
    assert ids[50, 50] == 1 and ids[50, 40] == 0 and ids[0, 0] == -1


def test_agrees_with_ray_casting():
    camera, rng = make_camera(40), np.random.default_rng(3)
    assembly = scene(0.0, 0.01, 0.02, sizes=(4, 2, 1))
    pose = look_at(np.array([0.1, 0.07, 0.12]), np.array([0, 0, 0.01]), np.array([0.0, 0, 1]))
    ids = part_ids(assembly, camera, pose)
    corners, owner = assembly.triangles
    for row, column in rng.integers(0, 40, (150, 2)):
        ray = np.array([(column + 0.5 - camera.cx) / camera.fx, (row + 0.5 - camera.cy) / camera.fy, 1.0])
        direction = apply(pose, ray[None])[0] - pose[:3, 3]
        # Origin + t·direction = a + β(b − a) + γ(c − a), for all triangles at once.
        system = np.stack(
            [np.broadcast_to(-direction, (len(corners), 3)), *(corners[:, i] - corners[:, 0] for i in (1, 2))], 2
        )
        solvable = np.abs(np.linalg.det(system)) > 1e-15
        solution = np.full((len(corners), 3), -1.0)
        solution[solvable] = np.linalg.solve(system[solvable], (pose[:3, 3] - corners[solvable, 0])[..., None])[..., 0]
        hit = (solution[:, 1] >= 0) & (solution[:, 2] >= 0) & (solution[:, 1:].sum(axis=1) <= 1) & (solution[:, 0] > 0)
        expected = owner[hit][np.argmin(solution[hit, 0])] if hit.any() else -1
        assert ids[row, column] == expected, (row, column)


def box_by_box(assembly, camera, pose):
    """The ids by the plainest rasteriser: each triangle by itself, over its whole bounding box."""
    corners, owner = assembly.triangles
    points = apply(np.linalg.inv(pose), corners.reshape(-1, 3)).reshape(-1, 3, 3)
    u = camera.fx * points[..., 0] / points[..., 2] + camera.cx - 0.5
    v = camera.fy * points[..., 1] / points[..., 2] + camera.cy - 0.5
    nearest, ids = np.zeros((camera.height, camera.width)), np.full((camera.height, camera.width), -1)
    for t in range(len(corners)):
        area = (u[t, 1] - u[t, 0]) * (v[t, 2] - v[t, 0]) - (u[t, 2] - u[t, 0]) * (v[t, 1] - v[t, 0])
        rows = slice(max(int(np.ceil(v[t].min())), 0), max(int(v[t].max()) + 1, 0))
        columns = slice(max(int(np.ceil(u[t].min())), 0), max(int(u[t].max()) + 1, 0))
        y, x = np.mgrid[: camera.height, : camera.width][:, rows, columns]
        if not x.size or abs(area) < 1e-9:
            continue
        weights = []
        for i in range(3):
            a, b = (i + 1) % 3, (i + 2) % 3
            weights.append(((u[t, b] - u[t, a]) * (y - v[t, a]) - (v[t, b] - v[t, a]) * (x - u[t, a])) / area)
        depth = sum(w / points[t, i, 2] for i, w in enumerate(weights))
        front = (np.min(weights, axis=0) >= 0) & (depth > nearest[rows, columns])
        nearest[rows, columns][front], ids[rows, columns][front] = depth[front], owner[t]
    return ids


def test_agrees_with_the_plainest_rasteriser():
    rng, camera = np.random.default_rng(0), make_camera(64)
    parts = [
        Part(f"p{i}", tile(*rng.uniform(0.2, 4, 2)), translation(*rng.uniform(-0.02, 0.02, 3)), PALETTE["red"])
        for i in range(12)
    ]
    assembly = Assembly("heap", tuple(parts))
    for distance in (0.06, 0.2, 2.0):  # larger than the image, within it, of a few pixels
        pose = look_at(distance * np.array([0.5, 0.3, 0.8]), np.zeros(3), np.array([0.0, 0, 1]))
        np.testing.assert_array_equal(part_ids(assembly, camera, pose), box_by_box(assembly, camera, pose))


def test_triangles_behind_the_camera_are_left_out():
    pose = look_at(np.array([0.0, 0, 0.1]), np.array([0.0, 0, 1.0]), np.array([0.0, 1, 0]))
    assert (part_ids(scene(0.0, sizes=[4]), make_camera(32), pose) == -1).all()


def test_no_gap_between_neighbouring_triangles():
    camera = make_camera(301)
    for yaw in np.linspace(0, 1, 7):  # 0: edges run through pixel centres
        up = np.array([np.sin(yaw), np.cos(yaw), 0.0])
        ids = part_ids(scene(0.0, sizes=[8]), camera, look_at(np.array([0.0, 0, 0.06]), np.zeros(3), up))
        assert (ids == 0).all()  # the tile is larger than the image


def test_looking_at_a_change_only_is_the_same_as_looking_anew():
    car, camera = build_vehicle("off_road_car"), make_camera(120)
    rng = np.random.default_rng(1)
    post = Part("post", brick(1, 1, 12), translation(0.0, 0.0, 0.03), PALETTE["red"])
    for pose in poses_of(3, car.bounds, rng):
        intact = see(car, camera, pose)
        seen, anew = see_with(post, len(car.parts), camera, pose, intact), see(car.with_part(post), camera, pose)
        np.testing.assert_array_equal(seen.ids, anew.ids)
        for part in rng.choice(np.unique(intact.ids[intact.ids >= 0]), 5, replace=False):
            renumbered = type(intact)(intact.ids - (intact.ids > part), intact.inverse_depth)
            rest = car.without(int(part))
            seen = see_again(rest, camera, pose, renumbered, intact.ids == part)
            np.testing.assert_array_equal(seen.ids, see(rest, camera, pose).ids)
