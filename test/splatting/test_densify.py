import numpy as np
from splat_scenes import random_gaussians

from pad_ros.splatting.densify import GrowthScore, densify


def test_score_is_the_mean_over_the_views_that_saw_it():
    score = GrowthScore(3)
    score.add(np.float32([1, 0, 0]))
    score.add(np.float32([3, 2, 0]))
    np.testing.assert_allclose(score.mean(), [2, 2, 0])


def grow(budget, small, seed=0):
    gaussians = random_gaussians(50, 1, seed=1)
    gaussians.logit_opacities[:10] = -9.0  # faint
    score = np.arange(50.0)
    return gaussians, *densify(gaussians, score, budget, small, 0.01, np.random.default_rng(seed))


def test_budget_is_reached_and_faint_ones_are_dropped():
    _, grown, origin = grow(budget=60, small=10.0)
    assert len(grown) == len(origin) == 60
    assert set(origin[origin >= 0]) == set(range(10, 50))
    assert (grown.logit_opacities > -5).all()


def test_small_ones_are_doubled_in_place():
    gaussians, grown, origin = grow(budget=60, small=10.0)
    np.testing.assert_array_equal(grown.means[-20:], gaussians.means[np.r_[49:29:-1]][:20])  # the highest scores
    assert (origin[-20:] == -1).all()


def test_large_ones_are_split_into_smaller_ones_inside():
    gaussians, grown, origin = grow(budget=60, small=0.0)
    halves, parents = grown.select(slice(-40, None)), gaussians.select(np.tile(np.r_[49:29:-1], 2))
    assert (origin[-40:] == -1).all()
    np.testing.assert_allclose(halves.log_scales, parents.log_scales - np.log(1.6), atol=1e-6)
    offset = np.linalg.norm(halves.means - parents.means, axis=1)
    assert (offset > 0).all() and (offset < 5 * np.exp(parents.log_scales.max(axis=1))).all()


def test_the_displacement_follows_the_parents_orientation():
    needle = random_gaussians(1, 0, seed=2)
    needle.log_scales[:] = np.log([1.0, 1e-4, 1e-4])
    needle.quats[:] = [np.sqrt(0.5), 0, 0, np.sqrt(0.5)]  # a quarter turn about z: x becomes y
    needle.logit_opacities[:] = 2.0
    grown, _ = densify(needle, np.ones(1), 2, 0.0, 0.01, np.random.default_rng(0))
    offset = np.abs(grown.means - needle.means)
    assert (offset[:, 1] > 100 * offset[:, 0]).all()


def test_the_input_is_left_alone():
    before = random_gaussians(50, 1, seed=1).log_scales
    gaussians, _, _ = grow(budget=60, small=0.0)
    np.testing.assert_array_equal(gaussians.log_scales, before)
