import dataclasses

import numpy as np
from splat_scenes import random_gaussians

from pad_ros.geometry import Camera
from pad_ros.splatting.cpu_engine import CpuEngine
from pad_ros.splatting.densify import ThresholdDensifier, create_densifier, densify
from pad_ros.splatting.engine import ScreenGradients
from pad_ros.splatting.settings import TrainerSettings


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
    """An engine with momentum, after a step with these screen gradients; and a strategy."""
    engine = CpuEngine(dataclasses.replace(settings, threads=1))
    engine.begin(random_gaussians(len(screen), 1, seed=5))
    densifier = create_densifier(settings, extent, len(screen))
    assert isinstance(densifier, ThresholdDensifier)
    score = densifier.measure(ScreenGradients(screen=100.0 * screen, screen_signed=screen), CAMERA)
    moved = {name: np.ones_like(array) for name, array in engine.state().items() if name.startswith("first_")}
    engine.restore({**engine.state(), **moved, "score_total": score, "score_seen": np.ones(len(screen))})
    return engine, densifier


def update(engine, densifier, number):
    densifier.update(engine, number - 1, np.random.default_rng(0))
    return len(engine)


def test_threshold_grows_all_above_it_in_device_coordinates():
    screen = np.float32([0.019, 0.021, 0.5, 0.0])  # times half of 100 pixels: 0.95, 1.05, 25, 0
    assert update(*watched(screen), number=200) == 6
    assert update(*watched(screen), number=199) == 4
    assert update(*watched(screen), number=1000) == 4  # new ones could not be trained any more


def test_threshold_splits_by_the_extent():
    engine, densifier = watched(np.float32([1.0] * 5), extent=1e-3)
    before = engine.gaussians
    assert update(engine, densifier, 200) == 10
    expected = np.tile(before.log_scales, (2, 1)) - np.log(1.6)
    np.testing.assert_allclose(engine.gaussians.log_scales, expected, atol=1e-6)


def test_threshold_never_exceeds_the_guard():
    settings = dataclasses.replace(THRESHOLD, max_gaussians=7)
    engine, densifier = watched(np.float32([1, 2, 3, 4, 5]), settings)
    best = engine.gaussians.means[[4, 3]]
    assert update(engine, densifier, 200) == 7
    np.testing.assert_array_equal(engine.gaussians.means[-2:], best)


def test_threshold_drops_faint_ones_always_and_huge_ones_after_the_first_reset():
    for number, expected in ((200, 4), (400, 3)):
        engine, densifier = watched(np.zeros(5, np.float32), extent=10.0)
        engine.gaussians.logit_opacities[0] = -6.0
        engine.gaussians.log_scales[1, 2] = np.log(1.1)
        assert update(engine, densifier, number) == expected


def test_opacities_are_reset_at_the_begin_and_every_so_often():
    for number, reset in ((99, False), (100, True), (299, False), (300, True), (600, True), (1000, False)):
        engine, densifier = watched(np.zeros(5, np.float32))
        engine.gaussians.logit_opacities[:] = [-5.0, 0.0, 1.0, 2.0, 3.0]
        update(engine, densifier, number)
        opacities = 1 / (1 + np.exp(-engine.gaussians.logit_opacities))
        assert (opacities.max() < 0.0101) == reset, number
        assert opacities.min() < 0.007
        assert (engine.state()["first_logit_opacities"] == 0).all() == reset
        assert (engine.state()["first_means"] != 0).all()


def test_the_budget_grows_by_the_absolute_gradients():
    screen = ScreenGradients(screen=np.float32([1, 2]), screen_signed=np.float32([0, 1]))
    np.testing.assert_array_equal(create_densifier(TrainerSettings(), 1.0, 2).measure(screen, CAMERA), [1, 2])
