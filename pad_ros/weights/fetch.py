"""Gets weights: from the net, resuming what was begun, or from a folder that was carried over."""

from __future__ import annotations

import os
import shutil
import urllib.error
import urllib.request
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pad_ros
from pad_ros.common.progress import Progress, silent
from pad_ros.errors import WeightsError
from pad_ros.weights.cache import check_file, path_of, record, recorded, sha256_of
from pad_ros.weights.table import HUB, Weights, WeightsFile

_TIMEOUT_S = 30.0
_BLOCK = 1 << 18


def fetch_weights(weights: Weights, folder: Path | None = None, progress: Progress = silent) -> list[Path]:
    """Gets all files of a network's weights that are not here, and checks them.

    Args:
        weights: which.
        folder: that holds them already, as `NAME/FILE` or `FILE`; None downloads them.
        progress: called with (bytes here, of how many, file).

    Returns:
        The files' paths.

    Raises:
        WeightsError: not to be had, or not what they should be; what was downloaded so far stays, to go on from.
    """
    paths = []
    for file in weights.files:
        path = path_of(weights, file)
        expected = file.sha256 or recorded(weights).get(file.file, "")
        if not path.is_file() or check_file(path, file.bytes, expected):
            here = path.with_name(path.name + ".download")
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                if folder is None:
                    _download(address(file), here, partial(_report, progress, file.file))
                else:
                    shutil.copyfile(_carried(folder, weights, file), here)
            except OSError as error:
                reason = getattr(error, "reason", None) or error.strerror or error
                raise WeightsError(
                    f"weights {weights.name!r}: {file.file} cannot be had ({reason}); try again, through a mirror "
                    "(HF_ENDPOINT) or proxy (https_proxy), or carry it over and use --from FOLDER"
                ) from None
            problem = check_file(here, file.bytes, expected)
            if problem:
                here.unlink()
                raise WeightsError(f"weights {weights.name!r}: {problem}; it was thrown away")
            if not expected:
                record(weights, file, sha256_of(here))
            here.replace(path)
        paths.append(path)
    return paths


def _report(progress: Progress, name: str, done: int, total: int) -> None:
    progress(done, total, name)


def address(file: WeightsFile) -> str:
    """The address of a file; those of the hub through $HF_ENDPOINT where that is set."""
    if not file.url.startswith("hub:"):
        return file.url
    owner, repository, name = file.url.removeprefix("hub:").split("/", 2)
    return f"{(os.environ.get('HF_ENDPOINT') or HUB).rstrip('/')}/{owner}/{repository}/resolve/{file.revision}/{name}"


def _carried(folder: Path, weights: Weights, file: WeightsFile) -> Path:
    for place in (folder / weights.name / file.file, folder / file.file, folder / Path(file.file).name):
        if place.is_file():
            return place
    raise WeightsError(f"weights {weights.name!r}: no {weights.name}/{file.file} in {folder}")


def _download(url: str, path: Path, progress: Callable[[int, int], None]) -> None:
    """Downloads to a file, going on where it ends."""
    begun = path.stat().st_size if path.is_file() else 0
    headers = {"User-Agent": f"pad_ros/{pad_ros.__version__}"}
    if begun:
        headers["Range"] = f"bytes={begun}-"
    try:
        answer = urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=_TIMEOUT_S)
    except urllib.error.HTTPError as error:
        if begun and error.code == 416:  # nothing is left to send
            return
        raise
    with answer:
        resumed = answer.status == 206
        done = begun if resumed else 0
        total = done + int(answer.headers.get("Content-Length") or 0)
        with path.open("ab" if resumed else "wb") as stream:
            while block := answer.read(_BLOCK):
                stream.write(block)
                done += len(block)
                progress(done, total)
        if total > done:
            raise OSError(0, f"the connection ended after {done} of {total} bytes")
