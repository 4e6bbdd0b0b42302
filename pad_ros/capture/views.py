"""What a capture knows once its cameras stand: the lens, the poses, and 3D points with the views that see them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pad_ros.geometry import Camera, Matrix, invert_rigid
from pad_ros.lens import Lens

Points = NDArray[np.float64]
_ARRAYS = ("poses", "points", "colors", "point_index", "view_index", "pixels")


@dataclass(frozen=True)
class Sparse:
    """Cameras and points; observations [O] say which point is seen in which view, where.

    Attributes:
        lens: that took all photos.
        names: of the views' photos, as `Photo.path.name`.
        poses: `object_from_camera` [V, 4, 4].
        points: [P, 3].
        colors: RGB uint8 [P, 3].
        point_index: of each observation [O].
        view_index: of each observation [O].
        pixels: of each observation in the ideal camera [O, 2], centres at +0.5.
        error_px: root mean square reprojection error.
    """

    lens: Lens
    names: tuple[str, ...]
    poses: Points
    points: Points
    colors: NDArray[np.uint8]
    point_index: NDArray[np.int64]
    view_index: NDArray[np.int64]
    pixels: Points
    error_px: float

    @property
    def camera(self) -> Camera:
        """The ideal camera."""
        return self.lens.camera

    def save(self, path: Path) -> None:
        """Writes it as .npz."""
        arrays = {name: getattr(self, name) for name in _ARRAYS}
        words = json.dumps({"lens": self.lens.to_dict(), "names": self.names, "error_px": self.error_px})
        np.savez(path, words=np.array(words), **arrays)

    @classmethod
    def load(cls, path: Path) -> Sparse:
        """Reads what `save` wrote."""
        with np.load(path) as content:
            words = json.loads(str(content["words"]))
            arrays = {name: content[name] for name in _ARRAYS}
        return cls(
            lens=Lens.from_dict(words["lens"]), names=tuple(words["names"]), error_px=words["error_px"], **arrays
        )

    def moved(self, transform: Matrix, scale: float = 1.0) -> Sparse:
        """The same in another frame: x becomes `transform` [4, 4] of `scale` x."""
        poses = self.poses.copy()
        poses[:, :3, 3] *= scale
        points = scale * self.points @ transform[:3, :3].T + transform[:3, 3]
        return replace(self, poses=transform @ poses, points=points)

    def only_views(self, kept: Sequence[int]) -> Sparse:
        """Without the other views, and without the points that two of them no longer see."""
        number = np.full(len(self.names), -1)
        number[list(kept)] = np.arange(len(kept))
        rows = number[self.view_index] >= 0
        enough = np.bincount(self.point_index[rows], minlength=len(self.points)) >= 2
        rows &= enough[self.point_index]
        return replace(
            self,
            names=tuple(self.names[view] for view in kept),
            poses=self.poses[list(kept)],
            points=self.points[enough],
            colors=self.colors[enough],
            point_index=(np.cumsum(enough) - 1)[self.point_index[rows]],
            view_index=number[self.view_index[rows]],
            pixels=self.pixels[rows],
        )


def project(camera: Camera, pose: Matrix, points: Points) -> tuple[Points, Points]:
    """Where a camera shows points [N, 3]: pixels [N, 2] and depths [N]; pixels are NaN behind it."""
    camera_from_object = invert_rigid(pose)
    local = points @ camera_from_object[:3, :3].T + camera_from_object[:3, 3]
    depth = local[:, 2]
    with np.errstate(divide="ignore", invalid="ignore"):
        pixels = local[:, :2] / np.where(depth > 0, depth, np.nan)[:, None]
    return pixels * (camera.fx, camera.fy) + (camera.cx, camera.cy), depth


def look_at_point(poses: Points) -> Points:
    """The point [3] nearest to all optical axes: what the cameras look at."""
    centres, axes = poses[:, :3, 3], poses[:, :3, 2]
    across = np.eye(3) - axes[:, :, None] * axes[:, None, :]  # [V, 3, 3]
    sums = across.sum(axis=0), (across @ centres[:, :, None]).sum(axis=0)[:, 0]
    return np.linalg.lstsq(*sums, rcond=None)[0]


def pose_precision(sparse: Sparse) -> tuple[float, float]:
    """The poses' standard deviation that their points allow: median degrees, and median share of the distance.

    From each view's own observations, with the reprojection error for their noise and the points taken as known; what
    is wrong with all views together (the lens, a bent board) is not in it.
    """
    rotations, positions = [], []
    target = look_at_point(sparse.poses)
    for view, pose in enumerate(sparse.poses):
        rows = sparse.view_index == view
        if rows.sum() < 6:
            continue
        camera_from_object = invert_rigid(pose)
        local = sparse.points[sparse.point_index[rows]] @ camera_from_object[:3, :3].T + camera_from_object[:3, 3]
        x, y, z = local.T
        zero = np.zeros_like(z)
        fx, fy = sparse.camera.fx, sparse.camera.fy
        by_point = np.stack(  # d pixel / d local, [n, 2, 3]
            [np.stack([fx / z, zero, -fx * x / z**2], 1), np.stack([zero, fy / z, -fy * y / z**2], 1)], axis=1
        )
        turn = np.stack(  # d local / d rotation, [n, 3, 3]
            [np.stack([zero, z, -y], 1), np.stack([-z, zero, x], 1), np.stack([y, -x, zero], 1)], axis=1
        )
        jacobian = np.concatenate([by_point @ turn, by_point], axis=2).reshape(-1, 6)
        variance = np.diag(np.linalg.pinv(jacobian.T @ jacobian)) * sparse.error_px**2 / 2
        rotations.append(np.degrees(np.sqrt(variance[:3].sum())))
        positions.append(np.sqrt(variance[3:].sum()) / np.linalg.norm(pose[:3, 3] - target))
    return (float(np.median(rotations)), float(np.median(positions))) if rotations else (np.nan, np.nan)
