"""The product in space, for viewers: the points of its map, and its twin."""

from __future__ import annotations

from typing import Any

import numpy as np
from sensor_msgs.msg import PointCloud2
from std_msgs.msg import Header

from pad_ros.nodes import convert

_MOST_POINTS = 100_000


def clouds_of(product: Any, header: Header) -> tuple[PointCloud2 | None, PointCloud2 | None]:
    """The points of a product's map, and its twin; None for what it has not."""
    sfm_map, splats = getattr(product, "sfm_map", None), getattr(product, "gaussians", None)
    points = None if sfm_map is None else convert.cloud_message(header, sfm_map.points, sfm_map.colors)
    return points, None if splats is None else convert.cloud_message(header, *twin_points(splats))


def twin_points(splats: Any) -> tuple[np.ndarray, np.ndarray]:
    """The twin's solid splats as points [P, 3] in the part's frame with RGB colours uint8 [P, 3], at most 100 000."""
    solid = splats.solid(_MOST_POINTS)
    return solid.means, np.clip(255.0 * solid.base_colours, 0.0, 255.0).astype(np.uint8)
