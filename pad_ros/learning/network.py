"""The networks that learn: small U-Nets at half of the image's resolution."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional


class UNet(nn.Module):
    """[N, channels, H, W] to logits [N, 1, H, W], H and W multiples of the last level's stride."""

    def __init__(self, channels: int, widths: Sequence[int]) -> None:
        """Makes the network: a level for each width, of strides 2, 4, 8 and so on."""
        super().__init__()
        self.channels, self.stride = channels, 2 ** len(widths)
        self.stem = nn.PixelUnshuffle(2)
        inputs = (4 * channels, *widths[:-1])
        self.down = nn.ModuleList(_block(a, b) for a, b in zip(inputs, widths, strict=True))
        above = list(zip(widths[1:], widths[:-1], strict=True))[::-1]
        self.up = nn.ModuleList(_block(deep + flat, flat) for deep, flat in above)
        self.head = nn.Sequential(nn.Conv2d(widths[0], 4, 1), nn.PixelShuffle(2))
        nn.init.constant_(self.head[0].bias, -4.0)  # what is asked for is rare

    def forward(self, inputs: Tensor) -> Tensor:
        """The logits."""
        levels = []
        x = self.stem(inputs)
        for index, block in enumerate(self.down):
            x = block(x if index == 0 else functional.max_pool2d(x, 2))
            levels.append(x)
        for block, flat in zip(self.up, levels[-2::-1], strict=True):
            x = block(torch.cat([functional.interpolate(x, scale_factor=2.0, mode="nearest"), flat], dim=1))
        result: Tensor = self.head(x)
        return result


def _block(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, padding=1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
        nn.Conv2d(outputs, outputs, 3, padding=1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )
