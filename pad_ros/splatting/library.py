"""Finds the compiled rasterizer, or compiles it: once per version of the sources, into the user's cache."""

from __future__ import annotations

import ctypes
import fcntl
import hashlib
import os
import platform
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

import pad_ros
from pad_ros.errors import BuildError

SOURCES = Path(__file__).parent / "csrc"
# Installed by CMake, into the installed half of the package when this module comes from the source checkout.
PREBUILT = next(
    (path for folder in pad_ros.__path__ if (path := Path(folder, "splatting", "libpad_splatting.so")).is_file()),
    Path(__file__).parent / "libpad_splatting.so",
)
FLAGS = (
    "-std=c++17",
    "-O3",
    "-ffp-contract=fast",
    # Per function, unlike -ffast-math, which would also switch denormals off for the whole process.
    "-fno-math-errno",
    "-fno-trapping-math",
    "-Wno-psabi",
    "-fvisibility=hidden",
    "-fPIC",
    "-shared",
    "-pthread",
)
_VERSION = 3  # pad_version() of the interface that cpu.py speaks
_NEEDED = "install a C++17 compiler (g++ 9 or newer: `apt install g++`), or name one in CXX"


@lru_cache(maxsize=1)
def load_library() -> ctypes.CDLL:
    """Loads the prebuilt library, or the cached one, or compiles it first (some seconds).

    Raises:
        BuildError: no C++17 compiler, or it failed; says what is needed.
    """
    if PREBUILT.is_file() and PREBUILT.stat().st_mtime >= max(
        (p.stat().st_mtime for p in SOURCES.iterdir()), default=0
    ):
        try:
            return _open(PREBUILT)
        except BuildError:
            pass  # built for another machine or version: compile our own
    return _open(_compiled(_cache_folder()))


def _open(path: Path) -> ctypes.CDLL:
    try:
        library = ctypes.CDLL(str(path))
        version = library.pad_version()
    except (OSError, AttributeError) as error:
        raise BuildError(
            f"{path}: the compiled rasterizer cannot be loaded ({error}); delete it and try again"
        ) from None
    if version != _VERSION:
        raise BuildError(f"{path}: interface version {version}, expected {_VERSION}; build the package again")
    return library


def _cache_folder() -> Path:
    root = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    folder = Path(root) / "pad_ros"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BuildError(
            f"{folder}: no place for the compiled rasterizer ({error.strerror}); set XDG_CACHE_HOME"
        ) from None
    return folder


def _compiled(folder: Path) -> Path:
    """The library for these sources, flags and compiler, compiled by whichever process comes first."""
    if not any(SOURCES.glob("*.cpp")):
        raise BuildError(f"neither {PREBUILT} nor its sources in {SOURCES} are there; install the package again")
    compiler = os.environ.get("CXX") or "c++"
    digest = hashlib.sha256(" ".join((compiler, platform.machine(), *FLAGS)).encode())
    for source in sorted(SOURCES.iterdir()):
        digest.update(source.name.encode() + source.read_bytes())
    path = folder / f"libpad_splatting-{digest.hexdigest()[:16]}.so"
    if path.is_file():
        return path
    with _locked(path.with_suffix(".lock")):
        if not path.is_file():
            _compile(compiler, path)
    return path


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # released with the file, even when the process dies
        yield


def _compile(compiler: str, path: Path) -> None:
    if shutil.which(compiler) is None:
        raise BuildError(f"the splatting rasterizer must be compiled and there is no {compiler!r}; {_NEEDED}")
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        partial = Path(folder) / path.name
        command = [compiler, *FLAGS, *map(str, sorted(SOURCES.glob("*.cpp"))), "-o", str(partial)]
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        if result.returncode != 0:
            reason = next((line for line in result.stderr.splitlines() if "error" in line), result.stderr[-300:])
            raise BuildError(f"{compiler} could not compile the splatting rasterizer ({reason.strip()}); {_NEEDED}")
        partial.replace(path)  # atomic: nobody sees half a library
