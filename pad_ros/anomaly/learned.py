"""A difference that a small network has learned on other objects (see `pad_ros.learning`)."""

from __future__ import annotations

import hashlib
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from pad_ros.anomaly.backbone import Backbone
from pad_ros.anomaly.comparison import check_size, feature_distances, resized, surroundings
from pad_ros.anomaly.views import Views
from pad_ros.common.onnx_session import open_session, read_weights
from pad_ros.errors import ConfigError
from pad_ros.images import box_around, channel_max
from pad_ros.results import Image, Map, Mask

LEVELS = 5  # of the backbone's features
CHANNELS = 13 + LEVELS  # of the network's input
SIZE = 320  # pixels to which the part's surroundings are resized for the features
STRIDE = 16  # sides of the network's input are multiples of this


def features_input(backbone: Backbone, views: Views) -> NDArray[np.float32]:
    """The features' part of what the network sees: their normalised L1 distances in each level, [5, H, W] in 0…1.

    Far from the mask they are 0.
    """
    window = surroundings(views.mask)
    pair, _ = resized(views.test[window], views.augmented[window], SIZE, backbone.stride)
    rows, columns = views.mask[window].shape
    planes = np.zeros((LEVELS, *views.mask.shape), np.float32)
    for plane, level in zip(planes, feature_distances(views, backbone, pair), strict=True):
        plane[window] = cv2.resize(level, (columns, rows), interpolation=cv2.INTER_LINEAR)
    return planes


def network_input(
    test: Image,
    augmented: Image,
    transmittance: Map,
    object_mask: Mask,
    features: NDArray[np.float32],
    stride: int = 1,
) -> NDArray[np.float32]:
    """What the network sees, [18, H, W] in 0…1.

    The image T, the twin over the rebuilt background S_aug, |T - S_aug|; by how much T is out of the range of S_aug
    within a pixel, and S_aug out of that of T (0 where a shift by a pixel explains it); the residual transmittance;
    the test mask M_t; and how far the features are apart.

    Args:
        test: T, RGB [H, W, 3].
        augmented: S_aug, RGB [H, W, 3].
        transmittance: of the twin, [H, W].
        object_mask: M_t [H, W].
        features: of `features_input`, [5, H, W].
        stride: the pixels at the right and at the bottom are repeated until H and W are multiples of this.
    """
    colours = (plane for image in (test, augmented, cv2.absdiff(test, augmented)) for plane in cv2.split(image))
    height, width = object_mask.shape
    padded = np.empty((CHANNELS, height + -height % stride, width + -width % stride), np.float32)
    result = padded[:, :height, :width]
    planes = *colours, _out_of_range(test, augmented), _out_of_range(augmented, test)
    for own, plane in zip(result, planes, strict=False):
        np.divide(plane, np.float32(255.0), out=own)
    result[11], result[12], result[13:] = transmittance, object_mask, features
    padded[:, :height, width:] = result[:, :, -1:]
    padded[:, height:] = padded[:, height - 1 : height]
    return padded


def _out_of_range(image: Image, other: Image) -> NDArray[np.uint8]:
    """By how much an image is out of the range of the other's pixels nearby, in the worst channel, [H, W]."""
    near = np.ones((3, 3), np.uint8)
    above, below = cv2.subtract(image, cv2.dilate(other, near)), cv2.subtract(cv2.erode(other, near), image)  # from 0
    return channel_max(cv2.max(above, below))


class LearnedComparison:
    """Says how likely a real difference is, per pixel: not an edge, a glint, a shade or the belt.

    The map is the surprise `-log(1 - p)`: about p where p is small, and without bound where the network is certain.
    The network decides in a ring around the part too, where parts may have been added.
    """

    weights = Path(__file__).parent / "weights" / "difference.onnx"
    own_sha256 = "b6b7e318eb995d8c278df5806d06a276a5a3638142d01036620185d42cc71458"

    def __init__(self, backbone: Backbone, weights: str = "", ring: float = 0.25, threads: int = 2) -> None:
        """Loads the network.

        Args:
            backbone: where the features come from: the one that it learned with.
            weights: another network's file, made by `make comparison`; empty for the one that ships.
            ring: how far from the part an added one may stick out, as a share of the square root of its area.
            threads: how many threads ONNX Runtime uses.

        Raises:
            ConfigError: a setting is out of range, or the backbone has other levels.
            ProductError: the file cannot be read, or the one that ships is altered.
        """
        if not 0 <= ring <= 1:
            raise ConfigError(f"comparison: needs 0 <= ring <= 1, got {ring}")
        check_size(SIZE, backbone)
        levels = len(backbone.features(np.zeros((1, backbone.stride, backbone.stride, 3), np.uint8)))
        if levels != LEVELS:
            raise ConfigError(
                f"comparison 'learned': it learned from a backbone of {LEVELS} levels, this one has {levels}; take the "
                "comparison of profile `fast`"
            )
        self._ring, self._backbone = ring, backbone
        model = read_weights(Path(weights)) if weights else read_weights(self.weights, self.own_sha256)
        self.sha256 = hashlib.sha256(model + backbone.sha256.encode()).hexdigest()
        self._session = open_session(model, threads)

    def compare(self, views: Views) -> Map:
        """The anomaly map [H, W], 0 further than the ring from the mask [H, W]."""
        mask = views.mask
        reach = max(2, round(self._ring * float(np.sqrt(np.count_nonzero(mask)))))
        window = box_around(mask, reach)
        inputs = network_input(
            views.test[window],
            views.augmented[window],
            views.transmittance[window],
            views.object_mask[window],
            features_input(self._backbone, views)[(..., *window)],
            STRIDE,
        )
        logits = self._session.run(None, {"input": inputs[None]})[0][0, 0]
        height, width = mask[window].shape
        result = np.zeros(mask.shape, np.float32)
        result[window] = np.logaddexp(0.0, logits[:height, :width])  # -log(1 - sigmoid)
        far = cv2.distanceTransform((~mask).astype(np.uint8), cv2.DIST_L2, 5) > reach
        result[far] = 0.0
        return result
