"""Lens and cameras from photos of the printed board: all corners of all photos together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from pad_ros.capture.board import Board
from pad_ros.capture.photos import Dropped, Photo
from pad_ros.common.progress import Progress, silent
from pad_ros.errors import CaptureError
from pad_ros.geometry import Camera, Matrix
from pad_ros.images import read_image
from pad_ros.lens import Lens

BOARD_LOOK = 2000  # pixels of a photo's longer side at which corners are looked for
_LEAST_CORNERS = 8
_LEAST_FITTING = 6  # of them
_BAD = 3.0  # times the median error of all corners
_BENT = 1.5  # pixels, of photos 1,000 pixels wide


@dataclass(frozen=True)
class BoardViews:
    """Cameras from a board: the lens, the photos that show enough of it with their poses [V, 4, 4], the others."""

    lens: Lens
    photos: list[Photo]
    poses: NDArray[np.float64]
    dropped: list[Dropped]
    error_px: float


@dataclass(frozen=True)
class _Sighting:
    """The board's corners in a photo: their numbers [N] and pixels [N, 2], centres at 0."""

    photo: Photo
    ids: NDArray[np.int64]
    corners: NDArray[np.float32]


def locate_by_board(photos: Sequence[Photo], board: Board, progress: Progress = silent) -> BoardViews:
    """Finds the lens and each photo's camera-to-object pose from the board's corners, all together.

    Raises:
        CaptureError: too few photos show the board, or it is not flat.
    """
    parameters = cv2.aruco.CharucoParameters()
    parameters.minMarkers = 1  # beside a corner; seen from low down, many markers are too flat to be read
    detector = cv2.aruco.CharucoDetector(board.charuco, parameters)
    seen: list[_Sighting] = []
    dropped, size = [], (0, 0)
    for index, photo in enumerate(photos):
        grey = cv2.cvtColor(read_image(photo.path), cv2.COLOR_RGB2GRAY)
        size = grey.shape[1], grey.shape[0]
        corners, found = detector.detectBoard(grey)[:2]
        ids = np.zeros(0, np.int64) if found is None else np.ravel(found).astype(np.int64)
        printed = board.has(ids)
        if printed.sum() >= _LEAST_CORNERS:
            seen.append(_Sighting(photo, ids[printed], np.asarray(corners, np.float32).reshape(-1, 2)[printed]))
        else:
            reason = f"shows {printed.sum()} corners of the board, of {_LEAST_CORNERS} needed"
            dropped.append(Dropped(photo.name, reason))
        progress(index + 1, len(photos) + 1, "finding the board")
    if len(seen) < max(10, 0.5 * len(photos)):
        raise CaptureError(
            f"the board is seen in {len(seen)} of {len(photos)} photos only: let at least a quarter "
            f"of it show around the "
            f"part, sharp and without glare; is it the {board.paper.upper()} board of `pad capture --print-board`?"
        )
    for _ in range(2):  # what the part hides is no corner, yet something was found there
        lens, _, errors = _calibrate(seen, board, size)
        limit = max(_BAD * float(np.median(np.concatenate(errors))), 0.5)
        fitting = [_fitting(sighting, board, lens, limit) for sighting in seen]
        dropped += [
            Dropped(sighting.photo.name, f"the board does not fit: {len(fits.ids)} of {len(sighting.ids)} corners do")
            for sighting, fits in zip(seen, fitting, strict=True)
            if len(fits.ids) < _LEAST_FITTING
        ]
        seen = [fits for fits in fitting if len(fits.ids) >= _LEAST_FITTING]
    lens, poses, errors = _calibrate(seen, board, size)
    error_px = float(np.sqrt((np.concatenate(errors) ** 2).mean()))
    if error_px > _BENT * max(size) / 1000:
        raise CaptureError(
            f"the board's corners are {error_px:.1f} px off: it is bent or lies on soft ground (glue it to a plate), "
            "or moving things blur it"
        )
    progress(len(photos) + 1, len(photos) + 1, f"{len(seen)} cameras")
    return BoardViews(lens, [sighting.photo for sighting in seen], poses, dropped, error_px)


def _calibrate(
    seen: Sequence[_Sighting], board: Board, size: tuple[int, int]
) -> tuple[Lens, NDArray[np.float64], list[NDArray[np.float64]]]:
    """Lens, poses, and each view's corners' errors [N] in pixels, by Zhang's method."""
    places = [board.corner_points(sighting.ids).astype(np.float32) for sighting in seen]
    _, matrix, coefficients, turns, shifts = cv2.calibrateCamera(  # type: ignore[call-overload]
        places, [sighting.corners for sighting in seen], size, None, None, flags=cv2.CALIB_FIX_K3
    )
    fx, fy, cx, cy = (float(value) for value in (matrix[0, 0], matrix[1, 1], matrix[0, 2] + 0.5, matrix[1, 2] + 0.5))
    errors = []
    for sighting, place, turn, shift in zip(seen, places, turns, shifts, strict=True):
        expected = cv2.projectPoints(place, turn, shift, matrix, coefficients)[0].reshape(-1, 2)
        errors.append(np.linalg.norm(expected - sighting.corners, axis=1))
    poses = np.stack([_camera_to_board(turn, shift) for turn, shift in zip(turns, shifts, strict=True)])
    lens = Lens(Camera(*size, fx, fy, cx, cy), "plumb_bob", tuple(np.ravel(coefficients)[:5]))
    return lens, poses, errors


def _fitting(sighting: _Sighting, board: Board, lens: Lens, limit: float) -> _Sighting:
    """The corners that lie on one plane, as an ideal camera shows it, within so many pixels."""
    cv2.setRNGSeed(0)
    flat = board.corner_points(sighting.ids)[:, :2]
    _, found = cv2.findHomography(flat, lens.undistort(sighting.corners.astype(np.float64) + 0.5), cv2.RANSAC, limit)
    fits = np.zeros(len(flat), bool) if found is None else np.ravel(found) > 0
    return _Sighting(sighting.photo, sighting.ids[fits], sighting.corners[fits])


def _camera_to_board(turn: NDArray[Any], shift: NDArray[Any]) -> Matrix:
    pose = np.eye(4)
    pose[:3, :3] = cv2.Rodrigues(turn)[0].T
    pose[:3, 3] = -pose[:3, :3] @ np.ravel(shift)
    return pose
