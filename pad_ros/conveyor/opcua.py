"""The PLC driver `opcua`: the variables of an OPC UA server."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from pad_ros.conveyor.handshake import Answer, Command, HandshakePlc, missing_library
from pad_ros.errors import ConfigError

# Written here, with the types that the documentation gives; any whole-number type that is wide enough will do.
COMMAND = ("Session", "Sequence", "Reject", "ToGateMs", "ToGateMm")
REQUEST, HEARTBEAT = "Request", "Heartbeat"
APPLICATION = "urn:pad_ros"  # our name, also in a certificate
ANSWER = ("State", "TakenSession", "TakenSequence")  # written by the PLC


class OpcUaPlc(HandshakePlc):
    """Talks to a PLC that is an OPC UA server.

    Args:
        address: as in `opc.tcp://plc:4840`.
        node_ids: of the variables, `{}` for their names.
        security: as asyncua takes it, `Basic256Sha256,SignAndEncrypt,certificate,key`; empty: none.
        answer_timeout_s: see `HandshakePlc`; also for each request.

    Raises:
        BuildError: asyncua is missing.
        ConfigError: an address or node ids that cannot be.
    """

    def __init__(
        self,
        address: str,
        node_ids: str = "ns=2;s=Pad.{}",
        security: str = "",
        answer_timeout_s: float = 1.0,
    ) -> None:
        try:
            from asyncua import sync  # noqa: F401
        except ImportError as error:
            raise missing_library("opcua", "asyncua", error) from None
        if not address.startswith("opc.tcp://"):
            raise ConfigError(f"PLC 'opcua': plc_address {address!r}; write it as in opc.tcp://plc:4840")
        if node_ids.count("{}") != 1:
            raise ConfigError(f"PLC 'opcua': node ids {node_ids!r}; write one {{}} where a variable's name stands")
        super().__init__(_Link(address, node_ids, security, answer_timeout_s), answer_timeout_s)


class _Link:
    """See `handshake.Link`."""

    def __init__(self, address: str, node_ids: str, security: str, timeout_s: float) -> None:
        self._address, self._node_ids, self._security, self._timeout_s = address, node_ids, security, timeout_s
        self._client: Any = None
        self._nodes: dict[str, Any] = {}
        self._types: dict[str, Any] = {}

    def answer(self) -> Answer:
        return Answer(*map(int, self._read(ANSWER)))

    def write(self, command: Command) -> None:
        values = command.session, command.sequence, command.reject, command.to_gate_ms, command.to_gate_mm
        self._write(dict(zip(COMMAND, values, strict=True)))

    def read_back(self) -> Command:
        session, sequence, reject, to_gate_ms, to_gate_mm = self._read(COMMAND)
        return Command(session, sequence, bool(reject), to_gate_ms, to_gate_mm)

    def request(self, wanted: bool) -> None:
        self._write({REQUEST: wanted})

    def beat(self, count: int) -> None:
        self._write({HEARTBEAT: count})

    def close(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            with suppress(Exception):  # it may be gone already; its thread ends all the same
                client.disconnect()

    def _read(self, names: tuple[str, ...]) -> list[Any]:
        client = self._connected()
        values = client.read_values([self._nodes[name] for name in names])
        for name, value in zip(names, values, strict=True):
            if not isinstance(value, int):
                raise TypeError(f"{self._node_ids.format(name)} of the PLC holds {value!r}, which is no number")
        return list(values)

    def _write(self, values: Mapping[str, int | bool]) -> None:
        from asyncua import ua

        client = self._connected()
        # Without time stamps: many PLCs refuse to have them written.
        data = [ua.DataValue(ua.Variant(value, self._types[name])) for name, value in values.items()]
        client.write_values([self._nodes[name] for name in values], data)

    def _connected(self) -> Any:
        if self._client is not None:
            return self._client
        from asyncua.sync import Client

        for name in ("asyncua", "asyncio"):  # what they say, the errors say too
            logging.getLogger(name).setLevel(logging.CRITICAL)
        self._client = client = Client(self._address, self._timeout_s, sync_wrapper_timeout=4 * self._timeout_s)
        try:
            client.application_uri = APPLICATION
            if self._security:
                client.set_security_string(self._security)
            client.connect()
            for name in (*COMMAND, REQUEST, HEARTBEAT, *ANSWER):
                self._nodes[name] = client.get_node(self._node_ids.format(name))
                self._types[name] = self._nodes[name].read_data_type_as_variant_type()
        except Exception as error:
            self.close()
            raise ConnectionError(f"{self._address} cannot be used: {str(error) or type(error).__name__}") from None
        return client
