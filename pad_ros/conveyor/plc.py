"""Where decisions go: drivers for the PLC that moves the reject gate."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Protocol

from pad_ros.common.files import append_whole
from pad_ros.common.registry import create
from pad_ros.conveyor.decision import Decision
from pad_ros.errors import ConfigError

IMPLEMENTATIONS = {
    "log": "pad_ros.conveyor.plc:LogPlc",
    "none": "pad_ros.conveyor.plc:NoPlc",
    "modbus": "pad_ros.conveyor.modbus:ModbusPlc",
    "opcua": "pad_ros.conveyor.opcua:OpcUaPlc",
}

# Which parameters of the conveyor node a driver takes, by the names of its arguments.
PARAMETERS = {
    "log": {"path": "plc_log"},
    "modbus": {
        "address": "plc_address",
        "unit": "plc_unit",
        "serial": "plc_serial",
        "first_register": "plc_first_register",
        "first_coil": "plc_first_coil",
        "answer_timeout_s": "plc_answer_timeout",
    },
    "opcua": {
        "address": "plc_address",
        "node_ids": "plc_node_ids",
        "security": "plc_security",
        "answer_timeout_s": "plc_answer_timeout",
    },
}


class PlcDriver(Protocol):
    """Carries decisions to the machine.

    A driver may also have `heartbeat()`, which is called regularly as long as the node is at work.
    """

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
        row = {key: None if isinstance(v, float) and not math.isfinite(v) else v for key, v in asdict(decision).items()}
        for name in ("arrivals_ns", "belt_m", "session", "good_for_s"):  # of interest inside alone
            del row[name]
        row = {key: v for key, v in row.items() if v is not None or not key.startswith("to_gate")}
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


def plc_settings(value: Callable[[str], Any]) -> dict[str, Any]:
    """The settings of the driver that the conveyor node's parameters name.

    Args:
        value: a parameter's value by its name.
    """
    name = value("plc")
    return {"name": name, **{argument: value(given) for argument, given in PARAMETERS.get(name, {}).items()}}


def create_plc(settings: Mapping[str, Any]) -> PlcDriver:
    """Makes the PLC driver that `settings["name"]` names.

    Raises:
        ConfigError: unknown name, or a setting that the driver refuses.
    """
    return create("PLC", IMPLEMENTATIONS, settings)
