"""Takes apart faces that lie on one another, as hand-written parts have them; a renderer shows those black."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pad_ros.synthesis.assembly import Points

_LIFT = 0.000012  # metres
_DEPTH = 0.00002  # metres; a smaller overlap is none
_PLANE = 0.00001  # metres; faces of one plane are nearer than this
_Indices = NDArray[np.int64]


def lift_overlaps(corners: Points) -> Points:
    """Lifts each triangle [T, 3, 3] (metres) that covers part of an earlier one in the same plane, facing the same way.

    Triangles without area are dropped.
    """
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    lengths = np.linalg.norm(normals, axis=1)
    corners, normals = corners[lengths > 1e-12], normals[lengths > 1e-12] / lengths[lengths > 1e-12, None]
    if not len(corners):
        return corners
    first, second = _overlapping(corners, normals)
    level = np.zeros(len(corners))
    order = np.argsort(second)
    for below, above in zip(first[order], second[order], strict=True):
        level[above] = max(level[above], level[below] + 1)
    return np.asarray(corners + (_LIFT * level[:, None] * normals)[:, None])


def _overlapping(corners: Points, normals: Points) -> tuple[_Indices, _Indices]:
    """Pairs of overlapping triangles, the earlier one first."""
    height = np.einsum("td,td->t", normals, corners.mean(axis=1))
    planes = np.column_stack([(1000 * normals).round(), (height / _PLANE).round()])
    plane = np.unique(planes, axis=0, return_inverse=True)[1].ravel()
    # Seen along the axis that is nearest to the normal, triangles of a plane do not degenerate.
    drawn = (np.abs(normals).round(3).argmax(axis=1)[:, None] + (1, 2)) % 3  # [T, 2]
    flat = np.take_along_axis(corners, drawn[:, None, :], axis=2)  # [T, 3, 2]
    low, high = flat.min(axis=1), flat.max(axis=1)
    order = np.lexsort([low[:, 0], plane])
    place = np.arange(len(order))
    pairs = []
    for step in range(1, len(order)):  # in each plane, triangles by where they begin: later ones begin farther on
        place = place[place + step < len(order)]
        one, other = order[place], order[place + step]
        near = (plane[one] == plane[other]) & (low[other, 0] + _DEPTH < high[one, 0])
        place, one, other = place[near], one[near], other[near]
        if not len(place):
            break
        meet = (low[one, 1] + _DEPTH < high[other, 1]) & (low[other, 1] + _DEPTH < high[one, 1])
        pairs.append(np.stack([one[meet], other[meet]]))
    first, second = np.sort(np.concatenate(pairs, axis=1), axis=0) if pairs else np.zeros((2, 0), dtype=np.int64)
    hit = _depth(np.stack([flat[first], flat[second]], axis=1)) > _DEPTH
    return first[hit], second[hit]


def _depth(pairs: Points) -> Points:
    """How far two triangles [N, 2, 3, 2] reach into each other along the direction where that is least: [N]."""
    edges = (np.roll(pairs, -1, axis=2) - pairs).reshape(-1, 6, 2)
    across = np.stack([-edges[..., 1], edges[..., 0]], axis=2)
    across /= np.maximum(np.linalg.norm(across, axis=2, keepdims=True), 1e-12)
    extent = np.einsum("nad,ntcd->natc", across, pairs)  # [N, 6, 2, 3]
    return np.asarray((extent.max(axis=3).min(axis=2) - extent.min(axis=3).max(axis=2)).min(axis=1))
