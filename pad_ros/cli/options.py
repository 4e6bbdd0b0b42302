"""What several commands share: the default profile, and files of images from the command line."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pad_ros.errors import ConfigError
from pad_ros.images import list_images

DEFAULT_PROFILE = "cpu"


def image_paths(names: Sequence[Path]) -> list[Path]:
    """The image files that are named, and those below the folders that are named.

    Raises:
        ConfigError: one is not there, or there are no images at all.
    """
    paths: list[Path] = []
    for name in names:
        if name.is_dir():
            paths += list_images(name)
        elif name.exists():
            paths.append(name)
        else:
            raise ConfigError(f"{name}: no such file or folder")
    if not paths:
        raise ConfigError(f"no images in {', '.join(map(str, names))}")
    return paths
