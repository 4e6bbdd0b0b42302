"""Files that stand whole or not at all. The standard library only: Blender's Python reads this too."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from pad_ros.errors import WriteError

_PARTIAL = ".partial"


def partial_path(path: Path) -> Path:
    """Where a file is written before it takes its place; no two processes share it."""
    return path.with_name(f"{path.name}.{os.getpid()}{_PARTIAL}")


@contextmanager
def replacing(path: Path | str, suffix: str = "") -> Iterator[Path]:
    """Gives a place to write a file to; at the end of the block it takes the file's name, after an error it is gone.

    The file's folder is made when missing. `suffix` is for writers that go by the end of the name they are given.

    Raises:
        WriteError: it cannot be written.
    """
    path = Path(path)
    partial = partial_path(path)
    partial = partial.with_name(partial.name + suffix)
    try:
        with writing(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            yield partial
            partial.replace(path)
    finally:
        with suppress(OSError):  # it is not there, or there is nothing to be done about it
            partial.unlink()


@contextmanager
def writing(path: Path | str) -> Iterator[None]:
    """Says of what the block fails to write that it was this file or folder.

    Raises:
        WriteError: instead of any error of the file system.
    """
    try:
        yield
    except OSError as error:
        raise WriteError(error.errno, error.strerror or str(error), shown(path)) from None


def write_text(path: Path | str, text: str) -> None:
    """Writes a text file, UTF-8; what is no text in it (a piece of a file's name, see `shown`) with backslashes.

    Raises:
        WriteError: it cannot be written.
    """
    with replacing(path) as partial:
        partial.write_text(text, encoding="utf-8", errors="backslashreplace")


def shown(path: Path | str) -> str:
    """A path as text for people and files: what is no UTF-8 in it is written with backslashes."""
    return str(path).encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


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
