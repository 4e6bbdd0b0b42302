"""The PLC driver `modbus`: Modbus TCP, or RTU over a serial line."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from pad_ros.conveyor.handshake import Answer, Command, HandshakePlc, missing_library
from pad_ros.errors import ConfigError, PlcError

# Holding registers, from `first_register` on; 32-bit numbers have their high word first.
SESSION, SEQUENCE, TO_GATE_MS, TO_GATE_MM, HEARTBEAT = 0, 2, 4, 6, 8  # written here
STATE, TAKEN_SESSION, TAKEN_SEQUENCE = 9, 10, 12  # written by the PLC
REGISTERS = 14
# Coils, from `first_coil` on.
REJECT, REQUEST = 0, 1

_LOG = logging.getLogger("pymodbus")


class ModbusPlc(HandshakePlc):
    """Talks to a PLC that is a Modbus server.

    Args:
        address: `host` or `host:port` of a TCP server (port 502), or the path of a serial device for RTU.
        unit: the server's number on its line.
        serial: speed and frame of the serial line, as in `19200 8E1`.
        first_register: where the holding registers begin, from 0.
        first_coil: where the coils begin, from 0.
        answer_timeout_s: see `HandshakePlc`; also for each request.

    Raises:
        BuildError: pymodbus is missing.
        ConfigError: an address or a serial line that cannot be.
    """

    def __init__(
        self,
        address: str,
        unit: int = 1,
        serial: str = "19200 8E1",
        first_register: int = 0,
        first_coil: int = 0,
        answer_timeout_s: float = 1.0,
    ) -> None:
        link = _Link(_client(address, serial, answer_timeout_s), unit, first_register, first_coil)
        super().__init__(link, answer_timeout_s)


class _Link:
    """See `handshake.Link`."""

    def __init__(self, client: Any, unit: int, first_register: int, first_coil: int) -> None:
        self._client, self._unit, self._register, self._coil = client, unit, first_register, first_coil

    def answer(self) -> Answer:
        state, *taken = self._registers(STATE, REGISTERS - STATE)
        return Answer(state, *_numbers(taken))

    def write(self, command: Command) -> None:
        numbers = command.session, command.sequence, command.to_gate_ms, command.to_gate_mm
        words = [word for number in numbers for word in (number >> 16, number & 0xFFFF)]
        self._call("write_registers", self._register + SESSION, words)
        self._call("write_coil", self._coil + REJECT, command.reject)

    def read_back(self) -> Command:
        session, sequence, to_gate_ms, to_gate_mm = _numbers(self._registers(SESSION, HEARTBEAT - SESSION))
        reject = bool(self._call("read_coils", self._coil + REJECT, count=1).bits[0])
        return Command(session, sequence, reject, to_gate_ms, to_gate_mm)

    def request(self, wanted: bool) -> None:
        self._call("write_coil", self._coil + REQUEST, wanted)

    def beat(self, count: int) -> None:
        self._call("write_register", self._register + HEARTBEAT, count)

    def close(self) -> None:
        self._client.close()

    def _registers(self, offset: int, count: int) -> list[int]:
        words = self._call("read_holding_registers", self._register + offset, count=count).registers
        if len(words) != count:
            raise ConnectionError(f"asked for {count} registers, got {len(words)}")
        return list(words)

    def _call(self, name: str, *arguments: Any, **more: Any) -> Any:
        if not self._client.connected:
            self._connect()
        response = getattr(self._client, name)(*arguments, **more, device_id=self._unit)
        if response.isError():
            raise PlcError(f"the PLC refuses {name} at {arguments[0]}: {response}")
        return response

    def _connect(self) -> None:
        with _last_words() as said:  # why, it tells its log alone
            connected = self._client.connect()
        if not connected:
            raise ConnectionError(said[-1] if said else f"{self._client} cannot be reached")


@contextmanager
def _last_words() -> Iterator[list[str]]:
    """Collects the errors that pymodbus logs inside."""
    from pymodbus.logging import Log

    Log.last_log_text = ""  # what it said before, it would not say again
    said: list[str] = []
    listener = logging.Handler(logging.ERROR)
    listener.emit = lambda record: said.append(record.getMessage())  # type: ignore[method-assign]
    level = _LOG.level
    _LOG.addHandler(listener)
    _LOG.setLevel(logging.ERROR)
    try:
        yield said
    finally:
        _LOG.setLevel(level)
        _LOG.removeHandler(listener)


def _client(address: str, serial: str, timeout_s: float) -> Any:
    try:
        from pymodbus.client import ModbusSerialClient, ModbusTcpClient
    except ImportError as error:
        raise missing_library("modbus", "pymodbus", error) from None
    _LOG.setLevel(logging.CRITICAL)  # what it says, the errors say too
    if re.match(r"/|COM\d", address):
        form = re.fullmatch(r"(\d+) ([78])([NEO])([12])", serial)
        if not form:
            raise ConfigError(f"PLC 'modbus': serial line {serial!r}; write speed and frame as in 19200 8E1")
        try:
            return ModbusSerialClient(
                address,
                baudrate=int(form[1]),
                bytesize=int(form[2]),
                parity=form[3],
                stopbits=int(form[4]),
                timeout=timeout_s,
                retries=0,
            )
        except Exception as error:  # RuntimeError without pyserial
            raise missing_library("modbus", "pyserial", error) from None
    found = re.fullmatch(r"([^:\s]+)(?::(\d+))?", address)
    if not found:
        raise ConfigError(
            f"PLC 'modbus': plc_address {address!r}; give host or host:port, or a serial device like /dev/ttyUSB0"
        )
    return ModbusTcpClient(found[1], port=int(found[2] or 502), timeout=timeout_s, retries=0)


def _numbers(words: Sequence[int]) -> list[int]:
    return [high << 16 | low for high, low in zip(words[::2], words[1::2], strict=True)]
