"""Which photos the frames of `transforms.json` mean: the files that are named, never guessed ones."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

from pad_ros.errors import DatasetError
from pad_ros.images import IMAGE_SUFFIXES

logger = logging.getLogger(__name__)


def find_photos(root: Path, names: Sequence[str]) -> list[Path]:
    """The photos that the frames of a class name, each by its `file_path`.

    A name is taken as it is, with forward slashes, relative to the class; an absolute one of another machine by the
    end of it that is there. Suffixes match in any case; without one, the first known one that is there counts.
    Only where no frame's photo exists is frame i the photo `train/good/i`, as in MAD-Sim.

    Raises:
        DatasetError: some photos are there and others not, or two frames name the same.
    """
    found = [next(filter(None, map(_existing, _places(root, name))), None) for name in names]
    if not any(found):
        return _numbered_photos(root, names)
    missing = [name for name, path in zip(names, found, strict=True) if path is None]
    if missing:
        raise DatasetError(
            f"{root}: {len(missing)} of {len(names)} photos that transforms.json names are not there: "
            f"{', '.join(repr(name) for name in missing[:3])}{', …' if len(missing) > 3 else ''}; "
            "add them, or take their frames out"
        )
    photos = [path for path in found if path is not None]
    first_named: dict[Path, int] = {}
    for index, path in enumerate(photos):
        if first_named.setdefault(path, index) != index:
            raise DatasetError(f"{root}: frames {first_named[path]} and {index} of transforms.json both name {path}")
    return photos


def _places(root: Path, name: str) -> Iterator[Path]:
    parts = PurePosixPath(name.replace("\\", "/")).parts
    if not parts:
        return
    yield root.joinpath(*parts)  # an absolute one stays what it is
    if parts[0] == "/" or parts[0].endswith(":"):
        yield from (root.joinpath(*parts[index:]) for index in range(1, len(parts)))


def _existing(path: Path) -> Path | None:
    """The file of that name, whatever the case of its suffix; of any image's suffix if the name has none."""
    if path.suffix.lower() in IMAGE_SUFFIXES:
        stem, suffixes = path.stem, [path.suffix, path.suffix.lower()]
    else:
        stem, suffixes = path.name, list(IMAGE_SUFFIXES)
    if not path.name:
        return None
    for suffix in suffixes:
        if path.with_name(stem + suffix).is_file():
            return path.with_name(stem + suffix)
    if not path.parent.is_dir():
        return None
    others = sorted(other for other in path.parent.iterdir() if other.stem == stem and other.is_file())
    return next((other for suffix in suffixes for other in others if other.suffix.lower() == suffix), None)


def _numbered_photos(root: Path, names: Sequence[str]) -> list[Path]:
    folder = root / "train" / "good"
    photos = []
    for index, name in enumerate(names):
        stems = (str(index), f"{index:03d}", f"{index:04d}")
        path = next(filter(None, (_existing(folder / stem) for stem in stems)), None)
        if path is None:
            raise DatasetError(
                f"{root / 'transforms.json'} frame {index}: no image; looked for {name!r} and train/good/{index}.png"
            )
        photos.append(path)
    count = sum(path.suffix.lower() in IMAGE_SUFFIXES and path.name[0] != "." for path in folder.iterdir())
    if count != len(photos):
        logger.warning(
            "%s: none of the photos that transforms.json names is there; its %d frames are taken for the first of %d "
            "images in train/good",
            root,
            len(photos),
            count,
        )
    return photos
