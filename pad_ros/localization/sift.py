"""SIFT by OpenCV, by default with RootSIFT descriptors: no weights, and the best of what was measured on two cores."""

from __future__ import annotations

import cv2
import numpy as np

from pad_ros.errors import ConfigError
from pad_ros.images import scaled_by, shrink_factor
from pad_ros.localization.features import Features
from pad_ros.results import Image, Mask


class SiftFeatures:
    """SIFT keypoints (Lowe 2004) with RootSIFT descriptors (Arandjelovic and Zisserman 2012) as uint8 [N, 128]."""

    descriptor_length = 512.0  # components above 255, half of that, are clipped

    def __init__(
        self, max_keypoints: int = 2048, contrast_threshold: float = 0.02, root: bool = True, size: int | None = None
    ) -> None:
        """Checks the settings.

        Args:
            max_keypoints: the strongest that are kept.
            contrast_threshold: OpenCV's; smaller finds fainter keypoints.
            root: RootSIFT (Hellinger distance) instead of plain SIFT descriptors.
            size: the longer side of what it looks at, in pixels; smaller images are not enlarged. None: never shrunk.

        Raises:
            ConfigError: a setting out of range.
        """
        if max_keypoints < 1:
            raise ConfigError(f"sift: max_keypoints must be at least 1, got {max_keypoints}")
        if not 0 < contrast_threshold < 1:
            raise ConfigError(f"sift: contrast_threshold must be between 0 and 1, got {contrast_threshold}")
        self._max_keypoints = int(max_keypoints)
        self._contrast_threshold = float(contrast_threshold)
        self._root = bool(root)
        if size is not None and size < 1:
            raise ConfigError(f"sift: size must be at least 1 pixel, or null, got {size}")
        self._size = size

    def extract(self, image: Image, mask: Mask | None = None) -> Features:
        """Extracts the features of an RGB image [H, W, 3], only those inside `mask` [H, W] if given."""
        # One detector per call: cv2.SIFT keeps state. Without the precise upscaling every keypoint is 0.25 px off.
        sift = cv2.SIFT.create(
            nfeatures=self._max_keypoints, contrastThreshold=self._contrast_threshold, enable_precise_upscale=True
        )
        factor = shrink_factor(image.shape, self._size)
        grey = scaled_by(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), factor)
        area = None if mask is None else np.ascontiguousarray(scaled_by(mask, factor), dtype=np.uint8)
        found, descriptors = sift.detectAndCompute(grey, area)
        if not found or descriptors is None:
            return Features(np.zeros((0, 2), np.float32), np.zeros((0, 128), np.uint8))
        keypoints = np.array([point.pt for point in found], np.float32) + np.float32(0.5)  # OpenCV's centres are at 0
        scale = np.array([image.shape[1] / grey.shape[1], image.shape[0] / grey.shape[0]], np.float32)
        return Features(keypoints * scale, self._quantise(descriptors))

    def _quantise(self, descriptors: np.ndarray) -> np.ndarray:
        if self._root:
            descriptors = np.sqrt(descriptors / np.maximum(descriptors.sum(axis=1, keepdims=True), 1e-12))
        else:
            descriptors = descriptors / np.maximum(np.linalg.norm(descriptors, axis=1, keepdims=True), 1e-12)
        return np.minimum(np.rint(descriptors * self.descriptor_length), 255).astype(np.uint8)
