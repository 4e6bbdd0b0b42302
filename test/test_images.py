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
    channel_max,
    channel_sum,
    check_image,
    decode_image,
    encode_png,
    in_channels,
    is_grey,
    list_images,
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


@pytest.mark.parametrize("data", [b"", b"not an image"])
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


def test_an_alpha_that_is_opaque_everywhere_is_none(tmp_path):
    write_image(tmp_path / "a.png", np.dstack([picture(size=(24, 32)), np.full((24, 32), 255, np.uint8)]))
    image, alpha = read_cutout(tmp_path / "a.png")
    assert alpha is None
    np.testing.assert_array_equal(image, picture(size=(24, 32)))


@pytest.mark.parametrize("channels", [2, 3, 4])
def test_over_channels_they_are_what_numpy_says(channels):
    picture = np.random.default_rng(0).random((7, 9, channels)).astype(np.float32)
    for part in (picture, picture[1:5, 2:6]):
        np.testing.assert_allclose(channel_sum(part), part.sum(axis=2), rtol=1e-6)
        np.testing.assert_array_equal(channel_max(part), part.max(axis=2))
    np.testing.assert_array_equal(in_channels(picture[..., 0]), np.repeat(picture[..., :1], 3, axis=2))


def test_hidden_files_and_folders_are_no_images(tmp_path):
    (tmp_path / "folder.png").mkdir()
    for name in ("b.png", "a.JPG", "sub/c.png", "._b.png", ".hidden/d.png", "notes.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    assert [path.relative_to(tmp_path).as_posix() for path in list_images(tmp_path)] == ["a.JPG", "b.png", "sub/c.png"]
    assert [path.name for path in list_images(tmp_path, recursive=False)] == ["a.JPG", "b.png"]


def picture(seed=0, size=(120, 160)):
    coarse = np.random.default_rng(seed).integers(0, 255, (8, 10, 3)).astype(np.float32)
    return np.clip(cv2.resize(coarse, size[::-1], interpolation=cv2.INTER_CUBIC), 0, 255).astype(np.uint8)


def test_a_jpeg_is_decoded_as_opencv_does():
    data = cv2.imencode(".jpg", picture())[1].tobytes()
    expected = cv2.cvtColor(cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)
    assert np.abs(decode_image(data).astype(int) - expected).max() <= 1


def test_a_damaged_jpeg_is_said_to_be_damaged():
    data = cv2.imencode(".jpg", picture())[1].tobytes()
    with pytest.raises(ImageError, match=r"camera 1: the JPEG is damaged and not readable as a whole \("):
        decode_image(data[: len(data) // 2], "camera 1")
    refused = 0
    for place in np.linspace(700, len(data) - 50, 40).astype(int):
        try:  # a JPEG has no checksum: where what is left can be read to its end, nothing tells
            decode_image(data[:place] + data[place + 9 :])
        except ImageError:
            refused += 1
    assert refused > 5


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_a_few_first_bytes_are_a_damaged_image(kind):
    data = {"JPEG": cv2.imencode(".jpg", picture())[1].tobytes(), "PNG": encode_png(picture())}[kind]
    for length in (8, 40, 300):
        with pytest.raises(ImageError, match=rf"^a: the {kind} is damaged"):
            decode_image(data[:length], "a")


def pieces(data):
    """Where the pieces of a JPEG's data end: before each restart marker, and before the end."""
    return [match.start() for match in re.finditer(b"\xff[\xd0-\xd7\xd9]", data) if match.start() > 700]


@pytest.mark.parametrize("extra", [b"\0", b"\0" * 9])
@pytest.mark.parametrize("options", [[], [cv2.IMWRITE_JPEG_RST_INTERVAL, 5]], ids=["whole", "in pieces"])
def test_padding_as_usb_cameras_send_it_is_no_damage(options, extra):
    data = cv2.imencode(".jpg", picture(), options)[1].tobytes()
    expected = decode_image(data)
    for end in pieces(data)[-2:]:
        np.testing.assert_array_equal(decode_image(data[:end] + extra + data[end:]), expected)
    np.testing.assert_array_equal(decode_image(data + bytes(999)), expected)  # what comes after its end is nothing
    padded = data[: pieces(data)[0]] + extra + data[pieces(data)[0] :]
    for damaged in (padded[:-400], data[: pieces(data)[0]] + bytes(40) + data[pieces(data)[0] :]):
        with pytest.raises(ImageError, match="the JPEG is damaged"):
            decode_image(damaged)


@pytest.mark.parametrize("complaint", ["Unsupported marker type 0x9a", "Corrupt JPEG data: bad Huffman code", "?"])
def test_whatever_libjpeg_complains_of_is_damage(complaint, monkeypatch):
    def complain(*_, **__):
        raise ValueError(complaint)

    monkeypatch.setattr("simplejpeg.decode_jpeg", complain)
    with pytest.raises(ImageError, match=re.escape(f"is damaged and not readable as a whole ({complaint})")):
        decode_image(cv2.imencode(".jpg", picture())[1].tobytes())


def test_a_jpeg_that_only_opencv_reads_is_read_all_the_same(monkeypatch):
    def refuse(*_, **__):
        raise ValueError("Unsupported color conversion request")

    data = cv2.imencode(".jpg", picture())[1].tobytes()
    expected = decode_image(data)
    monkeypatch.setattr("simplejpeg.decode_jpeg", refuse)
    np.testing.assert_array_equal(decode_image(data), expected)


def with_crc(kind, content):
    """A PNG's chunk."""
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def damaged_pngs():
    data = encode_png(picture())
    middle, bits, checksum = len(data) // 2, bytearray(data), bytearray(data)
    bits[middle] ^= 0xFF
    checksum[-14] ^= 1  # of the last piece of data
    pixels = zlib.compress(b"".join(b"\0" + row.tobytes() for row in picture()))
    short = data[:33] + with_crc(b"IDAT", pixels[: len(pixels) // 2]) + data[-12:]  # though each checksum is right
    return [data[:middle], data[:-20], bytes(bits), bytes(checksum), data[:middle] + data[middle + 100 :], short]


@pytest.mark.parametrize("data", damaged_pngs(), ids=["half", "no end", "bits", "checksum", "gap", "short"])
def test_a_damaged_png_is_said_to_be_damaged(data):
    with pytest.raises(ImageError, match="the PNG is damaged and not readable as a whole"):
        decode_image(data)


def marked(channels, value, dtype=np.uint8):
    mask = np.zeros((6, 8, channels), dtype)
    mask[2:4, 3:5, 0] = value
    return mask


@pytest.mark.parametrize(
    "mask",
    [
        marked(1, 1),
        marked(1, 100),
        marked(1, 255),
        marked(3, 7),  # blue
        marked(1, 1, np.uint16),
        np.dstack([np.zeros((6, 8, 3), np.uint8), marked(1, 255)]),  # in the alpha channel alone
        np.dstack([marked(3, 255), np.full((6, 8), 255, np.uint8)]),  # opaque everywhere
    ],
)
def test_a_mask_is_what_is_not_zero_in_any_channel(mask, tmp_path):
    cv2.imwrite(str(tmp_path / "mask.png"), mask)
    expected = np.zeros((6, 8), bool)
    expected[2:4, 3:5] = True
    np.testing.assert_array_equal(read_mask(tmp_path / "mask.png"), expected)


def test_a_mask_that_is_not_exact_is_refused(tmp_path):
    cv2.imwrite(str(tmp_path / "mask.jpg"), marked(3, 255))
    with pytest.raises(ImageError, match="save it as PNG"):
        read_mask(tmp_path / "mask.jpg")


@pytest.mark.parametrize("quality", [30, 75, 95])
def test_grey_is_told_from_dim_colour(quality):
    colour = picture()
    grey = np.repeat(cv2.cvtColor(colour, cv2.COLOR_RGB2GRAY)[..., None], 3, axis=2)
    for image in (grey, grey[..., 0]):
        jpeg = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()
        assert is_grey(decode_image(jpeg))
        stamped = grey.copy()
        stamped[2:5, 2:9] = (255, 200, 0)
        assert is_grey(stamped)
    dim = np.clip(grey * 0.1 + np.random.default_rng(0).normal(0, 2, grey.shape), 0, 255).astype(np.uint8)
    assert not is_grey(dim) and not is_grey(colour)
    for light in (0.3, 0.15):  # and without noise, as JPEG leaves it
        jpeg = cv2.imencode(".jpg", (colour * light).astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()
        assert not is_grey(decode_image(jpeg))


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
