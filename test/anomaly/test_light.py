import numpy as np
import pytest

from pad_ros.anomaly.light import create_light
from pad_ros.errors import ConfigError
from pad_ros.results import Reference

LOCAL = {"name": "local"}


@pytest.fixture
def reference():
    """A round part in coloured squares over white, with a soft rim."""
    y, x = np.mgrid[0:160, 0:200].astype(np.float32)
    coverage = np.clip(60.5 - np.hypot(x - 100, y - 80), 0, 1)[..., None]  # [160, 200, 1]
    colours = np.random.default_rng(0).uniform(40, 160, (8, 10, 3)).repeat(20, axis=0).repeat(20, axis=1)
    image = coverage * colours + 255 * (1 - coverage)
    return Reference(np.rint(image).astype(np.uint8), coverage[..., 0] > 0.5, 1 - coverage[..., 0])


def photo(reference, factor):
    """The part in another light, before something grey."""
    coverage = 1 - reference.transmittance[..., None]
    part = reference.image - 255.0 * (1 - coverage)
    return np.clip(np.rint(part * factor + 90 * (1 - coverage)), 0, 255).astype(np.uint8)


def off(reference, test, where):
    return np.abs(reference.image.astype(float) - test)[where].mean()


def test_as_trained_leaves_the_twin(reference):
    assert create_light({"name": "as_trained"}).relit(reference, np.zeros_like(reference.image)) is reference


@pytest.mark.parametrize("factor", [(0.6, 0.6, 0.6), (1.3, 1.0, 0.8)], ids=["exposure", "white balance"])
def test_one_factor_is_found(reference, factor):
    test = photo(reference, np.array(factor))
    relit = create_light(LOCAL).relit(reference, test)
    inside = reference.transmittance == 0
    assert off(reference, test, inside) > 10
    assert off(relit, test, inside) < 6  # `least`


def test_a_lamp_that_stands_elsewhere_is_followed(reference):
    test = photo(reference, np.linspace(0.6, 1.4, 200)[None, :, None])
    relit = create_light(LOCAL).relit(reference, test)
    inside = reference.transmittance == 0
    assert off(relit, test, inside) < 0.5 * off(reference, test, inside)


def test_small_changes_are_not_followed(reference):
    test = photo(reference, 1.03)
    assert (create_light(LOCAL).relit(reference, test).image == reference.image).all()


def test_a_defect_stays(reference):
    """Another colour at one place is no light, nor does it change the light around it."""
    test = photo(reference, 0.7)
    spot = np.zeros(reference.mask.shape, bool)
    spot[70:86, 90:106] = True
    test[spot] = (200, 30, 30)
    relit = create_light(LOCAL).relit(reference, test)
    truth = photo(reference, 0.7)
    assert off(relit, test, spot) > 0.85 * np.abs(truth.astype(float) - test)[spot].mean()
    assert off(relit, truth, (reference.transmittance == 0) & ~spot) < 6


@pytest.mark.parametrize("painted", [(1.9, 0.7, 0.35), (1.4, 1.0, 0.7)], ids=["beyond the limit", "within it"])
def test_a_part_of_another_colour_is_no_light(reference, painted):
    """Even where a whole piece has it, far from all others."""
    factor = np.ones((160, 200, 3))
    factor[:, :80] = painted
    test = photo(reference, factor)
    relit = create_light(LOCAL).relit(reference, test)
    piece = (reference.transmittance == 0) & (np.arange(200) < 60)
    assert off(relit, test, piece) > 0.7 * off(reference, test, piece)


def test_what_is_not_the_part_stays(reference):
    relit = create_light(LOCAL).relit(reference, photo(reference, 1.5))
    assert (relit.image[reference.transmittance == 1] == 255).all()
    assert relit.mask is reference.mask
    assert relit.transmittance is reference.transmittance


def test_a_part_of_a_few_pixels_or_none(reference):
    for mask in (np.zeros((20, 20), bool), np.pad(np.ones((2, 2), bool), 9)):
        twin = Reference(
            np.where(mask[..., None], 100, 255).astype(np.uint8).repeat(3, 2), mask, (~mask).astype(np.float32)
        )
        relit = create_light(LOCAL).relit(twin, np.full((20, 20, 3), 50, np.uint8))
        assert relit.image.shape == (20, 20, 3)


@pytest.mark.parametrize(
    "wrong", [{"reach": 0}, {"limit": -1}, {"tint": -1}, {"tolerance": 0}, {"least": -1}, {"name": "sun"}]
)
def test_what_cannot_be_is_refused(wrong):
    with pytest.raises(ConfigError):
        create_light({**LOCAL, **wrong})
