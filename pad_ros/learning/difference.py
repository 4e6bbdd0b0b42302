"""What the network of the learned comparison learns: from lessons, where image and twin really differ."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from torch import Tensor

from pad_ros.anomaly.backbone import create_backbone
from pad_ros.anomaly.learned import CHANNELS
from pad_ros.anomaly.light import create_light
from pad_ros.learning.exercises import Exercise, Tools, draw
from pad_ros.learning.lessons import Lesson
from pad_ros.learning.train import Draw, Task, loss_of
from pad_ros.profiles import load_profile
from pad_ros.splatting.rasterize import create_rasterizer

WIDTHS = (24, 48, 96, 128)


def difference_task(lessons: Sequence[Lesson]) -> Task:
    """The task of learning from some lessons."""
    return Task(CHANNELS, WIDTHS, lambda: _drawing(lessons), _loss)


def _drawing(lessons: Sequence[Lesson]) -> Draw:
    anomaly = load_profile("cpu")["anomaly"]
    backbone = create_backbone({**anomaly["backbone"], "threads": 1})
    tools = Tools(create_rasterizer({"name": "cpu", "threads": 1}), create_light(anomaly["light"]), backbone)

    def drawn(crop: int, count: int, rng: np.random.Generator) -> list[Exercise]:
        lesson = lessons[int(rng.integers(len(lessons)))]
        return draw(lesson, tools, crop, count, rng)

    return drawn


def _loss(inputs: Tensor, logits: Tensor, truth: Tensor, weight: Tensor) -> Tensor:
    return loss_of(logits, truth, weight)
