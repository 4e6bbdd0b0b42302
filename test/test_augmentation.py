import numpy as np
import pytest

from pad_ros.augmentation import belt_image, line_image


def ball():
    """A grey ball over white, its coverage and its normals."""
    rows, columns = np.mgrid[:120, :120]
    x, y = (columns - 60) / 40, (rows - 60) / 40
    inside = x**2 + y**2 < 1
    normal = np.dstack([x, y, np.sqrt(np.maximum(1 - x**2 - y**2, 0))]).astype(np.float32)
    image = np.where(inside[..., None], 120, 255).astype(np.uint8).repeat(3, axis=2)[..., :3]
    return np.ascontiguousarray(image), inside.astype(np.float32), normal


def test_the_belt_replaces_the_white_and_the_part_keeps_its_look():
    image, alpha, normal = ball()
    rng = np.random.default_rng(0)
    for _ in range(6):
        shown = line_image(image, alpha, normal, rng)
        inside, outside = alpha > 0.5, alpha < 0.5
        assert shown.dtype == np.uint8 and shown.shape == image.shape
        assert 70 < shown[inside].mean() < 180
        assert shown[outside].std() > 4 and shown[outside].mean() < 230


def test_light_and_shade_vary_and_no_two_images_are_alike():
    image, alpha, normal = ball()
    rng = np.random.default_rng(1)
    shown = [line_image(image, alpha, normal, rng)[alpha > 0.5].mean(axis=0) for _ in range(20)]
    assert np.std(np.mean(shown, axis=1)) > 4  # exposure
    assert np.std(np.array(shown)[:, 0] - np.array(shown)[:, 2]) > 1  # white balance
    left, right = alpha.astype(bool).copy(), alpha.astype(bool).copy()
    left[:, 45:], right[:, :75] = False, False
    sides = [line_image(image, alpha, normal, rng) for _ in range(20)]
    assert np.std([s[left].mean() - s[right].mean() for s in sides]) > 6
    flat = [line_image(image, alpha, None, rng) for _ in range(20)]
    assert np.std([s[left].mean() - s[right].mean() for s in flat]) < 2


def test_what_shows_through_a_thin_place_is_the_belt():
    _, alpha, normal = ball()
    thin = 0.5 * alpha
    half = np.rint(thin[..., None] * 120 + (1 - thin[..., None]) * 255).astype(np.uint8).repeat(3, axis=2)[..., :3]
    shown = line_image(np.ascontiguousarray(half), thin, normal, np.random.default_rng(4))
    assert shown[alpha > 0.5].mean() < 0.5 * 150 + 0.5 * 200


@pytest.mark.parametrize("seed", [0, 1])
def test_the_same_seed_gives_the_same_belt(seed):
    image, alpha, _ = ball()
    first, second = (belt_image(image, alpha, np.random.default_rng(seed)) for _ in range(2))
    np.testing.assert_array_equal(first, second)
