import cv2
import numpy as np
import pytest

from pad_ros.anomaly.comparison import create_comparison
from pad_ros.anomaly.squared import SquaredComparison
from pad_ros.anomaly.views import Views
from pad_ros.errors import ConfigError, ImageError, NoObjectError

STD = np.array([0.229, 0.224, 0.225])


class Means:
    """Two levels of one stride and one of another: the mean of the channels times 1, 10 and 3."""

    stride, sha256 = 4, "means"

    def features(self, images):
        grey = images.astype(np.float32).mean(axis=3)[:, None]  # [N, 1, H, W]
        return [grey[..., ::2, ::2], 10 * grey[..., ::2, ::2], 3 * grey[..., ::4, ::4]]


def flat(value, size=32):
    return np.full((size, size, 3), value, np.uint8)


def compare(test, reference, mask=None, **settings):
    mask = np.ones(test.shape[:2], bool) if mask is None else mask
    comparison = SquaredComparison(Means(), size=32, **settings)
    return comparison.compare(Views(test, reference, mask, np.zeros(mask.shape, np.float32), mask))


def test_the_map_is_the_sum_of_squares_over_colours_and_the_last_level_of_each_stride():
    colours = ((2 / 255 / STD) ** 2).sum()
    found = compare(flat(100), flat(102))
    np.testing.assert_allclose(found, colours + (10 * 2) ** 2 + (3 * 2) ** 2, rtol=1e-5)
    np.testing.assert_allclose(compare(flat(100), flat(102), levels=1), colours + 20**2, rtol=1e-5)


def test_it_is_smoothed_by_the_baselines_short_kernel():
    test = flat(100)
    test[16, 16] = 255
    found = compare(test, flat(100), levels=1, kernel=9)
    rough = compare(test, flat(100), levels=1, kernel=1)
    np.testing.assert_allclose(found, cv2.GaussianBlur(rough, (9, 9), 4.0), rtol=1e-4, atol=1e-3)


def test_nothing_counts_outside_the_mask():
    mask = np.zeros((32, 32), bool)
    mask[8:24, 8:24] = True
    test = flat(100)
    test[~mask] = 0
    assert not compare(test, flat(100), mask).any()
    assert not compare(flat(100), flat(0), mask)[~mask].any()


def test_it_is_chosen_by_name_over_the_profiles_backbone():
    comparison = create_comparison({"name": "squared"}, {"name": "efficientnet_lite0", "threads": 1})
    same = np.random.default_rng(0).integers(0, 255, (64, 64, 3)).astype(np.uint8)
    mask, other = np.ones((64, 64), bool), same.copy()
    other[20:30, 20:30] = 255 - other[20:30, 20:30]
    assert not comparison.compare(Views(same, same, mask, mask, mask)).any()
    row, column = np.unravel_index(comparison.compare(Views(other, same, mask, mask, mask)).argmax(), mask.shape)
    assert 18 <= row < 32 and 18 <= column < 32


@pytest.mark.parametrize("settings", [{"levels": 0}, {"sigma": 0.0}, {"kernel": 4}, {"kernel": 0}])
def test_settings_out_of_range_are_refused(settings):
    with pytest.raises(ConfigError, match="odd kernel"):
        compare(flat(0), flat(0), **settings)


def test_views_that_do_not_fit_are_refused():
    with pytest.raises(ConfigError, match="multiple of 4"):
        SquaredComparison(Means(), size=30)
    with pytest.raises(ImageError):
        compare(flat(0), flat(0, 16))
    with pytest.raises(NoObjectError):
        compare(flat(0), flat(0), np.zeros((32, 32), bool))
