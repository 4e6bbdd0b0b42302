"""GrabCut in the window of what may be part, and the labels that it starts from."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from pad_ros.images import box_around
from pad_ros.results import Image, Map, Mask

_SOFT = 0.6  # pixels: softness of an edge


def labels_around(shape: Mask, likely: Mask, rim: float) -> NDArray[np.uint8]:
    """Sure well inside and well outside of a shape [H, W]; in the rim, as it was likely."""
    inwards = cv2.distanceTransform(np.pad(shape.astype(np.uint8), 1, mode="edge"), cv2.DIST_L2, 5)[1:-1, 1:-1]
    outwards = cv2.distanceTransform((~shape).astype(np.uint8), cv2.DIST_L2, 5)
    labels = np.where(likely, cv2.GC_PR_FGD, cv2.GC_PR_BGD).astype(np.uint8)
    labels[inwards > rim] = cv2.GC_FGD
    labels[outwards > rim] = cv2.GC_BGD
    return labels


def settle(image: Image, labels: NDArray[np.uint8], iterations: int) -> Mask:
    """GrabCut in the window of what may be part; without specks."""
    possible = labels != cv2.GC_BGD
    if not possible.any():
        return possible
    window = box_around(possible, max(12, round(0.06 * max(labels.shape))))
    crop, inner = np.ascontiguousarray(image[window]), np.ascontiguousarray(labels[window])
    result = np.zeros(labels.shape, bool)
    fore, back = np.isin(inner, (cv2.GC_FGD, cv2.GC_PR_FGD)), np.isin(inner, (cv2.GC_BGD, cv2.GC_PR_BGD))
    if fore.sum() < 10 or back.sum() < 10:
        result[window] = fore
        return result
    cv2.setRNGSeed(0)  # GrabCut starts its colour models with k-means
    cv2.grabCut(crop, inner, (0, 0, 0, 0), np.zeros((1, 65)), np.zeros((1, 65)), iterations, cv2.GC_INIT_WITH_MASK)
    result[window] = _without_specks((inner == cv2.GC_FGD) | (inner == cv2.GC_PR_FGD))
    return result


def _without_specks(mask: Mask) -> Mask:
    """Without pieces, and holes, that are tiny beside the whole."""
    least = max(4, round(2e-4 * np.count_nonzero(mask)))
    for _ in range(2):
        _, pieces, statistics, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=4)
        large = statistics[:, cv2.CC_STAT_AREA] >= least
        large[0] = False
        mask = ~large[pieces]  # the second time, holes are pieces
    return mask


def soften(mask: Mask) -> Map:
    """Coverage of an edge that runs through pixels."""
    return np.asarray(cv2.GaussianBlur(mask.astype(np.float32), (0, 0), _SOFT), np.float32)
