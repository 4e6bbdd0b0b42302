"""Training photos as training needs them: cut out, and in the class's ideal camera."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from functools import lru_cache

import cv2
import numpy as np

from pad_ros.dataset.classes import ClassData
from pad_ros.errors import DatasetError
from pad_ros.geometry import Matrix
from pad_ros.images import read_cutout
from pad_ros.lens import Undistorter
from pad_ros.results import Image, Map

logger = logging.getLogger(__name__)

_FEWEST_VIEWS = 12
_SMALLEST_GROUND = 4  # pixels; what is smaller and white is a glint
_GROUND_RIM = 2  # pixels


@dataclass(frozen=True)
class Cutout:
    """A training view in memory: RGB over white [H, W, 3], coverage [H, W], camera-to-object pose [4, 4]."""

    image: Image
    alpha: Map
    object_from_camera: Matrix


def read_cutouts(data: ClassData) -> list[Cutout]:
    """Reads a class's training views into its ideal camera; one without alpha is cut out at its white background.

    Raises:
        DatasetError: too few views, views of different sizes, or photos that are not cut out.
    """
    if len(data.train) < _FEWEST_VIEWS:
        raise DatasetError(
            f"{data.root}: {len(data.train)} training views, at least {_FEWEST_VIEWS} needed (100 are good)"
        )
    cutouts = []
    for view in data.train:
        image, alpha = read_cutout(view.path)
        if image.shape[:2] != (data.camera.height, data.camera.width):
            raise DatasetError(f"{view.path}: {image.shape[1]}x{image.shape[0]}, the first view has another size")
        cutouts.append(Cutout(image, white_cutout(image) if alpha is None else alpha, view.object_from_camera))
    _check_cutouts(data, cutouts)
    return _undistorted(cutouts, data)


def _undistorted(cutouts: list[Cutout], data: ClassData) -> list[Cutout]:
    """Brings each view from its lens into the class's ideal camera."""
    undistorter_of = lru_cache(maxsize=4)(Undistorter)  # few cameras took all photos, most often one
    ideal, cut = [], 0
    for cutout, view in zip(cutouts, data.train, strict=True):
        undistorter = undistorter_of(view.lens, data.camera)
        image, alpha = undistorter.undistort_cutout(cutout.image, cutout.alpha)
        ideal.append(replace(cutout, image=image, alpha=alpha))
        cut += undistorter.cuts(alpha)
    if cut:
        logger.warning(
            "%s: in %d of %d photos the part reaches the edge of what the lens shows, and its twin would end there; "
            "take them from further away",
            data.root,
            cut,
            len(cutouts),
        )
    return ideal


def white_cutout(image: Image) -> Map:
    """The coverage [H, W] of an object on pure white: all that is not white ground, also seen through holes.

    White ground is wherever four pixels or more that touch each other are white without any shade, and the next two
    pixels where they are nearly so: edges are smoothed there, and JPEG ripples. A white face in the shade is part.
    """
    pure = np.asarray((image >= 254).all(axis=2), np.uint8)  # [H, W]
    _, labels, statistics, _ = cv2.connectedComponentsWithStats(pure)
    large = statistics[:, cv2.CC_STAT_AREA] >= _SMALLEST_GROUND
    ground = large[labels] & (pure > 0)
    nearly = (image >= 250).all(axis=2)
    for _ in range(_GROUND_RIM):
        ground |= nearly & (cv2.dilate(ground.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0)
    return (~ground).astype(np.float32)


def _check_cutouts(data: ClassData, cutouts: list[Cutout]) -> None:
    """Refuses photos that are not cut out, before hours of work on them.

    Raises:
        DatasetError: says how many, and the first.
    """
    whole = [view.path for view, cutout in zip(data.train, cutouts, strict=True) if _is_whole(cutout.alpha)]
    if whole:
        raise DatasetError(
            f"{data.root}: {len(whole)} of {len(cutouts)} photos are not cut out, as {whole[0].name}: "
            "cut the part out on transparent or pure white ground (docs/dataset.md)"
        )
    empty = [view.path for view, cutout in zip(data.train, cutouts, strict=True) if not cutout.alpha.any()]
    if empty:
        raise DatasetError(f"{empty[0]}: there is no part in it, all is ground; take it out of transforms.json")


def _is_whole(alpha: Map) -> bool:
    """Whether hardly any ground is at the border of a photo, so that it was not taken away."""
    border = np.concatenate([alpha[0], alpha[-1], alpha[:, 0], alpha[:, -1]])
    return bool((border < 0.5).mean() < 0.25)
