import cv2
import numpy as np
import pytest

from pad_ros.anomaly.backbone import create_backbone
from pad_ros.anomaly.learned import CHANNELS
from pad_ros.anomaly.light import create_light
from pad_ros.learning.exercises import Tools, draw, jittered
from pad_ros.splatting.rasterize import create_rasterizer


@pytest.fixture(scope="module")
def tools():
    rasterizer = create_rasterizer({"name": "cpu", "threads": 1})
    return Tools(rasterizer, create_light({"name": "local"}), create_backbone({"name": "efficientnet_lite0"}))


def test_a_seed_draws_the_same_exercises(lesson, tools):
    first, again, other = (draw(lesson, tools, 96, 2, np.random.default_rng(seed)) for seed in (3, 3, 4))
    np.testing.assert_array_equal(first[1].network_input, again[1].network_input)
    np.testing.assert_array_equal(first[1].truth, again[1].truth)
    assert not np.array_equal(first[1].network_input, other[1].network_input)


def test_exercises_fit_the_network_and_show_differences_and_none(lesson, tools):
    exercises = [e for seed in range(10) for e in draw(lesson, tools, 96, 2, np.random.default_rng(seed))]
    for exercise in exercises:
        assert exercise.network_input.shape == (CHANNELS, 96, 96) and exercise.network_input.dtype == np.float32
        assert exercise.network_input.min() >= 0 and exercise.network_input.max() <= 1
        assert set(np.unique(exercise.truth)) <= {0, 1} and set(np.unique(exercise.weight)) <= {0, 1}
        assert (exercise.weight[exercise.truth > 0] == 1).all()
    shares = [exercise.truth.mean() for exercise in exercises]
    assert min(shares) == 0 and 0.001 < max(shares) < 0.5


def test_what_is_asked_can_be_seen_and_the_background_is_the_images_own(lesson, tools):
    for seed in range(6):
        for exercise in draw(lesson, tools, 96, 2, np.random.default_rng(seed)):
            difference = exercise.network_input[6:9].max(axis=0)
            near = cv2.dilate(difference, np.ones((3, 3), np.uint8))
            assert (near[exercise.truth > 0] > 0.03).all()
            away = cv2.dilate(exercise.network_input[12], np.ones((15, 15), np.uint8)) == 0
            inside = np.s_[8:-8, 8:-8]  # beyond the crop's border there may be more of the mask
            assert difference[inside][(away & (exercise.network_input[11] > 0.999))[inside]].max(initial=0) < 0.01


def test_jitter_moves_the_picture_by_about_as_much_as_asked(lesson):
    pose, camera = lesson.poses[0], lesson.camera
    centre = lesson.gaussians.means.mean(axis=0)
    moved = []
    for seed in range(200):
        near = jittered(pose, lesson, np.random.default_rng(seed), pixels=0.3)
        pixels = []
        for matrix in (pose, near):
            local = (centre - matrix[:3, 3]) @ matrix[:3, :3]
            pixels.append(local[:2] / local[2] * camera.fx)
        moved.append(np.linalg.norm(pixels[1] - pixels[0]))
    assert 0.2 < np.median(moved) < 1.0
