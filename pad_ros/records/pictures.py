"""The images kept beside the records: all that were not passed, and a sample of those that were."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np

from pad_ros.common.files import replacing
from pad_ros.errors import ConfigError
from pad_ros.images import encode_png
from pad_ros.results import Image, Map

FOLDER = "pictures"
_HEAT = ".heat.npz"
_KINDS = {b"\xff\xd8": ".jpg", b"\x89PNG": ".png"}  # how they begin


@dataclass(frozen=True)
class Sample:
    """Which images are kept: each that is not good, and this share of the good ones (0…1).

    Which of the good ones does not change when something is recorded again.
    """

    of_passes: float = 0.02

    def __post_init__(self) -> None:
        """Checks the share.

        Raises:
            ConfigError: it is not within 0…1.
        """
        if not 0.0 <= self.of_passes <= 1.0:
            raise ConfigError(f"the share of good images to keep must be within 0 and 1, got {self.of_passes}")

    def takes(self, uid: str, anomalous: bool) -> bool:
        """Whether the image of a verdict is kept."""
        return anomalous or int(uid[:8], 16) < self.of_passes * 2**32


@dataclass(frozen=True)
class Picture:
    """An image as it is kept: the bytes that came, when they are a file's, so that it is judged again alike."""

    data: bytes
    suffix: str

    @classmethod
    def of(cls, image: Image) -> Picture:
        """An image [H, W, 3] without loss."""
        return cls(encode_png(image), ".png")

    @classmethod
    def of_file(cls, data: bytes) -> Picture:
        """The bytes of an image file, damaged ones too."""
        return cls(data, next((suffix for start, suffix in _KINDS.items() if data.startswith(start)), ".image"))


def picture_path(uid: str, moment: datetime, suffix: str) -> str:
    """Where a picture is kept, relative to the records' folder: a folder a day."""
    return f"{FOLDER}/{moment:%Y-%m-%d}/{uid}{suffix}"


def write_picture(folder: Path, relative: str, picture: Picture, heat: Map | None = None) -> None:
    """Writes a picture, and the anomaly map [H, W] beside it where there is one.

    Raises:
        WriteError: it cannot be written; nothing of it is left.
    """
    with replacing(folder / relative) as partial:
        partial.write_bytes(picture.data)
    if heat is not None:
        with replacing(heat_path(folder / relative), ".npz") as partial:
            np.savez_compressed(partial, heat=heat.astype(np.float16))


def heat_path(path: Path) -> Path:
    """Where the anomaly map of a kept picture lies."""
    return path.with_name(path.stem + _HEAT)


def read_heat(path: Path) -> Map | None:
    """The anomaly map [H, W] that was kept beside a picture, if it was."""
    try:
        with np.load(heat_path(path), allow_pickle=False) as content:
            return np.asarray(content["heat"], np.float32)
    except (OSError, ValueError, KeyError):
        return None
