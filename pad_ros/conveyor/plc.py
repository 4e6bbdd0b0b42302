"""Where decisions go: drivers for the PLC that moves the reject gate."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Protocol

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
        """Sends one decision; each sequence number is sent once."""
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
        try:
            if path:
                Path(path).parent.mkdir(parents=True, exist_ok=True)
            self._file = open(path, "a", encoding="utf-8") if path else None  # noqa: SIM115 - closed by close()
        except OSError as error:
            raise ConfigError(f"PLC 'log': {path} cannot be written ({error.strerror})") from None

    def send(self, decision: Decision) -> None:
        """Writes the decision and flushes, so that no line is lost with the process."""
        row = {key: None if isinstance(v, float) and math.isnan(v) else v for key, v in asdict(decision).items()}
        print(json.dumps(row), file=self._file or sys.stdout, flush=True)

    def close(self) -> None:
        """Closes the file."""
        if self._file:
            self._file.close()


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
