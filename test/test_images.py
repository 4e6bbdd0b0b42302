import re
import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest

import pad_ros
from pad_ros.errors import ImageError
from pad_ros.geometry import Camera
from pad_ros.images import (
    box_around,
    check_image,
    decode_image,
    encode_png,
    read_cutout,
    read_image,
    read_mask,
    write_image,
)

CAMERA = Camera.from_horizontal_angle(0.7, 32, 24)


def test_png_round_trip_keeps_rgb_order():
    image = np.zeros((24, 32, 3), dtype=np.uint8)
    image[..., 0] = 200  # red
    np.testing.assert_array_equal(decode_image(encode_png(image)), image)


def test_masks_are_read_back(tmp_path):
    mask = np.zeros((24, 32), dtype=np.uint8)
    mask[2:5, 3:9] = 255
    write_image(tmp_path / "m.png", mask)
    np.testing.assert_array_equal(read_mask(tmp_path / "m.png"), mask > 0)
    assert [path.name for path in tmp_path.iterdir()] == ["m.png"]  # no partial file left


@pytest.mark.parametrize("data", [b"", b"not an image", encode_png(np.zeros((24, 32, 3), np.uint8))[:40]])
def test_unreadable_bytes(data):
    with pytest.raises(ImageError, match="not a readable image"):
        decode_image(data)


def test_missing_file_names_it(tmp_path):
    with pytest.raises(ImageError, match=r"gone\.png"):
        read_image(tmp_path / "gone.png")


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (np.zeros((24, 31, 3), np.uint8), "31x24"),
        (np.zeros((24, 32), np.uint8), "RGB image"),
        (np.zeros((24, 32, 4), np.uint8), "RGB image"),
        (np.zeros((24, 32, 3), np.float32), "uint8, got float32"),
        (np.full((24, 32, 3), np.nan, np.float32), "NaN"),
        (None, "RGB image"),
    ],
)
def test_wrong_images_are_refused(image, message):
    with pytest.raises(ImageError, match=message):
        check_image(image, CAMERA)


def test_box_around_a_mask_stays_inside_the_image():
    mask = np.zeros((24, 32), dtype=bool)
    mask[1:4, 20:30] = True
    assert box_around(mask, 0) == (slice(1, 4), slice(20, 30))
    assert mask[box_around(mask, 3)].shape == (7, 15)  # rows 0 to 6, columns 17 to 31


@pytest.mark.parametrize("depth", [1, 257], ids=["8 bits", "16 bits"])
@pytest.mark.parametrize("underneath", [0, 255], ids=["straight", "composited"])
def test_cutouts_are_over_white_whatever_is_under_their_transparency(tmp_path, underneath, depth):
    alpha = np.array([[0, 128, 255]], np.uint8)
    over_white = np.array([[[255, 255, 255], [215, 175, 135], [176, 96, 16]]], np.uint8)
    stored = over_white.copy()
    if underneath == 0:
        stored[0, 0], stored[0, 1] = 0, (176, 96, 16)
    bgra = np.dstack([stored[..., ::-1], alpha])
    cv2.imwrite(str(tmp_path / "a.png"), bgra if depth == 1 else bgra.astype(np.uint16) * depth)
    image, coverage = read_cutout(tmp_path / "a.png")
    np.testing.assert_allclose(image, over_white, atol=1)
    np.testing.assert_allclose(coverage, alpha / 255.0, atol=1e-6)


def turned(data):
    """A JPEG's bytes with EXIF orientation 6: turn clockwise to look at it."""
    entry = struct.pack(">HHIHH", 0x0112, 3, 1, 6, 0)
    tiff = b"MM\0*" + struct.pack(">IH", 8, 1) + entry + struct.pack(">I", 0)
    exif = b"Exif\0\0" + tiff
    return data[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + data[2:]


@pytest.mark.parametrize("size", [(24, 32), (24, 24)])
def test_pixels_are_read_as_they_are_stored(tmp_path, size):
    """Whatever EXIF says, by every reader, also where only the pixels and not the size would tell."""
    stored = np.full((*size, 3), 255, np.uint8)
    stored[:12, :16] = 40  # the corner at the top left
    data = turned(cv2.imencode(".jpg", stored)[1].tobytes())
    assert cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)[2, 2].mean() > 200  # OpenCV would turn it
    (tmp_path / "photo.jpg").write_bytes(data)
    for image in (decode_image(data), read_image(tmp_path / "photo.jpg"), read_cutout(tmp_path / "photo.jpg")[0]):
        np.testing.assert_allclose(image, stored, atol=12)


def test_alpha_is_read_as_it_is_stored(tmp_path):
    rgba = np.full((24, 32, 4), 255, np.uint8)
    rgba[:12, :, 3] = 0
    data = encode_png(rgba)
    tiff = b"MM\0*" + struct.pack(">IHHHIHHI", 8, 1, 0x0112, 3, 1, 6, 0, 0)
    chunk = struct.pack(">I", len(tiff)) + b"eXIf" + tiff + struct.pack(">I", zlib.crc32(b"eXIf" + tiff))
    (tmp_path / "photo.png").write_bytes(data[:33] + chunk + data[33:])  # after the header
    assert cv2.imread(str(tmp_path / "photo.png")).shape == (32, 24, 3)  # OpenCV would turn it
    image, alpha = read_cutout(tmp_path / "photo.png")
    assert image.shape == (24, 32, 3) and read_mask(tmp_path / "photo.png").shape == (24, 32)
    np.testing.assert_array_equal(alpha, rgba[..., 3] / 255.0)


def test_there_is_one_reader_of_images():
    package = Path(pad_ros.__file__).parent
    readers = [path.name for path in package.rglob("*.py") if re.search(r"cv2\.im(read|decode)", path.read_text())]
    assert readers == ["images.py"]
