import cv2
import numpy as np
import pytest
from disc_scene import SIZE, disc, make_scene

from pad_ros.background.inpainting import create_inpainter, dilate
from pad_ros.errors import ConfigError, NoObjectError


def test_dilate_grows_by_pixels_in_every_direction():
    point = np.zeros((41, 41), bool)
    point[20, 20] = True
    grown = dilate(point, 5)
    assert grown[20, 15] and grown[25, 20] and not grown[20, 14] and not grown[15, 15]
    assert (dilate(point, 0) == point).all()


def test_rebuilds_the_belt_behind_the_part_and_changes_nothing_else():
    part = disc(40)
    scene = make_scene(part)
    rebuilt = create_inpainter({"name": "telea"}).inpaint(scene.image, part)
    assert rebuilt.dtype == np.uint8
    rim = part & ~disc(30)
    before = np.abs(scene.image[rim].astype(float) - scene.belt[rim]).mean()
    after = np.abs(rebuilt[rim].astype(float) - scene.belt[rim]).mean()
    assert after < 0.35 * before
    assert (rebuilt[~dilate(part, 5)] == scene.image[~dilate(part, 5)]).all()


def test_dilation_keeps_the_colour_of_the_edge_out():
    part = disc(40)
    scene = make_scene(part)

    def redness(dilation: int) -> float:
        rebuilt = create_inpainter({"name": "telea", "dilation": dilation}).inpaint(scene.image, part)
        return float(np.ptp(rebuilt[part].astype(float), axis=1).mean())

    assert redness(5) < 0.7 * redness(0)


def test_edge_cases():
    inpainter = create_inpainter({"name": "telea"})
    scene = make_scene(disc(40, (0, 0)))
    assert (inpainter.inpaint(scene.image, np.zeros((SIZE, SIZE), bool)) == scene.image).all()
    assert inpainter.inpaint(scene.image, scene.part).shape == scene.image.shape
    with pytest.raises(NoObjectError, match="fills the image"):
        inpainter.inpaint(scene.image, np.ones((SIZE, SIZE), bool))


@pytest.mark.parametrize("setting", [{"dilation": -1}, {"radius": 0}, {"radius": 99}, {"size": 0}, {"quality": 1}])
def test_refuses_bad_settings(setting):
    with pytest.raises(ConfigError):
        create_inpainter({"name": "telea", **setting})


def test_large_images_are_rebuilt_from_shrunk_ones():
    part = disc(40)
    scene = make_scene(part)
    large, whole = cv2.resize(scene.image, None, fx=4, fy=4), np.kron(part, np.ones((4, 4), bool))
    rebuilt = create_inpainter({"name": "telea", "size": 120}).inpaint(large, whole)
    outside = ~dilate(whole, 5)
    assert (rebuilt[outside] == large[outside]).all()
    known = create_inpainter({"name": "telea"}).inpaint(large, whole)
    assert np.abs(rebuilt[whole].astype(float) - known[whole]).mean() < 6
    assert np.ptp(rebuilt[whole].astype(float), axis=1).mean() < 20  # of the part's red nothing is left
