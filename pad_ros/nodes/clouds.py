"""The product in space, for viewers: the points of its map, and its twin."""

from __future__ import annotations

from typing import Any

import numpy as np
from sensor_msgs.msg import PointCloud2
from std_msgs.msg import Header

from pad_ros.nodes import convert

_MOST_POINTS = 100_000
_SOLID = 0.0  # logit of the opacity from which a splat is shown


def clouds_of(product: Any, header: Header) -> tuple[PointCloud2 | None, PointCloud2 | None]:
    """The points of a product's map, and its twin; None for what it has not."""
    sfm_map, splats = getattr(product, "sfm_map", None), getattr(product, "gaussians", None)
    points = None if sfm_map is None else convert.cloud_message(header, sfm_map.points, sfm_map.colors)
    return points, None if splats is None else convert.cloud_message(header, *twin_points(splats))


def twin_points(splats: Any) -> tuple[np.ndarray, np.ndarray]:
    """The twin's solid splats as points [P, 3] in the part's frame with RGB colours uint8 [P, 3], at most 100 000."""
    solid = np.flatnonzero(splats.logit_opacities > _SOLID)
    if len(solid) > _MOST_POINTS:
        solid = np.sort(np.random.default_rng(0).choice(solid, _MOST_POINTS, replace=False))
    colours = np.clip(255.0 * splats.base_colours, 0.0, 255.0)[solid].astype(np.uint8)
    return splats.means[solid], colours
