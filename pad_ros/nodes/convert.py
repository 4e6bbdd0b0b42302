"""Between ROS messages and the core's types; the only place in the nodes where encodings are known."""

from __future__ import annotations

import zlib
from array import array
from contextlib import suppress
from functools import lru_cache
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
from geometry_msgs.msg import Point, Pose, Quaternion
from numpy.typing import NDArray
from rosbags.image import ImageConversionError, image_to_cvimage
from rosbags.image.image import ENCODINGMAP
from sensor_msgs.msg import CompressedImage, Image, PointCloud2, PointField
from std_msgs.msg import Header

from pad_ros.errors import ImageError
from pad_ros.geometry import Matrix, quaternion_from_rotation, rotation_from_quaternion
from pad_ros.images import decode_image
from pad_ros.results import Image as RgbImage
from pad_ros.results import Mask

# Encodings that say the type alone: the order of colours is OpenCV's.
_PLAIN = {"8UC1": "mono8", "8UC3": "bgr8", "8UC4": "bgra8"}
_DEPTH = ("16UC1", "32FC1", "64FC1")
# Rows of data for each row of the picture: these have their colours below it.
_ROWS = {"nv12": 1.5, "nv21": 1.5}


def stamp_of(header: Any) -> int:
    """A header's stamp in nanoseconds."""
    return int(header.stamp.sec) * 10**9 + int(header.stamp.nanosec)


def checksum_of(message: Any) -> int:
    """The CRC-32 of an image's data as it came: tells images with the same stamp apart."""
    return zlib.crc32(message.data)


def image_from_message(message: Any) -> RgbImage:
    """Converts an Image, in any encoding of camera drivers, or a CompressedImage to RGB uint8 [H, W, 3].

    Raises:
        ImageError: no encoding of pictures, a size that the data do not have, or unreadable compressed data.
    """
    if hasattr(message, "format"):
        return decode_image(bytes(message.data), f"compressed image ({message.format!r})")
    if message.encoding in _DEPTH:
        raise ImageError(f"image has encoding {message.encoding!r}, which is depth; use the topic of colour images")
    encoding = _PLAIN.get(message.encoding, message.encoding)
    pixels = _unpacked(message, encoding)
    if encoding == "rgb8":
        return pixels
    with suppress(Exception):  # it does not know all encodings of drivers, and says so in many ways
        return np.ascontiguousarray(_cv_bridge().imgmsg_to_cv2(message, "rgb8"), dtype=np.uint8)
    packed = SimpleNamespace(
        height=len(pixels),
        width=message.width,
        encoding=encoding,
        is_bigendian=message.is_bigendian,
        data=pixels,
    )
    try:
        return np.ascontiguousarray(image_to_cvimage(packed, "rgb8"))  # type: ignore[arg-type]
    except (ImageConversionError, cv2.error) as error:
        raise ImageError(f"image of {message.width}x{message.height} {message.encoding}: {error}") from None


@lru_cache(maxsize=1)
def _cv_bridge() -> Any:
    """What other ROS nodes convert with, or None where it is not installed, or built for another NumPy."""
    try:
        from cv_bridge import CvBridge
    except Exception:
        return None
    return CvBridge()


def mask_from_message(message: Any) -> Mask:
    """Converts a mono8 Image to a mask [H, W]: true where it is not 0.

    Raises:
        ImageError: another encoding, or a size that the data do not have.
    """
    if message.encoding != "mono8":
        raise ImageError(f"mask has encoding {message.encoding!r}, mono8 expected")
    return _unpacked(message, "mono8") > 0


def _unpacked(message: Any, encoding: str) -> NDArray[np.uint8]:
    """An Image's bytes without the padding of its rows, [H, W], [H, W, C] or, when they are no bytes, [H, row]."""
    if encoding not in ENCODINGMAP:
        known = ", ".join(ENCODINGMAP)
        raise ImageError(f"image has encoding {message.encoding!r}; set the camera to one of {known}")
    bits, _, _, channels = ENCODINGMAP[encoding]
    width, step = message.width, message.step
    if message.height == 0 or width == 0:
        raise ImageError(f"image is empty ({width}x{message.height})")
    height = round(message.height * _ROWS.get(encoding, 1.0))
    row = width * channels * bits // 8  # bytes
    data = np.frombuffer(message.data, dtype=np.uint8)
    if step < row or data.size != step * height:
        raise ImageError(
            f"image of {width}x{message.height} {message.encoding} has step {step} and {data.size} bytes, "
            f"{row} and {row * height} expected; was it truncated?"
        )
    pixels = np.ascontiguousarray(data.reshape(height, step)[:, :row])
    return pixels.reshape(height, width, channels) if bits == 8 and channels > 1 else pixels


def image_message(header: Header, pixels: NDArray[Any], encoding: str) -> Image:
    """Makes an Image of an array [H, W] or [H, W, C] whose type is the encoding's."""
    height, width = pixels.shape[:2]
    # An array('B') goes through at once; bytes and lists are checked element by element.
    data = array("B")
    data.frombytes(np.ascontiguousarray(pixels).tobytes())
    step = len(data) // height if height else 0
    return Image(header=header, height=height, width=width, encoding=encoding, step=step, data=data)


def compressed_message(header: Header, data: bytes, kind: str) -> CompressedImage:
    """Makes a CompressedImage of a file's bytes; `kind` is "png" or "jpeg"."""
    buffer = array("B")
    buffer.frombytes(data)
    return CompressedImage(header=header, format=kind, data=buffer)


def pose_message(object_from_camera: Matrix) -> Pose:
    """Makes a Pose of a rigid transform [4, 4]."""
    x, y, z, w = map(float, quaternion_from_rotation(object_from_camera[:3, :3]))
    tx, ty, tz = map(float, object_from_camera[:3, 3])
    return Pose(position=Point(x=tx, y=ty, z=tz), orientation=Quaternion(x=x, y=y, z=z, w=w))


def matrix_from_pose(pose: Any) -> Matrix:
    """Converts a Pose to a rigid transform [4, 4]."""
    q, p = pose.orientation, pose.position
    matrix = np.eye(4)
    matrix[:3, :3] = rotation_from_quaternion(np.array([q.x, q.y, q.z, q.w]))
    matrix[:3, 3] = p.x, p.y, p.z
    return matrix


def cloud_message(header: Header, points: NDArray[Any], colors: NDArray[np.uint8]) -> PointCloud2:
    """Makes a PointCloud2 of points [P, 3] and RGB colours [P, 3]."""
    rows = np.zeros(len(points), dtype=[("xyz", "<f4", 3), ("rgb", "<u4")])
    rows["xyz"] = points
    red, green, blue = colors.astype(np.uint32).T
    rows["rgb"] = red << 16 | green << 8 | blue
    data = array("B")
    data.frombytes(rows.tobytes())
    fields = [PointField(name=n, offset=4 * i, datatype=PointField.FLOAT32, count=1) for i, n in enumerate("xyz")]
    fields.append(PointField(name="rgb", offset=12, datatype=PointField.UINT32, count=1))
    size = rows.itemsize
    return PointCloud2(
        header=header,
        height=1,
        width=len(rows),
        fields=fields,
        point_step=size,
        row_step=size * len(rows),
        data=data,
        is_dense=True,
    )
