"""Reading, writing and checking images; the only place outside the nodes where RGB meets BGR.

Pixels are taken as they are stored: an EXIF orientation is ignored, everywhere. Poses and intrinsics of photos are for
the stored pixels, and camera drivers know none.
"""

from __future__ import annotations

import math
import re
from functools import reduce
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import simplejpeg
from numpy.typing import NDArray

from pad_ros.common.files import replacing, shown
from pad_ros.errors import ImageError
from pad_ros.geometry import Camera
from pad_ros.results import Image, Mask, is_result_picture

Window = tuple[slice, slice]  # rows, columns

_DARK = 16
_GREY = 2  # difference of channels that rounding alone makes
_GREY_SAMPLES = 10_000  # pixels that are looked at
_GREY_EXCEPTIONS = 0.002  # share of them that may have a colour all the same, as of a stamp in a corner
_JPEG, _PNG = b"\xff\xd8", b"\x89PNG\r\n\x1a\n"  # how they begin
# What libjpeg complains of: a few bytes too many at the end of a piece are common with USB cameras, and harmless.
_PADDING = re.compile(r"\b(\d+) extraneous bytes before marker 0xd[0-79]$")
_MOST_PADDING = 12
# And what libjpeg reads but simplejpeg does not.
_OTHER_KINDS = re.compile("Unsupported color conversion|Could not determine subsampling")
_COLOR = cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION
_AS_STORED = cv2.IMREAD_UNCHANGED  # channels and depth too; it has all flags, to ignore the orientation among them

IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp")


def list_images(folder: Path | str, recursive: bool = True) -> list[Path]:
    """The image files in a folder, sorted.

    What a name with a dot before it hides (`._0.png` of macOS) is none, nor are the pictures of a results folder in it.
    """
    folder = Path(folder)
    found = folder.rglob("*") if recursive else folder.glob("*")
    return sorted(
        path
        for path in found
        if path.suffix.lower() in IMAGE_SUFFIXES
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
        and not path.is_dir()
        and (path.parent == folder or not is_result_picture(path))
    )


def decode_image(data: bytes, name: str = "image") -> Image:
    """Decodes PNG, JPEG, … bytes to RGB uint8 [H, W, 3]; an alpha channel is dropped.

    Raises:
        ImageError: the bytes are not an image, or those of a damaged one.
    """
    image = _decode_jpeg(data, name) if data.startswith(_JPEG) else None
    if image is not None:
        return image
    buffer = np.frombuffer(data, dtype=np.uint8)
    decoded = cv2.imdecode(buffer, _COLOR) if buffer.size else None
    if decoded is None:
        kind = "JPEG" if data.startswith(_JPEG) else "PNG" if data.startswith(_PNG) else ""
        if kind:
            raise ImageError(f"{shown(name)}: the {kind} is damaged and not readable as a whole ({len(data)} bytes)")
        raise ImageError(f"{shown(name)}: not a readable image ({len(data)} bytes); is the file or message truncated?")
    return cv2.cvtColor(decoded, cv2.COLOR_BGR2RGB)  # type: ignore[return-value]


def _decode_jpeg(data: bytes, name: str) -> Image | None:
    """Decodes a JPEG; OpenCV would fill up a damaged one and say so on standard error alone.

    Returns:
        RGB uint8 [H, W, 3]; None for a kind of JPEG that only OpenCV reads.

    Raises:
        ImageError: it is damaged.
    """
    try:
        return simplejpeg.decode_jpeg(data, "RGB")
    except ValueError as error:
        complaint = str(error)
    padding = _PADDING.search(complaint)
    # After the first complaint nobody looks any further, but at least the JPEG must have an end.
    if padding and int(padding[1]) <= _MOST_PADDING and data.rfind(b"\xff\xd9") > data.rfind(b"\xff\xda"):
        return simplejpeg.decode_jpeg(data, "RGB", strict=False)
    if _OTHER_KINDS.search(complaint):
        return None
    raise ImageError(f"{shown(name)}: the JPEG is damaged and not readable as a whole ({complaint})")


