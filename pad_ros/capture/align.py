"""Bringing one set of points onto another: rotation, shift and scale (Umeyama, 1991)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pad_ros.geometry import Matrix


def similarity(points: NDArray[np.float64], onto: NDArray[np.float64]) -> tuple[float, Matrix]:
    """Scale s and rigid transform T [4, 4] such that T applied to s * points [N, 3] is nearest to `onto` [N, 3]."""
    middle, target = points.mean(axis=0), onto.mean(axis=0)
    u, values, vt = np.linalg.svd((onto - target).T @ (points - middle))
    signs = np.array([1.0, 1.0, np.sign(np.linalg.det(u @ vt))])
    transform = np.eye(4)
    transform[:3, :3] = u @ np.diag(signs) @ vt
    scale = float((values * signs).sum() / ((points - middle) ** 2).sum())
    transform[:3, 3] = target - scale * transform[:3, :3] @ middle
    return scale, transform
