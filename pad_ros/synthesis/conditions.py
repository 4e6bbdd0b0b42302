"""What may vary from test image to test image, beyond the paper: light, camera, dirt, belt and floor."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

VARIATIONS = ("light", "camera", "dirt", "surroundings")

# Conditions of an image are plain numbers and names, as they are stored in test_poses.json:
# one dictionary per variation that is switched on, none when it is off.
Conditions = dict[str, dict[str, Any]]


def draw_conditions(vary: Sequence[str], part: np.random.Generator, image: np.random.Generator) -> Conditions:
    """Draws an image's conditions: dirt and surroundings from its part's generator, the rest from its own."""
    raise NotImplementedError
