"""Squared differences of features and colours, as SplatPose+ compares; for comparing methods (`pad evaluate`)."""

from __future__ import annotations

import cv2
import numpy as np

from pad_ros.anomaly.backbone import Backbone
from pad_ros.anomaly.comparison import check_size, resized
from pad_ros.anomaly.views import Views
from pad_ros.errors import ConfigError
from pad_ros.results import Map

_STD = np.array([0.229, 0.224, 0.225], np.float32)  # ImageNet's, of colours in 0…1


class SquaredComparison:
    """The baseline's map (SplatPose+, train_render_eval.py).

    The sum over channels of the squared differences of the colours, in standard deviations of ImageNet, and of the
    features at each stride, smoothed. Nothing is normalised, so the levels with large features decide.
    """

    def __init__(
        self, backbone: Backbone, size: int = 224, levels: int = 4, sigma: float = 4.0, kernel: int = 9
    ) -> None:
        """Makes the comparison.

        Args:
            backbone: where the features come from.
            size: the longer side, in pixels, to which the images are resized for it.
            levels: how many of the backbone's strides count, the finest first; of each, its deepest level.
            sigma: of the map's Gaussian smoothing, in pixels of the resized images.
            kernel: its width in pixels; the baseline's 9 cuts a Gaussian of sigma 4 to nearly a box.

        Raises:
            ConfigError: a setting is out of range.
        """
        check_size(size, backbone)
        if levels < 1 or not sigma > 0 or kernel < 1 or kernel % 2 == 0:
            raise ConfigError(
                f"comparison: needs levels >= 1, sigma > 0 and an odd kernel, got {levels}, {sigma} and {kernel}"
            )
        self._backbone = backbone
        self.sha256 = backbone.sha256
        self._size, self._levels, self._sigma, self._kernel = size, levels, sigma, kernel

    def compare(self, views: Views) -> Map:
        """The anomaly map [H, W], 0 outside the mask [H, W]; of T, S_aug and the mask alone."""
        mask = views.mask
        augmented = np.where(mask[..., None], views.augmented, views.test)
        pair, _ = resized(views.test, augmented, self._size, self._backbone.stride)
        height, width = pair.shape[1:3]
        first, second = pair.astype(np.float32) / (255.0 * _STD)  # [h, w, 3]
        total = np.square(first - second).sum(axis=2)
        levels = zip(*views.features(self._backbone, pair), strict=True)
        by_stride = {one.shape[1:]: (one, other) for one, other in levels}  # the last of each
        for one, other in list(by_stride.values())[: self._levels]:  # [C, h', w'] each
            squares = np.square(one - other).sum(axis=0)
            total += cv2.resize(squares, (width, height), interpolation=cv2.INTER_LINEAR)
        smooth = cv2.GaussianBlur(total, (self._kernel, self._kernel), self._sigma)
        result = cv2.resize(smooth, (mask.shape[1], mask.shape[0]), interpolation=cv2.INTER_LINEAR)
        return np.where(mask, result, np.float32(0.0)).astype(np.float32, copy=False)
