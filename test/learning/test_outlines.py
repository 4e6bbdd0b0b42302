import numpy as np
import pytest

from pad_ros.background.segmentation.learned import CHANNELS, SILHOUETTE
from pad_ros.learning.outlines import Outlines, draw, good_silhouette


@pytest.fixture(scope="module")
def outlines(lesson):
    return Outlines(lesson.images, lesson.object_masks, lesson.object_masks)


def test_a_seed_draws_the_same_exercises(outlines):
    first, again, other = (draw(outlines, 96, 2, np.random.default_rng(seed)) for seed in (3, 3, 4))
    np.testing.assert_array_equal(first[1].network_input, again[1].network_input)
    np.testing.assert_array_equal(first[1].truth, again[1].truth)
    assert not np.array_equal(first[1].network_input, other[1].network_input)


def test_exercises_fit_the_network_and_ask_for_what_sticks_out(outlines):
    shares = []
    for seed in range(12):
        for exercise in draw(outlines, 96, 2, np.random.default_rng(seed)):
            assert exercise.network_input.shape == (CHANNELS, 96, 96) and exercise.network_input.dtype == np.float32
            assert exercise.network_input.min() >= -1 and exercise.network_input.max() <= 1
            assert set(np.unique(exercise.truth)) <= {0, 1} and set(np.unique(exercise.weight)) <= {0, 1}
            inside = exercise.network_input[SILHOUETTE] > 0
            assert inside.mean() < 1 and (exercise.truth[inside].mean() > 0.5 if inside.any() else True)
            shares.append(float((exercise.truth * (exercise.weight > 0))[~inside].mean()))
    assert min(shares) < 0.01 and max(shares) > 0.05


def test_an_image_smaller_than_a_crop_asks_nothing_where_it_is_filled_up(outlines):
    for exercise in draw(outlines, 640, 2, np.random.default_rng(0)):
        assert exercise.truth.shape == (640, 640) and exercise.weight.mean() < 0.8


def test_the_silhouette_of_the_good_part_is_known_from_a_defective_one():
    part = np.zeros((60, 60), bool)
    part[20:40, 20:40] = True
    none, hole = np.zeros_like(part), np.zeros_like(part)
    hole[20:26, 20:26] = True
    np.testing.assert_array_equal(good_silhouette(part, none, "good"), part)
    np.testing.assert_array_equal(good_silhouette(part & ~hole, hole, "removed"), part)
    added = np.zeros_like(part)
    added[28:32, 34:55] = True  # stands before the part and sticks out of it
    found = good_silhouette(part | added, added, "added")
    assert not found[:, 44:].any() and found[part].mean() > 0.98
