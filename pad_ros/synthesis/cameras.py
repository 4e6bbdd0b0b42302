"""Where the cameras stand: seeded plans over the visible upper hemisphere."""

from __future__ import annotations

import math

import numpy as np

from pad_ros.geometry import Camera, Matrix, look_at

HORIZONTAL_ANGLE = 0.6911112070083618  # radians
_FILL = 0.70  # of the frame's width that the object's longest diagonal takes
_TRAIN_ELEVATION = (12.0, 86.0)  # degrees
_TEST_ELEVATION = (26.0, 76.0)


def make_camera(resolution: int) -> Camera:
    """The camera of every image: square, centred."""
    return Camera.from_horizontal_angle(HORIZONTAL_ANGLE, resolution, resolution)


def frame_width(bounds: tuple[Matrix, Matrix]) -> float:
    """The width (metres) that the image shows at the middle of an object with these bounds."""
    length, width, _ = bounds[1] - bounds[0]
    return float(math.hypot(length, width) / _FILL)


def viewing_distance(bounds: tuple[Matrix, Matrix]) -> float:
    """How far the cameras stand from the middle of an object with these bounds."""
    return frame_width(bounds) / (2 * math.tan(0.5 * HORIZONTAL_ANGLE))


def train_poses(count: int, bounds: tuple[Matrix, Matrix], rng: np.random.Generator) -> list[Matrix]:
    """Camera-to-object poses [4, 4] spread evenly over the upper hemisphere (a golden-angle spiral)."""
    low, high = (math.sin(math.radians(angle)) for angle in _TRAIN_ELEVATION)
    start = rng.uniform(0, 2 * math.pi)
    poses = []
    for index in range(count):
        height = low + (high - low) * (index + 0.5) / count
        azimuth = start + index * math.pi * (3 - math.sqrt(5))
        poses.append(_pose(azimuth, math.asin(height), bounds, rng))
    order = rng.permutation(count)  # so that any first few views cover all sides
    return [poses[index] for index in order]


def test_poses(count: int, bounds: tuple[Matrix, Matrix], rng: np.random.Generator) -> list[Matrix]:
    """Camera-to-object poses [4, 4] around a test object: all sides, random heights."""
    low, high = (math.sin(math.radians(angle)) for angle in _TEST_ELEVATION)
    azimuths = 2 * math.pi * (np.arange(count) + rng.uniform(-0.3, 0.3, count)) / count + rng.uniform(0, 2 * math.pi)
    heights = low + (high - low) * (rng.permutation(count) + rng.uniform(0, 1, count)) / count
    return [_pose(a, math.asin(h), bounds, rng) for a, h in zip(azimuths, heights, strict=True)]


def _pose(azimuth: float, elevation: float, bounds: tuple[Matrix, Matrix], rng: np.random.Generator) -> Matrix:
    middle = 0.5 * (bounds[0] + bounds[1])
    distance = viewing_distance(bounds) * rng.uniform(0.95, 1.08)
    direction = np.array(
        [math.cos(azimuth) * math.cos(elevation), math.sin(azimuth) * math.cos(elevation), math.sin(elevation)]
    )
    aim = middle + rng.uniform(-0.025, 0.025, 3) * distance
    return look_at(middle + distance * direction, aim, np.array([0.0, 0.0, 1.0]))
