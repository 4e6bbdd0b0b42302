import re

import pytest

pytestmark = pytest.mark.ros
pytest.importorskip("pad_ros.nodes.camera_info", reason="needs the ROS messages")

from sensor_msgs.msg import CameraInfo  # noqa: E402
from std_msgs.msg import Header  # noqa: E402

from pad_ros.geometry import Camera  # noqa: E402
from pad_ros.lens import Lens  # noqa: E402
from pad_ros.nodes.camera_info import camera_info_message, camera_problem, is_calibrated  # noqa: E402

CAMERA = Camera(640, 480, 500.0, 500.0, 320.0, 240.0)


def test_camera_info_of_the_camera_itself_fits():
    assert camera_problem(camera_info_message(Header(), Lens(CAMERA)), CAMERA) == ""


@pytest.mark.parametrize(
    ("other", "reason"),
    [
        (Camera(800, 480, 500.0, 500.0, 320.0, 240.0), "800x480"),
        (Camera(640, 480, 600.0, 600.0, 320.0, 240.0), "600.0"),
        (Camera(640, 480, 500.0, 500.0, 350.0, 240.0), "349.5"),
    ],
)
def test_camera_info_of_another_camera(other, reason):
    assert reason in camera_problem(camera_info_message(Header(), Lens(other)), CAMERA)


def test_distortion_is_refused_with_what_to_do():
    info = camera_info_message(Header(), Lens(CAMERA))
    info.d = [0.1, 0.0, 0.0, 0.0, 0.0]
    assert "images_rectified:=true" in camera_problem(info, CAMERA)


def test_of_rectified_images_p_counts():
    info = camera_info_message(Header(), Lens(CAMERA))
    info.d, info.k = [0.1, 0.0, 0.0, 0.0, 0.0], [700.0, 0.0, 310.0, 0.0, 700.0, 250.0, 0.0, 0.0, 1.0]
    assert camera_problem(info, CAMERA, rectified=True) == ""
    info.p = [600.0, 0.0, 319.5, 0.0, 0.0, 600.0, 239.5, 0.0, 0.0, 0.0, 1.0, 0.0]
    assert "600.0, 600.0, 319.5, 239.5] in P" in camera_problem(info, CAMERA, rectified=True)


def test_a_camera_that_is_not_calibrated_is_known_by_its_k():
    assert is_calibrated(camera_info_message(Header(), Lens(CAMERA)))
    assert not is_calibrated(CameraInfo())


BARREL = Lens(CAMERA, "plumb_bob", (-0.25, 0.1, 0.001, 0.0, 0.0))


@pytest.mark.parametrize(
    ("model", "d", "lens", "problem"),
    [
        ("plumb_bob", BARREL.coefficients, BARREL, ""),
        ("plumb_bob", (-0.25, 0.1, 0.001, 0.0), BARREL, ""),  # as drivers write it that know no k3
        ("rational_polynomial", (*BARREL.coefficients, 0.0, 0.0, 0.0), BARREL, ""),
        ("plumb_bob", (-0.251, 0.1, 0.001, 0.0, 0.0), BARREL, ""),
        ("plumb_bob", (), Lens(CAMERA), ""),
        ("", (0.0,) * 8, Lens(CAMERA), ""),
        ("equidistant", (0.01, 0.0, 0.0, 0.0), Lens(CAMERA, "equidistant", (0.01, 0.0, 0.0, 0.0)), ""),
        ("plumb_bob", (-0.2, 0.1, 0.001, 0.0, 0.0), BARREL, r"plumb_bob \[-0.2, .*, the product \[-0.25, "),
        ("plumb_bob", (0.0,) * 5, BARREL, "no lens distortion, but the product undoes"),
        ("plumb_bob", (-0.25, 0.1, 0.001, 0.0, 0.0), Lens(CAMERA), "rectify"),
        ("thin_prism", (0.1,), BARREL, "distortion 'thin_prism'"),
        ("rational_polynomial", (*[0.1] * 8, 0.0, 0.1), BARREL, "distortion 'rational_polynomial'"),
        ("plumb_bob", (float("nan"),), BARREL, "distortion 'plumb_bob'"),
    ],
)
def test_the_cameras_lens_must_be_the_products(model, d, lens, problem):
    info = camera_info_message(Header(), Lens(CAMERA))
    info.distortion_model, info.d = model, list(d)
    found = camera_problem(info, CAMERA, lens=lens)
    assert re.search(problem, found) if problem else found == ""


def test_a_lens_is_sent_as_it_is():
    assert camera_problem(camera_info_message(Header(), BARREL), CAMERA, lens=BARREL) == ""
