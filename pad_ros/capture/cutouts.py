"""The part in each photo, without any weights: GrabCut from what is known in 3D, and what all views agree on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from pad_ros.capture.grabcut import labels_around, settle, soften
from pad_ros.capture.ground import Placed
from pad_ros.capture.hull import Hull, agreement, bounds, carve
from pad_ros.capture.mosaic import Ground, picture_ground
from pad_ros.capture.views import project
from pad_ros.common.progress import Progress, silent
from pad_ros.errors import CaptureError
from pad_ros.geometry import Camera
from pad_ros.results import Image, Map, Mask

_LOOK = 420  # pixels of the longer side at which the views agree; their edges are settled at full size
_CELLS = (64, 112)  # voxels along the part's box, in the first and second round
_AGREEMENT = (0.82, 0.9)
_DISAGREEMENT = (
    "the photos do not agree on what is the part: it looks like its surroundings, or it moved between photos; "
    "take it off like-coloured ground, onto a plain cloth or the printed board"
)
_AGREED = 0.87  # IoU of what the board tells with the hull, in the median view; a part that moved keeps its overlap
_UNTOLD = 0.25  # what the vote by colours alone counts
_BOARD_AGREEMENT, _BOARD_HEARD = 0.85, 0.25  # where the ground is known, of what views can tell, and how many must
_DISAGREES = 0.75  # IoU of a cut-out with what the others say
_RIM = 2.5  # pixels at `_LOOK` beyond which the hull is believed


@dataclass(frozen=True)
class PartCutouts:
    """Coverage [H, W] of the part in each undistorted photo, how well each agrees with the others, and the hull."""

    alphas: list[Map]
    agreements: list[float]
    hull: Hull


def cut_out(images: Sequence[Image], placed: Placed, progress: Progress = silent) -> PartCutouts:
    """Tells the part from its surroundings in all undistorted photos [H, W, 3] together.

    Raises:
        CaptureError: the views agree on nothing.
    """
    sparse, camera = placed.sparse, placed.sparse.camera
    factor = min(1.0, _LOOK / max(camera.width, camera.height))
    small = camera.scaled(factor)
    size = (small.width, small.height)
    looks = [np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8) for image in images]
    total = 3 * len(images) + 1
    ground = None
    if placed.grounded:
        ground = picture_ground(looks, small, sparse.poses, placed.box, placed.sheet)
    progress(1, total, "ground")
    if ground is not None and ground.plain is not None:
        hull, refined, agreements = _on_sheet(looks, small, placed, ground)
    else:
        hull, refined = _agreed(looks, small, placed, ground, factor, lambda n, text: progress(1 + n, total, text))
        shapes = [hull.silhouette(small, pose) for pose in sparse.poses]
        agreements = [agreement(shape, mask) for shape, mask in zip(shapes, refined, strict=True)]
    alphas = []
    for view, image in enumerate(images):
        shape = hull.silhouette(small, sparse.poses[view])
        full = (camera.width, camera.height)
        likely = cv2.resize((shape & refined[view]).astype(np.float32), full, interpolation=cv2.INTER_LINEAR) > 0.5
        outline = cv2.resize(shape.astype(np.float32), full, interpolation=cv2.INTER_LINEAR) > 0.5
        labels = labels_around(outline, likely, _RIM / factor)
        if ground is not None and ground.plain is not None:  # what one sees through the part is not filled
            labels[~likely & (labels == cv2.GC_FGD)] = cv2.GC_PR_BGD
        mask = settle(image, labels, 2)
        alphas.append(soften(mask))
        progress(2 * len(images) + 2 + view, total, "cutting out")
    return PartCutouts(alphas, agreements, hull)


def _on_sheet(
    looks: Sequence[Image], camera: Camera, placed: Placed, ground: Ground
) -> tuple[Hull, list[Mask], list[float]]:
    """Where the ground is known, what differs from it is part; a view abstains where it cannot tell."""
    poses = placed.sparse.poses
    votes = [ground.vote(look, camera, pose) for look, pose in zip(looks, poses, strict=True)]
    hull = _carved(votes, camera, placed, placed.box, _CELLS[0], _BOARD_AGREEMENT, _BOARD_HEARD)
    box = bounds(hull, 0.06)
    box[0, 2] = max(box[0, 2], 0.0)
    masks, agreements, final = [], [], []
    for look, vote, pose in zip(looks, votes, poses, strict=True):  # what lies beyond the board is told by its colours
        shape = hull.silhouette(camera, pose)
        labels = np.where(shape, cv2.GC_PR_FGD, cv2.GC_BGD).astype(np.uint8)
        labels[shape & (vote < 0)] = cv2.GC_PR_BGD
        labels[shape & (vote == -1)] = cv2.GC_BGD
        mask = shape & (settle(look, labels, 3) | (vote > 0)) & (vote > -1)
        masks.append(mask)
        final.append(np.where(vote != 0, vote, np.where(mask, _UNTOLD, -_UNTOLD)).astype(np.float32))
    hull = _carved(final, camera, placed, box, _CELLS[1], _BOARD_AGREEMENT, _BOARD_HEARD)
    for vote, pose in zip(votes, poses, strict=True):
        shape, told = hull.silhouette(camera, pose), _box_outline(box, camera, pose) & ((vote > 0) | (vote == -1))
        agreements.append(agreement(shape & told, (vote > 0) & told))
    if float(np.median(agreements)) < _AGREED:
        raise CaptureError(_DISAGREEMENT)
    return hull, masks, agreements


def _agreed(
    looks: Sequence[Image],
    small: Camera,
    placed: Placed,
    ground: Ground | None,
    factor: float,
    progress: Callable[[int, str], None],
) -> tuple[Hull, list[Mask]]:
    """GrabCut in each view, from what the views before agreed on; twice."""
    masks = []
    for view, look in enumerate(looks):
        masks.append(settle(look, _first_labels(look, small, view, placed, ground, factor), 3))
        progress(view, "cutting out")
    hull = _carved([_vote(mask) for mask in masks], small, placed, placed.box, _CELLS[0], _AGREEMENT[0])
    box = bounds(hull, 0.06)
    if placed.grounded:
        box[0, 2] = max(box[0, 2], 0.0)
    refined = []
    for view, (look, mask) in enumerate(zip(looks, masks, strict=True)):
        labels = _second_labels(look, small, view, placed, ground, factor, hull, mask)
        refined.append(settle(look, labels, 3))
        progress(len(looks) + view, "agreeing")
    return _carved([_vote(mask) for mask in refined], small, placed, box, _CELLS[1], _AGREEMENT[1]), refined


def _vote(mask: Mask) -> NDArray[np.float32]:
    return np.where(mask, 1.0, -1.0).astype(np.float32)


def disagreeing(cutouts: PartCutouts) -> list[int]:
    """The views whose cut-out is not what the other views say."""
    return [
        view for view, share in enumerate(cutouts.agreements) if share < _DISAGREES or not cutouts.alphas[view].any()
    ]


def _carved(
    votes: Sequence[NDArray[np.float32]],
    camera: Camera,
    placed: Placed,
    box: NDArray[np.float64],
    cells: int,
    share: float,
    heard: float = 0.3,
) -> Hull:
    hull = carve(votes, camera, placed.sparse.poses, box, cells, share, heard)
    if len(hull.centres) < 50:
        raise CaptureError(_DISAGREEMENT)
    return hull


def _first_labels(
    look: Image, camera: Camera, view: int, placed: Placed, ground: Ground | None, factor: float
) -> NDArray[np.uint8]:
    """What is known before any view was cut out: the box, the ground, and the points that this view saw."""
    sparse = placed.sparse
    labels = np.full(look.shape[:2], cv2.GC_BGD, np.uint8)
    inside = _box_outline(placed.box, camera, sparse.poses[view])
    labels[inside] = cv2.GC_PR_BGD
    likely = _outline(sparse.points[placed.part], camera, sparse.poses[view]) if placed.part.any() else inside
    labels[inside & likely] = cv2.GC_PR_FGD
    if ground is not None:
        same, other = ground.compare(look, camera, sparse.poses[view])
        if not placed.part.any():  # what is neither ground nor surely something else is more likely room than part
            labels[inside & ~other] = cv2.GC_PR_BGD
        labels[inside & same] = cv2.GC_PR_BGD
        sure = cv2.erode((same & ~other).astype(np.uint8), np.ones((7, 7), np.uint8)) > 0
        labels[inside & sure] = cv2.GC_BGD
    rows = sparse.view_index == view
    pixels = np.floor(sparse.pixels[rows] * factor).astype(int)
    of_part = placed.part[sparse.point_index[rows]]
    fit = ((pixels >= 0) & (pixels < (camera.width, camera.height))).all(axis=1)
    for (x, y), part in zip(pixels[fit], of_part[fit], strict=True):
        if part or inside[y, x]:
            cv2.circle(labels, (int(x), int(y)), 1, cv2.GC_FGD if part else cv2.GC_PR_BGD, -1)
    return labels


def _outline(points: NDArray[np.float64], camera: Camera, pose: NDArray[np.float64]) -> Mask:
    """The convex outline of the part's points; where they stop short of an edge, little is lost for the first round."""
    mask = np.zeros((camera.height, camera.width), np.uint8)
    pixels, depth = project(camera, pose, points)
    pixels = pixels[depth > 0]
    if len(pixels) < 3:
        return mask == 0
    low, high = np.percentile(pixels, [0.5, 99.5], axis=0)
    pixels = pixels[((pixels >= low) & (pixels <= high)).all(axis=1)]
    cv2.fillConvexPoly(mask, cv2.convexHull(pixels.clip(-9000, 9000).astype(np.int32)), 1)
    size = 2 * round(0.012 * max(mask.shape)) + 1
    return cv2.dilate(mask, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))) > 0


