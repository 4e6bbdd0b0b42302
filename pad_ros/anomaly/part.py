"""All views of one part: what they say about each place of the twin, and what that says about the part.

A defect is where it is from whichever side it is seen. A glint, a shade or a rail behind the part wanders over the
surface from view to view. So each view says how much each place differs that it sees, its own level of differences
taken into account, and Stouffer's method (Stouffer et al., The American Soldier, 1949, vol. 1, footnote 14) adds up
what the views say of a place. No unit of the comparison's map is of importance: any may have made it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from pad_ros.errors import ConfigError
from pad_ros.results import Map, Mask

ANCHORS = 1024  # places on the twin; evidence has a byte for each
UNSEEN = 0
_ZERO, _STEP = 128, 0.05  # a byte b says that the level is 0.05 (b - 128)
_NEAREST = 3  # anchors to which a pixel speaks, so that a defect between places is one of both
_SAMPLES = 10_000  # pixels looked at, about; a place covers some tens of them
_FEWEST_PIXELS = 2  # of those that see a place
# The light lifts a view's whole map: half of what its upper quartile says, in logarithms, is the view and not the part.
_QUARTILE, _SHARE = 0.75, 0.5
_LEAST = 1e-3  # of a view's largest difference: what is smaller is none
# A comparison that is sure says the same of most places, as the network does: the level is never so low and the unit
# never so small that its least doubts were many units (docs/thresholds.md).
_LEAST_ABOVE, LEAST_SCALE = 0.3, 0.3
# What the views say each for itself, on average, against what they agree on (docs/thresholds.md).
_EACH = 2.0


@dataclass(frozen=True)
class Level:
    """What is usual of good parts: places up to `floor` say nothing, and above it `scale` is the unit."""

    floor: float
    scale: float

    @classmethod
    def of(cls, evidences: Sequence[bytes]) -> Level:
        """Of good views: a tenth of the places that they see are above the floor, or fewer where nearly all are alike.

        Raises:
            ConfigError: they see nothing.
        """
        stacked = _stacked(evidences)
        levels = _STEP * (stacked[stacked != UNSEEN].astype(np.float64) - _ZERO)
        if not len(levels):
            raise ConfigError("the views that parts are calibrated by see no place of the part")
        floor = max(float(np.quantile(levels, 0.9)), float(np.median(levels)) + _LEAST_ABOVE)
        return cls(floor, max(float(levels.std()), LEAST_SCALE))


class PartEvidence:
    """Makes the evidence that a view gives on the places of a part."""

    def __init__(self, anchors: NDArray[np.floating]) -> None:
        """Takes the places, [A, 3] in the object frame."""
        self._tree, self._count = cKDTree(anchors), len(anchors)

    def of_view(self, anomaly_map: Map, silhouette: Mask, positions: NDArray[np.float32]) -> bytes:
        """How much each place differs that the view sees.

        What differs off the part, such as something added, speaks to the place on the outline next to it.

        Args:
            anomaly_map: [H, W].
            silhouette: where the twin is, M_s [H, W].
            positions: of the twin's surface there, [H, W, 3].

        Returns:
            A byte per place: the logarithm of the largest difference there, less half of that of the view's upper
            quartile; or UNSEEN.
        """
        active = (anomaly_map > 0) | silhouette
        stride = max(1, round(float(np.sqrt(np.count_nonzero(active) / _SAMPLES))))
        # The mean of some pixels, so that a single noisy one is none; then the largest of those between the samples.
        smooth = cv2.blur(np.asarray(anomaly_map, np.float32), (2 * stride - 1, 2 * stride - 1))
        largest = cv2.dilate(smooth, np.ones((stride, stride), np.uint8))
        sampled = np.zeros_like(active)
        sampled[::stride, ::stride] = True
        pixels = np.flatnonzero(active & sampled)  # [P]
        if not silhouette.any() or not len(pixels):
            return bytes([UNSEEN]) * self._count
        on_part = _nearest_in(silhouette, pixels)
        nearest = self._tree.query(positions.reshape(-1, 3)[on_part], k=min(_NEAREST, self._count))[1]
        nearest = nearest.reshape(len(pixels), -1)  # [P, k]
        values = np.zeros(self._count, np.float32)
        for column in nearest.T:
            np.maximum.at(values, column, largest.ravel()[pixels])
        direct = nearest[silhouette.ravel()[pixels], 0]
        seen = np.bincount(direct, minlength=self._count) >= _FEWEST_PIXELS
        evidence = np.full(self._count, UNSEEN, np.uint8)
        evidence[seen] = _levels(values[seen])
        return evidence.tobytes()


def _nearest_in(mask: Mask, pixels: NDArray[np.intp]) -> NDArray[np.int64]:
    """The flat index of the nearest pixel that is in a mask [H, W], for each of some, flat as well, [P]."""
    outside = (~mask).astype(np.uint8)
    _, labels = cv2.distanceTransformWithLabels(outside, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
    index_of = np.zeros(int(labels.max()) + 1, np.int64)
    index_of[labels[mask]] = np.flatnonzero(mask)
    return index_of[labels.ravel()[pixels]]


def _levels(values: NDArray[np.float32]) -> NDArray[np.uint8]:
    """The levels of the places that a view sees, as bytes."""
    top = float(values.max(initial=0.0))
    if top <= 0:
        return np.full(len(values), 1, np.uint8)
    logarithms = np.log(np.maximum(values, _LEAST * top).astype(np.float64))
    levels = logarithms - _SHARE * np.quantile(logarithms, _QUARTILE)
    return np.clip(np.rint(levels / _STEP) + _ZERO, 1, 255).astype(np.uint8)


def _stacked(evidences: Sequence[bytes]) -> NDArray[np.uint8]:
    """Evidence of V views, [V, A].

    Raises:
        ConfigError: none, or of different products.
    """
    lengths = {len(evidence) for evidence in evidences}
    if len(lengths) != 1 or 0 in lengths:
        raise ConfigError(f"evidence of {len(evidences)} views with {sorted(lengths)} places: it is of no one product")
    return np.stack([np.frombuffer(evidence, np.uint8) for evidence in evidences])


def fuse(evidences: Sequence[bytes], level: Level) -> float:
    """How suspicious a part is: what its views agree on at one place, and how far each of them stands out.

    Args:
        evidences: of one or more views of one part, by one product.
        level: what is usual of good parts of that product.

    Raises:
        ConfigError: no views, or of different products.
    """
    above, together = _said(evidences, level)
    return float(together.max() + _EACH * above.max(axis=1).mean())


def agreed(evidences: Sequence[bytes], level: Level) -> NDArray[np.float64]:
    """What the views of a part agree on at each place, [A]: from 0, in units of what good parts' views vary by.

    Args:
        evidences: as for `fuse`.
        level: as for `fuse`.

    Raises:
        ConfigError: no views, or of different products.
    """
    return _said(evidences, level)[1]


def _said(evidences: Sequence[bytes], level: Level) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """How far each view is above the level at each place, [V, A], and all of them together, [A]."""
    stacked = _stacked(evidences)  # [V, A]
    seen = stacked != UNSEEN
    above = np.maximum((_STEP * (stacked.astype(np.float64) - _ZERO) - level.floor) / level.scale, 0.0)
    above[~seen] = 0.0
    return above, above.sum(axis=0) / np.sqrt(np.maximum(seen.sum(axis=0), 1))
