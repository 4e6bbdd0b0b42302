"""The first call of a stage is the slowest: nodes make it before they say that they are ready. Imports no ROS."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from pad_ros.errors import PadError
from pad_ros.geometry import Matrix
from pad_ros.results import Reference


def warm_up(inspector: Any, stage: Callable[[Matrix, Reference], Any]) -> None:
    """Calls a stage once on the twin, as the map's first view shows it; its answer, or refusal, is dropped.

    Args:
        inspector: without a map in its product, nothing is done.
        stage: takes the camera-to-object pose [4, 4] and the twin in that pose.
    """
    sfm_map = getattr(inspector.product, "sfm_map", None)
    if sfm_map is None:
        return
    pose = sfm_map.view_poses[0]
    with suppress(PadError):
        stage(pose, inspector.render(pose))
