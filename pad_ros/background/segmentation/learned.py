"""A small network that has learned on other objects what is part and what is belt (see `pad_ros.learning`)."""

from __future__ import annotations

import hashlib
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from pad_ros.background.segmentation.added import DIFFERENT, against_nearby, blocks, enlarged, reached, touching
from pad_ros.background.segmentation.colours import FOREIGN, SHADES, Colours, background_nearby
from pad_ros.common.onnx_session import open_session, read_weights
from pad_ros.errors import ConfigError, ImageError, NoObjectError
from pad_ros.images import box_around, scaled_by, shrink_factor
from pad_ros.results import Image, Mask

CHANNELS = 10  # of the network's input
STRIDE = 32  # sides of the network's input are multiples of this
RING = 0.25  # a reach, as a share of the square root of the silhouette's area
SILHOUETTE = 3  # which channel it is
MARGIN = 3  # reaches around the silhouette that it looks at
_EDGE = 4  # how far the silhouette may be wrong, in pixels
_FAINT = -6.0  # the rarest colours, as a power of ten
_RARE = 1.0 - float(np.log10(FOREIGN)) / _FAINT
_SMALLEST_SIZE = 64
_LEAST_PART = 0.15  # share of the silhouette that must be unlike the background


def network_input(image: Image, inside: Mask, reach: int) -> NDArray[np.float32]:
    """What the network sees of the part's surroundings, [10, h, w] in -1…1; both sides padded to multiples of STRIDE.

    The image; the silhouette, and how far away from it a pixel is; how common its colour is in the background, lit or
    shaded, and inside the silhouette; and by how much it differs from the background nearby, in CIELAB.

    Args:
        image: RGB [h, w, 3].
        inside: the silhouette [h, w].
        reach: what is further from the silhouette, in pixels, is background for sure.

    Raises:
        NoObjectError: there is no background.
    """
    outwards = cv2.distanceTransform((~inside).astype(np.uint8), cv2.DIST_L2, 5)  # [h, w] pixels
    beyond = outwards > reach
    if not beyond.any():
        raise NoObjectError("the part fills the image: there is no background around it")
    lab = np.asarray(cv2.cvtColor(image.astype(np.float32) / np.float32(255.0), cv2.COLOR_RGB2LAB), np.float32)
    height, width = inside.shape
    padded = np.zeros((CHANNELS, height + -height % STRIDE, width + -width % STRIDE), np.float32)
    planes = padded[:, :height, :width]
    planes[:3] = image.transpose(2, 0, 1) / np.float32(255.0)
    planes[SILHOUETTE] = inside
    planes[4] = np.minimum(outwards / np.float32(4 * reach), 1.0)
    planes[5] = _power(Colours.of(image, beyond, SHADES).at(image))
    planes[6] = _power(Colours.of(image, inside).at(image))
    change = lab - background_nearby(lab, outwards > _EDGE, reach)
    planes[7:] = np.clip(change / np.float32(100.0), -1, 1).transpose(2, 0, 1)
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

    def __init__(self, weights: str = "", size: int = 400, threads: int = 2) -> None:
        """Loads the network.

        Args:
            weights: another network's file, made by `make segmentation`; empty for the one that ships.
            size: it looks at the part's surroundings shrunk to so many pixels on the longer side.
            threads: how many threads ONNX Runtime uses.

        Raises:
            ConfigError: a setting is out of range.
            ProductError: the file cannot be read, or the one that ships is altered.
        """
        if size < _SMALLEST_SIZE:
            raise ConfigError(f"segmentation 'learned': size must be at least {_SMALLEST_SIZE} pixels, got {size}")
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
        if image.shape[:2] != silhouette.shape:
            raise ImageError(f"cannot segment an image of {image.shape[:2]} with a silhouette of {silhouette.shape}")
        if not silhouette.any():
            raise NoObjectError("the silhouette is empty: the part is not in view of the estimated pose")
        reach = reach_of(silhouette)
        window = box_around(silhouette, MARGIN * reach)
        factor = shrink_factor(silhouette[window].shape, self._size)
        crop, inside = scaled_by(image[window], factor), scaled_by(silhouette[window], factor)
        height, width = inside.shape
        inputs = network_input(np.ascontiguousarray(crop), inside, max(_EDGE + 2, round(factor * reach)))
        logits = self._session.run(None, {"input": inputs[None]})[0][0, 0][:height, :width]
        inputs = inputs[:, :height, :width]
        unlike = (inputs[5] < _RARE) | (100.0 * np.abs(inputs[7:]).sum(axis=0) > DIFFERENT)
        if unlike[inside].mean() < _LEAST_PART:
            raise NoObjectError("the part's place looks like the background around it: no part there")
        part = _with_blocks(crop, inside, logits > 0, max(_EDGE + 2, round(factor * reach)))
        result = np.zeros_like(silhouette)
        result[window] = enlarged(part, silhouette[window].shape)
        return result


def reach_of(silhouette: Mask) -> int:
    """What is further from a silhouette [H, W] than so many pixels is background for sure, but for long added parts."""
    return max(_EDGE + 2, round(RING * float(np.sqrt(np.count_nonzero(silhouette)))))


def _with_blocks(image: Image, inside: Mask, found: Mask, reach: int) -> Mask:
    """What the network found and hangs together with the silhouette, and what it missed and cannot be background."""
    part = touching(found | inside, inside)
    lab = np.asarray(cv2.cvtColor(image.astype(np.float32) / np.float32(255.0), cv2.COLOR_RGB2LAB), np.float32)
    outwards = cv2.distanceTransform((~inside).astype(np.uint8), cv2.DIST_L2, 5)  # [h, w] pixels
    different, shaded = against_nearby(lab, outwards > _EDGE, reach)
    added = blocks(different & ~shaded, inside, part, outwards, reach) & ~reached(lab, outwards, reach)
    return (part & (found | ~inside)) | (cv2.dilate(added.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0)
