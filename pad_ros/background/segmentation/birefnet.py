"""BiRefNet (paper, section 3.3): the part by a network alone, whatever the twin says."""

from __future__ import annotations

import cv2
import numpy as np

from pad_ros.common.onnx_session import open_session
from pad_ros.errors import ConfigError, NoObjectError
from pad_ros.results import Image, Mask
from pad_ros.weights.cache import weights_paths

# ImageNet's, with which it was trained.
_MEAN = np.array([0.485, 0.456, 0.406], np.float32)
_STD = np.array([0.229, 0.224, 0.225], np.float32)
_SIZE = 1024  # pixels, square


class BiRefNet:
    """Salient-object segmentation as ONNX, which needs neither PyTorch nor code from a hub."""

    sha256 = ""

    def __init__(self, threshold: float = 0.5, threads: int = 2, device: str = "auto") -> None:
        """Opens the network.

        Args:
            threshold: probability from which a pixel is the part.
            threads: on the CPU.
            device: auto, cpu or cuda.

        Raises:
            ConfigError: a setting out of range, or a device that is not there.
            WeightsError: `pad weights fetch birefnet` was not run.
        """
        if not 0 < threshold < 1:
            raise ConfigError(f"segmentation 'birefnet': threshold must be within (0, 1), got {threshold}")
        self._threshold = threshold
        (path,) = weights_paths("birefnet").values()
        self._session = open_session(path, threads, device)

    def segment(self, image: Image, silhouette: Mask) -> Mask:
        """Finds the part in an image [H, W, 3]; the twin's silhouette is not asked.

        Raises:
            NoObjectError: nothing there looks like a part.
        """
        height, width = image.shape[:2]
        scaled = cv2.resize(image, (_SIZE, _SIZE), interpolation=cv2.INTER_LINEAR)
        normalised = (scaled.astype(np.float32) / 255.0 - _MEAN) / _STD  # [S, S, 3]
        name = self._session.get_inputs()[0].name
        logits = self._session.run(None, {name: normalised.transpose(2, 0, 1)[None]})[-1][0, 0]  # [S, S]
        probability = 1.0 / (1.0 + np.exp(-logits.astype(np.float32)))
        mask = cv2.resize(probability, (width, height), interpolation=cv2.INTER_LINEAR) > self._threshold
        if not mask.any():
            raise NoObjectError("no part is visible in the image")
        return mask
