"""What sticks out of the part: pieces that were added, as against structures and shadows of the background."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from pad_ros.images import channel_sum
from pad_ros.results import Mask

_DIFFERENT = 25.0  # L1 distance in CIELAB from the background nearby, which a missing part would uncover
_DARKEST_SHADOW = 0.18  # lightness under the part as a share of the background's nearby
_SAME_HUE = 10.0  # the same in a and b alone, which a shadow leaves
_FLAT = 85.0  # per cent of the places beyond the ring that have no edge: what changes more than they do is one,
_EDGE = (20.0, 40.0)  # and changes of L + a + b within a pixel between these


def blocks(standing_out: Mask, inside: Mask, part: Mask, outwards: NDArray[Any], reach: int) -> Mask:
    """What stands out of the background, hangs together with the part and ends within reach, [h, w].

    Args:
        standing_out: what differs from the background nearby and cannot be its shadow, [h, w].
        inside: the silhouette, [h, w].
        part: what is known to be part, [h, w].
        outwards: how far from the silhouette a pixel is, [h, w].
        reach: what goes on beyond it, in pixels, is a structure of the background: a gap, a rail.
    """
    # In the part's holes nothing can be seen going on, and what is nearby is not what is behind them.
    holes = ~inside & ~touching(~inside, outwards > reach)
    pieces = opened(standing_out & ~part & ~holes, 5)
    return touching(pieces, part) & ~touching(pieces, outwards > reach)


def opened(mask: Mask, size: int) -> Mask:
    """The mask without what is thinner than a disc of this diameter."""
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))
    return cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_OPEN, disc).astype(bool)


def touching(mask: Mask, other: Mask) -> Mask:
    """The connected components of a mask that touch another mask, or nearly."""
    _, components = cv2.connectedComponents(mask.astype(np.uint8), connectivity=8)
    return _among(components, cv2.dilate(other.astype(np.uint8), np.ones((5, 5), np.uint8)).astype(bool))


def _among(components: NDArray[Any], places: Mask) -> Mask:
    """The components, numbered from 1 in [h, w], that have pixels at some places [h, w]."""
    chosen = np.zeros(int(components.max()) + 1, bool)
    chosen[components[places]] = True
    chosen[0] = False
    return chosen[components]


def reached(lab: NDArray[Any], outwards: NDArray[Any], reach: int) -> Mask:
    """Where one comes to from beyond the ring without crossing an edge, and those edges, [h, w]."""
    square = np.ones((3, 3), np.uint8)
    lab = cv2.GaussianBlur(lab, (0, 0), 0.7)
    steps = channel_sum(cv2.dilate(lab, square) - cv2.erode(lab, square))  # [h, w]
    edge = np.clip(np.percentile(steps[outwards > reach], _FLAT), *_EDGE)
    flat = opened((steps < edge) & (outwards > 1), 3)
    _, components = cv2.connectedComponents(flat.astype(np.uint8), connectivity=4)
    return cv2.dilate(_among(components, outwards > reach).astype(np.uint8), square) > 0


def against_nearby(lab: NDArray[Any], nearby: NDArray[Any]) -> tuple[Mask, Mask]:
    """Which pixels differ from the background nearby, both in CIELAB [h, w, 3], and which could be its shadow."""
    change = np.abs(lab - nearby)
    brightness = lab[..., 0] / (nearby[..., 0] + np.float32(1e-6))
    shaded = (brightness > _DARKEST_SHADOW) & (brightness < 1) & (change[..., 1] + change[..., 2] < _SAME_HUE)
    return channel_sum(change) > _DIFFERENT, shaded
