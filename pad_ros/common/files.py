"""Files that stand whole or not at all. The standard library only: Blender's Python reads this too."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_PARTIAL = ".partial"


def partial_path(path: Path) -> Path:
    """Where a file is written before it takes its place; no two processes share it."""
    return path.with_name(f"{path.name}.{os.getpid()}{_PARTIAL}")


@contextmanager
def replacing(path: Path | str, suffix: str = "") -> Iterator[Path]:
    """Gives a place to write a file to; at the end of the block it takes the file's name, after an error it is gone.

    The file's folder is made when missing. `suffix` is for writers that go by the end of the name they are given.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = partial_path(path)
    partial = partial.with_name(partial.name + suffix)
    try:
        yield partial
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def write_text(path: Path | str, text: str) -> None:
    """Writes a text file, UTF-8."""
    with replacing(path) as partial:
        partial.write_text(text, encoding="utf-8")


def shown(path: Path | str) -> str:
    """A path as text for people and files: what is no UTF-8 in it is written with backslashes."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def append_whole(path: Path | str, text: str) -> None:
    """Appends to a text file, handed to the system before this returns: all of it or, with an OSError, nothing."""
    data = text.encode()
    with open(path, "ab", buffering=0) as file:
        end = file.tell()
        if file.write(data) != len(data):
            os.ftruncate(file.fileno(), end)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))


def sweep(root: Path) -> None:
    """Deletes what killed runs left half written below a folder."""
    for path in root.rglob(f"*{_PARTIAL}*"):
        path.unlink(missing_ok=True)
