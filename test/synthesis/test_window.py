import numpy as np

from pad_ros.geometry import invert_rigid
from pad_ros.synthesis import cameras
from pad_ros.synthesis.assembly import apply
from pad_ros.synthesis.planning import SynthesisSettings, plan_train
from pad_ros.synthesis.vehicles import build_vehicle
from pad_ros.synthesis.visibility import part_ids
from pad_ros.synthesis.window import window


def test_the_window_holds_the_silhouette_with_little_around_it():
    car, camera = build_vehicle("off_road_car"), cameras.make_camera(100)
    corners = car.triangles[0].reshape(-1, 3)
    for pose in plan_train(car, SynthesisSettings(train=4)):
        blender_points = apply(invert_rigid(pose), corners) * [1, -1, -1]
        left, bottom, right, top = window(blender_points, cameras.HORIZONTAL_ANGLE)
        rows, columns = np.nonzero(part_ids(car, camera, pose) >= 0)
        around = [columns.min() - 100 * left, 100 * right - columns.max() - 1]
        around += [rows.min() - 100 * (1 - top), 100 * (1 - bottom) - rows.max() - 1]
        assert all(1 <= gap <= 4 for gap in around)


def test_a_window_ends_at_the_image():
    near = np.array([[-0.1, 0.0, -1.0], [5.0, 5.0, -1.0]])
    left, bottom, right, top = window(near, 0.7)
    assert 0 < left < 0.5 and bottom > 0.4 and (right, top) == (1.0, 1.0)


def test_the_whole_image_where_points_are_behind_or_beside_it():
    assert window(np.array([[0.0, 0.0, -1.0], [0.0, 0.0, 1.0]]), 0.7) == (0.0, 0.0, 1.0, 1.0)
    assert window(np.array([[50.0, 0.0, -1.0]]), 0.7) == (0.0, 0.0, 1.0, 1.0)
