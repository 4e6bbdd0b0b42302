"""Localisation of an image in the part's SfM map: the interface, and how one is made."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from pad_ros.common.registry import create
from pad_ros.geometry import Camera
from pad_ros.localization.front_end import FrontEnd
from pad_ros.localization.sfm_map import SfmMap
from pad_ros.results import Image, PoseEstimate

IMPLEMENTATIONS = {
    "sfm_map": "pad_ros.localization.map_localizer:MapLocalizer",
    "views": "pad_ros.localization.view_localizer:ViewLocalizer",
}


class Localizer(Protocol):
    """Finds the camera-to-object pose of an image; safe to call from several threads."""

    def localize(self, image: Image) -> PoseEstimate:
        """Localises an RGB image [H, W, 3].

        Raises:
            NotLocalizedError: no pose is certain enough; says why.
            ImageError: not an image of this camera.
        """
        ...


def create_localizer(settings: Mapping[str, Any], sfm_map: SfmMap, camera: Camera, front_end: FrontEnd) -> Localizer:
    """Makes the localizer that `settings` describe: `name` and keyword arguments of its class.

    Raises:
        ConfigError: unknown name, or a setting that the localizer refuses.
        ProductError: the map lacks what the front end's retrieval needs.
    """
    own = {"sfm_map": sfm_map, "camera": camera, "front_end": front_end}
    localizer: Localizer = create("localization", IMPLEMENTATIONS, {**settings, **own})
    return localizer
