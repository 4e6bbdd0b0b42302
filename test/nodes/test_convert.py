import sys
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

pytestmark = pytest.mark.ros
convert = pytest.importorskip("pad_ros.nodes.convert", reason="needs the ROS messages")

from std_msgs.msg import Header  # noqa: E402

from pad_ros.errors import ImageError  # noqa: E402
from pad_ros.geometry import look_at  # noqa: E402
from pad_ros.images import encode_png  # noqa: E402

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


def smooth_picture(height=16, width=24):
    rows, columns = np.mgrid[:height, :width]
    return np.dstack([60 + 6 * columns, 200 - 8 * rows, 90 + 2 * rows + 2 * columns]).astype(np.uint8)


def packed(encoding, rgb, padding=0, big_endian=False):
    """An Image of a picture in an encoding, made with OpenCV where it can, by its definition where it cannot."""
    height, width = rgb.shape[:2]
    planes = cv2.cvtColor(rgb, cv2.COLOR_RGB2YUV_I420)
    luma, (u, v) = planes[:height], planes[height:].reshape(2, height // 2, width // 2)
    if encoding.startswith("bayer"):
        order = encoding[6:10]
        data = np.zeros((height, width), np.uint8)
        for index, color in enumerate(order):
            data[index // 2 :: 2, index % 2 :: 2] = rgb[index // 2 :: 2, index % 2 :: 2, "rgb".index(color)]
    elif encoding in ("yuv422", "uyvy", "yuyv", "yuv422_yuy2"):
        chroma = np.dstack([u, v]).reshape(height // 2, width).repeat(2, axis=0)
        data = np.dstack([chroma, luma] if encoding in ("yuv422", "uyvy") else [luma, chroma])
    elif encoding in ("nv12", "nv21"):
        below = np.dstack([u, v] if encoding == "nv12" else [v, u]).reshape(height // 2, width)
        data = np.concatenate([luma, below])
    elif encoding.startswith("mono"):
        data = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
    else:
        alpha = np.full((height, width, 1), 9, np.uint8)
        data = rgb[..., ::-1] if encoding.startswith(("bgr", "8UC")) else rgb
        data = np.concatenate([data, alpha], axis=2) if "a" in encoding or encoding == "8UC4" else data
    if encoding.endswith("16"):
        data = (data.astype(np.uint16) * 257).astype(">u2" if big_endian else "<u2")
    rows = np.ascontiguousarray(data).view(np.uint8).reshape(len(data), -1)
    rows = np.pad(rows, ((0, 0), (0, padding)), constant_values=77)
    fields = {"height": height, "width": width, "step": rows.shape[1], "is_bigendian": int(big_endian)}
    return SimpleNamespace(encoding=encoding, data=rows.tobytes(), **fields)


@pytest.mark.parametrize("padding", [0, 5])
@pytest.mark.parametrize("encoding", [*convert.ENCODINGMAP, "8UC3", "8UC4"])
def test_what_camera_drivers_send(encoding, padding):
    rgb = smooth_picture()
    image = convert.image_from_message(packed(encoding, rgb, padding))
    expected = rgb
    if encoding.startswith("mono"):
        expected = np.repeat(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)[..., None], 3, axis=2)
    assert image.dtype == np.uint8 and image.shape == rgb.shape and image.flags.c_contiguous
    inner = np.abs(image.astype(int) - expected)[2:-2, 2:-2]  # a Bayer pattern has no neighbours at the border
    assert inner.max() <= (12 if encoding.startswith(("bayer", "yuv", "uyvy", "yuyv", "nv")) else 1)


def test_big_endian_is_read_as_such():
    rgb = smooth_picture()
    image = convert.image_from_message(packed("rgb16", rgb, big_endian=True))
    assert np.abs(image.astype(int) - rgb).max() <= 1


def test_a_mask_is_what_is_not_zero():
    mask = np.arange(35).reshape(5, 7) % 3 == 0
    message = convert.image_message(Header(), mask.astype(np.uint8) * 255, "mono8")
    assert (convert.mask_from_message(message) == mask).all()
    with pytest.raises(ImageError, match="mono8 expected"):
        convert.mask_from_message(convert.image_message(Header(), RGB, "rgb8"))


def test_compressed_image():
    message = convert.compressed_message(Header(), encode_png(RGB), "png")
    assert (convert.image_from_message(message) == RGB).all()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"encoding": "16UC1"}, "encoding '16UC1', which is depth"),
        ({"encoding": "32FC1"}, "which is depth"),
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


def test_cloud_has_points_and_colours():
    points = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    message = convert.cloud_message(Header(), points, np.array([[255, 128, 1], [0, 0, 0]], np.uint8))
    assert (message.width, message.point_step, message.row_step) == (2, 16, 32)
    rows = np.frombuffer(message.data, [("xyz", "<f4", 3), ("rgb", "<u4")])
    assert (rows["xyz"] == points).all()
    assert rows["rgb"].tolist() == [0xFF8001, 0]


def test_cv_bridge_converts_where_it_is_installed(monkeypatch):
    seen = []

    class Bridge:
        def imgmsg_to_cv2(self, message, encoding):
            seen.append((message.encoding, encoding))
            if message.encoding == "mono8":
                raise TypeError("unknown to it")
            return RGB

    monkeypatch.setitem(sys.modules, "cv_bridge", SimpleNamespace(CvBridge=Bridge))
    convert._cv_bridge.cache_clear()
    try:
        image = convert.image_from_message(convert.image_message(Header(), RGB * 0, "bgr8"))
        grey = convert.image_from_message(convert.image_message(Header(), RGB[..., 0], "mono8"))
        broken = convert.image_message(Header(), RGB, "bgr8")
        broken.height = 50
        with pytest.raises(ImageError, match="was it truncated"):
            convert.image_from_message(broken)
    finally:
        convert._cv_bridge.cache_clear()
    assert (image == RGB).all() and (grey == RGB[..., :1]).all()
    assert seen == [("bgr8", "rgb8"), ("mono8", "rgb8")]
