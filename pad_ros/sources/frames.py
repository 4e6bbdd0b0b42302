"""Where the camera node's images come from: folder, data-set class, video file or device. Imports no ROS."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2

from pad_ros.dataset.classes import read_class
from pad_ros.errors import ConfigError
from pad_ros.images import IMAGE_SUFFIXES, list_images
from pad_ros.lens import Lens
from pad_ros.results import Image


@dataclass(frozen=True)
class Frame:
    """One image: pixels [H, W, 3], or the bytes of a file that may be unreadable; and which part it shows."""

    name: str
    pixels: Image | None = None
    data: bytes = b""
    kind: str = "png"
    part_id: str = ""
    view_index: int = 0
    view_count: int = 0


@dataclass(frozen=True)
class FrameSource:
    """A source; its camera, with its lens, is known only for a data-set class."""

    path: str
    files: tuple[Frame, ...] = ()  # without their bytes
    lens: Lens | None = None

    def frames(self) -> Iterator[Frame]:
        """Yields the images; an unreadable file is yielded too, so that it leaves a result.

        Raises:
            ConfigError: the video cannot be opened.
        """
        if not self.files:
            yield from _video(self.path)
        for file in self.files:
            path = Path(file.name)
            kind = "jpeg" if path.suffix.lower() in (".jpg", ".jpeg") else path.suffix.lower().lstrip(".")
            try:
                data = path.read_bytes()
            except OSError:
                data = b""
            yield Frame(file.name, None, data, kind, file.part_id, file.view_index, file.view_count)


def open_source(source: str) -> FrameSource:
    """Decides what a source is.

    Raises:
        ConfigError: nothing there, or a folder without images.
        DatasetError: a data-set class that is broken.
    """
    path = Path(source)
    if not source:
        raise ConfigError(
            "the parameter source is empty: give a folder, a data-set class, a video file or a device number"
        )
    if source.isdigit() or path.is_file():
        if path.suffix.lower() in IMAGE_SUFFIXES:
            return FrameSource(source, (Frame(source),))
        return FrameSource(source)
    if not path.is_dir():
        raise ConfigError(f"source {source!r}: neither a folder, a file nor the number of a video device")
    if (path / "transforms.json").is_file():
        data = read_class(path)
        views = sorted(data.test, key=lambda view: (view.part_id, view.view_index))
        files = tuple(
            Frame(str(v.path), part_id=v.part_id, view_index=v.view_index, view_count=v.view_count) for v in views
        )
        lens = data.lens
    else:
        files = tuple(Frame(str(p)) for p in list_images(path))
        lens = None
    if not files:
        raise ConfigError(f"source {source!r}: no images in this folder")
    return FrameSource(source, files, lens)


def _video(source: str) -> Iterator[Frame]:
    capture = cv2.VideoCapture(int(source) if source.isdigit() else source)
    capture.set(cv2.CAP_PROP_ORIENTATION_AUTO, 0)  # pixels as they are stored, as everywhere
    try:
        if not capture.isOpened():
            raise ConfigError(f"source {source!r}: cannot be opened as a video")
        index = 0
        while True:
            read, pixels = capture.read()
            if not read:
                return
            yield Frame(f"{source} frame {index}", pixels=cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB))  # type: ignore[arg-type]
            index += 1
    finally:
        capture.release()
