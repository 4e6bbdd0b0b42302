import numpy as np

from pad_ros.anomaly.learned import CHANNELS
from pad_ros.learning.exercises import draw, jittered
from pad_ros.splatting.rasterize import create_rasterizer

RASTERIZER = {"name": "cpu", "threads": 1}


def test_a_seed_draws_the_same_exercises(lesson):
    first, again, other = (
        draw(lesson, create_rasterizer(RASTERIZER), 96, 2, np.random.default_rng(seed)) for seed in (3, 3, 4)
    )
    np.testing.assert_array_equal(first[1].network_input, again[1].network_input)
    np.testing.assert_array_equal(first[1].truth, again[1].truth)
    assert not np.array_equal(first[1].network_input, other[1].network_input)


def test_exercises_fit_the_network_and_show_differences_and_none(lesson):
    rasterizer = create_rasterizer(RASTERIZER)
    exercises = [e for seed in range(10) for e in draw(lesson, rasterizer, 96, 2, np.random.default_rng(seed))]
    for exercise in exercises:
        assert exercise.network_input.shape == (CHANNELS, 96, 96) and exercise.network_input.dtype == np.float32
        assert exercise.network_input.min() >= 0 and exercise.network_input.max() <= 1
        assert set(np.unique(exercise.truth)) <= {0, 1} and set(np.unique(exercise.weight)) <= {0, 1}
        assert (exercise.weight[exercise.truth > 0] == 1).all()
    shares = [exercise.truth.mean() for exercise in exercises]
    assert min(shares) == 0 and 0.001 < max(shares) < 0.5


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
