"""The part's surroundings, cut out and shrunk, and what every segmenter with a silhouette asks of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from pad_ros.background.segmentation.added import against_nearby
from pad_ros.background.segmentation.colours import FOREIGN, SHADES, Colours, background_nearby
from pad_ros.errors import ConfigError, ImageError, NoObjectError
from pad_ros.images import box_around, scaled_by, shrink_factor
from pad_ros.results import Image, Map, Mask

RING = 0.25  # a reach, as a share of the square root of the silhouette's area
MARGIN = 3  # reaches around the silhouette that are looked at
EDGE = 4  # how far the silhouette may be wrong, in pixels
_SMALLEST_SIZE = 64
_LEAST_PART = 0.15  # share of the silhouette that must be unlike the background


@dataclass(frozen=True)
class Surroundings:
    """The part's surroundings [h, w].

    Attributes:
        image: RGB, [h, w, 3].
        inside: the silhouette, [h, w].
        reach: what is further from it, in pixels, is background.
        outwards: how far from it a pixel is, in pixels, [h, w].
        lab: CIELAB, [h, w, 3].
        nearby: that of the background nearby, [h, w, 3].
        commonness: of each pixel's colour in the background, lit or shaded, as a share of its pixels, [h, w].
    """

    image: Image
    inside: Mask
    reach: int
    outwards: NDArray[np.float32]
    lab: NDArray[np.float32]
    nearby: NDArray[np.float32]
    commonness: Map

    @classmethod
    def of(cls, image: Image, inside: Mask, reach: int, edge: int) -> Surroundings:
        """Looks at an image [h, w, 3] around a silhouette [h, w] that may be `edge` pixels wrong.

        Raises:
            NoObjectError: there is no background.
        """
        outwards = np.asarray(cv2.distanceTransform((~inside).astype(np.uint8), cv2.DIST_L2, 5), np.float32)
        beyond = outwards > reach
        if not beyond.any():
            raise NoObjectError("the part fills the image: there is no background around it")
        lab = np.asarray(cv2.cvtColor(image.astype(np.float32) / np.float32(255.0), cv2.COLOR_RGB2LAB), np.float32)
        commonness = Colours.of(image, beyond, SHADES).at(image)
        return cls(image, inside, reach, outwards, lab, background_nearby(lab, outwards > edge, reach), commonness)

    def differences(self) -> tuple[Mask, Mask, Mask]:
        """What has foreign colours, what differs from the background nearby, what could be its shadow, each [h, w]."""
        different, shaded = against_nearby(self.lab, self.nearby)
        return self.commonness < FOREIGN, different, shaded

    def unlike_background(self) -> tuple[Mask, Mask, Mask]:
        """The differences, of which a part has some.

        Raises:
            NoObjectError: the inside has hardly anything of the first two.
        """
        foreign, different, shaded = self.differences()
        if (foreign | different)[self.inside].mean() < _LEAST_PART:
            raise NoObjectError("the part's place looks like the background around it: no part there")
        return foreign, different, shaded


def check_size(name: str, size: int | None) -> None:
    """Refuses a size to which surroundings cannot be shrunk.

    Raises:
        ConfigError: it is too small.
    """
    if size is not None and size < _SMALLEST_SIZE:
        raise ConfigError(f"{name}: size must be at least {_SMALLEST_SIZE} pixels, or null, got {size}")


def reach_of(silhouette: Mask, ring: float, edge: int) -> int:
    """How far an added part may stick out of a silhouette [H, W], in pixels: a share of the square root of its area."""
    return max(edge + 2, round(ring * float(np.sqrt(np.count_nonzero(silhouette)))))


def shows_background(image: Image, mask: Mask) -> Mask:
    """Where an image [H, W, 3] looks inside a mask [H, W] as the background around it does: something is missing there.

    Its colours are common in the background, lit or shaded, and it does not differ from the background nearby.
    """
    reach = reach_of(mask, RING, EDGE)
    window = box_around(mask, MARGIN * reach)
    result = np.zeros_like(mask)
    try:
        around = Surroundings.of(np.ascontiguousarray(image[window]), mask[window], reach, EDGE)
    except NoObjectError:  # no background is in sight
        return result
    foreign, different, _ = around.differences()
    result[window] = around.inside & ~foreign & ~different
    return result


def segment_around(
    image: Image,
    silhouette: Mask,
    ring: float,
    edge: int,
    margin: int,
    size: int | None,
    segment: Callable[[Surroundings], Mask],
) -> Mask:
    """The mask [H, W] that a function makes of the surroundings [h, w] of a silhouette [H, W] in an image [H, W, 3].

    Args:
        image: RGB.
        silhouette: of the twin.
        ring: how far an added part may stick out, as a share of the square root of the silhouette's area: a reach.
        edge: how far the silhouette may be wrong, in pixels.
        margin: how many reaches around the silhouette belong to its surroundings.
        size: these are shrunk to so many pixels on the longer side; None: never.
        segment: makes a mask [h, w] of surroundings [h, w].

    Raises:
        ImageError: the two differ in size.
        NoObjectError: the silhouette is empty, or there is no background.
    """
    if image.shape[:2] != silhouette.shape:
        raise ImageError(f"cannot segment an image of {image.shape[:2]} with a silhouette of {silhouette.shape}")
    if not silhouette.any():
        raise NoObjectError("the silhouette is empty: the part is not in view of the estimated pose")
    reach = reach_of(silhouette, ring, edge)
    window = box_around(silhouette, margin * reach)
    factor = shrink_factor(silhouette[window].shape, size)
    crop, inside = np.ascontiguousarray(scaled_by(image[window], factor)), scaled_by(silhouette[window], factor)
    mask = segment(Surroundings.of(crop, inside, max(edge + 2, round(factor * reach)), edge))
    result = np.zeros_like(silhouette)
    result[window] = _enlarged(mask, silhouette[window].shape)
    return result


def _enlarged(mask: Mask, shape: tuple[int, ...]) -> Mask:
    """A mask in the size before it was shrunk, [H, W]."""
    if mask.shape == shape:
        return mask
    return np.asarray(cv2.resize(mask.astype(np.float32), shape[::-1], interpolation=cv2.INTER_LINEAR)) >= 0.5
