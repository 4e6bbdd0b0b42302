import numpy as np
import pytest

from pad_ros.geometry import look_at
from pad_ros.synthesis.assembly import Assembly, Part, apply, translation
from pad_ros.synthesis.bricks import tile
from pad_ros.synthesis.cameras import make_camera
from pad_ros.synthesis.materials import PALETTE
from pad_ros.synthesis.visibility import part_ids


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
