import cv2
import numpy as np
import pytest
import textured_box

from pad_ros.errors import ConfigError
from pad_ros.localization.pnp import project
from pad_ros.localization.refinement import TwinView, create_refiner
from pad_ros.results import PoseEstimate

EDGES = {"name": "edges"}
TRUTH = textured_box.view_pose(40, 35)


def look(camera, pose):
    """The box, and where the pixels' rays enter it."""
    assert camera == textured_box.CAMERA
    image, mask = textured_box.render(pose)
    y, x = np.mgrid[0 : camera.height, 0 : camera.width] + 0.5
    rays = np.stack([x, y, np.ones_like(x)], axis=2) @ np.linalg.inv(camera.K).T @ pose[:3, :3].T
    sides = np.sign(pose[:3, 3]) * [0.5, 0.4, 0.3]
    entry = ((sides - pose[:3, 3]) / rays).max(axis=2)
    return TwinView(image, mask, (pose[:3, 3] + entry[..., None] * rays).astype(np.float32))


def off(pose):
    """By how many pixels the box's corners are not where they should be, mean."""
    corners = np.array(np.meshgrid([-0.5, 0.5], [-0.4, 0.4], [-0.3, 0.3])).reshape(3, -1).T
    there, should = (project(textured_box.CAMERA, p, corners)[0] for p in (pose, TRUTH))
    return np.linalg.norm(there - should, axis=1).mean()


def moved(pixels, rng):
    """The true pose, so many pixels off."""
    rate, amount = rng.normal(size=6), 1e-3
    for _ in range(5):
        motion = np.eye(4)
        motion[:3, :3], motion[:3, 3] = cv2.Rodrigues(amount * rate[:3])[0], 3 * amount * rate[3:]
        amount *= pixels / off(TRUTH @ motion)
    return TRUTH @ motion


def refined(image, pose, settings=EDGES):
    found = PoseEstimate(pose, 20, 30, 0.5)
    return create_refiner(settings).refine(image, textured_box.CAMERA, found, look).object_from_camera


@pytest.fixture(scope="module")
def photo():
    """The box in front of clutter, under a lamp that makes one side bright, in a half shadow."""
    image, mask = textured_box.render(TRUTH, textured_box.clutter(0))
    lamp = np.linspace(0.4, 1.3, image.shape[1])[None, :, None] * np.ones(image.shape)
    lamp[:150] *= 0.6
    return np.where(mask[..., None], np.clip(lamp * image, 0, 255), image).astype(np.uint8)


@pytest.mark.parametrize("pixels", [0.5, 2, 6])
def test_a_pose_comes_nearer_in_another_light(photo, pixels):
    rng = np.random.default_rng(0)
    for start in (moved(pixels, rng) for _ in range(4)):
        assert off(start) == pytest.approx(pixels, rel=0.05)
        assert off(refined(photo, start)) < 0.15


def test_a_defect_does_not_pull(photo):
    broken = photo.copy()
    broken[130:180, 130:180] = photo[136:186, 125:175]
    assert off(refined(broken, moved(1, np.random.default_rng(1)))) < 0.2


def test_where_the_twin_is_not_the_pose_stays(photo):
    """No edges in the image, or no part in view: what was found is given back."""
    start = moved(1, np.random.default_rng(2))
    assert (refined(np.full_like(photo, 90), start) == start).all()
    away = start.copy()
    away[:3, 3] += 10 * start[:3, 0]
    assert (refined(photo, away) == away).all()


def chosen(image, poses, settings=EDGES):
    guesses = [PoseEstimate(pose, 6, 30, 2.0) for pose in poses]
    return create_refiner(settings).choose(image, textured_box.CAMERA, guesses, look)


def test_of_guesses_the_right_one_is_chosen_and_of_wrong_ones_none(photo):
    near = moved(4, np.random.default_rng(4))
    wrong = [textured_box.view_pose(azimuth, 35) for azimuth in (130, 220, 310)]  # no texture is on two faces
    assert off(chosen(photo, [*wrong, near]).object_from_camera) < 0.15
    assert chosen(photo, wrong) is None
    assert chosen(textured_box.clutter(0), [TRUTH]) is None
    assert chosen(photo, []) is None
    assert chosen(photo, [near], {**EDGES, "sure": 1.0}) is None


def test_as_found_leaves_the_pose_and_takes_no_guess(photo):
    start = moved(2, np.random.default_rng(3))
    assert (refined(photo, start, {"name": "as_found"}) == start).all()
    assert chosen(photo, [TRUTH], {"name": "as_found"}) is None


@pytest.mark.parametrize(
    "wrong", [{"size": 0}, {"sigmas": []}, {"sigmas": [0.0]}, {"rounds": 0}, {"pixels": 3}, {"sure": 0}]
)
def test_settings_out_of_range_are_refused(wrong):
    with pytest.raises(ConfigError, match="refinement"):
        create_refiner({**EDGES, **wrong})