def encode_png(image: NDArray[np.uint8]) -> bytes:
    """Encodes RGB [H, W, 3], RGBA [H, W, 4] or grey [H, W] uint8 as PNG bytes."""
    order = {1: [0], 3: [2, 1, 0], 4: [2, 1, 0, 3]}[1 if image.ndim == 2 else image.shape[2]]
    return cv2.imencode(".png", np.atleast_3d(image)[..., order])[1].tobytes()


def read_image(path: Path | str) -> Image:
    """Reads an image file as RGB uint8 [H, W, 3].

    Raises:
        ImageError: no such file, or not an image.
    """
    return decode_image(_read_bytes(path), str(path))


def read_cutout(path: Path | str) -> tuple[Image, NDArray[np.float32] | None]:
    """Reads a training view: RGB uint8 [H, W, 3] over white and, if the file has one, alpha [H, W] in 0…1.

    An alpha channel that is opaque everywhere says nothing: as if there were none.
    The data set's RGBA files hold colours that are composited over white already, and so are white where they are
    transparent. Others, as cut-out tools and Blender write them, are not, and are composited here.

    Raises:
        ImageError: no such file, or not an image.
    """
    data = _read_bytes(path)
    decoded = cv2.imdecode(np.frombuffer(data, np.uint8), _AS_STORED) if data else None
    if decoded is None or decoded.ndim != 3 or decoded.shape[2] != 4:
        return decode_image(data, str(path)), None
    if decoded.dtype == np.uint16:
        decoded = to_uint8(decoded / 257.0)
    rgb: Image = cv2.cvtColor(decoded[..., :3], cv2.COLOR_BGR2RGB)  # type: ignore[assignment]
    if decoded[..., 3].min() == 255:
        return rgb, None
    alpha = (decoded[..., 3] / 255.0).astype(np.float32)  # [H, W]
    if (rgb[alpha == 0] < 250).any():  # rounded, white is not always 255
        rgb = to_uint8(255.0 + alpha[..., None] * (rgb - 255.0))
    return rgb, alpha


def read_mask(path: Path | str) -> Mask:
    """Reads a mask file as bool [H, W]: true where any channel is not zero, whatever the value.

    An alpha channel that is the same everywhere says nothing.

    Raises:
        ImageError: no such file, not an image, or a JPEG, whose zeros are not exact.
    """
    data = _read_bytes(path)
    if data[:2] == _JPEG:
        raise ImageError(f"{shown(path)}: a mask must be exact, and JPEG is not; save it as PNG")
    decoded = cv2.imdecode(np.frombuffer(data, np.uint8), _AS_STORED) if data else None
    if decoded is None:
        raise ImageError(f"{shown(path)}: not a readable image ({len(data)} bytes)")
    channels = np.atleast_3d(decoded)  # [H, W, C]
    if channels.shape[2] in (2, 4) and np.ptp(channels[..., -1]) == 0:
        channels = channels[..., :-1]
    return (channels != 0).any(axis=2)


def write_image(path: Path | str, image: NDArray[np.uint8]) -> None:
    """Writes a PNG; RGB [H, W, 3], RGBA [H, W, 4] or grey [H, W] uint8. Never leaves half a file."""
    with replacing(path) as partial:
        partial.write_bytes(encode_png(image))


