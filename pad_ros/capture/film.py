"""The frames of a film that are worth having: the sharp ones, spread over the views."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from pad_ros.capture.photos import FEWEST, Dropped, Photo, detail, drop_blurred, shrink
from pad_ros.common.files import shown
from pad_ros.common.progress import Progress, silent
from pad_ros.errors import CaptureError
from pad_ros.images import write_image
from pad_ros.results import Image

_SHORTEST = 8.0  # seconds to go around a part without blurring everything
_LOOK = 320  # pixels at which the frames' motion is followed
_STILL = 1.0  # of those pixels: less motion than that in the whole film shows one view


def pick_frames(
    path: Path, folder: Path, count: int, longest: int, stored: int, progress: Progress = silent
) -> tuple[list[Photo], list[Dropped]]:
    """Picks the sharpest frame of each of `count` pieces of a film; in each piece, the picture moves by as much.

    Args:
        path: the film.
        folder: where the frames are written; those that are there already stay.
        count: of frames.
        longest: pixels of a frame's longer side in the class, at which it must be sharp.
        stored: of the files' longer side; smaller frames stay as they are.
        progress: called with (done, total, text).

    Raises:
        CaptureError: no film, too short, or of a camera that stands still.
    """
    reader = cv2.VideoCapture(str(path))
    rate, total = reader.get(cv2.CAP_PROP_FPS) or 30.0, int(reader.get(cv2.CAP_PROP_FRAME_COUNT))
    reader.release()
    if total / rate < _SHORTEST:
        seconds = f"{total / rate:.1f} s" if total else "nothing that can be read"
        raise CaptureError(
            f"{shown(path)}: {seconds}, too short to show all sides; film for half a minute to a minute: slowly once "
            "around at half height, once from further above"
        )
    motion, details = [0.0], []
    before: NDArray[np.uint8] | None = None
    for index, frame in enumerate(_frames(path)):
        small = shrink(frame, longest)
        details.append(detail(small))
        grey = np.asarray(cv2.cvtColor(shrink(small, _LOOK), cv2.COLOR_RGB2GRAY), np.uint8)
        if before is not None:
            motion.append(motion[-1] + _moved(before, grey))
        before = grey
        progress(index + 1, 2 * total, "looking")
    chosen = choose(np.array(motion), np.array(details)[:, 0], count)
    if motion[-1] < _STILL * FEWEST or len(chosen) < FEWEST:
        raise CaptureError(f"{shown(path)}: the picture hardly moves; go around the part with the camera")
    photos: list[Photo] = []
    for index, frame in enumerate(_frames(path)):
        if index in chosen:
            photo = Photo(f"frame {index} ({index / rate:.1f} s)", folder / f"{len(photos):04d}.png")
            if not photo.path.is_file():
                write_image(photo.path, shrink(frame, stored))
            photos.append(photo)
        progress(total + index + 1, 2 * total, "picking")
    return drop_blurred(photos, np.array([details[index] for index in sorted(chosen)]))


def choose(motion: NDArray[np.float64], sharpness: NDArray[np.float64], count: int) -> set[int]:
    """The sharpest frame of each piece, by the way [N] that the picture has come until each frame."""
    pieces = np.minimum((motion / max(motion[-1], 1e-9) * count).astype(int), count - 1)  # [N]
    return {
        int(found[sharpness[found].argmax()]) for piece in range(count) if len(found := np.flatnonzero(pieces == piece))
    }


def _frames(path: Path) -> Iterator[Image]:
    reader = cv2.VideoCapture(str(path))
    reader.set(cv2.CAP_PROP_ORIENTATION_AUTO, 0)  # pixels as they are stored, as everywhere
    try:
        while True:
            read, pixels = reader.read()
            if not read:
                return
            yield cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB)  # type: ignore[misc]
    finally:
        reader.release()


def _moved(before: NDArray[np.uint8], after: NDArray[np.uint8]) -> float:
    """By how many pixels the picture moved, in the median over its corners."""
    corners = cv2.goodFeaturesToTrack(before, 100, 0.01, 8)
    if corners is None:
        return 0.0
    there, found, _ = cv2.calcOpticalFlowPyrLK(before, after, corners, None)  # type: ignore[call-overload]
    kept = found.ravel() > 0
    return float(np.median(np.linalg.norm((there - corners)[kept], axis=-1))) if kept.any() else 0.0
