"""Trains a network on exercises, and writes it as ONNX."""

from __future__ import annotations

import io
import math
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional
from torch.utils.data import DataLoader, Dataset

from pad_ros.common.files import replacing
from pad_ros.common.progress import Progress
from pad_ros.learning.exercises import Exercise
from pad_ros.learning.network import UNet

Draw = Callable[[int, int, np.random.Generator], list[Exercise]]
Loss = Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class Task:
    """What a network learns.

    Attributes:
        channels: of its input.
        widths: of its levels.
        tools: makes, once in each process, what draws from one image so many crops of so many pixels.
        loss: of the input [N, C, h, w], the logits, the truth and its weight, each [N, h, w].
    """

    channels: int
    widths: tuple[int, ...]
    tools: Callable[[], Draw]
    loss: Loss


@dataclass(frozen=True)
class Settings:
    """How the network is trained; `steps` of `batch` crops of `crop` pixels, `per_image` of them from one image."""

    steps: int = 4000
    batch: int = 16
    crop: int = 160
    per_image: int = 8
    rate: float = 2e-3
    decay: float = 1e-3
    seed: int = 0


def train(
    task: Task,
    settings: Settings,
    checkpoint: Path,
    progress: Progress,
    device: str = "cpu",
    save_every_s: float = 60.0,
) -> UNet:
    """Trains the network; goes on from the checkpoint, if there is one of the same settings."""
    torch.manual_seed(settings.seed)
    network = UNet(task.channels, task.widths).to(
        device, memory_format=torch.channels_last
    )  # five times as fast on a CPU
    optimizer = torch.optim.AdamW(network.parameters(), lr=settings.rate, weight_decay=settings.decay)
    averaged = {name: value.detach().clone() for name, value in network.state_dict().items()}
    start = 0
    if checkpoint.is_file():
        state = torch.load(checkpoint, map_location=device, weights_only=True)
        if state["settings"] == vars(settings):
            network.load_state_dict(state["network"])
            optimizer.load_state_dict(state["optimizer"])
            start, averaged = state["step"], state["averaged"]
    # On a CPU not beside the step before: drawing and PyTorch would take each other's cores, which is slower.
    beside = 0 if device == "cpu" else os.cpu_count() or 1
    loader = DataLoader(_Draws(task, settings), None, sampler=range(start, settings.steps), num_workers=beside)
    losses: list[float] = []
    saved = time.monotonic()
    for step, drawn in enumerate(loader, start):
        inputs, truth, weight = (tensor.to(device) for tensor in drawn)
        inputs = inputs.contiguous(memory_format=torch.channels_last)
        for group in optimizer.param_groups:
            group["lr"] = settings.rate * _schedule(step, settings.steps)
        network.train()
        with torch.autocast(device, torch.bfloat16, enabled=device != "cpu"):
            logits = network(inputs)[:, 0]
        loss = task.loss(inputs, logits.float(), truth, weight)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        _average(averaged, network, min(0.998, (1 + step) / (10 + step)))
        losses.append(float(loss.detach()))
        if time.monotonic() - saved >= save_every_s or step + 1 == settings.steps:
            saved = time.monotonic()
            state = {
                "settings": vars(settings),
                "network": network.state_dict(),
                "optimizer": optimizer.state_dict(),
                "averaged": averaged,
                "step": step + 1,
            }
            with replacing(checkpoint) as partial:
                torch.save(state, partial)
        progress(step + 1, settings.steps, f"loss {np.mean(losses[-100:]):.4f}")
    network.load_state_dict(averaged)
    return network.eval()


def loss_of(logits: Tensor, truth: Tensor, weight: Tensor) -> Tensor:
    """Focal cross-entropy and Dice loss of logits [N, h, w] where the weight [N, h, w] is not 0."""
    probability = torch.sigmoid(logits)
    entropy = functional.binary_cross_entropy_with_logits(logits, truth, reduction="none")
    miss = torch.where(truth > 0.5, 1 - probability, probability)
    focal = (weight * entropy * (0.05 + miss**2)).mean(dim=(1, 2)) * 20
    overlap = (weight * probability * truth).sum(dim=(1, 2))
    total = (weight * (probability + truth)).sum(dim=(1, 2))
    dice = 1 - (2 * overlap + 10) / (total + 10)
    return (focal + dice).mean()


def export(network: UNet) -> bytes:
    """The network as ONNX with free height and width, self-contained."""
    buffer = io.BytesIO()
    example = torch.zeros(1, network.channels, 8 * network.stride, 8 * network.stride)
    axes = {"input": {0: "n", 2: "h", 3: "w"}, "logits": {0: "n", 2: "h", 3: "w"}}
    torch.onnx.export(
        network.cpu().eval(),
        (example,),
        buffer,
        input_names=["input"],
        output_names=["logits"],
        dynamic_axes=axes,
        dynamo=False,
    )
    return buffer.getvalue()


class _Draws(Dataset[list[Tensor]]):
    """Batches of exercises: each step's depend on the seed and the step alone."""

    def __init__(self, task: Task, settings: Settings) -> None:
        self._task, self._settings = task, settings
        self._draw: Draw | None = None  # of each process's own

    def __getitem__(self, step: int) -> list[Tensor]:
        if self._draw is None:
            self._draw = self._task.tools()
        settings = self._settings
        exercises: list[Exercise] = []
        for index in range(math.ceil(settings.batch / settings.per_image)):
            rng = np.random.default_rng([settings.seed, step, index])
            exercises += self._draw(settings.crop, settings.per_image, rng)
        columns = (
            np.stack([getattr(e, name) for e in exercises[: settings.batch]]) for name in Exercise.__dataclass_fields__
        )
        return [torch.from_numpy(column) for column in columns]


def _schedule(step: int, steps: int) -> float:
    warm = min(1.0, (step + 1) / 100)
    return warm * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * step / steps)))


def _average(averaged: dict[str, Tensor], network: UNet, keep: float) -> None:
    for name, value in network.state_dict().items():
        if value.dtype.is_floating_point:
            averaged[name].mul_(keep).add_(value.detach(), alpha=1 - keep)
        else:
            averaged[name].copy_(value)
