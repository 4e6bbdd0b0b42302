"""Where the part stands: the plane under it, the frame of the object, and which points are the part's."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pad_ros.capture.views import Points, Sparse, look_at_point
from pad_ros.errors import CaptureError
from pad_ros.geometry import Matrix

_NEAR = 0.75  # of the cameras' distance: how far from what they look at things can belong to the scene's middle
_FLAT = 0.004  # of the same: thickness of a plane
_ABOVE = 0.008  # of the same: what is higher is not ground
_LEAST_GROUND = 0.08  # share of the near points
_TRIALS = 600
_CELL = 0.06  # of the distance: points nearer than that hang together
_FEWEST_POINTS = 40
_FEWEST_ON_BOARD = 12


@dataclass(frozen=True)
class Placed:
    """A capture in the object's frame (z up, the origin on the ground under the part), and where the part is.

    Attributes:
        sparse: cameras and points.
        part: which points [P] are the part's.
        box: low and high corner [2, 3] of what can be part.
        grounded: whether there is a ground, z = 0; else nothing is known of what is below the part.
        sheet: of a board around the origin, the size of all of it and of its plain middle, [2, 2]; else None.
    """

    sparse: Sparse
    part: NDArray[np.bool_]
    box: Points
    grounded: bool
    sheet: Points | None = None

    @property
    def distance(self) -> float:
        """Of the cameras from what they look at, in the median."""
        return typical_distance(self.sparse.poses)


def typical_distance(poses: Points) -> float:
    """How far cameras [V, 4, 4] are from the point that they look at, in the median."""
    return float(np.median(np.linalg.norm(poses[:, :3, 3] - look_at_point(poses), axis=1)))


def place(sparse: Sparse, seed: int = 0) -> Placed:
    """Finds ground and part among the points, and makes the part's frame; the cameras' typical distance becomes 1.

    Raises:
        CaptureError: there is no part to be seen.
    """
    target, distance = look_at_point(sparse.poses), typical_distance(sparse.poses)
    near = np.linalg.norm(sparse.points - target, axis=1) < _NEAR * distance
    plane = find_plane(sparse.points[near], sparse.poses[:, :3, 3], _FLAT * distance, np.random.default_rng(seed))
    up = plane[:3] if plane is not None else -sparse.poses[:, :3, 1].mean(axis=0)
    frame = _upright(up / np.linalg.norm(up), sparse.poses[0])
    offset = frame[:3, :3] @ target
    if plane is not None:
        offset[2] = -plane[3]  # n x + d = 0
    frame[:3, 3] = -offset / distance
    moved = sparse.moved(frame, 1.0 / distance)
    placed = part_of(moved, plane is not None)
    if not placed.grounded:
        return placed
    middle = np.append(placed.box[:, :2].mean(axis=0), 0.0)
    shift = np.eye(4)
    shift[:3, 3] = -middle
    return Placed(placed.sparse.moved(shift), placed.part, placed.box - middle, True)


def part_of(sparse: Sparse, grounded: bool, sheet: Points | None = None) -> Placed:
    """Which points are the part's: above the ground, together, and where the cameras look.

    Args:
        sparse: in the object's frame, z up.
        grounded: whether z = 0 is ground.
        sheet: of a board around the origin, on which alone the part can stand, the size of all of it and of its
            plain middle, [2, 2].

    Raises:
        CaptureError: there are none, and no board to say where to look.
    """
    points, target, distance = sparse.points, look_at_point(sparse.poses), typical_distance(sparse.poses)
    high = np.linalg.norm(points - target, axis=1) < _NEAR * distance
    if grounded:
        high &= points[:, 2] > _ABOVE * distance
    if sheet is not None:
        high &= (np.abs(points[:, :2]) < sheet[0] / 2).all(axis=1)
    part = np.zeros(len(points), bool)
    candidates = np.flatnonzero(high)
    if sheet is not None:
        part = high  # nothing else stands on the board
    elif len(candidates):
        seen = np.bincount(sparse.point_index, minlength=len(points))[candidates]
        weights = seen * np.exp(-((np.linalg.norm(points[candidates] - target, axis=1) / (0.35 * distance)) ** 2))
        part[candidates[together(points[candidates], _CELL * distance, weights)]] = True
    if sheet is not None:
        half = sheet[0] / 2
        box = np.array([[-half[0], -half[1], 0.0], [half[0], half[1], 1.2 * sheet[1].min()]])
        if part.sum() >= _FEWEST_ON_BOARD:  # else anything on the board: its ground is known, so no point is needed
            low, top = np.percentile(points[part], [0.5, 99.5], axis=0)
            margin = 0.3 * (top - low) + 0.03 * distance
            box = np.stack([np.maximum(low - margin, box[0]), np.minimum(top + margin, [*box[1, :2], np.inf])])
    elif part.sum() >= _FEWEST_POINTS:
        low, top = np.percentile(points[part], [0.5, 99.5], axis=0)
        margin = 0.18 * (top - low) + 0.02 * distance
        box = np.stack([low - margin, top + margin])
    else:
        raise CaptureError(
            f"only {int(part.sum())} points of a part stand out from its surroundings: it has too "
            f"little texture, or the "
            "photos do not look at it; put it on a printed board (`pad capture --print-board board.pdf`)"
        )
    if grounded:
        box[0, 2] = 0.0
    return Placed(sparse, part, box, grounded, sheet)


def find_plane(points: Points, cameras: Points, thickness: float, rng: np.random.Generator) -> Points | None:
    """The plane (n, d) with n x + d = 0 that most points lie on, all cameras above it; None if there is no such."""
    if len(points) < 50:
        return None
    chosen = points if len(points) <= 5000 else points[rng.choice(len(points), 5000, replace=False)]
    best, plane = 0, None
    for _ in range(_TRIALS):
        corners = chosen[rng.choice(len(chosen), 3, replace=False)]
        normal = np.cross(corners[1] - corners[0], corners[2] - corners[0])
        if (length := float(np.linalg.norm(normal))) < 1e-12:
            continue
        normal = normal / length
        offset = -normal @ corners[0]
        sides = cameras @ normal + offset
        if np.median(sides) < 0:
            normal, offset, sides = -normal, -offset, -sides
        if (sides > 0).mean() < 0.98:
            continue
        count = int((np.abs(chosen @ normal + offset) < thickness).sum())
        # A ground has nothing below it; a part's own face has.
        below = int((chosen @ normal + offset < -3 * thickness).sum())
        if count - 2 * below > best:
            best, plane = count - 2 * below, np.append(normal, offset)
    if plane is None or best < _LEAST_GROUND * len(chosen):
        return None
    on_it = points[np.abs(points @ plane[:3] + plane[3]) < thickness]
    middle = on_it.mean(axis=0)
    normal = np.linalg.svd(on_it - middle, full_matrices=False)[2][2]
    normal = normal * np.sign(normal @ plane[:3])
    return np.append(normal, -normal @ middle)


def _upright(up: Points, first: Matrix) -> Matrix:
    """The rotation [4, 4] that brings `up` to z, and the first camera to the side of negative y: the front."""
    front = first[:3, 2] - (first[:3, 2] @ up) * up  # y goes away from the first camera
    if np.linalg.norm(front) < 1e-3:
        front = -first[:3, 1] - (-first[:3, 1] @ up) * up
    front = front / np.linalg.norm(front)
    frame = np.eye(4)
    frame[:3, :3] = np.stack([np.cross(front, up), front, up])
    return frame


def together(points: Points, cell: float, weights: Points) -> NDArray[np.intp]:
    """Which points [N, 3] belong to the heaviest group of occupied cells that touch each other.

    Args:
        points: lonely ones lead nowhere.
        cell: a cell's side.
        weights: of the points [N].
    """
    keys, inverse = np.unique(np.floor(points / cell).astype(np.int64), axis=0, return_inverse=True)
    inverse = np.ravel(inverse)
    occupied = np.bincount(inverse) >= 2
    index_of = {tuple(key): index for index, key in enumerate(keys) if occupied[index]}
    group = np.full(len(keys), -1)
    offsets = [(x, y, z) for x in (-1, 0, 1) for y in (-1, 0, 1) for z in (-1, 0, 1)]
    for start in index_of.values():
        if group[start] >= 0:
            continue
        group[start], waiting = start, [start]
        while waiting:
            x, y, z = keys[waiting.pop()]
            for a, b, c in offsets:
                other = index_of.get((x + a, y + b, z + c), -1)
                if other >= 0 and group[other] < 0:
                    group[other] = start
                    waiting.append(other)
    groups = group[inverse]
    if not (groups >= 0).any():
        return np.zeros(0, np.intp)
    totals = np.bincount(groups[groups >= 0], weights[groups >= 0])
    chosen = {tuple(key) for key, one in zip(keys, group, strict=True) if one == totals.argmax()}
    # Points beside the group belong to it, though they are too few there to have led on.
    beside = [any((x + a, y + b, z + c) in chosen for a, b, c in offsets) for x, y, z in keys]
    return np.flatnonzero(np.array(beside)[inverse])
