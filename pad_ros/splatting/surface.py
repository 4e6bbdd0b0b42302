"""The twin's surface: where in space each pixel of a view lies, and evenly spread anchors on it."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from pad_ros.geometry import Camera, Matrix
from pad_ros.splatting.gaussians import SH_C0, Floats, Gaussians
from pad_ros.splatting.rasterize import Rasterizer

_SOLID = 0.5  # opacity from which a Gaussian is part of the surface
_LEAST = 1e-3  # of the light that must stop on the way, or there is no surface


class Surface:
    """Renders positions instead of colours: the expected termination of each pixel's ray, in the object frame."""

    def __init__(self, gaussians: Gaussians) -> None:
        means = gaussians.means
        self._low = means.min(axis=0)
        self._span = np.maximum(np.ptp(means, axis=0), 1e-9)
        colours = (means - self._low) / self._span  # [N, 3] in 0…1
        self._painted = replace(gaussians, sh=((colours - 0.5) / SH_C0)[:, None])
        self._rest = gaussians

    def positions(self, rasterizer: Rasterizer, camera: Camera, object_from_camera: Matrix) -> NDArray[np.float32]:
        """The twin's position at each pixel of a view, [H, W, 3], in the product's unit; of no use off the part."""
        rendering = rasterizer.render(self._painted, camera, object_from_camera, background=(0.0, 0.0, 0.0))
        stopped = np.maximum(1.0 - rendering.transmittance, _LEAST)
        planes = [
            low + span * (plane / stopped)
            for plane, span, low in zip(cv2.split(rendering.color), self._span, self._low, strict=True)
        ]
        return np.asarray(cv2.merge(planes), np.float32)

    def anchors(self, count: int) -> Floats:
        """Evenly spread points on the surface, [count, 3] or fewer: farthest-point sampling of solid Gaussians.

        The same splats give the same anchors, in the same order, everywhere.
        """
        solid = self._rest.logit_opacities > np.log(_SOLID / (1.0 - _SOLID))
        points = self._rest.means[solid if solid.any() else slice(None)].astype(np.float64)
        x, y, z = np.ascontiguousarray(points.T)

        def squared(place: NDArray[np.float64]) -> NDArray[np.float64]:
            return (x - place[0]) ** 2 + (y - place[1]) ** 2 + (z - place[2]) ** 2

        chosen = [int(squared(points.mean(axis=0)).argmin())]
        distance = squared(points[chosen[0]])
        while len(chosen) < min(count, len(points)):
            chosen.append(int(distance.argmax()))
            np.minimum(distance, squared(points[chosen[-1]]), out=distance)
        return np.asarray(points[chosen], np.float32)


def normals(positions: NDArray[np.float32], object_from_camera: Matrix) -> NDArray[np.float32]:
    """Unit normals [H, W, 3] of a map of positions [H, W, 3], towards the camera; of no use where it jumps."""
    down, right = np.gradient(positions.astype(np.float32), axis=(0, 1))
    normal = np.cross(down, right)
    normal /= np.maximum(np.linalg.norm(normal, axis=2, keepdims=True), 1e-12)
    to_camera = object_from_camera[:3, 3].astype(np.float32) - positions
    sign = np.where((normal * to_camera).sum(axis=2, keepdims=True) < 0, -1.0, 1.0)
    return np.asarray(sign * normal, np.float32)
