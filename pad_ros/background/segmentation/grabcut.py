"""GrabCut seeded by the twin's silhouette, and a question of its own for what sticks out of it."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from pad_ros.background.segmentation.colours import BackgroundColours
from pad_ros.errors import ConfigError, ImageError, NoObjectError
from pad_ros.results import Image, Mask


class GrabCut:
    """OpenCV's GrabCut (Rother et al., 2004) around a known silhouette.

    What is well inside the silhouette and has colours that the background, lit or shaded, does not have, is part; what
    is well outside is background; GrabCut settles the rest.
    It would call most of an added part background, as that lies where background is expected. So in the ring around the
    silhouette the question is another: which pixels have foreign colours and hang together with the part?
    """

    def __init__(self, ring: float = 0.25, edge: int = 4, iterations: int = 1) -> None:
        """Makes the segmenter.

        Args:
            ring: how far an added part may stick out, as a share of the square root of the silhouette's area.
            edge: how far the silhouette may be wrong, in pixels.
            iterations: of GrabCut.

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

    def segment(self, image: Image, silhouette: Mask) -> Mask:
        """Finds the part in an image [H, W, 3], given the mask [H, W] that the twin would have.

        Raises:
            ImageError: the two differ in size.
            NoObjectError: the silhouette is empty or its inside looks like the background.
        """
        if image.shape[:2] != silhouette.shape:
            raise ImageError(f"cannot segment an image of {image.shape[:2]} with a silhouette of {silhouette.shape}")
        if not silhouette.any():
            raise NoObjectError("the silhouette is empty: the part is not in view of the estimated pose")
        reach = max(self._edge + 2, round(self._ring * float(np.sqrt(np.count_nonzero(silhouette)))))
        window = _grown_box(silhouette, 2 * reach)
        crop, inside = np.ascontiguousarray(image[window]), silhouette[window]
        outwards = cv2.distanceTransform((~inside).astype(np.uint8), cv2.DIST_L2, 5)  # [h, w] pixels
        inwards = cv2.distanceTransform(inside.astype(np.uint8), cv2.DIST_L2, 5)
        colours = BackgroundColours.of(crop, outwards > reach)
        foreign = colours.foreign(crop)
        if foreign[inside].mean() < 0.1:
            raise NoObjectError("the part's place looks like the background around it: no part there")

        labels = np.full(inside.shape, cv2.GC_PR_BGD, np.uint8)
        labels[inside] = cv2.GC_PR_FGD
        labels[foreign & (inwards > self._edge)] = cv2.GC_FGD
        labels[outwards > self._edge] = cv2.GC_BGD
        part = self._cut(crop, labels)
        part |= self._added(foreign & (outwards <= reach) & ~part, part)
        result = np.zeros_like(silhouette)
        result[window] = part
        return result

    def _cut(self, image: Image, labels: NDArray[np.uint8]) -> Mask:
        cv2.setRNGSeed(0)  # GrabCut starts its colour models with k-means
        models = np.zeros((1, 65)), np.zeros((1, 65))
        cv2.grabCut(image, labels, (0, 0, 0, 0), *models, self._iterations, cv2.GC_INIT_WITH_MASK)
        return (labels == cv2.GC_FGD) | (labels == cv2.GC_PR_FGD)

    def _added(self, candidates: Mask, part: Mask) -> Mask:
        """The candidates that are more than a fringe and touch the part."""
        disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (3, 3))
        solid = cv2.morphologyEx(candidates.astype(np.uint8), cv2.MORPH_OPEN, disc)
        _, components = cv2.connectedComponents(solid, connectivity=8)
        touching = np.unique(components[cv2.dilate(part.astype(np.uint8), np.ones((5, 5), np.uint8)).astype(bool)])
        found = np.isin(components, touching[touching > 0])
        # Pixels at its edge are mixed with background, so they are not foreign enough by themselves.
        return cv2.dilate(found.astype(np.uint8), np.ones((3, 3), np.uint8)).astype(bool)


def _grown_box(mask: Mask, pad: int) -> tuple[slice, slice]:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return (
        slice(max(int(rows[0]) - pad, 0), int(rows[-1]) + pad + 1),
        slice(max(int(columns[0]) - pad, 0), int(columns[-1]) + pad + 1),
    )
