"""Outlines: crops of images of parts on belts, with what is part, everything varied that a factory varies."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from pad_ros.background.segmentation.learned import CHANNELS, network_input
from pad_ros.background.segmentation.surroundings import EDGE, MARGIN, RING, Surroundings, reach_of
from pad_ros.dataset.classes import ClassData
from pad_ros.errors import NoObjectError
from pad_ros.images import box_around, read_image, to_uint8
from pad_ros.learning.exercises import Exercise, camera_conditions, processed, recolouring, window_around
from pad_ros.learning.faults import attached, pasted
from pad_ros.learning.floors import floor, laid_on
from pad_ros.learning.lessons import with_stripe
from pad_ros.results import Map, Mask
from pad_ros.synthesis.photo import expose

_BITES = 15  # pixels: what an added part hides of the silhouette is guessed no further than this


@dataclass(frozen=True)
class Outlines:
    """K images of one object.

    Attributes:
        images: RGB, uint8 [K, H, W, 3].
        object_masks: what is part, with what was added and without what is missing, [K, H, W].
        silhouettes: what would be part if it were good, [K, H, W].
    """

    images: NDArray[np.uint8]
    object_masks: NDArray[np.bool_]
    silhouettes: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.images)


def read_outlines(data: ClassData) -> Outlines:
    """Reads the test images of a class that has object masks."""
    rows = []
    for view in data.test:
        image = read_image(view.path)
        part, defect = view.read_object_mask(image.shape[:2]), view.read_ground_truth(image.shape[:2])
        rows.append((image, part, good_silhouette(part, defect, view.defect)))
    return Outlines(*(np.stack(column) for column in zip(*rows, strict=True)))


def good_silhouette(part: Mask, defect: Mask, kind: str) -> Mask:
    """The silhouette of the good part, from the mask of a defective one: but for what an added part hides of it."""
    if kind.lower() != "added":
        return part | defect
    kept = part & ~defect
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (_BITES, _BITES))
    closed = cv2.morphologyEx(kept.astype(np.uint8), cv2.MORPH_CLOSE, disc) > 0
    return kept | (closed & defect)


def draw(outlines: Outlines, crop: int, count: int, rng: np.random.Generator) -> list[Exercise]:
    """Draws an image, changes it, and takes crops of `crop` pixels around its outline; truth is what is part."""
    index = int(rng.integers(len(outlines)))
    image = outlines.images[index].astype(np.float32) / np.float32(255.0)
    part, silhouette = outlines.object_masks[index], outlines.silhouettes[index]
    doubtful = np.zeros_like(part)
    if rng.random() < 0.4:
        image = laid_on(image, part, floor(part.shape, rng), rng)
    if rng.random() < 0.3:
        image = with_stripe(to_uint8(255.0 * image), part, rng).astype(np.float32) / np.float32(255.0)
    if rng.random() < 0.3:
        image = _littered(image, part | silhouette, rng)
    for _ in range(int(rng.integers(1, 3)) if rng.random() < 0.6 else 0):
        image, seen, argued = attached(image, part, rng)
        part, doubtful = part | seen, (doubtful | argued) & ~seen
    if rng.random() < 0.7:
        image = recolouring(rng)(image)
    if rng.random() < 0.85:
        image = processed(expose(image, camera_conditions(image.shape[1], rng)), rng)
    factor = float(np.exp(rng.uniform(np.log(0.7), np.log(1.3))))
    size = tuple(round(factor * length) for length in part.shape[::-1])
    image = cv2.resize(image, size, interpolation=cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR)
    part, doubtful, silhouette = (
        cv2.resize(mask.astype(np.float32), size, interpolation=cv2.INTER_LINEAR)
        for mask in (part, doubtful, silhouette)
    )
    inside = as_rendered(silhouette, rng)
    try:
        reach = reach_of(inside, RING, EDGE)
        window = box_around(inside, MARGIN * reach)
        inputs = network_input(Surroundings.of(to_uint8(255.0 * image[window]), inside[window], reach, EDGE))
    except (NoObjectError, IndexError):  # it fills the image, or nothing is left of it
        return draw(outlines, crop, count, rng)
    truth = (part[window] > 0.5).astype(np.float32)
    sure = (doubtful[window] < 0.1) & ~((part[window] > 0.1) & (part[window] < 0.9))
    weight = sure.astype(np.float32)
    return [_crop(inputs, truth, weight, inside[window], crop, rng) for _ in range(count)]


def _littered(image: Map, part: Mask, rng: np.random.Generator) -> Map:
    """The image with things on the belt that do not touch the part."""
    gap = 2 * int(rng.integers(6, 30)) + 1
    away = cv2.dilate(part.astype(np.uint8), np.ones((gap, gap), np.uint8)) == 0
    for _ in range(int(rng.integers(1, 4))):
        if away.any():
            image = pasted(image, away, rng)[0]
    return image


def as_rendered(silhouette: Map, rng: np.random.Generator) -> Mask:
    """The silhouette [H, W] as a twin shows it: displaced, rounded, thin pieces lost, small holes closed, grainy."""
    height, width = silhouette.shape
    angle, scale = float(rng.normal(0, 0.15)), float(np.exp(rng.normal(0, 0.002)))
    move = np.asarray(cv2.getRotationMatrix2D((width / 2, height / 2), angle, scale), np.float64)
    move[:, 2] += rng.normal(0, 0.4 if rng.random() < 0.85 else 1.5, 2)
    moved = cv2.warpAffine(silhouette, move, (width, height), flags=cv2.INTER_LINEAR)
    if rng.random() < 0.7:
        moved = cv2.GaussianBlur(moved, (0, 0), float(rng.uniform(0.4, 2.5)))
        grain = np.asarray(rng.normal(0, rng.uniform(0, 1.6), (height, width)), np.float32)
        grain = np.asarray(cv2.GaussianBlur(grain, (0, 0), 1.5), np.float32)
        moved = moved + grain * 4 * moved * (1 - moved)  # at the outline
    return np.asarray(moved > rng.uniform(0.35, 0.65))


def _crop(inputs: Map, truth: Map, weight: Map, inside: Mask, crop: int, rng: np.random.Generator) -> Exercise:
    """A crop around a pixel of the outline, or around one that is part beyond the silhouette; turned."""
    height, width = truth.shape
    added = (truth > 0.5) & ~inside
    outline = (cv2.dilate(inside.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0) & ~inside
    rows, columns = np.nonzero(added if added.any() and rng.random() < 0.4 else outline)
    cut = window_around(rows, columns, truth.shape, crop, rng)
    planes = np.concatenate(
        [inputs[:, :height, :width][(..., *cut)], truth[cut][None], weight[cut][None]]
    )  # [C + 2, h, w]
    missing = [(0, 0), *((0, crop - length) for length in planes.shape[1:])]
    planes = np.pad(planes, missing, mode="edge")
    planes[-1, crop - missing[1][1] :] = 0
    planes[-1, :, crop - missing[2][1] :] = 0
    if rng.random() < 0.5:
        planes = planes[:, :, ::-1]
    planes = np.ascontiguousarray(np.rot90(planes, int(rng.integers(4)), axes=(1, 2)))
    return Exercise(planes[:CHANNELS], planes[-2], planes[-1])
