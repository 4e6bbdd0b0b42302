import numpy as np
import pytest

from pad_ros.errors import ConfigError
from pad_ros.geometry import (
    Camera,
    blender_from_opencv_pose,
    invert_rigid,
    is_rigid,
    look_at,
    opencv_from_blender_pose,
    pose_error,
    quaternion_from_rotation,
    rotation_from_quaternion,
)

UP = np.array([0.0, 0.0, 1.0])


def random_rotation(rng):
    return rotation_from_quaternion(rng.normal(size=4))


def test_quaternion_round_trip_for_every_kind_of_rotation():
    rng = np.random.default_rng(0)
    rotations = [random_rotation(rng) for _ in range(50)]
    rotations += [np.diag(d).astype(float) for d in ([1, -1, -1], [-1, 1, -1], [-1, -1, 1], [1, 1, 1])]
    for rotation in rotations:
        np.testing.assert_allclose(rotation_from_quaternion(quaternion_from_rotation(rotation)), rotation, atol=1e-9)


def test_quaternion_order_is_xyzw():
    quarter_turn_about_z = np.array([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    half = np.sqrt(0.5)
    np.testing.assert_allclose(quaternion_from_rotation(quarter_turn_about_z), [0, 0, half, half], atol=1e-12)


def test_look_at_puts_the_target_in_front_and_up_above():
    pose = look_at(np.array([3.0, -2.0, 1.5]), np.array([0.1, 0.2, 0.3]), UP)
    assert is_rigid(pose)
    target = invert_rigid(pose) @ [0.1, 0.2, 0.3, 1.0]
    np.testing.assert_allclose(target[:2], 0.0, atol=1e-9)
    assert target[2] > 0  # z forward
    assert (invert_rigid(pose) @ [0.1, 0.2, 1.3, 1.0])[1] < 0  # y down


def test_blender_axes_look_along_minus_z():
    pose = look_at(np.array([0.0, -4.0, 0.0]), np.zeros(3), UP)
    blender = blender_from_opencv_pose(pose)
    np.testing.assert_allclose(-blender[:3, 2], [0, 1, 0], atol=1e-9)  # view direction
    np.testing.assert_allclose(blender[:3, 1], [0, 0, 1], atol=1e-9)  # up
    np.testing.assert_allclose(opencv_from_blender_pose(blender), pose)


def test_invert_rigid_agrees_with_the_general_inverse():
    pose = look_at(np.array([3.0, -2.0, 1.5]), np.zeros(3), UP)
    np.testing.assert_allclose(invert_rigid(pose), np.linalg.inv(pose), atol=1e-12)


def test_is_rigid_refuses_scales_mirrors_and_nan():
    assert not is_rigid(np.diag([2.0, 2.0, 2.0, 1.0]))
    assert not is_rigid(np.diag([1.0, 1.0, -1.0, 1.0]))
    assert not is_rigid(np.full((4, 4), np.nan))
    assert not is_rigid(np.eye(3))


def test_camera_of_a_right_angle_has_half_the_width_as_focal_length():
    camera = Camera.from_horizontal_angle(np.pi / 2, 640, 480)
    np.testing.assert_allclose(camera.K, [[320, 0, 320], [0, 320, 240], [0, 0, 1]])
    assert camera.scaled(0.5).K[0, 0] == pytest.approx(160)


@pytest.mark.parametrize("wrong", [{"fx": 0.0}, {"fy": float("nan")}, {"width": -1}])
def test_impossible_intrinsics_are_refused(wrong):
    values = {"width": 10, "height": 10, "fx": 10.0, "fy": 10.0, "cx": 5.0, "cy": 5.0, **wrong}
    with pytest.raises(ConfigError, match="intrinsics"):
        Camera(**values)


def test_pose_error_measures_angle_and_relative_distance():
    truth = look_at(np.array([0.0, -4.0, 0.0]), np.zeros(3), UP)
    turn = np.eye(4)
    c, s = np.cos(np.radians(2.0)), np.sin(np.radians(2.0))
    turn[:2, :2] = [[c, -s], [s, c]]
    moved = truth @ turn
    moved[:3, 3] += [0.04, 0.0, 0.0]
    angle, distance = pose_error(moved, truth)
    assert angle == pytest.approx(2.0, abs=1e-6)
    assert distance == pytest.approx(0.01, abs=1e-9)
    assert pose_error(truth, truth) == (pytest.approx(0.0, abs=1e-9), 0.0)
