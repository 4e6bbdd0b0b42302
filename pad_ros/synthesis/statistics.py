"""A class in numbers, for the table of the data set: from its plan alone, nothing is rendered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from pad_ros.results import Mask
from pad_ros.synthesis import cameras
from pad_ros.synthesis.assembly import Assembly
from pad_ros.synthesis.planning import GOOD, SynthesisSettings, TestImage, plan_train
from pad_ros.synthesis.visibility import see

_RESOLUTION = 400  # pixels, of the views that complexity is measured in
_VIEWS = 20
_SMALLEST_HOLE = 0.0001  # of the image


@dataclass(frozen=True)
class Spread:
    """The median of something, with the values that a tenth of it is below and above."""

    low: float
    median: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """The spread of some values; NaN of none."""
        if not values:
            return cls(float("nan"), float("nan"), float("nan"))
        low, median, high = np.percentile(values, (10, 50, 90))
        return cls(float(low), float(median), float(high))


@dataclass(frozen=True)
class ClassStatistics:
    """What a class is like: its model, and its test images if any are planned (else NaN).

    Attributes:
        parts: parts of the intact object.
        colours: different materials.
        visible_parts: parts seen in a training view, on average.
        holes: openings through which the belt is seen in a training view, on average.
        complexity: perimeter² / (4π area) of the silhouette, openings included, averaged over training views: 1 for
            a disc. Pixels next to the belt are where a background can be mistaken for a defect, so that open and
            branched shapes are the hard ones, whatever the number of their parts.
        anomalous: share of anomalous test images.
        image_share: a defect's size as a share of the image, over the anomalous images.
        object_share: the same as a share of the object's pixels.
    """

    parts: int
    colours: int
    visible_parts: float
    holes: float
    complexity: float
    anomalous: float
    image_share: Spread
    object_share: Spread


def class_statistics(intact: Assembly, settings: SynthesisSettings, images: Sequence[TestImage]) -> ClassStatistics:
    """Measures a class: the model in its first training views, defects in the planned test images."""
    camera = cameras.make_camera(_RESOLUTION)
    views = [see(intact, camera, pose).ids for pose in plan_train(intact, settings)[:_VIEWS]]
    defective = [image for image in images if image.label != GOOD]
    return ClassStatistics(
        parts=len(intact.parts),
        colours=len({part.material for part in intact.parts}),
        visible_parts=float(np.mean([len(np.unique(ids[ids >= 0])) for ids in views])),
        holes=float(np.mean([holes(ids >= 0) for ids in views])),
        complexity=float(np.mean([roundness(ids >= 0) for ids in views])),
        anomalous=len(defective) / len(images) if images else float("nan"),
        image_share=Spread.of([float(image.defect_mask.mean()) for image in defective]),
        object_share=Spread.of([float(i.defect_mask.sum() / (i.object_mask | i.defect_mask).sum()) for i in defective]),
    )


def roundness(mask: Mask) -> float:
    """Perimeter² / (4π area) of a mask [H, W]: about 1 for a disc, more for anything else, infinite if empty."""
    padded = np.pad(mask, 1)
    # Crossings of rows and of columns overstate a slanted edge: π/4 of them is right averaged over all directions.
    crossings = sum(int(np.count_nonzero(np.diff(padded, axis=axis))) for axis in (0, 1))
    area = int(mask.sum())
    return (np.pi / 4 * crossings) ** 2 / (4 * np.pi * area) if area else float("inf")


def holes(mask: Mask) -> int:
    """How many openings a mask [H, W] has: areas of background that do not reach the border, but for specks."""
    outside = np.pad(~mask, 1, constant_values=True).astype(np.uint8)
    _, labels, table, _ = cv2.connectedComponentsWithStats(outside, connectivity=4)
    sizes = table[:, cv2.CC_STAT_AREA]
    sizes[[0, labels[0, 0]]] = 0  # the object and what surrounds it
    return int(np.count_nonzero(sizes >= _SMALLEST_HOLE * mask.size))
