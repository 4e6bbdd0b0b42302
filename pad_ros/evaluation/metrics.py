"""Exact anomaly-detection metrics: AUROC, AUPRO, best F1 and the paper's localisation F1 (section 4.1).

All curves come from one count: for each distinct score of a positive pixel, how many negative pixels
score below it and how many the same. That is exact, streams over the images, and never needs more memory
than the positives and one image. Scores may be +inf (an image that was rejected unseen), never NaN.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from pad_ros.errors import EvaluationError
from pad_ros.geometry import Matrix, is_right, pose_error
from pad_ros.results import Map, Mask

AUPRO_FPR_LIMIT = 0.3


@dataclass(frozen=True)
class PixelScores:
    """`auroc` over all pixels and `aupro`, both in 0…1."""

    auroc: float
    aupro: float


@dataclass(frozen=True)
class LocalizationCounts:
    """Instances found, spurious and missed (paper, section 4.1)."""

    true_positives: int
    false_positives: int
    false_negatives: int

    @property
    def f1(self) -> float:
        """2 TP / (2 TP + FP + FN); 0 when nothing was there and nothing was found."""
        total = 2 * self.true_positives + self.false_positives + self.false_negatives
        return 2 * self.true_positives / total if total else 0.0


@dataclass(frozen=True)
class PoseScores:
    """How well images were localised; an image without a pose counts as wrong in `within`."""

    images: int
    within: float  # fraction with an angle < 1° and a distance error < 1 %
    median_degrees: float  # over the images with a pose, NaN when there are none
    median_distance: float  # the same, as a fraction of the camera's distance


def auroc(scores: ArrayLike, labels: ArrayLike) -> float:
    """Area under the ROC curve; ties count half.

    Args:
        scores: [N], larger is more anomalous.
        labels: [N] bool, true is anomalous.

    Raises:
        EvaluationError: NaN, different lengths, or only one class.
    """
    values, truth = _checked(scores, labels, "scores")
    positives, counts = np.unique(values[truth], return_counts=True)  # [K] ascending
    if not counts.size or truth.all():
        raise EvaluationError(_ONE_CLASS.format("AUROC", int(truth.sum()), truth.size))
    below, equal = _count_negatives(positives, [values[~truth]])
    return _auroc(counts, below, equal, int((~truth).sum()))


def pixel_scores(maps: Sequence[Map], masks: Sequence[Mask], fpr_limit: float = AUPRO_FPR_LIMIT) -> PixelScores:
    """Pixel AUROC and AUPRO (MVTec's definition) over all images of a class.

    AUPRO: for each threshold, the fraction found of each 8-connected ground-truth region, averaged over the
    regions, against the false-positive rate of all normal pixels; integrated to `fpr_limit` and divided by it.

    Args:
        maps: anomaly maps [H, W] float.
        masks: the ground truths [H, W] bool, all false for good images.
        fpr_limit: in (0, 1].

    Raises:
        EvaluationError: NaN, shapes that differ, or no normal or no anomalous pixel.
    """
    if len(maps) != len(masks):
        raise EvaluationError(f"{len(maps)} anomaly maps but {len(masks)} ground-truth masks")
    if not 0.0 < fpr_limit <= 1.0:
        raise EvaluationError(f"AUPRO: the false-positive limit must be in (0, 1], got {fpr_limit}")
    found, weights, pixels = [], [], 0
    for index, (anomaly_map, mask) in enumerate(zip(maps, masks, strict=True)):
        values, truth = _checked(anomaly_map, mask, f"anomaly map {index}")
        found.append(values[truth])
        weights.append(_region_weights(truth))
        pixels += truth.size
    scores, weight = np.concatenate(found or [np.empty(0)]), np.concatenate(weights or [np.empty(0)])
    negatives = pixels - scores.size
    if not scores.size or not negatives:
        raise EvaluationError(_ONE_CLASS.format("pixel metrics", scores.size, pixels))
    positives, inverse, counts = np.unique(scores, return_inverse=True, return_counts=True)  # [K] ascending
    below, equal = _count_negatives(positives, (m[~t] for m, t in zip(maps, masks, strict=True)))
    gain = np.bincount(inverse, weights=weight, minlength=positives.size) / weight.sum()  # [K] per-region overlap
    return PixelScores(_auroc(counts, below, equal, negatives), _aupro(gain, below, equal, negatives, fpr_limit))


def best_f1_threshold(scores: ArrayLike, labels: ArrayLike) -> tuple[float, float]:
    """The decision threshold that maximises the image-level F1 (paper, section 4.1).

    An image is anomalous when its score is at or above the threshold; of equal F1 the highest threshold wins.

    Returns:
        The threshold, which is one of the scores, and the F1 it reaches.

    Raises:
        EvaluationError: NaN, different lengths, or no anomalous image.
    """
    values, truth = _checked(scores, labels, "scores")
    if not truth.any():
        raise EvaluationError(f"F1: none of the {truth.size} images is labelled anomalous")
    order = np.argsort(-values, kind="stable")
    ranked, hits = values[order], np.cumsum(truth[order])
    last = np.append(ranked[1:] != ranked[:-1], True)  # a threshold takes all of its ties
    f1 = 2.0 * hits / (np.arange(1, hits.size + 1) + hits[-1])
    best = int(np.argmax(np.where(last, f1, -1.0)))
    return float(ranked[best]), float(f1[best])


def count_localization(prediction: Mask, truth: Mask, min_area: int = 1) -> LocalizationCounts:
    """Counts one image for the localisation F1 (paper, section 4.1), which allows one anomaly per image.

    All of the truth is one instance: found when any predicted region (8-connected) touches it, however many do;
    each predicted region that touches none is a false positive. Predicted regions of fewer than `min_area` pixels
    do not count; the paper counts all.

    Raises:
        EvaluationError: the masks' shapes differ.
    """
    if prediction.shape != truth.shape:
        raise EvaluationError(f"prediction is {prediction.shape} but its ground truth {truth.shape}")
    labels = _components(prediction)[1]
    kept = np.bincount(labels.ravel()) >= min_area  # by label; 0 is the background
    kept[0] = False
    touching = int(kept[np.unique(labels[truth & prediction])].sum())
    anomalous = bool(truth.any())
    return LocalizationCounts(int(touching > 0), int(kept.sum()) - touching, int(anomalous and not touching))


def total_counts(counts: Iterable[LocalizationCounts]) -> LocalizationCounts:
    """Adds up the counts of images; the localisation F1 of a class is its total's `f1`."""
    counts = list(counts)
    return LocalizationCounts(
        sum(c.true_positives for c in counts),
        sum(c.false_positives for c in counts),
        sum(c.false_negatives for c in counts),
    )


def pose_scores(estimates: Sequence[Matrix | None], truths: Sequence[Matrix]) -> PoseScores:
    """Compares camera-to-object poses [4, 4] with the truth: right is within 1° and 1 % of the distance.

    Raises:
        EvaluationError: no images, or different numbers of them.
    """
    if len(estimates) != len(truths) or not truths:
        raise EvaluationError(f"pose accuracy: {len(estimates)} poses for {len(truths)} true ones")
    errors = [pose_error(e, t) for e, t in zip(estimates, truths, strict=True) if e is not None]
    right = sum(is_right(*error) for error in errors)
    median = np.median(errors, axis=0) if errors else (np.nan, np.nan)
    return PoseScores(len(truths), right / len(truths), float(median[0]), float(median[1]))


_ONE_CLASS = "{}: {} of {} are anomalous; both normal and anomalous ones are needed"


def _checked(scores: ArrayLike, labels: ArrayLike, name: str) -> tuple[NDArray[np.floating], NDArray[np.bool_]]:
    values, truth = np.asarray(scores), np.asarray(labels)
    if not np.issubdtype(values.dtype, np.floating):
        values = values.astype(np.float64)
    if values.shape != truth.shape:
        raise EvaluationError(f"{name}: shape {values.shape}, but the ground truth is {truth.shape}")
    if np.isnan(values).any():
        raise EvaluationError(f"{name}: {int(np.isnan(values).sum())} values are NaN")
    return values, truth.astype(bool, copy=False)


def _count_negatives(
    positives: NDArray[np.floating], negatives: Iterable[NDArray[np.floating]]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """For each distinct positive score [K], ascending: how many negatives are below, how many equal."""
    count = positives.size
    below, equal = np.zeros(count + 1, np.int64), np.zeros(count, np.int64)
    for values in negatives:
        relevant = values[values >= positives[0]]  # most of an image is background, below every positive
        below[0] += values.size - relevant.size
        relevant.sort()  # neighbours search near each other: several times faster than at random
        rank = np.searchsorted(positives, relevant, side="right")  # positives <= value, at least 1
        below += np.bincount(rank, minlength=count + 1)
        equal += np.bincount(rank[positives[rank - 1] == relevant] - 1, minlength=count)
    # A value of rank r lies below the positives r, r+1, …; one that ties with positive r-1 is not below it.
    return np.cumsum(below)[:count], equal


def _auroc(counts: NDArray[np.int64], below: NDArray[np.int64], equal: NDArray[np.int64], negatives: int) -> float:
    wins = float(np.dot(counts, below + 0.5 * equal))
    return wins / (float(counts.sum()) * negatives)


def _aupro(
    gain: NDArray[np.float64], below: NDArray[np.int64], equal: NDArray[np.int64], negatives: int, limit: float
) -> float:
    """Integrates the curve, whose corners lie just above and at each distinct positive score."""
    at = (negatives - below[::-1]) / negatives  # FPR when the threshold is the score; thresholds descend
    above = at - equal[::-1] / negatives  # FPR just above it
    overlap = np.cumsum(gain[::-1])
    fpr = np.concatenate([[0.0], np.stack([above, at], axis=1).ravel(), [1.0]])
    pro = np.concatenate([[0.0], np.stack([overlap - gain[::-1], overlap], axis=1).ravel(), [overlap[-1]]])
    inside = int(np.searchsorted(fpr, limit, side="right"))
    if inside < fpr.size:  # ends at the limit, interpolated
        left, right = inside - 1, inside
        share = (limit - fpr[left]) / (fpr[right] - fpr[left])
        end = pro[left] + share * (pro[right] - pro[left])
        fpr, pro = np.append(fpr[:inside], limit), np.append(pro[:inside], end)
    return float(np.sum(np.diff(fpr) * 0.5 * (pro[1:] + pro[:-1])) / limit)


def _components(mask: Mask) -> tuple[int, NDArray[np.int32]]:
    """The number of 8-connected regions, and each pixel's region 1… [H, W] (0 outside)."""
    number, labels = cv2.connectedComponents(mask.astype(np.uint8), connectivity=8, ltype=cv2.CV_32S)
    return number - 1, labels  # type: ignore[return-value]


def _region_weights(truth: Mask) -> NDArray[np.float64]:
    """One over its region's area for each true pixel, so that every region weighs 1 in all."""
    labels = _components(truth)[1][truth]
    return 1.0 / np.bincount(labels)[labels] if labels.size else np.empty(0)
