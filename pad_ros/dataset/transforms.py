"""The words of `transforms.json`, as MAD-Sim, instant-ngp, nerfstudio and COLMAP's converters use them.

What it says of the camera is read whole, or refused by name.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from pad_ros.errors import ConfigError, DatasetError
from pad_ros.geometry import Camera
from pad_ros.lens import Lens

# The file's names of our models' coefficients, in their order.
COEFFICIENTS = {
    "none": (),
    "plumb_bob": ("k1", "k2", "p1", "p2", "k3"),
    "rational_polynomial": ("k1", "k2", "p1", "p2", "k3", "k4", "k5", "k6"),
    "equidistant": ("k1", "k2", "k3", "k4"),
}
# COLMAP's models: which of ours each is, and which coefficients it has.
COLMAP_MODELS = {
    "SIMPLE_PINHOLE": ("none", ()),
    "PINHOLE": ("none", ()),
    "SIMPLE_RADIAL": ("plumb_bob", ("k1",)),
    "RADIAL": ("plumb_bob", ("k1", "k2")),
    "OPENCV": ("plumb_bob", COEFFICIENTS["plumb_bob"]),
    "FULL_OPENCV": ("rational_polynomial", COEFFICIENTS["rational_polynomial"]),
    "OPENCV_FISHEYE": ("equidistant", COEFFICIENTS["equidistant"]),
}
_WRITTEN = {ours: name for name, (ours, _) in COLMAP_MODELS.items()}  # the last, most general one of each
_INTRINSICS = ("camera_angle_x", "camera_angle_y", "fl_x", "fl_y", "cx", "cy", "w", "h", "camera_model", "is_fisheye")
# Whatever else says something of a lens: unless the camera's model has it, it must be 0 or false.
_OF_A_LENS = re.compile(r"[kpbs]\d+|s[xy]\d|skew|distortion_params|ftheta\w*|latlong|equirectangular|rolling_\w+")

_SAME = 1e-6  # relative: frames whose numbers differ by less have one camera
_CONTRADICTION = 0.01  # relative, between the two ways to say a focal length
_SHORTEST_FOCAL = 0.05  # in widths of the picture; what is shorter is not in pixels


def read_lenses(transforms: Mapping[str, Any], size: tuple[int, int], source: str) -> list[Lens]:
    """Reads the lens of each frame; what a frame says itself goes before what the file says for all.

    Args:
        transforms: the file's content.
        size: width and height of the photos, to which intrinsics for another size are scaled.
        source: the file's name, for messages.

    Raises:
        DatasetError: intrinsics that are missing, contradict each other or the photos, or cannot be honoured.
    """
    common = _lens_words(transforms)
    lens_of_all: Lens | None = None
    lenses = []
    for index, frame in enumerate(transforms["frames"]):
        own = _lens_words(frame)
        if own:
            lenses.append(_read_lens({**common, **own}, size, f"{source} frame {index}"))
        else:
            lens_of_all = lens_of_all or _read_lens(common, size, source)
            lenses.append(lens_of_all)
    numbers = [[*_values(lens.camera), *lens.coefficients] for lens in lenses if lens.model == lenses[0].model]
    if len(numbers) == len(lenses) and np.allclose(numbers, numbers[0], rtol=_SAME, atol=_SAME):
        return lenses[:1] * len(lenses)
    return lenses


def says_lens(transforms: Mapping[str, Any]) -> bool:
    """Whether the file, or a frame of it, says anything of the camera."""
    return bool(_lens_words(transforms)) or any(_lens_words(frame) for frame in transforms["frames"])


def common_lens(lenses: Sequence[Lens]) -> Lens:
    """The lens that took all photos or, if they were several, the ideal camera in their middle."""
    first = lenses[0]
    if set(lenses) == {first}:
        return first
    middle = np.median([_values(lens.camera) for lens in lenses], axis=0).tolist()
    return Lens(Camera(first.camera.width, first.camera.height, *middle))


def describe_lens(lens: Lens) -> dict[str, Any]:
    """A lens in the file's words; `camera_angle_x` alone where that says all."""
    camera = lens.camera
    words: dict[str, Any] = {"camera_angle_x": 2.0 * math.atan(0.5 * camera.width / camera.fx)}
    if not lens.distorted and _values(camera) == (camera.fx, camera.fx, camera.width / 2, camera.height / 2):
        return words
    fx, fy, cx, cy = _values(camera)
    words |= {"fl_x": fx, "fl_y": fy, "cx": cx, "cy": cy, "w": camera.width, "h": camera.height}
    coefficients = dict(zip(COEFFICIENTS[lens.model], lens.coefficients, strict=True))
    return {**words, "camera_model": _WRITTEN[lens.model], **coefficients}


