import numpy as np
import pytest

from pad_ros.synthesis.photo import expose


def to_linear(srgb):
    return np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)


def grey(level=0.5, size=128):
    return np.full((size, size, 3), level, dtype=np.float32)


@pytest.fixture
def picture():
    return np.random.default_rng(0).random((48, 64, 3), dtype=np.float32)


def test_without_conditions_nothing_changes(picture):
    result = expose(picture, {})
    assert result.dtype == np.float32
    np.testing.assert_allclose(result, picture, atol=2e-6)
    none = {"exposure_ev": 0.0, "blur": 0.0, "read_noise": 0.0, "shot_noise": 0.0, "red": 1.0, "blue": 1.0, "seed": 1}
    np.testing.assert_array_equal(expose(picture, none), result)


@pytest.mark.parametrize("stops", [-0.7, 0.5])
def test_a_stop_doubles_the_light(stops):
    result = expose(grey(0.4), {"exposure_ev": stops})
    np.testing.assert_allclose(to_linear(result), 2**stops * to_linear(grey(0.4)), rtol=1e-5)


def test_what_is_too_bright_is_clipped():
    bright = expose(grey(0.9), {"exposure_ev": 1.0})
    assert bright.min() == pytest.approx(1.0, abs=1e-6) and bright.max() <= 1.0


def test_white_balance_tints_grey():
    red, green, blue = to_linear(expose(grey(), {"red": 1.05, "blue": 0.95}))[0, 0]
    assert (red / green, blue / green) == pytest.approx((1.05, 0.95), rel=1e-5)


def test_noise_has_the_stated_level_and_no_bias():
    level = to_linear(0.5)
    noisy = to_linear(expose(grey(size=256), {"read_noise": 0.006, "shot_noise": 0.02, "seed": 1}))
    assert noisy.std() == pytest.approx(np.sqrt(0.006**2 + 0.02**2 * level), rel=0.02)
    assert noisy.mean() == pytest.approx(level, abs=2e-4)
    dark = to_linear(expose(grey(0.1, 256), {"shot_noise": 0.02, "seed": 1}))
    assert dark.std() < 0.3 * noisy.std()


def test_noise_follows_its_seed(picture):
    noise = {"read_noise": 0.01, "seed": 5}
    np.testing.assert_array_equal(expose(picture, noise), expose(picture, noise))
    assert np.abs(expose(picture, noise) - expose(picture, noise | {"seed": 6})).mean() > 1e-3


def test_blur_keeps_the_mean_and_is_as_wide_as_stated(picture):
    assert to_linear(expose(picture, {"blur": 0.02})).mean() == pytest.approx(to_linear(picture).mean(), rel=1e-5)
    point = np.zeros((101, 101, 3), dtype=np.float32)
    point[50, 50] = 1.0
    spread = to_linear(expose(point, {"blur": 0.02}))[..., 0]
    rows, columns = np.indices(spread.shape) - 50
    for offset in (rows, columns):
        assert np.sqrt((spread * offset**2).sum() / spread.sum()) == pytest.approx(2.02, rel=0.03)


def test_a_cutout_keeps_its_alpha_and_its_colours_up_to_the_edge():
    cutout = np.zeros((32, 32, 4), dtype=np.float32)  # black where transparent
    cutout[8:24, 8:24] = (0.8, 0.4, 0.2, 1.0)
    cutout[8, 8:24, 3] = 0.5
    result = expose(cutout, {"blur": 0.03, "exposure_ev": 0.2})
    np.testing.assert_array_equal(result[..., 3], cutout[..., 3])
    plain = expose(cutout[12:13, 12:13, :3], {"exposure_ev": 0.2})[0, 0]
    np.testing.assert_allclose(result[8:24, 8:24, :3], np.broadcast_to(plain, (16, 16, 3)), atol=1e-5)
