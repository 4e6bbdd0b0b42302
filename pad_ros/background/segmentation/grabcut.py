"""GrabCut seeded by the twin's silhouette, and a question of its own for what sticks out of it."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from pad_ros.background.segmentation.added import blocks, opened, reached, touching
from pad_ros.background.segmentation.surroundings import Surroundings, check_size, segment_around
from pad_ros.errors import ConfigError
from pad_ros.images import box_around
from pad_ros.results import Image, Mask

_MARGIN = 2  # reaches around the silhouette that it looks at


class GrabCut:
    """OpenCV's GrabCut (Rother et al., 2004) around a known silhouette.

    What is well inside the silhouette and unlike the background is part, what is well outside is background; GrabCut
    settles the rest. It would call most of an added part background, as that lies where background is expected. So in
    the ring around the silhouette the question is another: what hangs together with the part, and either has foreign
    colours (that the background, lit or shaded, does not have) or differs from the background nearby and cannot be a
    shadow? What one comes to from beyond the ring without crossing an edge is background whatever its colours.
    """

    sha256 = ""

    def __init__(self, ring: float = 0.25, edge: int = 4, iterations: int = 1, size: int | None = None) -> None:
        """Makes the segmenter.

        Args:
            ring: how far an added part may stick out, as a share of the square root of the silhouette's area.
            edge: how far the silhouette may be wrong, in pixels of what it looks at.
            iterations: of GrabCut.
            size: it looks at the part's surroundings shrunk to so many pixels on the longer side; None: never shrunk.

        Raises:
            ConfigError: a setting is out of range.
        """
        if not 0 < ring <= 1 or edge < 1 or iterations < 1:
            raise ConfigError(
                f"grabcut: needs 0 < ring <= 1, edge >= 1 and iterations >= 1, got {ring}, {edge} and {iterations}"
            )
        self._ring = ring
        self._edge = edge
        self._iterations = iterations
        check_size("grabcut", size)
        self._size = size

    def segment(self, image: Image, silhouette: Mask) -> Mask:
        """Finds the part in an image [H, W, 3], given the mask [H, W] that the twin would have.

        Raises:
            ImageError: the two differ in size.
            NoObjectError: the silhouette is empty or its inside looks like the background.
        """
        return segment_around(image, silhouette, self._ring, self._edge, _MARGIN, self._size, self._segment)

    def _segment(self, around: Surroundings) -> Mask:
        crop, inside, reach, outwards = around.image, around.inside, around.reach, around.outwards
        foreign, different, shaded = around.unlike_background()
        unlike = foreign | different
        inwards = cv2.distanceTransform(inside.astype(np.uint8), cv2.DIST_L2, 5)  # [h, w] pixels
        labels = np.full(inside.shape, cv2.GC_PR_BGD, np.uint8)
        labels[inside] = cv2.GC_PR_FGD
        labels[unlike & (inwards > self._edge)] = cv2.GC_FGD
        labels[outwards > self._edge] = cv2.GC_BGD
        part = np.zeros_like(inside)
        near = box_around(inside, reach)
        part[near] = self._cut(crop[near], labels[near])
        ring = (outwards <= reach) & ~part & ~reached(around.lab, outwards, reach)
        added = (
            touching(opened(foreign & ring, 3), part)
            | blocks(different & ~shaded, inside, part, outwards, reach) & ring
        )
        # Pixels at its edge are mixed with background, so they do not stand out enough by themselves.
        part |= cv2.dilate(added.astype(np.uint8), np.ones((3, 3), np.uint8)).astype(bool)
        return part

    def _cut(self, image: Image, labels: NDArray[np.uint8]) -> Mask:
        cv2.setRNGSeed(0)  # GrabCut starts its colour models with k-means
        models = np.zeros((1, 65)), np.zeros((1, 65))
        labels = np.ascontiguousarray(labels)
        cv2.grabCut(np.ascontiguousarray(image), labels, (0, 0, 0, 0), *models, self._iterations, cv2.GC_INIT_WITH_MASK)
        return (labels == cv2.GC_FGD) | (labels == cv2.GC_PR_FGD)
