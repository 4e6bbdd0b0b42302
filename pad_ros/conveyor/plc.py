"""Where decisions go: drivers for the PLC that moves the reject gate."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Protocol

from pad_ros.common.files import append_whole
from pad_ros.common.registry import create
from pad_ros.conveyor.parts import Decision
from pad_ros.errors import ConfigError

IMPLEMENTATIONS = {
    "log": "pad_ros.conveyor.plc:LogPlc",
    "none": "pad_ros.conveyor.plc:NoPlc",
}


class PlcDriver(Protocol):
    """Carries decisions to the machine."""

    def send(self, decision: Decision) -> None:
        """Sends one decision. What raises was not taken, and is sent again; a number that was taken is not."""
        ...

    def close(self) -> None:
        """Ends the connection; may be called twice."""
        ...


class LogPlc:
    """Writes each decision as one JSON line, to a file (appended) or to standard output.

    Raises:
        ConfigError: the file cannot be opened.
    """

    def __init__(self, path: str | None = None) -> None:
        self._path = Path(path) if path else None
        try:
            if self._path is not None:
                self._path.parent.mkdir(parents=True, exist_ok=True)
                self._path.open("a").close()
        except OSError as error:
            raise ConfigError(f"PLC 'log': {path} cannot be written ({error.strerror})") from None

    def send(self, decision: Decision) -> None:
        """Writes the decision's whole line, or raises OSError and leaves none of it."""
        row = {key: None if isinstance(v, float) and math.isnan(v) else v for key, v in asdict(decision).items()}
        del row["arrivals_ns"]  # of interest inside alone
        line = json.dumps(row) + "\n"
        if self._path is None:
            print(line, end="", flush=True)
        else:
            append_whole(self._path, line)

    def close(self) -> None:
        """Does nothing: the file is open only while it is written."""


class NoPlc:
    """Sends nothing: decisions are only published."""

    def send(self, decision: Decision) -> None:
        """Does nothing."""

    def close(self) -> None:
        """Does nothing."""


def create_plc(settings: Mapping[str, Any]) -> PlcDriver:
    """Makes the PLC driver that `settings["name"]` names.

    Raises:
        ConfigError: unknown name, or a setting that the driver refuses.
    """
    return create("PLC", IMPLEMENTATIONS, settings)
