"""LaMa (paper, section 3.3): a network rebuilds the background, its large structures going on behind the part."""

from __future__ import annotations

import warnings

import numpy as np

from pad_ros.background.inpainting import dilate
from pad_ros.common.torch_device import choose_device, load_torch
from pad_ros.errors import ConfigError, NoObjectError
from pad_ros.results import Image, Mask
from pad_ros.weights.cache import weights_paths

_STRIDE = 8  # sides of its input are multiples of this


class Lama:
    """The big-lama network as TorchScript, on the whole image at its own resolution."""

    def __init__(self, dilation: int = 5, device: str = "auto") -> None:
        """Opens the network.

        Args:
            dilation: by how many pixels the mask is grown first.
            device: auto, cpu or cuda.

        Raises:
            ConfigError: a setting out of range, a device that is not there, or a file that is no TorchScript.
            BuildError: there is no PyTorch.
            WeightsError: `pad weights fetch lama` was not run.
        """
        if dilation < 0:
            raise ConfigError(f"inpainting 'lama': dilation must be >= 0, got {dilation}")
        self.dilation = dilation
        self._device = choose_device("inpainting 'lama'", device)
        self._torch = load_torch("inpainting 'lama'")
        (path,) = weights_paths("lama").values()
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", FutureWarning)  # of TorchScript's end; there is no other form
                self._network = self._torch.jit.load(str(path), map_location=self._device).eval()
        except RuntimeError as error:
            reason = str(error).splitlines()[0]
            raise ConfigError(f"{path}: no TorchScript ({reason}); pad weights verify lama") from None

    def inpaint(self, image: Image, mask: Mask) -> Image:
        """Rebuilds the pixels of the dilated mask [H, W] of an image [H, W, 3]; others keep their values.

        Raises:
            NoObjectError: the mask leaves no background to rebuild from.
        """
        unknown = dilate(mask, self.dilation)
        if unknown.all():
            raise NoObjectError("the part fills the image: there is no background to rebuild behind it")
        if not unknown.any():
            return image.copy()
        height, width = unknown.shape
        with self._torch.inference_mode():
            rebuilt = self._network(
                self._tensor(image.transpose(2, 0, 1) / np.float32(255.0)), self._tensor(unknown[None])
            )
        pixels = rebuilt[0, :, :height, :width].permute(1, 2, 0).float().cpu().numpy() * 255.0  # [H, W, 3]
        result = image.copy()
        result[unknown] = np.clip(np.rint(pixels[unknown]), 0, 255).astype(np.uint8)
        return result

    def _tensor(self, values: np.ndarray) -> object:
        """Channels [C, H, W], mirrored up to multiples of the stride, as [1, C, H', W'] on the device."""
        beyond = [(0, -side % _STRIDE) for side in values.shape[1:]]
        padded = np.pad(values.astype(np.float32), [(0, 0), *beyond], mode="symmetric")
        return self._torch.from_numpy(padded[None]).to(self._device)
