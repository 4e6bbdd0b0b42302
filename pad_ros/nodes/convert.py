"""Between ROS messages and the core's types; the only place in the nodes where encodings are known."""

from __future__ import annotations

from array import array
from typing import Any

import cv2
import numpy as np
from geometry_msgs.msg import Point, Pose, Quaternion
from numpy.typing import NDArray
from sensor_msgs.msg import CameraInfo, CompressedImage, Image, PointCloud2, PointField
from std_msgs.msg import Header

from pad_ros.errors import ImageError
from pad_ros.geometry import Camera, Matrix, quaternion_from_rotation, ros_intrinsics, rotation_from_quaternion
from pad_ros.images import decode_image
from pad_ros.lens import MODELS, Lens, largest_shift, ros_distortion
from pad_ros.results import Image as RgbImage

_TO_RGB = {
    "rgb8": None,
    "bgr8": cv2.COLOR_BGR2RGB,
    "mono8": cv2.COLOR_GRAY2RGB,
    "rgba8": cv2.COLOR_RGBA2RGB,
    "bgra8": cv2.COLOR_BGRA2RGB,
}
_CHANNELS = {"rgb8": 3, "bgr8": 3, "mono8": 1, "rgba8": 4, "bgra8": 4}


# How far the camera and the product may be apart in where the lens shows a point.
_LENS_TOLERANCE_PX = 1.0


def stamp_of(header: Any) -> int:
    """A header's stamp in nanoseconds."""
    return int(header.stamp.sec) * 10**9 + int(header.stamp.nanosec)


def image_from_message(message: Any) -> RgbImage:
    """Converts an Image or a CompressedImage to RGB uint8 [H, W, 3].

    Raises:
        ImageError: unknown encoding, a size that the data do not have, or unreadable compressed data.
    """
    if hasattr(message, "format"):
        return decode_image(bytes(message.data), f"compressed image ({message.format!r})")
    pixels = pixels_from_message(message)
    conversion = _TO_RGB[message.encoding]
    return np.ascontiguousarray(pixels) if conversion is None else cv2.cvtColor(pixels, conversion)  # type: ignore[return-value]


def pixels_from_message(message: Any) -> NDArray[np.uint8]:
    """An Image's own 8-bit pixels, [H, W] or [H, W, C].

    Raises:
        ImageError: unknown encoding, or a size that the data do not have.
    """
    channels = _CHANNELS.get(message.encoding)
    if channels is None:
        known = ", ".join(_CHANNELS)
        raise ImageError(f"image has encoding {message.encoding!r}; set the camera to one of {known}")
    height, width, step = message.height, message.width, message.step
    if height == 0 or width == 0:
        raise ImageError(f"image is empty ({width}x{height})")
    data = np.frombuffer(message.data, dtype=np.uint8)
    if step < width * channels or data.size != step * height:
        raise ImageError(
            f"image of {width}x{height} {message.encoding} has step {step} and {data.size} bytes, "
            f"{width * channels} and {width * channels * height} expected; was it truncated?"
        )
    pixels = data.reshape(height, step)[:, : width * channels]
    return pixels if channels == 1 else pixels.reshape(height, width, channels)


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


def camera_info_message(header: Header, lens: Lens) -> CameraInfo:
    """Makes the CameraInfo of a camera."""
    camera, k = lens.camera, ros_intrinsics(lens.camera)
    model, coefficients = ros_distortion(lens)
    return CameraInfo(
        header=header,
        height=camera.height,
        width=camera.width,
        distortion_model=model,
        d=coefficients,
        k=k.ravel().tolist(),
        r=np.eye(3).ravel().tolist(),
        p=np.hstack([k, np.zeros((3, 1))]).ravel().tolist(),
    )


def camera_problem(info: Any, camera: Camera, tolerance: float = 0.02, *, lens: Lens | None = None) -> str:
    """How a CameraInfo differs from the product's camera; empty when it does not, or is not calibrated.

    Args:
        info: the CameraInfo.
        camera: the product's.
        tolerance: allowed difference, as a share of the focal length.
        lens: the product's, where its camera is not an ideal one.
    """
    if (info.width, info.height) != (camera.width, camera.height):
        return f"camera_info is for {info.width}x{info.height}, the product for {camera.width}x{camera.height}"
    if info.k[0] == 0:
        return ""
    found = np.array(info.k)[[0, 4, 2, 5]]
    wanted = ros_intrinsics(camera).ravel()[[0, 4, 2, 5]]
    if not np.abs(found - wanted).max() <= tolerance * camera.fx:
        return f"camera_info has fx, fy, cx, cy = {found.round(1).tolist()}, the product {wanted.round(1).tolist()}"
    return lens_problem(info.distortion_model, info.d, lens or Lens(camera))


def lens_problem(model: str, coefficients: Any, lens: Lens) -> str:
    """How the distortion that a camera says differs from the one that the product undoes; empty when it does not.

    Args:
        model: of the CameraInfo.
        coefficients: its d; empty or all 0 for images without distortion.
        lens: the product's.
    """
    numbers = np.trim_zeros(np.asarray(coefficients, np.float64), "b")
    if numbers.size == 0:
        model = "none"
    count = MODELS.get(model, 0)
    if numbers.size > count or not np.isfinite(numbers).all():
        return f"camera_info has distortion {model!r} {numbers.tolist()}; rectify the images (image_proc)"
    said = Lens(lens.camera, model, tuple(np.pad(numbers, (0, count - numbers.size))))
    if largest_shift(said, lens) <= _LENS_TOLERANCE_PX:
        return ""
    if not lens.distorted:
        return "camera_info has lens distortion; rectify the images (image_proc) before they come here"
    if not said.distorted:
        return (
            "camera_info has no lens distortion, but the product undoes that of its own photos; "
            "give it the camera's raw images, or train it with rectified ones"
        )
    return f"camera_info has {model} {np.round(said.coefficients, 4).tolist()}, the product {list(lens.coefficients)}"


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
