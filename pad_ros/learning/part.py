"""What the network of the learned segmentation learns: what is part beyond the silhouette of the good one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from torch import Tensor
from torch.nn import functional

from pad_ros.background.segmentation.learned import CHANNELS, SILHOUETTE
from pad_ros.learning.exercises import Exercise
from pad_ros.learning.outlines import Outlines, draw
from pad_ros.learning.train import Draw, Task, loss_of

WIDTHS = (16, 24, 48, 64, 96)
CROP = 320  # pixels
_INSIDE = 0.2  # of the loss: inside the silhouette the mask only says of which kind a defect is


def part_task(outlines: Sequence[Outlines]) -> Task:
    """The task of learning from the outlines of some objects."""
    return Task(CHANNELS, WIDTHS, lambda: _drawing(outlines), _loss)


def _drawing(outlines: Sequence[Outlines]) -> Draw:
    def drawn(crop: int, count: int, rng: np.random.Generator) -> list[Exercise]:
        return draw(outlines[int(rng.integers(len(outlines)))], crop, count, rng)

    return drawn


def _loss(inputs: Tensor, logits: Tensor, truth: Tensor, weight: Tensor) -> Tensor:
    inside = inputs[:, SILHOUETTE]
    entropy = functional.binary_cross_entropy_with_logits(logits, truth, reduction="none")
    return loss_of(logits, truth, weight * (1 - inside)) + _INSIDE * (weight * inside * entropy).mean()
