"""Nearest-neighbour matching of descriptors with the ratio test (Lowe 2004), as chunked matrix products.

Descriptors of whole numbers (all extractors' here) have exact products in float32: the matches do not depend on the
number of threads.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_CHUNK = 256  # queries per product: keeps the similarity table in the cache's reach
_ROUNDED = 0.01  # pixels, more than what rounding moves a keypoint


class DescriptorIndex:
    """Descriptors that belong to owners (3D points); finds for each query the nearest owner."""

    def __init__(self, descriptors: NDArray[np.generic], owners: NDArray[np.integer]) -> None:
        """Sorts by owner; descriptors [M, D], owners [M]."""
        self.order = np.argsort(owners, kind="stable")
        self.owners = np.asarray(owners)[self.order]
        self._descriptors = np.asarray(descriptors)[self.order].astype(np.float32)
        self._half_squares = 0.5 * np.einsum("md,md->m", self._descriptors, self._descriptors)

    def match(self, queries: NDArray[np.generic], ratio: float) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Matches queries [N, D] that are clearly nearer to one owner than to any other.

        Args:
            queries: descriptors to look up.
            ratio: the largest nearest / second-nearest distance, the second belonging to another owner.

        Returns:
            Indices of the matched queries [K], and of the matched descriptors as given to the constructor [K].
        """
        rows, columns = [], []
        if len(self._descriptors):
            scores = np.empty((_CHUNK, len(self._descriptors)), np.float32)  # one for all: fresh memory costs time
            for start in range(0, len(queries), _CHUNK):
                block = queries[start : start + _CHUNK].astype(np.float32)  # [c, D]
                found, column = self._match_block(block, ratio, scores[: len(block)])
                rows.append(start + found)
                columns.append(self.order[column])
        none = np.zeros(0, np.intp)
        return np.concatenate([none, *rows]), np.concatenate([none, *columns])

    def _match_block(
        self, block: NDArray[np.float32], ratio: float, scores: NDArray[np.float32]
    ) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        np.matmul(block, self._descriptors.T, out=scores)  # [c, M]
        scores -= self._half_squares  # minus half the squared distance, but for |query|²
        every = np.arange(len(block))
        nearest = scores.argmax(axis=1)
        best = scores[every, nearest]
        first = np.searchsorted(self.owners, self.owners[nearest], side="left")
        last = np.searchsorted(self.owners, self.owners[nearest], side="right")
        for row, (a, b) in enumerate(zip(first, last, strict=True)):
            scores[row, a:b] = -np.inf
        second = scores.max(axis=1)
        squares = np.einsum("cd,cd->c", block, block)
        keep = (squares - 2 * best) < ratio**2 * (squares - 2 * second)
        return np.flatnonzero(keep), nearest[keep]


def pairs_nearby(
    pixels: NDArray[np.floating],
    descriptors: NDArray[np.generic],
    keypoints: NDArray[np.float32],
    queries: NDArray[np.generic],
    reach: float,
) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float32]]:
    """Pairs what should be seen at some pixels with the keypoints near them.

    Args:
        pixels: [R, 2]; infinite where nothing is seen.
        descriptors: of what should be seen there, [R, D].
        keypoints: [N, 2].
        queries: their descriptors, [N, D].
        reach: pixels.

    Returns:
        Indices of rows and of keypoints, and the squared distances of their descriptors, [K] each.
    """
    # Only those that are within reach in x: each row has a piece of the keypoints sorted by it.
    pixels, order = pixels.astype(np.float32), np.argsort(keypoints[:, 0], kind="stable")
    first = np.searchsorted(keypoints[order, 0], pixels[:, 0] - (reach + _ROUNDED), "left")
    last = np.searchsorted(keypoints[order, 0], pixels[:, 0] + (reach + _ROUNDED), "right")
    row = np.repeat(np.arange(len(pixels)), last - first)
    keypoint = order[np.arange(len(row)) - np.repeat(np.cumsum(last - first) - last, last - first)]
    x, y = (pixels[row] - keypoints[keypoint]).T  # [K] each
    near = np.flatnonzero(x * x + y * y <= reach**2)
    near = near[np.lexsort((keypoint[near], row[near]))]
    row, keypoint = row[near], keypoint[near]
    differences = descriptors[row].astype(np.float32) - queries[keypoint].astype(np.float32)
    return row, keypoint, np.einsum("kd,kd->k", differences, differences)


def match_mutual(
    first: NDArray[np.generic], second: NDArray[np.generic], ratio: float, allowed: NDArray[np.bool_] | None = None
) -> NDArray[np.uint32]:
    """Matches two images' descriptors [N, D] and [M, D]: mutual nearest neighbours that pass the ratio test.

    Args:
        first: descriptors of one image.
        second: descriptors of the other.
        ratio: the largest nearest / second-nearest distance, seen from the first image.
        allowed: pairs [N, M] that may match (the known epipolar geometry); all if None.

    Returns:
        Index pairs, uint32 [K, 2].
    """
    if not len(first) or not len(second):
        return np.zeros((0, 2), np.uint32)
    a, b = first.astype(np.float32), second.astype(np.float32)
    squares = np.einsum("nd,nd->n", a, a)[:, None] + np.einsum("md,md->m", b, b)
    distances = squares - 2.0 * (a @ b.T)  # [N, M] squared
    if allowed is not None:
        distances[~allowed] = np.inf
    every = np.arange(len(a))
    nearest = distances.argmin(axis=1)
    best = distances[every, nearest]
    mutual = (distances.argmin(axis=0)[nearest] == every) & np.isfinite(best)
    distances[every, nearest] = np.inf
    keep = mutual & (best < ratio**2 * distances.min(axis=1))
    return np.stack([every[keep], nearest[keep]], axis=1).astype(np.uint32)
