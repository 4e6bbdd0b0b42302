"""The window of an image that an object is seen in."""

from __future__ import annotations

import math

import numpy as np

from pad_ros.synthesis.assembly import Points

_MARGIN = 0.02  # of the image, for edges that are smoothed
_WHOLE = (0.0, 0.0, 1.0, 1.0)


def window(points: Points, horizontal_angle: float) -> tuple[float, float, float, float]:
    """The left, bottom, right and top of the window that holds points [N, 3], as shares of a square image.

    The points are in Blender's camera axes (x right, y up, z back); the whole image if one is not ahead.
    """
    depth = -points[:, 2]
    if depth.min() <= 0:
        return _WHOLE
    seen = 0.5 + 0.5 * points[:, :2] / (depth * math.tan(0.5 * horizontal_angle))[:, None]  # [N, 2]
    left, bottom = np.clip(seen.min(axis=0) - _MARGIN, 0.0, 1.0)
    right, top = np.clip(seen.max(axis=0) + _MARGIN, 0.0, 1.0)
    return (float(left), float(bottom), float(right), float(top)) if left < right and bottom < top else _WHOLE
