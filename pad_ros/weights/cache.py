"""Where weights are kept, and whether they are what they should be."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pad_ros.common.files import write_text
from pad_ros.errors import ConfigError, WeightsError
from pad_ros.weights.table import PROFILES, TABLE, Weights, WeightsFile

_RECORD = "checksums.json"


@dataclass(frozen=True)
class State:
    """Whether a network's weights are here: `problem` says what is wrong, empty when nothing is."""

    weights: Weights
    bytes: int
    problem: str = ""
    missing: bool = False


def weights_folder() -> Path:
    """The folder of all weights: $PAD_WEIGHTS, else `pad_ros/weights` in the user's cache."""
    named = os.environ.get("PAD_WEIGHTS")
    if named:
        return Path(named).expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "pad_ros" / "weights"


def select_weights(names: list[str], profile: str = "") -> list[Weights]:
    """The weights that are named, or that a profile needs; all without either.

    Raises:
        ConfigError: there are none of that name, or no such profile.
    """
    if profile and profile not in PROFILES:
        raise ConfigError(f"no weights are listed for profile {profile!r}; there are {', '.join(PROFILES)}")
    wanted = names or (PROFILES[profile] if profile else tuple(TABLE))
    unknown = [name for name in wanted if name not in TABLE]
    if unknown:
        raise ConfigError(f"no weights {', '.join(map(repr, unknown))}; there are {', '.join(TABLE)}")
    return [TABLE[name] for name in wanted]


def weights_paths(name: str) -> dict[str, Path]:
    """File name to path of a network's weights, for who loads them. Reads nothing: `pad weights verify` does.

    Raises:
        WeightsError: they are not here; says the command that gets them.
    """
    weights = TABLE[name]
    paths = {file.file: path_of(weights, file) for file in weights.files}
    missing = [path for path in paths.values() if not path.is_file()]
    if missing:
        hint = f"pad weights fetch {name}"
        if weights.variable in os.environ and weights.variable:
            hint = f"{weights.variable} names it; unset that, or set it right"
        raise WeightsError(f"weights {name!r}: {missing[0]} is not here; {hint}")
    return paths


def path_of(weights: Weights, file: WeightsFile) -> Path:
    """Where a file of weights is, or will be."""
    named = os.environ.get(weights.variable) if weights.variable else None
    return Path(named).expanduser() if named else weights_folder() / weights.name / file.file


def examine(weights: Weights) -> State:
    """Reads a network's files and compares them with their checksums.

    Raises:
        WeightsError: the record of checksums is unreadable.
    """
    total = 0
    for file in weights.files:
        path = path_of(weights, file)
        if not path.is_file():
            return State(weights, total, f"{path}: not here", missing=True)
        expected = file.sha256 or recorded(weights).get(file.file, "")
        total += path.stat().st_size
        problem = check_file(path, file.bytes, expected)
        if problem:
            return State(weights, total, problem)
    return State(weights, total)


def check_file(path: Path, size: int, sha256: str) -> str:
    """What is wrong with a file: another size or checksum than expected (0 and "" expect nothing); empty if nothing."""
    found = path.stat().st_size
    if size and found != size:
        return f"{path}: {found} bytes, {size} expected"
    if sha256 and sha256_of(path) != sha256:
        return f"{path}: its checksum differs: damaged or altered"
    return ""


def sha256_of(path: Path) -> str:
    """The checksum of a file that may be large."""
    digest = hashlib.sha256()
    for block in _blocks(path):
        digest.update(block)
    return digest.hexdigest()


def recorded(weights: Weights) -> dict[str, str]:
    """The checksums that the first downloads have recorded, by file name.

    Raises:
        WeightsError: the record is unreadable.
    """
    path = weights_folder() / weights.name / _RECORD
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise WeightsError(f"{path}: unreadable ({error}); delete it, and fetch the weights again") from None
    return {str(name): str(value) for name, value in content.items()}


def record(weights: Weights, file: WeightsFile, sha256: str) -> None:
    """Notes the checksum of a file whose own was not known."""
    content = {**recorded(weights), file.file: sha256}
    write_text(weights_folder() / weights.name / _RECORD, json.dumps(content, indent=1, sort_keys=True))


def _blocks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as stream:
        while block := stream.read(1 << 20):
            yield block
