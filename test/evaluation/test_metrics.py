"""Every metric against an independent implementation or a case worked out by hand."""

import itertools

import numpy as np
import pytest
from scipy import ndimage
from sklearn.metrics import f1_score, precision_recall_curve, roc_auc_score

from pad_ros.errors import EvaluationError
from pad_ros.evaluation import metrics


def scene(seed: int, images: int = 6, size: int = 24, levels: int | None = None):
    """Random maps that rise inside random square defects; `levels` quantises them to make ties."""
    rng = np.random.default_rng(seed)
    maps = rng.random((images, size, size)).astype(np.float32)
    masks = np.zeros(maps.shape, bool)
    for mask in masks[1:]:
        for _ in range(rng.integers(1, 4)):
            y, x, h, w = rng.integers(0, size - 8, 2).tolist() + rng.integers(1, 8, 2).tolist()
            mask[y : y + h, x : x + w] = True
    maps[masks] += 0.35
    if levels:
        maps = np.floor(maps * levels).astype(np.float32)
    return list(maps), list(masks)


def brute_force_aupro(maps, masks, limit):
    """The definition, threshold by threshold, with scipy's regions."""
    regions = []
    for index, mask in enumerate(masks):
        labels, number = ndimage.label(mask, structure=np.ones((3, 3)))
        regions += [(index, labels == region) for region in range(1, number + 1)]
    normal = np.concatenate([m[~t] for m, t in zip(maps, masks, strict=True)])
    points = [(0.0, 0.0)]
    for threshold in np.unique(np.concatenate([m.ravel() for m in maps]))[::-1]:
        overlap = np.mean([(maps[i][region] >= threshold).mean() for i, region in regions])
        points.append(((normal >= threshold).mean(), overlap))
    # A vertical step has two values at one FPR, so integrate segment by segment up to the limit.
    area = 0.0
    for (x0, y0), (x1, y1) in itertools.pairwise(points):
        if x0 >= limit:
            break
        if x1 > limit:
            x1, y1 = limit, y0 + (y1 - y0) * (limit - x0) / (x1 - x0)
        area += (x1 - x0) * (y0 + y1) / 2
    return area / limit


@pytest.mark.parametrize("levels", [None, 50, 3])
@pytest.mark.parametrize("seed", [0, 1])
def test_pixel_auroc_is_sklearns(seed, levels):
    maps, masks = scene(seed, levels=levels)
    expected = roc_auc_score(np.ravel(masks), np.ravel(maps))
    assert metrics.pixel_scores(maps, masks).auroc == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("levels", [None, 50, 3])
@pytest.mark.parametrize("limit", [0.05, 0.3, 1.0])
def test_aupro_is_the_brute_force_ones(limit, levels):
    maps, masks = scene(2, levels=levels)
    expected = brute_force_aupro(maps, masks, limit)
    assert metrics.pixel_scores(maps, masks, limit).aupro == pytest.approx(expected, abs=1e-9)


def test_aupro_of_perfect_constant_and_inverted_maps():
    masks = [np.zeros((10, 10), bool) for _ in range(2)]
    masks[1][2:4, 2:4] = True
    truth = [m.astype(np.float32) for m in masks]
    assert metrics.pixel_scores(truth, masks) == metrics.PixelScores(1.0, 1.0)
    constant = metrics.pixel_scores([np.ones((10, 10), np.float32)] * 2, masks)
    assert constant.auroc == pytest.approx(0.5)
    assert constant.aupro == pytest.approx(0.15)  # the diagonal up to 0.3
    inverted = metrics.pixel_scores([-m for m in truth], masks)
    assert (inverted.auroc, inverted.aupro) == (0.0, 0.0)


def test_aupro_weighs_a_small_region_like_a_large_one():
    mask = np.zeros((20, 20), bool)
    mask[0:10, 0:10] = True
    mask[15, 15] = True
    found_large = np.where(np.indices(mask.shape).sum(0) < 20, mask, False).astype(np.float32)
    found_large[15, 15] = -1.0  # the small one scores below everything
    assert metrics.pixel_scores([found_large], [mask]).aupro == pytest.approx(0.5)


def test_diagonal_neighbours_are_one_region():
    mask = np.zeros((6, 6), bool)
    mask[1, 1] = mask[2, 2] = mask[4, 0] = True
    found = np.zeros((6, 6), np.float32)
    found[1, 1] = found[2, 2] = 1.0
    found[4, 0] = -1.0
    assert metrics.pixel_scores([found], [mask]).aupro == pytest.approx(0.5)


def test_infinite_scores_rank_first():
    scores, labels = [np.inf, 0.9, 0.1, np.inf], [True, False, False, False]
    assert metrics.auroc(scores, labels) == pytest.approx(roc_auc_score(labels, [2.0, 0.9, 0.1, 2.0]))


@pytest.mark.parametrize("seed", range(5))
def test_image_auroc_and_best_f1_are_sklearns(seed):
    rng = np.random.default_rng(seed)
    labels = rng.random(40) < 0.4
    scores = np.round(rng.random(40) + 0.4 * labels, 1)
    assert metrics.auroc(scores, labels) == pytest.approx(roc_auc_score(labels, scores), abs=1e-12)
    threshold, f1 = metrics.best_f1_threshold(scores, labels)
    precision, recall, _ = precision_recall_curve(labels, scores)
    assert f1 == pytest.approx(np.max(2 * precision * recall / np.maximum(precision + recall, 1e-12)))
    assert f1_score(labels, scores >= threshold) == pytest.approx(f1)


