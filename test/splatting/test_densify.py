import dataclasses

import numpy as np
from splat_scenes import random_gaussians

from pad_ros.geometry import Camera
from pad_ros.splatting.cpu import CpuRasterizer, empty_gradients
from pad_ros.splatting.densify import GrowthScore, ThresholdDensifier, create_densifier, densify
from pad_ros.splatting.optimizer import PARAMETERS, Optimizer
from pad_ros.splatting.settings import TrainerSettings


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


CAMERA = Camera(100, 100, 100.0, 100.0, 50.0, 50.0)
THRESHOLD = TrainerSettings(
    iterations=1000,
    densification="threshold",
    densify_from=0.1,
    densify_until=1.0,
    densify_every=200,
    densify_gradient=1.0,
    reset_opacity_every=300,
    split_above=0.01,
    min_opacity=0.005,
)


def watched(screen, settings=THRESHOLD, extent=1000.0):
    """Gaussians after one step with momentum, and a strategy that has seen their gradients."""
    optimizer = Optimizer(CpuRasterizer(threads=1), random_gaussians(len(screen), 1, seed=5))
    optimizer.gradients = empty_gradients(optimizer.gaussians)
    for name in PARAMETERS:
        getattr(optimizer.gradients, name)[:] = 1.0
    optimizer.gradients.screen[:] = screen
    optimizer.step({name: np.zeros(getattr(optimizer.gaussians, name)[:1].size, np.float32) for name in PARAMETERS})
    densifier = create_densifier(settings, extent, len(screen))
    assert isinstance(densifier, ThresholdDensifier)
    densifier.observe(optimizer.gradients, CAMERA)
    return optimizer, densifier


def update(optimizer, densifier, number):
    densifier.update(optimizer, number - 1, np.random.default_rng(0))
    return len(optimizer.gaussians)


def test_threshold_grows_all_above_it_in_device_coordinates():
    screen = np.float32([0.019, 0.021, 0.5, 0.0])  # times half of 100 pixels: 0.95, 1.05, 25, 0
    assert update(*watched(screen), number=200) == 6
    assert update(*watched(screen), number=199) == 4
    assert update(*watched(screen), number=1000) == 4  # new ones could not be trained any more


def test_threshold_splits_by_the_extent():
    optimizer, densifier = watched(np.float32([1.0] * 5), extent=1e-3)
    before = optimizer.gaussians
    assert update(optimizer, densifier, 200) == 10
    expected = np.tile(before.log_scales, (2, 1)) - np.log(1.6)
    np.testing.assert_allclose(optimizer.gaussians.log_scales, expected, atol=1e-6)


def test_threshold_never_exceeds_the_guard():
    settings = dataclasses.replace(THRESHOLD, max_gaussians=7)
    optimizer, densifier = watched(np.float32([1, 2, 3, 4, 5]), settings)
    best = optimizer.gaussians.means[[4, 3]]
    assert update(optimizer, densifier, 200) == 7
    np.testing.assert_array_equal(optimizer.gaussians.means[-2:], best)


def test_threshold_drops_faint_ones_always_and_huge_ones_after_the_first_reset():
    for number, expected in ((200, 4), (400, 3)):
        optimizer, densifier = watched(np.zeros(5, np.float32), extent=10.0)
        optimizer.gaussians.logit_opacities[0] = -6.0
        optimizer.gaussians.log_scales[1, 2] = np.log(1.1)
        assert update(optimizer, densifier, number) == expected


def test_opacities_are_reset_at_the_begin_and_every_so_often():
    for number, reset in ((99, False), (100, True), (299, False), (300, True), (600, True), (1000, False)):
        optimizer, densifier = watched(np.zeros(5, np.float32))
        optimizer.gaussians.logit_opacities[:] = [-5.0, 0.0, 1.0, 2.0, 3.0]
        update(optimizer, densifier, number)
        opacities = 1 / (1 + np.exp(-optimizer.gaussians.logit_opacities))
        assert (opacities.max() < 0.0101) == reset, number
        assert opacities.min() < 0.007
        assert (optimizer.state()["first_logit_opacities"] == 0).all() == reset
        assert (optimizer.state()["first_means"] != 0).all()


def test_a_restored_strategy_goes_on_alike():
    screen = np.float32([0.1, 0.0, 0.3])
    for settings in (THRESHOLD, TrainerSettings(iterations=1000, max_gaussians=9)):
        optimizer, _ = watched(screen)
        first, second = (create_densifier(settings, 100.0, count) for count in (3, 1))
        first.observe(optimizer.gradients, CAMERA)
        second.restore({name: array.copy() for name, array in first.state().items()})
        grown = []
        for densifier in (first, second):
            optimizer, _ = watched(screen)
            densifier.update(optimizer, 399, np.random.default_rng(1))
            grown.append(optimizer.gaussians.means)
        np.testing.assert_array_equal(*grown)
        assert len(grown[0]) > 3
