"""The photos of a capture: found, of one size, brought to the size of the class, the blurred ones left out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from pad_ros.common.files import shown
from pad_ros.common.progress import Progress, silent
from pad_ros.errors import CaptureError
from pad_ros.images import IMAGE_SUFFIXES, list_images, read_image, write_image
from pad_ros.results import Image

FEWEST = 20  # photos; fewer leave sides unseen, and training holds some of them out
FILM_SUFFIXES = (".mp4", ".mov", ".avi", ".mkv", ".webm", ".m4v")
_HEIC = (".heic", ".heif")
_BLURRED = 0.3  # of the detail that the capture's sharper photos have
_SOFT = 0.13  # detail at one pixel as a share of that at four: nothing is sharp there
_MOSTLY = 0.5


@dataclass(frozen=True)
class Photo:
    """A photo of the capture: what it is called, and its file, no smaller than the class's photos."""

    name: str
    path: Path


@dataclass(frozen=True)
class Dropped:
    """A photo that is not used, and why, in words."""

    name: str
    reason: str


def is_film(paths: Sequence[Path]) -> bool:
    """Whether the capture is a film rather than photos."""
    return len(paths) == 1 and paths[0].suffix.lower() in FILM_SUFFIXES


def find_photos(paths: Sequence[Path]) -> list[Path]:
    """The photos that are named and those in the folders that are named, in the order of their names.

    Raises:
        CaptureError: none or too few, or of a kind that is not read.
    """
    found: list[Path] = []
    foreign: list[Path] = []
    for path in paths:
        if not path.exists():
            raise CaptureError(f"{shown(path)}: no such file or folder")
        if path.is_dir():
            found += list_images(path, recursive=False)
            foreign += [p for p in sorted(path.iterdir()) if p.suffix.lower() in (*_HEIC, *FILM_SUFFIXES)]
        else:
            (found if path.suffix.lower() in IMAGE_SUFFIXES else foreign).append(path)
    heic = [path for path in foreign if path.suffix.lower() in _HEIC]
    if heic:
        raise CaptureError(
            f"{shown(heic[0])}: {len(heic)} photos are HEIC, which is not read; let the phone save JPEG (camera format "
            "'most compatible'), or convert them: `heif-convert -q 95 IMG.HEIC IMG.jpg`"
        )
    if not found and foreign:
        raise CaptureError(f"{shown(foreign[0])}: give a film by its file, and alone; other files must be photos")
    if len(found) < FEWEST:
        raise CaptureError(
            f"{len(found)} photos are too few: at least {FEWEST} are needed, 60 to 100 are good, from all sides"
        )
    return found


def prepare_photos(
    paths: Sequence[Path], folder: Path, longest: int, stored: int, progress: Progress = silent
) -> tuple[list[Photo], list[Dropped]]:
    """Brings photos to a size, as files in a folder; those that are there already stay.

    Args:
        paths: the photos, of one size.
        folder: for the smaller ones.
        longest: pixels of a photo's longer side in the class, at which it must be sharp.
        stored: of the files' longer side; smaller photos stay as they are.
        progress: called with (done, total, text).

    Returns:
        The photos that are sharp enough, and the others.

    Raises:
        CaptureError: of several sizes, or mostly blurred.
        ImageError: one cannot be read.
    """
    photos, sizes, details = [], [], []
    for index, path in enumerate(paths):
        image = read_image(path)
        sizes.append((image.shape[1], image.shape[0]))
        target = folder / f"{index:04d}.png"
        if not target.is_file():
            write_image(target, shrink(image, stored))
        photos.append(Photo(shown(path.name), target))
        details.append(detail(shrink(image, longest)))
        progress(index + 1, len(paths), path.name)
    _check_sizes(photos, sizes)
    return drop_blurred(photos, np.array(details))


def drop_blurred(photos: Sequence[Photo], details: np.ndarray) -> tuple[list[Photo], list[Dropped]]:
    """Leaves out what is blurred, by the details [N, 2] of each (see `detail`).

    Raises:
        CaptureError: most are.
    """
    sharpness = details[:, 0]
    typical = float(np.percentile(sharpness, 90))
    blurred = (sharpness < _BLURRED * typical) | (details[:, 1] < _SOFT)
    if blurred.mean() > _MOSTLY:
        raise CaptureError(
            f"{int(blurred.sum())} of {len(photos)} photos are blurred, as "
            f"{photos[int(blurred.argmax())].name}: use more "
            "light or a shorter exposure, hold still for each photo, and check the focus"
        )
    kept = [photo for photo, bad in zip(photos, blurred, strict=True) if not bad]
    return kept, [Dropped(p.name, "blurred") for p, bad in zip(photos, blurred, strict=True) if bad]


def detail(image: Image) -> tuple[float, float]:
    """How much fine detail an image [H, W, 3] shows: strongest at one pixel, and that as a share of four pixels'.

    The first says which of several similar images is the sharpest; the second, whether any of it is sharp at all.
    """
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float32)
    quarter = cv2.resize(grey, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA)
    # Of the part and its surroundings, the places with most detail: a smooth backdrop is no blur.
    fine, coarse = (float(np.percentile(np.abs(cv2.Laplacian(g, cv2.CV_32F)), 98)) for g in (grey, quarter))
    return fine, fine / max(coarse, 1e-6)


def shrink(image: Image, longest: int) -> Image:
    """The image [H, W, 3] with at most `longest` pixels along its longer side."""
    factor = longest / max(image.shape[:2])
    if factor >= 1:
        return image
    size = round(image.shape[1] * factor), round(image.shape[0] * factor)
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA)  # type: ignore[return-value]


def _check_sizes(photos: Sequence[Photo], sizes: Sequence[tuple[int, int]]) -> None:
    counts = Counter(sizes)
    if len(counts) == 1:
        return
    (usual, number), *others = counts.most_common()
    first = next(photo.name for photo, size in zip(photos, sizes, strict=True) if size != usual)
    listed = ", ".join(f"{count} of {width}x{height}" for (width, height), count in others)
    raise CaptureError(
        f"photos of several sizes: {number} of {usual[0]}x{usual[1]}, {listed} (as {first}); use one "
        f"camera, one zoom and "
        "one way to hold it, and no cropped or turned photos"
    )
