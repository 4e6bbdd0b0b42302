"""Features of any network of timm; EfficientNet-b4 is the paper's (section 3.3)."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pad_ros.anomaly.backbone import FeatureLevel
from pad_ros.common.torch_device import choose_device, inference, load_torch
from pad_ros.errors import BuildError, ConfigError
from pad_ros.weights.cache import sha256_of, weights_paths


class TimmBackbone:
    """All levels of a timm network: for EfficientNet-b4 five, with strides from 2 to 32."""

    def __init__(
        self, model: str = "efficientnet_b4", weights: str = "", device: str = "auto", half: bool = False
    ) -> None:
        """Makes the network and loads its weights.

        Args:
            model: timm's name.
            weights: a safetensors file; empty for those of EfficientNet-b4 that `pad weights` keeps.
            device: auto, cpu or cuda.
            half: half precision; for GPUs, a CPU is not faster with it.

        Raises:
            ConfigError: no such network, weights that are not its own, or a device that is not there.
            BuildError: there is no PyTorch or no timm.
            WeightsError: `pad weights fetch efficientnet_b4` was not run.
        """
        self._device, self._half = choose_device(f"backbone {model!r}", device), half
        self._torch = load_torch(f"backbone {model!r}")
        try:
            import timm
            from safetensors import safe_open
        except ImportError:
            raise BuildError(f"backbone {model!r} needs timm, which is not here: `make paper`") from None
        logging.getLogger("timm").setLevel(logging.ERROR)  # it tells of each weight of the classifier that is left out
        path = Path(weights).expanduser() if weights else weights_paths("efficientnet_b4")["model.safetensors"]
        try:
            network = timm.create_model(
                model, pretrained=True, features_only=True, pretrained_cfg_overlay={"file": str(path)}
            )
            with safe_open(str(path), framework="pt") as file:
                missing = set(network.state_dict()) - set(file.keys())
        except Exception as error:  # timm lets whatever its loaders raise through
            raise ConfigError(f"backbone {model!r}: cannot be made of {path} ({error})") from None
        if missing:  # timm leaves these as they were drawn, and says nothing
            raise ConfigError(f"backbone {model!r}: {path} are another network's weights, without {min(missing)}")
        self._network = network.eval().to(self._device)
        self.stride = max(network.feature_info.reduction())
        self.sha256 = sha256_of(path)
        self._mean = np.array(network.pretrained_cfg["mean"], np.float32) * 255.0
        self._std = np.array(network.pretrained_cfg["std"], np.float32) * 255.0

    def features(self, images: NDArray[Any]) -> list[FeatureLevel]:
        """Computes the levels [N, C, h, w] of RGB images [N, H, W, 3] with values 0…255.

        Raises:
            ConfigError: another shape, or sides that are not multiples of the stride.
        """
        if images.ndim != 4 or images.shape[3] != 3 or images.shape[1] % self.stride or images.shape[2] % self.stride:
            raise ConfigError(
                f"backbone: needs [N, H, W, 3] with H and W multiples of {self.stride}, got {images.shape}"
            )
        normalised = ((images.astype(np.float32) - self._mean) / self._std).transpose(0, 3, 1, 2)
        with inference(self._torch, self._device, self._half):
            levels = self._network(self._torch.from_numpy(np.ascontiguousarray(normalised)).to(self._device))
        return [level.float().cpu().numpy() for level in levels]