def _read_bytes(path: Path | str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise ImageError(f"{shown(path)}: cannot be read ({error.strerror})") from None


def to_uint8(values: NDArray[Any]) -> Image:
    """Rounds values around 0…255 to uint8, clipping what lies outside."""
    rounded = np.rint(values)
    return np.clip(rounded, 0, 255, out=rounded).astype(np.uint8)


# NumPy takes ten times as long and more where the last axis has few elements.
def channel_sum(picture: NDArray[np.float32]) -> NDArray[np.float32]:
    """The sum over the channels of [H, W, C], [H, W]."""
    return np.asarray(cv2.transform(picture, np.ones((1, picture.shape[2]))), np.float32)


def channel_max(picture: NDArray[Any]) -> NDArray[Any]:
    """The largest of the channels of [H, W, C], [H, W]."""
    return np.asarray(reduce(cv2.max, cv2.split(picture)))


def in_channels(plane: NDArray[np.float32]) -> NDArray[np.float32]:
    """A plane [H, W] three times, [H, W, 3]."""
    return np.asarray(cv2.merge([plane] * 3), np.float32)


def over(background: Image | int, image: Image, transmittance: NDArray[np.float32]) -> Image:
    """What is over white [H, W, 3], and lets so much through [H, W], over a background [H, W, 3] or grey instead."""
    behind = in_channels(transmittance)
    behind *= np.asarray(background, np.float32) - np.float32(255.0)
    behind += image
    return to_uint8(behind)


def box_around(mask: Mask, margin: int) -> Window:
    """The window of a mask's box, grown by a margin in pixels on each side; the mask must not be empty."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return (
        slice(max(int(rows[0]) - margin, 0), int(rows[-1]) + margin + 1),
        slice(max(int(columns[0]) - margin, 0), int(columns[-1]) + margin + 1),
    )


def shrink_factor(shape: tuple[int, ...], size: int | None) -> float:
    """By what to scale an image [H, W, …] to have at most `size` pixels on its longer side; 1 for None."""
    return 1.0 if size is None else min(1.0, size / max(shape[:2]))


def scaled_by(pixels: NDArray[Any], factor: float) -> NDArray[Any]:
    """An image or mask [H, W, …] shrunk by a factor of at most 1; a mask is true where half of it was."""
    if factor == 1.0:
        return pixels
    size = tuple(max(1, round(factor * length)) for length in pixels.shape[1::-1])
    if pixels.dtype == bool:
        return np.asarray(cv2.resize(pixels.astype(np.float32), size, interpolation=cv2.INTER_AREA)) >= 0.5
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA))


def is_grey(image: Image) -> bool:
    """Whether an RGB image [H, W, 3] has no colour at all, as one of a monochrome camera that was converted.

    Where there is no light there is no colour either: that says nothing.
    """
    step = max(1, math.isqrt(image.shape[0] * image.shape[1] // _GREY_SAMPLES))
    red, green, blue = np.moveaxis(image[::step, ::step], 2, 0)  # [h, w] each
    brightest = np.maximum(np.maximum(red, green), blue)
    spread = brightest - np.minimum(np.minimum(red, green), blue)
    lit = int(np.count_nonzero(brightest > _DARK))
    coloured = np.count_nonzero((brightest > _DARK) & (spread > _GREY))
    return lit > 0 and bool(coloured <= _GREY_EXCEPTIONS * lit)


def check_image(image: NDArray[np.generic], camera: Camera) -> Image:
    """Checks that an array is an image of this camera and returns it as contiguous RGB uint8 [H, W, 3].

    Raises:
        ImageError: wrong type, shape or size.
    """
    if not isinstance(image, np.ndarray) or image.ndim != 3 or image.shape[2] != 3:
        shape = getattr(image, "shape", type(image).__name__)
        raise ImageError(f"expected an RGB image [H, W, 3], got {shape}")
    if image.dtype != np.uint8:
        finite = "" if np.isfinite(image.astype(np.float64)).all() else " with NaN or infinite values"
        raise ImageError(f"expected an image of uint8, got {image.dtype}{finite}; convert it to 0…255 first")
    height, width = image.shape[:2]
    if (width, height) != (camera.width, camera.height):
        raise ImageError(
            f"image is {width}x{height}, the product was trained for {camera.width}x{camera.height}; "
            "resize the camera's output, or train at its resolution"
        )
    return np.ascontiguousarray(image)  # type: ignore[arg-type]
