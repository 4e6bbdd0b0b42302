"""The rendered files: whole PNGs, free space, checksums. The standard library only: Blender's Python reads this too."""

from __future__ import annotations

import errno
import hashlib
import shutil
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pad_ros.common.files import write_text
from pad_ros.errors import SynthesisError

CHECKSUMS = "SHA256SUMS"
_PNG_START = b"\x89PNG\r\n\x1a\n"
_FULL = (errno.ENOSPC, errno.EDQUOT)
_RESERVE = 1 << 20  # bytes; with less the disk counts as full


def settle_png(partial: Path, path: Path) -> None:
    """Gives a PNG its name if it is whole, less what is not its picture: dates and render times differ by run.

    Raises:
        OSError: it was not written to its end.
    """
    data = partial.read_bytes()
    kept, place, kind = [data[: len(_PNG_START)]], len(_PNG_START), b""
    while place < len(data):  # chunks: length, kind, content, checksum
        end = place + 12 + int.from_bytes(data[place : place + 4], "big")
        chunk = data[place:end]
        kind, whole = chunk[4:8], zlib.crc32(chunk[4:-4]) == int.from_bytes(chunk[-4:], "big")
        if len(chunk) < end - place or not whole:
            break
        if kind[:1].isupper():  # what a picture cannot do without
            kept.append(chunk)
        place = end
    if place != len(data) or kind != b"IEND":
        raise OSError(errno.EIO, "only a part of it could be written")
    partial.write_bytes(b"".join(kept))
    partial.replace(path)


def explain(path: Path, error: Exception) -> str:
    """What to tell of a file that could not be written, and what to do."""
    folder = next((parent for parent in path.absolute().parents if parent.is_dir()), Path("/"))
    if getattr(error, "errno", None) in _FULL or shutil.disk_usage(folder).free < _RESERVE:
        return f"{path}: the disk is full; free some space and run again: what stands is kept"
    reason = getattr(error, "strerror", None) or str(error).strip().replace("\n", " ")
    return f"{path}: cannot be written ({reason})"


@contextmanager
def clear_errors(path: Path) -> Iterator[None]:
    """Turns a failing file system into one clear line.

    Raises:
        SynthesisError: the disk is full, or `path` cannot be written.
    """
    try:
        yield
    except OSError as error:
        raise SynthesisError(explain(Path(error.filename or path), error)) from None


def require_space(path: Path, needed: int) -> None:
    """Checks for `needed` bytes at a path, which need not exist yet.

    Raises:
        SynthesisError: there are fewer; says how many.
    """
    folder = next(parent for parent in (path.absolute(), *path.absolute().parents) if parent.is_dir())
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise SynthesisError(
            f"{path} needs about {_human(needed)} and its disk has {_human(free)} left; "
            "free some space, choose another folder, or render fewer or smaller images"
        )


def used_space(root: Path) -> int:
    """Bytes in the files below a folder."""
    return sum(path.stat().st_size for path in root.rglob("*") if path.is_file())


def write_checksums(root: Path) -> str:
    """Writes `SHA256SUMS` of all files below a folder, for `sha256sum -c`; returns its own SHA-256."""
    lines = [f"{_sha256(root / name)}  {name}\n" for name in _files(root)]
    write_text(root / CHECKSUMS, "".join(lines))
    return _sha256(root / CHECKSUMS)


def noted_files(root: Path) -> dict[str, str]:
    """The files that a folder's `SHA256SUMS` lists, with their checksums; none without it."""
    path = root / CHECKSUMS
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    return {name: checksum for checksum, name in (line.split("  ", 1) for line in lines)}


def differing_files(root: Path, checksum: str) -> list[str]:
    """The files below a folder that are missing, altered or not in `SHA256SUMS`, whose own SHA-256 is given."""
    sums = root / CHECKSUMS
    if not sums.is_file() or _sha256(sums) != checksum:
        return [CHECKSUMS]
    noted, present = noted_files(root), set(_files(root))
    altered = {name for name in present & noted.keys() if _sha256(root / name) != noted[name]}
    return sorted(altered | (present ^ noted.keys()))


def _files(root: Path) -> list[str]:
    names = (path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())
    return sorted(name for name in names if name != CHECKSUMS)


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _human(size: int) -> str:
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.1f} MB"
