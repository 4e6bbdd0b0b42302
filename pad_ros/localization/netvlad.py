"""NetVLAD (Arandjelović et al. 2018; paper, section 3.3) by hloc's code: one descriptor of a whole image."""

from __future__ import annotations

import logging

import numpy as np
from numpy.typing import NDArray

from pad_ros.common.torch_device import choose_device, load_torch
from pad_ros.errors import BuildError, ConfigError, ProductError
from pad_ros.localization.features import Features
from pad_ros.localization.learned import check_positive, shrunk
from pad_ros.localization.networks import hub_folder
from pad_ros.localization.retrieval import Ranking
from pad_ros.localization.sfm_map import SfmMap
from pad_ros.results import Image
from pad_ros.weights.cache import weights_paths

_WHAT = "retrieval 'netvlad'"


class NetVladRetrieval:
    """Ranks views by the cosine of their NetVLAD descriptors [4096] (VGG-16, Pittsburgh 30k, whitened)."""

    def __init__(self, size: int = 1024, device: str = "auto") -> None:
        """Loads the network.

        Args:
            size: the longer side of what the network sees, in pixels; smaller images are not enlarged.
            device: auto, cpu or cuda.

        Raises:
            ConfigError: a setting out of range, a device that is not there, or a file that is not NetVLAD's.
            BuildError: PyTorch or hloc is not installed.
            WeightsError: `pad weights fetch netvlad` was not run.
        """
        check_positive(_WHAT, size=size)
        self._size = size
        self._device = choose_device(_WHAT, device)
        self._torch = load_torch(_WHAT)
        try:
            from hloc.extractors.netvlad import NetVLAD
        except ImportError as error:
            raise BuildError(f"{_WHAT} needs hloc, which is not here ({error}): `make paper`") from None
        logging.getLogger("hloc").setLevel(logging.WARNING)
        (path,) = weights_paths("netvlad").values()
        try:
            # hloc looks for netvlad/VGG16-NetVLAD-Pitts30K.mat in torch.hub's folder, as `pad weights` keeps it.
            with hub_folder(self._torch, path.parent.parent):
                self._network = NetVLAD({"model_name": path.stem}).eval().to(self._device)
        except Exception as error:  # whatever SciPy and hloc let through
            reason = " ".join(str(error).split())
            raise ConfigError(f"{path}: no NetVLAD ({reason}); pad weights verify netvlad") from None

    def describe(self, image: Image) -> NDArray[np.float16]:
        """The descriptor [4096] of an image [H, W, 3], unit length."""
        seen = shrunk(image, self._size).transpose(2, 0, 1)[None]  # [1, 3, h, w]
        with self._torch.inference_mode():
            batch = self._torch.from_numpy(np.ascontiguousarray(seen)).to(self._device)
            found = self._network({"image": batch})["global_descriptor"][0]
        return found.float().cpu().numpy().astype(np.float16)

    def ranking(self, sfm_map: SfmMap) -> Ranking:
        """See `Retrieval`."""
        if sfm_map.view_descriptors is None:
            raise ProductError("the product's map was built without NetVLAD descriptors of its views; train it again")
        views = sfm_map.view_descriptors.astype(np.float32)  # [V, G]

        def rank(image: Image, features: Features, count: int) -> NDArray[np.intp]:
            similarities = views @ self.describe(image).astype(np.float32)
            return np.argsort(-similarities, kind="stable")[:count]

        return rank