def _lens_words(entry: Mapping[str, Any]) -> dict[str, Any]:
    return {
        key: value
        for key, value in entry.items()
        if value is not None and (key in _INTRINSICS or _OF_A_LENS.fullmatch(key))
    }


def _read_lens(words: Mapping[str, Any], size: tuple[int, int], source: str) -> Lens:
    try:
        model = _read_model(words)
        coefficients = tuple(_number(words, name, 0.0) for name in COEFFICIENTS[model])
        lens = Lens(_read_camera(words, size), model, coefficients)
    except ConfigError as error:
        raise DatasetError(f"{source}: {error}") from None
    return lens if lens.distorted else Lens(lens.camera)


def _read_model(words: Mapping[str, Any]) -> str:
    """Our model of the file's; refuses what that would leave out."""
    fisheye = words.get("is_fisheye")
    name = str(words.get("camera_model", "OPENCV_FISHEYE" if fisheye else "OPENCV")).upper()
    if name not in COLMAP_MODELS:
        raise ConfigError(
            f"camera_model {name} is not supported; undistort the photos first, or use one of "
            f"{', '.join(COLMAP_MODELS)}"
        )
    if fisheye is not None and fisheye is not (name == "OPENCV_FISHEYE"):
        raise ConfigError(f"is_fisheye {fisheye!r} contradicts camera_model {name}; leave the wrong one out")
    model, coefficients = COLMAP_MODELS[name]
    left_out = [key for key in words if key not in _INTRINSICS and key not in coefficients and _matters(words[key])]
    if left_out:
        what = ", ".join(f"{key} = {words[key]!r}" for key in left_out)
        raise ConfigError(
            f"{what}: not part of camera_model {name}, and cannot be honoured; name the right camera_model, "
            "or undistort the photos first"
        )
    return model


def _matters(value: Any) -> bool:
    return any(map(_matters, value)) if isinstance(value, list) else bool(value)


def _read_camera(words: Mapping[str, Any], size: tuple[int, int]) -> Camera:
    width, height = _number(words, "w", size[0]), _number(words, "h", size[1])
    if not (width > 0 and height > 0 and abs(size[0] * height / width - size[1]) <= 1.0):
        raise ConfigError(
            f"the camera is for photos of {width:g}x{height:g}, they are {size[0]}x{size[1]}: another shape (photos "
            "are read as stored, whatever their EXIF orientation); use the photos that the poses were made from"
        )
    fx = _focal(words, "x", width)
    fy = _focal(words, "y", height, fx)
    cx, cy = _number(words, "cx", width / 2), _number(words, "cy", height / 2)
    if not (0 <= cx <= width and 0 <= cy <= height):
        raise ConfigError(f"cx = {cx:g}, cy = {cy:g} is outside of the photos; they count in pixels from the corner")
    return Camera(round(width), round(height), fx, fy, cx, cy).resized(*size)


def _focal(words: Mapping[str, Any], axis: str, extent: float, other: float | None = None) -> float:
    """The focal length along an axis in pixels, from the length itself or the angle of view; else the other axis's."""
    length, angle, by_angle = f"fl_{axis}", f"camera_angle_{axis}", math.nan
    if angle in words:
        radians = _number(words, angle, math.nan)
        if not 0 < radians < math.pi:
            raise ConfigError(f"{angle} must be an angle in radians, got {words[angle]!r}")
        by_angle = 0.5 * extent / math.tan(0.5 * radians)
    if length in words:
        focal = _number(words, length, math.nan)
    elif "fl_x" not in words and angle in words:
        focal = by_angle
    elif other is not None:
        focal = other
    else:
        raise ConfigError("no focal length: neither fl_x nor camera_angle_x")
    if not focal >= _SHORTEST_FOCAL * extent:
        raise ConfigError(f"{length} = {focal:g} is not a focal length in pixels")
    if abs(by_angle - focal) > _CONTRADICTION * focal:
        raise ConfigError(
            f"{angle} means a focal length of {by_angle:.1f} pixels, but it is {focal:.1f}; leave the wrong one out"
        )
    return focal


def _number(words: Mapping[str, Any], key: str, default: float) -> float:
    value = words.get(key, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ConfigError(f"{key} must be a finite number, got {value!r}")
    return float(value)


def _values(camera: Camera) -> tuple[float, float, float, float]:
    return camera.fx, camera.fy, camera.cx, camera.cy
