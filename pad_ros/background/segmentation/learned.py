"""A small network that has learned on other objects what is part and what is belt (see `pad_ros.learning`)."""

from __future__ import annotations

import hashlib
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from pad_ros.background.segmentation.added import blocks, reached, touching
from pad_ros.background.segmentation.colours import Colours
from pad_ros.background.segmentation.surroundings import EDGE, MARGIN, RING, Surroundings, check_size, segment_around
from pad_ros.common.onnx_session import open_session, read_weights
from pad_ros.results import Image, Mask

CHANNELS = 10  # of the network's input
STRIDE = 32  # sides of the network's input are multiples of this
SILHOUETTE = 3  # which channel it is
_FAINT = -6.0  # the rarest colours, as a power of ten


def network_input(around: Surroundings) -> NDArray[np.float32]:
    """What the network sees of the part's surroundings, [10, h, w] in -1…1; both sides padded to multiples of STRIDE.

    The image; the silhouette, and how far away from it a pixel is; how common its colour is in the background, lit or
    shaded, and inside the silhouette; and by how much it differs from the background nearby, in CIELAB.
    """
    height, width = around.inside.shape
    padded = np.zeros((CHANNELS, height + -height % STRIDE, width + -width % STRIDE), np.float32)
    planes = padded[:, :height, :width]
    planes[:3] = around.image.transpose(2, 0, 1) / np.float32(255.0)
    planes[SILHOUETTE] = around.inside
    planes[4] = np.minimum(around.outwards / np.float32(4 * around.reach), 1.0)
    planes[5] = _power(around.commonness)
    planes[6] = _power(Colours.of(around.image, around.inside).at(around.image))
    planes[7:] = np.clip((around.lab - around.nearby) / np.float32(100.0), -1, 1).transpose(2, 0, 1)
    padded[:, :height, width:] = planes[:, :, -1:]
    padded[:, height:] = padded[:, height - 1 : height]
    return padded


def _power(share: NDArray[np.float32]) -> NDArray[np.float32]:
    """The power of ten of shares [h, w], from that of the faintest as 0 to that of all as 1."""
    return np.asarray(1.0 - np.log10(np.maximum(share, 10**_FAINT)) / _FAINT, np.float32)


class LearnedSegmenter:
    """Asks a network, given the twin's silhouette, which pixels around it belong to the part: added ones too."""

    weights = Path(__file__).parent / "weights" / "part.onnx"
    own_sha256 = "512173561edd00ff46b7a4a0f9ba3c46674a6372a5e57e389841e2d293010516"

    def __init__(self, weights: str = "", size: int | None = 400, threads: int = 2) -> None:
        """Loads the network.

        Args:
            weights: another network's file, made by `make segmentation`; empty for the one that ships.
            size: it looks at the part's surroundings shrunk to so many pixels on the longer side; None: never shrunk.
            threads: how many threads ONNX Runtime uses.

        Raises:
            ConfigError: a setting is out of range.
            ProductError: the file cannot be read, or the one that ships is altered.
        """
        check_size("segmentation 'learned'", size)
        self._size = size
        model = read_weights(Path(weights)) if weights else read_weights(self.weights, self.own_sha256)
        self.sha256 = hashlib.sha256(model).hexdigest()
        self._session = open_session(model, threads)

    def segment(self, image: Image, silhouette: Mask) -> Mask:
        """Finds the part in an image [H, W, 3], given the mask [H, W] that the twin would have.

        Raises:
            ImageError: the two differ in size.
            NoObjectError: the silhouette is empty or its inside looks like the background.
        """
        return segment_around(image, silhouette, RING, EDGE, MARGIN, self._size, self._segment)

    def _segment(self, around: Surroundings) -> Mask:
        inside = around.inside
        _, different, shaded = around.unlike_background()
        height, width = inside.shape
        found = self._session.run(None, {"input": network_input(around)[None]})[0][0, 0][:height, :width] > 0
        part = touching(found | inside, inside)
        # What it missed and cannot be background.
        added = blocks(different & ~shaded, inside, part, around.outwards, around.reach)
        added &= ~reached(around.lab, around.outwards, around.reach)
        return (part & (found | ~inside)) | (cv2.dilate(added.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0)