def test_best_f1_prefers_the_highest_of_equal_thresholds():
    # 0.9 alone: 2·1/(1+2); down to 0.5: 2·2/(4+2). The same.
    assert metrics.best_f1_threshold([0.9, 0.7, 0.6, 0.5], [1, 0, 0, 1]) == (0.9, pytest.approx(2 / 3))


def blocks(*boxes):
    mask = np.zeros((30, 30), bool)
    for y, x, h, w in boxes:
        mask[y : y + h, x : x + w] = True
    return mask


@pytest.mark.parametrize(
    ("prediction", "truth", "expected"),
    [
        (blocks(), blocks(), (0, 0, 0)),  # good and quiet
        (blocks((1, 1, 3, 3), (9, 9, 2, 2)), blocks(), (0, 2, 0)),  # good with two spurious regions
        (blocks((1, 1, 3, 3)), blocks((2, 2, 5, 5)), (1, 0, 0)),  # found
        (blocks(), blocks((2, 2, 5, 5), (20, 20, 3, 3)), (0, 0, 1)),  # missed: two components, one instance
        (blocks((2, 2, 1, 1)), blocks((2, 2, 5, 5), (20, 20, 3, 3)), (1, 0, 0)),  # one component touched is enough
        (blocks((2, 2, 1, 1), (5, 5, 1, 1)), blocks((2, 2, 5, 5)), (1, 0, 0)),  # two hits are one true positive
        (blocks((2, 2, 1, 1), (20, 20, 1, 1)), blocks((2, 2, 5, 5)), (1, 1, 0)),  # a hit and a spurious region
        (blocks((20, 20, 1, 1)), blocks((2, 2, 5, 5)), (0, 1, 1)),  # beside it: spurious and missed
        (blocks((7, 7, 2, 2)), blocks((2, 2, 5, 5)), (0, 1, 1)),  # adjacent is not overlapping
        (blocks((1, 1, 1, 1), (2, 2, 1, 1)), blocks(), (0, 1, 0)),  # diagonal neighbours are one region
    ],
)
def test_localization_counts_of_one_image(prediction, truth, expected):
    counts = metrics.count_localization(prediction, truth)
    assert (counts.true_positives, counts.false_positives, counts.false_negatives) == expected


def test_small_regions_do_not_count_when_a_method_reports_none():
    truth = blocks((2, 2, 5, 5))
    prediction = blocks((2, 2, 3, 1), (20, 20, 3, 1), (25, 25, 2, 2))
    assert metrics.count_localization(prediction, truth, min_area=4) == metrics.LocalizationCounts(0, 1, 1)
    assert metrics.count_localization(prediction, truth, min_area=3) == metrics.LocalizationCounts(1, 2, 0)


def test_localization_f1_adds_images_up():
    hit, miss = blocks((2, 2, 5, 5)), blocks((20, 20, 2, 2))
    pairs = [(hit, hit), (miss, hit), (blocks(), hit), (miss, blocks())]
    counts = metrics.total_counts(metrics.count_localization(*pair) for pair in pairs)
    assert counts == metrics.LocalizationCounts(true_positives=1, false_positives=2, false_negatives=2)
    assert counts.f1 == pytest.approx(2 / 6)
    assert metrics.LocalizationCounts(0, 0, 0).f1 == 0.0


def turned(degrees, shift=0.0):
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    pose = np.eye(4)
    pose[:2, :2] = [[c, -s], [s, c]]
    pose[:3, 3] = [0.0, 0.0, 2.0 + shift]
    return pose


def test_pose_scores_count_unlocalised_images_as_wrong():
    estimates = [turned(0.5), turned(1.5), turned(0.0, 0.03), turned(0.2, 0.01), None]
    scores = metrics.pose_scores(estimates, [turned(0.0)] * 5)
    assert scores.images == 5
    assert scores.within == pytest.approx(2 / 5)
    assert scores.median_degrees == pytest.approx(0.35)
    assert scores.median_distance == pytest.approx(0.0025)
    assert np.isnan(metrics.pose_scores([None], [turned(0.0)]).median_degrees)


@pytest.mark.parametrize(
    "call",
    [
        lambda: metrics.auroc([0.1, 0.2], [True, True]),
        lambda: metrics.auroc([0.1, 0.2], [False, False]),
        lambda: metrics.auroc([], []),
        lambda: metrics.auroc([0.1, np.nan], [True, False]),
        lambda: metrics.auroc([0.1], [True, False]),
        lambda: metrics.best_f1_threshold([0.1, 0.2], [False, False]),
        lambda: metrics.best_f1_threshold([np.nan, 0.2], [False, True]),
        lambda: metrics.pixel_scores([], []),
        lambda: metrics.pixel_scores([np.zeros((4, 4))], [np.zeros((4, 4), bool)]),
        lambda: metrics.pixel_scores([np.zeros((4, 4))], [np.ones((4, 4), bool)]),
        lambda: metrics.pixel_scores([np.zeros((4, 4))], [np.ones((5, 4), bool)]),
        lambda: metrics.pixel_scores([np.full((4, 4), np.nan)], [np.eye(4, dtype=bool)]),
        lambda: metrics.pixel_scores([np.zeros((4, 4))], []),
        lambda: metrics.pixel_scores([np.zeros((4, 4))], [np.eye(4, dtype=bool)], fpr_limit=0.0),
        lambda: metrics.count_localization(blocks(), np.zeros((4, 4), bool)),
        lambda: metrics.pose_scores([], []),
        lambda: metrics.pose_scores([None], []),
    ],
)
def test_degenerate_input_is_a_typed_error(call):
    with pytest.raises(EvaluationError):
        call()
