"""Cameras and rigid transforms; the only place where axis conventions are converted.

Core convention: OpenCV camera axes (x right, y down, z forward), pixel centres at +0.5, poses as
`object_from_camera` (camera-to-object) 4x4 matrices in the product's unit of length.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pad_ros.errors import ConfigError

Matrix = NDArray[np.float64]

# Blender/NeRF camera axes are x right, y up, z back.
_BLENDER_FROM_OPENCV = np.diag([1.0, -1.0, -1.0, 1.0])  # [4, 4]


@dataclass(frozen=True)
class Camera:
    """A pinhole camera without distortion; lengths in pixels, principal point with centres at +0.5."""

    width: int
    height: int
    fx: float
    fy: float
    cx: float
    cy: float

    def __post_init__(self) -> None:
        """Refuses impossible intrinsics.

        Raises:
            ConfigError: a size or focal length that is not positive and finite.
        """
        numbers = np.array([self.width, self.height, self.fx, self.fy, self.cx, self.cy], dtype=np.float64)
        if not np.isfinite(numbers).all() or (numbers[:4] <= 0).any():
            raise ConfigError(f"impossible camera intrinsics {numbers.tolist()}: sizes and focal lengths must be > 0")

    @classmethod
    def from_horizontal_angle(cls, angle: float, width: int, height: int) -> Camera:
        """Makes the camera that a NeRF-style `camera_angle_x` (radians) describes: square pixels, centred."""
        focal = 0.5 * width / np.tan(0.5 * angle)
        return cls(width, height, float(focal), float(focal), width / 2.0, height / 2.0)

    @property
    def K(self) -> Matrix:  # noqa: N802 - the field's name
        """The intrinsic matrix, [3, 3]."""
        return np.array([[self.fx, 0.0, self.cx], [0.0, self.fy, self.cy], [0.0, 0.0, 1.0]])

    def scaled(self, factor: float) -> Camera:
        """The same camera for the image resized by `factor`."""
        return self.resized(round(self.width * factor), round(self.height * factor))

    def resized(self, width: int, height: int) -> Camera:
        """The same camera for the image resized to `width` x `height`."""
        sx, sy = width / self.width, height / self.height
        return Camera(width, height, self.fx * sx, self.fy * sy, self.cx * sx, self.cy * sy)

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers for YAML and JSON."""
        return {name: getattr(self, name) for name in ("width", "height", "fx", "fy", "cx", "cy")}


def ros_intrinsics(camera: Camera) -> Matrix:
    """The intrinsic matrix [3, 3] as CameraInfo has it: pixel centres at whole numbers, the core's are at +0.5."""
    matrix = camera.K
    matrix[:2, 2] -= 0.5
    return matrix


def opencv_from_blender_pose(world_from_camera: Matrix) -> Matrix:
    """Converts a camera-to-world pose [4, 4] from Blender/NeRF camera axes to OpenCV's."""
    return np.asarray(world_from_camera, dtype=np.float64) @ _BLENDER_FROM_OPENCV


def blender_from_opencv_pose(object_from_camera: Matrix) -> Matrix:
    """Converts a camera-to-object pose [4, 4] from OpenCV camera axes to Blender/NeRF's."""
    return np.asarray(object_from_camera, dtype=np.float64) @ _BLENDER_FROM_OPENCV


def invert_rigid(transform: Matrix) -> Matrix:
    """Inverts a rigid transform [4, 4] without a general matrix inverse."""
    result = np.eye(4)
    result[:3, :3] = transform[:3, :3].T
    result[:3, 3] = -transform[:3, :3].T @ transform[:3, 3]
    return result


def is_rigid(transform: Matrix, tolerance: float = 1e-3) -> bool:
    """Whether a [4, 4] matrix is finite and a rotation with a translation."""
    transform = np.asarray(transform, dtype=np.float64)
    if transform.shape != (4, 4) or not np.isfinite(transform).all():
        return False
    rotation = transform[:3, :3]
    orthogonal = np.abs(rotation.T @ rotation - np.eye(3)).max() < tolerance
    return bool(orthogonal and np.linalg.det(rotation) > 0 and np.allclose(transform[3], [0, 0, 0, 1], atol=tolerance))


def quaternion_from_rotation(rotation: Matrix) -> Matrix:
    """Converts a rotation matrix [3, 3] to a unit quaternion x, y, z, w with w >= 0."""
    m = np.asarray(rotation, dtype=np.float64)
    # The symmetric 4x4 form is stable for every rotation: its top eigenvector is the quaternion.
    k = np.array(
        [
            [m[0, 0] - m[1, 1] - m[2, 2], m[0, 1] + m[1, 0], m[0, 2] + m[2, 0], m[2, 1] - m[1, 2]],
            [m[0, 1] + m[1, 0], m[1, 1] - m[0, 0] - m[2, 2], m[1, 2] + m[2, 1], m[0, 2] - m[2, 0]],
            [m[0, 2] + m[2, 0], m[1, 2] + m[2, 1], m[2, 2] - m[0, 0] - m[1, 1], m[1, 0] - m[0, 1]],
            [m[2, 1] - m[1, 2], m[0, 2] - m[2, 0], m[1, 0] - m[0, 1], m[0, 0] + m[1, 1] + m[2, 2]],
        ]
    )
    quaternion = np.linalg.eigh(k)[1][:, -1]
    return quaternion if quaternion[3] >= 0 else -quaternion


def rotation_from_quaternion(quaternion: Matrix) -> Matrix:
    """Converts a quaternion x, y, z, w (any length > 0) to a rotation matrix [3, 3]."""
    x, y, z, w = np.asarray(quaternion, dtype=np.float64) / np.linalg.norm(quaternion)
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )


def look_at(eye: Matrix, target: Matrix, up: Matrix) -> Matrix:
    """The `object_from_camera` pose [4, 4] of a camera at `eye` [3] that looks at `target` [3]."""
    forward = np.asarray(target, dtype=np.float64) - eye
    forward = forward / np.linalg.norm(forward)
    right = np.cross(forward, up)
    right = right / np.linalg.norm(right)
    pose = np.eye(4)
    pose[:3, :3] = np.stack([right, np.cross(forward, right), forward], axis=1)
    pose[:3, 3] = eye
    return pose


def pose_error(estimate: Matrix, truth: Matrix) -> tuple[float, float]:
    """Compares two camera-to-object poses [4, 4].

    Returns:
        The angle between the orientations in degrees, and the distance between the camera centres
        divided by the true camera's distance from the object's origin.
    """
    delta = truth[:3, :3].T @ estimate[:3, :3]
    # atan2 of sine and cosine keeps its precision at small angles, where arccos loses it.
    sine = 0.5 * np.linalg.norm([delta[2, 1] - delta[1, 2], delta[0, 2] - delta[2, 0], delta[1, 0] - delta[0, 1]])
    angle = np.degrees(np.arctan2(sine, 0.5 * (np.trace(delta) - 1.0)))
    distance = np.linalg.norm(estimate[:3, 3] - truth[:3, 3]) / np.linalg.norm(truth[:3, 3])
    return float(angle), float(distance)


def is_right(degrees: float, distance: float) -> bool:
    """Whether a pose with this `pose_error` counts as right: within 1° and 1 % of the distance."""
    return degrees < 1.0 and distance < 0.01
