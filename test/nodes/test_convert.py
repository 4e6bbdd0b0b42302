import re
from types import SimpleNamespace

import numpy as np
import pytest

pytestmark = pytest.mark.ros
convert = pytest.importorskip("pad_ros.nodes.convert", reason="needs the ROS messages")

from std_msgs.msg import Header  # noqa: E402

from pad_ros.errors import ImageError  # noqa: E402
from pad_ros.geometry import Camera, look_at  # noqa: E402
from pad_ros.images import encode_png  # noqa: E402
from pad_ros.lens import Lens  # noqa: E402

RGB = np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)


@pytest.mark.parametrize(
    ("encoding", "pixels"),
    [
        ("rgb8", RGB),
        ("bgr8", RGB[..., ::-1]),
        ("rgba8", np.dstack([RGB, np.full((5, 7), 9, np.uint8)])),
        ("bgra8", np.dstack([RGB[..., ::-1], np.full((5, 7), 9, np.uint8)])),
    ],
)
def test_colour_encodings(encoding, pixels):
    image = convert.image_from_message(convert.image_message(Header(), pixels, encoding))
    assert (image == RGB).all()
    assert image.flags.c_contiguous


def test_grey_becomes_rgb():
    image = convert.image_from_message(convert.image_message(Header(), RGB[..., 0], "mono8"))
    assert (image == RGB[..., :1]).all()
    assert image.shape == (5, 7, 3)


def test_rows_with_padding():
    padded = np.zeros((5, 32), np.uint8)
    padded[:, :21] = RGB.reshape(5, 21)
    message = SimpleNamespace(encoding="rgb8", height=5, width=7, step=32, data=padded.tobytes())
    assert (convert.image_from_message(message) == RGB).all()


def test_compressed_image():
    message = convert.compressed_message(Header(), encode_png(RGB), "png")
    assert (convert.image_from_message(message) == RGB).all()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"encoding": "bayer_rggb8"}, "encoding 'bayer_rggb8'"),
        ({"encoding": "32FC3"}, "encoding '32FC3'"),
        ({"encoding": ""}, "encoding ''"),
        ({"height": 6}, "truncated"),
        ({"width": 8}, "truncated"),
        ({"step": 20}, "truncated"),
        ({"data": b""}, "0 bytes"),
        ({"height": 0, "data": b""}, "empty"),
    ],
)
def test_bad_images(change, reason):
    fields = {"encoding": "rgb8", "height": 5, "width": 7, "step": 21, "data": RGB.tobytes(), **change}
    with pytest.raises(ImageError, match=reason):
        convert.image_from_message(SimpleNamespace(**fields))


@pytest.mark.parametrize("data", [b"", b"no image", encode_png(RGB)[:40]])
def test_bad_compressed_images(data):
    with pytest.raises(ImageError, match="readable"):
        convert.image_from_message(convert.compressed_message(Header(), data, "png"))


def test_float_map_keeps_its_values():
    values = np.array([[0.5, np.nan, 1e30]], np.float32)
    message = convert.image_message(Header(), values, "32FC1")
    assert (message.height, message.width, message.step) == (1, 3, 12)
    assert np.array_equal(np.frombuffer(message.data, np.float32), values[0], equal_nan=True)


def test_empty_image_can_be_sent():
    message = convert.image_message(Header(), np.zeros((0, 0), np.uint8), "mono8")
    assert (message.height, message.width, message.step, len(message.data)) == (0, 0, 0, 0)


def test_pose_there_and_back():
    pose = look_at(np.array([1.0, -2.0, 0.5]), np.zeros(3), np.array([0.0, 0.0, 1.0]))
    assert np.allclose(convert.matrix_from_pose(convert.pose_message(pose)), pose, atol=1e-12)


def test_stamp_is_in_nanoseconds():
    header = Header()
    header.stamp.sec, header.stamp.nanosec = 1_700_000_000, 123_456_789
    assert convert.stamp_of(header) == 1_700_000_000_123_456_789


CAMERA = Camera(640, 480, 500.0, 500.0, 320.0, 240.0)


def test_camera_info_of_the_camera_itself_fits():
    assert convert.camera_problem(convert.camera_info_message(Header(), Lens(CAMERA)), CAMERA) == ""


@pytest.mark.parametrize(
    ("other", "reason"),
    [
        (Camera(800, 480, 500.0, 500.0, 320.0, 240.0), "800x480"),
        (Camera(640, 480, 600.0, 600.0, 320.0, 240.0), "600.0"),
        (Camera(640, 480, 500.0, 500.0, 350.0, 240.0), "349.5"),
    ],
)
def test_camera_info_of_another_camera(other, reason):
    assert reason in convert.camera_problem(convert.camera_info_message(Header(), Lens(other)), CAMERA)


def test_distortion_is_refused_and_an_uncalibrated_camera_is_not():
    info = convert.camera_info_message(Header(), Lens(CAMERA))
    info.d = [0.1, 0.0, 0.0, 0.0, 0.0]
    assert "rectify" in convert.camera_problem(info, CAMERA)
    info.k = [0.0] * 9
    assert convert.camera_problem(info, CAMERA) == ""


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
    info = convert.camera_info_message(Header(), Lens(CAMERA))
    info.distortion_model, info.d = model, list(d)
    found = convert.camera_problem(info, CAMERA, lens=lens)
    assert re.search(problem, found) if problem else found == ""


def test_a_lens_is_sent_as_it_is():
    assert convert.camera_problem(convert.camera_info_message(Header(), BARREL), CAMERA, lens=BARREL) == ""


def test_cloud_has_points_and_colours():
    points = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    message = convert.cloud_message(Header(), points, np.array([[255, 128, 1], [0, 0, 0]], np.uint8))
    assert (message.width, message.point_step, message.row_step) == (2, 16, 32)
    rows = np.frombuffer(message.data, [("xyz", "<f4", 3), ("rgb", "<u4")])
    assert (rows["xyz"] == points).all()
    assert rows["rgb"].tolist() == [0xFF8001, 0]
