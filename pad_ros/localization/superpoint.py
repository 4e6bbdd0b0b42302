"""SuperPoint (DeTone et al. 2018; paper, section 3.3) by transformers, with the settings and the grey image of hloc."""

from __future__ import annotations

import cv2
import numpy as np

from pad_ros.common.torch_device import choose_device, load_torch
from pad_ros.localization.features import Features
from pad_ros.localization.learned import DESCRIPTOR_LENGTH, check_positive, found_features, shrunk
from pad_ros.localization.networks import load_pretrained
from pad_ros.results import Image, Mask

_WHAT = "features 'superpoint'"
_CELL = 8  # pixels; what is over at the right and at the bottom is not looked at


class SuperPointFeatures:
    """SuperPoint keypoints and descriptors [N, 256]."""

    descriptor_length = DESCRIPTOR_LENGTH

    def __init__(
        self,
        max_keypoints: int = 4096,
        nms_radius: int = 3,
        threshold: float = 0.005,
        border: int = 4,
        size: int = 1024,
        device: str = "auto",
    ) -> None:
        """Loads the network.

        Args:
            max_keypoints: the strongest that are kept.
            nms_radius: no two keypoints are nearer than this many pixels.
            threshold: the smallest score of a keypoint.
            border: keypoints nearer to the border of what the network sees are dropped, in pixels.
            size: the longer side of what the network sees, in pixels; smaller images are not enlarged.
            device: auto, cpu or cuda.

        Raises:
            ConfigError: a setting out of range, a device that is not there, or another network's weights.
            BuildError: PyTorch or transformers is not installed.
            WeightsError: `pad weights fetch superpoint` was not run.
        """
        check_positive(_WHAT, max_keypoints=max_keypoints, nms_radius=nms_radius, threshold=threshold, size=size)
        self._size, self._border = size, border
        self._device = choose_device(_WHAT, device)
        self._torch = load_torch(_WHAT)
        self._network = load_pretrained(
            _WHAT,
            "SuperPointForKeypointDetection",
            "superpoint",
            max_keypoints=max_keypoints,
            nms_radius=nms_radius,
            keypoint_threshold=float(threshold),
            border_removal_distance=border,
        ).to(self._device)

    def extract(self, image: Image, mask: Mask | None = None) -> Features:
        """Extracts the features of an RGB image [H, W, 3], only those inside `mask` [H, W] if given."""
        seen = shrunk(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), self._size)  # [h, w]
        grey = self._torch.from_numpy(seen)[None, None].expand(1, 3, -1, -1).to(self._device)
        with self._torch.inference_mode():
            found = self._network(grey)
        height, width = seen.shape
        # Relative to the picture's size; the published code removes the keypoints at all borders, this one at two.
        pixels = np.rint(found.keypoints[0].cpu().numpy() * [width, height]).astype(np.float32)
        limits = np.array([width // _CELL, height // _CELL]) * _CELL - self._border
        inner = (pixels < limits).all(axis=1)
        descriptors = found.descriptors[0].float().cpu().numpy()
        return found_features(pixels[inner], descriptors[inner], seen.shape, image, mask)
