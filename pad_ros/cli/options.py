"""What several commands share: the default profile, and files of images from the command line."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pad_ros.errors import ConfigError
from pad_ros.images import list_images

DEFAULT_PROFILE = "cpu"


def image_paths(names: Sequence[Path], output: Path | None = None) -> list[Path]:
    """The image files that are named, and those below the folders that are named, without those below `output`.

    Raises:
        ConfigError: one is not there, or there are no images at all.
    """
    paths: list[Path] = []
    for name in names:
        if name.is_dir():
            paths += [path for path in list_images(name) if not _is_below(path, output)]
        elif name.exists():
            paths.append(name)
        else:
            raise ConfigError(f"{name}: no such file or folder")
    if not paths:
        raise ConfigError(f"no images in {', '.join(map(str, names))}")
    return paths


def _is_below(path: Path, folder: Path | None) -> bool:
    return folder is not None and path.resolve().is_relative_to(folder.resolve())