def _second_labels(
    look: Image,
    camera: Camera,
    view: int,
    placed: Placed,
    ground: Ground | None,
    factor: float,
    hull: Hull,
    mask: Mask,
) -> NDArray[np.uint8]:
    """Nothing is part for sure but the points that this view saw: one may look through holes that the hull fills."""
    labels = labels_around(hull.silhouette(camera, placed.sparse.poses[view]), mask, 3 * _RIM)
    labels[labels == cv2.GC_FGD] = cv2.GC_PR_FGD
    labels[~mask & (labels == cv2.GC_PR_FGD)] = cv2.GC_PR_BGD
    if ground is not None:
        same, _ = ground.compare(look, camera, placed.sparse.poses[view])
        labels[same & (labels == cv2.GC_PR_FGD)] = cv2.GC_PR_BGD
    sparse = placed.sparse
    rows = (sparse.view_index == view) & placed.part[sparse.point_index]
    for x, y in np.floor(sparse.pixels[rows] * factor).astype(int):
        if 0 <= x < camera.width and 0 <= y < camera.height and labels[y, x] != cv2.GC_BGD:
            cv2.circle(labels, (int(x), int(y)), 1, cv2.GC_FGD, -1)
    return labels


def _box_outline(box: NDArray[np.float64], camera: Camera, pose: NDArray[np.float64]) -> Mask:
    corners = np.array([[box[i, 0], box[j, 1], box[k, 2]] for i in (0, 1) for j in (0, 1) for k in (0, 1)])
    pixels, depth = project(camera, pose, corners)
    mask = np.zeros((camera.height, camera.width), np.uint8)
    if (depth <= 0).any():
        return mask == 0
    cv2.fillConvexPoly(mask, cv2.convexHull(pixels.clip(-9000, 9000).astype(np.int32)), 1)
    return mask > 0
