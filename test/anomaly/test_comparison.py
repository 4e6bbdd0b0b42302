import cv2
import numpy as np
import pytest

from pad_ros.anomaly.comparison import create_comparison
from pad_ros.anomaly.views import Views
from pad_ros.errors import ConfigError, ImageError, NoObjectError

CENTRE, RADIUS = (110, 90), 60
PAPER = {"size": 224, "crop": False, "sigma": 4.0, "colour": 0.0}
VARIANTS = [{}, PAPER]


BACKBONE = {"name": "efficientnet_lite0"}


def compare(comparison, test, augmented, mask):
    """Features need no more of the twin and the test mask."""
    return comparison.compare(Views(test, augmented, mask, np.zeros(mask.shape, np.float32), mask))


def make_image(defect=None, shift=0.0, seed=0) -> np.ndarray:
    """A disc of coloured tiles on grey, drawn at fourfold size; `defect` recolours a tile at a pixel."""
    rng = np.random.default_rng(7)
    colours = rng.integers(30, 226, (40, 40, 3))
    image = np.full((800, 800, 3), 128, np.uint8)
    tiles = np.repeat(np.repeat(colours, 64, 0), 64, 1)[:800, :800].astype(np.uint8)
    if defect is not None:
        cv2.rectangle(
            tiles,
            (defect[0] * 4 - 24, defect[1] * 4 - 24),
            (defect[0] * 4 + 24, defect[1] * 4 + 24),
            (250, 250, 60),
            -1,
        )
    disc = cv2.circle(np.zeros((800, 800), np.uint8), (CENTRE[0] * 4, CENTRE[1] * 4), RADIUS * 4, 1, -1)
    image[disc > 0] = tiles[disc > 0]
    move = np.float32([[1, 0, 4 * shift], [0, 1, 0]])
    image = cv2.warpAffine(image, move, (800, 800), borderMode=cv2.BORDER_REPLICATE)
    image = cv2.resize(image, (200, 200), interpolation=cv2.INTER_AREA).astype(np.float32)
    return np.clip(image + np.random.default_rng(seed).normal(0, 2, image.shape), 0, 255).astype(np.uint8)


def disc_mask(radius=RADIUS) -> np.ndarray:
    return cv2.circle(np.zeros((200, 200), np.uint8), CENTRE, radius, 1, -1).astype(bool)


@pytest.mark.parametrize("settings", VARIANTS)
def test_the_map_peaks_on_the_defect(settings):
    comparison = create_comparison({"name": "l1", **settings}, BACKBONE)
    good = compare(comparison, make_image(seed=1), make_image(), disc_mask())
    bad = compare(comparison, make_image(defect=(140, 80), seed=1), make_image(), disc_mask())
    y, x = np.unravel_index(bad.argmax(), bad.shape)
    assert np.hypot(x - 140, y - 80) < 6
    assert bad.max() > 2 * good.max()
    far = disc_mask() & ~cv2.circle(np.zeros((200, 200), np.uint8), (140, 80), 35, 1, -1).astype(bool)
    assert np.abs(bad - good)[far].max() < 0.3 * bad.max()


@pytest.mark.parametrize("settings", VARIANTS)
def test_the_map_has_the_image_s_size_and_is_zero_outside_the_mask(settings):
    comparison = create_comparison({"name": "l1", **settings}, BACKBONE)
    anomaly_map = compare(comparison, make_image(seed=1), make_image(), disc_mask())
    assert anomaly_map.shape == (200, 200) and anomaly_map.dtype == np.float32
    assert (anomaly_map[~disc_mask()] == 0).all() and (anomaly_map >= 0).all()
    same = make_image()
    assert compare(comparison, same, same, disc_mask()).max() == pytest.approx(0, abs=1e-5)


def test_the_map_may_fade_beyond_the_mask():
    cut, faded = (create_comparison({"name": "l1", "fade": fade}, BACKBONE) for fade in (False, True))
    image, mask = make_image(defect=(140, 80), seed=1), disc_mask()
    mask[:, 138:] = False  # half of the defect is cut off
    inside, soft = (compare(comparison, image, make_image(), mask) for comparison in (cut, faded))
    np.testing.assert_array_equal(inside[mask], soft[mask])
    rim = np.zeros_like(mask)
    rim[76:84, 138] = True
    assert (soft[rim] > 0.1 * inside.max()).all() and not soft[:, 155:].any()


def test_what_differs_outside_the_mask_does_not_matter():
    comparison = create_comparison({"name": "l1"}, BACKBONE)
    reference = make_image()
    spoilt = reference.copy()
    spoilt[~disc_mask(RADIUS + 1)] = 0
    image, mask = make_image(seed=1), disc_mask(RADIUS + 1)
    np.testing.assert_array_equal(compare(comparison, image, reference, mask), compare(comparison, image, spoilt, mask))


def test_tolerance_forgives_half_a_pixel_but_not_a_defect():
    def peaks(tolerance: float) -> tuple[float, float]:
        comparison = create_comparison({"name": "l1", "tolerance": tolerance, "colour": 1000}, BACKBONE)
        mask, reference = disc_mask(RADIUS - 4), make_image()
        moved = compare(comparison, make_image(shift=0.5, seed=1), reference, mask).max()
        defect = compare(comparison, make_image(defect=(140, 80), shift=0.5, seed=1), reference, mask).max()
        return float(moved), float(defect)

    strict, forgiving = peaks(0.0), peaks(0.5)
    assert forgiving[0] < 0.7 * strict[0]
    assert forgiving[1] / forgiving[0] > 1.2 * strict[1] / strict[0]


def test_small_masks_and_masks_at_the_border_work():
    comparison = create_comparison({"name": "l1"}, BACKBONE)
    for window in (np.s_[0:3, 0:3], np.s_[:, :], np.s_[199:, 100:102]):
        mask = np.zeros((200, 200), bool)
        mask[window] = True
        assert np.isfinite(compare(comparison, make_image(seed=1), make_image(), mask)).all()


def test_refuses_what_cannot_be_compared():
    comparison = create_comparison({"name": "l1"}, BACKBONE)
    image = make_image()
    with pytest.raises(ImageError):
        compare(comparison, image, image[:100], disc_mask())
    with pytest.raises(ImageError):
        compare(comparison, image, image, disc_mask()[:100])
    with pytest.raises(NoObjectError):
        compare(comparison, image, image, np.zeros((200, 200), bool))


@pytest.mark.parametrize(
    "setting",
    [
        {"size": 100},
        {"size": 0},
        {"sigma": -1},
        {"tolerance": 9},
        {"colour": -1},
        {"sigma": float("nan")},
        {"shift": 1},
    ],
)
def test_refuses_bad_settings(setting):
    with pytest.raises(ConfigError):
        create_comparison({"name": "l1", **setting}, BACKBONE)
