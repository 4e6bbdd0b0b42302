"""PLCs on loopback: real servers of the fieldbus libraries, with the program of docs/conveyor.md. No test."""

import asyncio
import os
import select
import socket
import threading
import time
import tty
from types import SimpleNamespace

from pad_ros.conveyor import modbus
from pad_ros.conveyor.handshake import PlcState


class Program:
    """The PLC's program; what it has taken outlives a restart, as in retentive memory."""

    def __init__(self):
        self.parts = []  # (session, sequence, reject, ms to the gate, mm to the gate)
        self.state = PlcState.READY
        self.taken = 0, 0
        self.heartbeat = 0
        self.deaf = False
        self.busy_s = 0.0  # for each command
        self.scan_s = 0.002
        self._until = 0.0
        self._next = None

    def scan(self, session, sequence, reject, to_gate_ms, to_gate_mm, request, heartbeat):
        """One cycle."""
        self.heartbeat = heartbeat
        new = request and (session, sequence) != self.taken
        if new and self.state == PlcState.READY and not self.deaf:
            self.state, self._until = PlcState.BUSY, time.monotonic() + self.busy_s
            self._next = session, sequence, bool(reject), to_gate_ms, to_gate_mm
        if self._next and time.monotonic() >= self._until:
            self.parts.append(self._next)
            self.taken, self._next, self.state = self._next[:2], None, PlcState.READY

    @property
    def sequences(self):
        return [part[1] for part in self.parts]


class Server:
    """Runs in a thread with a loop of its own; may be stopped and started again at the same address.

    Its variables are 0 then, but for what the program keeps.
    """

    def __init__(self):
        self.program = Program()
        self.running = False
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self):
        self._thread.start()
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(20)
        self._loop.close()

    def start(self):
        self._do(self._start())

    def stop(self):
        if self.running:
            self._do(self._stop())

    def renew(self):
        """Another program, as in another PLC."""
        self.stop()
        self.program = Program()
        self.start()

    def _do(self, coroutine):
        asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(60)

    async def _start(self):
        await self._open()
        self.running = True
        self._cycle = asyncio.ensure_future(self._run())

    async def _stop(self):
        self.running = False
        await self._cycle
        await self._close()

    async def _run(self):
        while self.running:
            await self._scan()
            await asyncio.sleep(self.program.scan_s)


class ModbusServer(Server):
    """pymodbus's server; with a serial device it speaks RTU."""

    def __init__(self, device=None, register=100, coil=20):
        super().__init__()
        self.line = self._device = device
        self._register, self._coil = register, coil
        self.port = free_port()
        self.refusing = False  # answers requests with an exception
        self.mute = False  # does what is asked, and answers nothing
        self.garbled = None  # a register that reads as another number

    @property
    def settings(self):
        address = self._device.theirs if self._device else f"127.0.0.1:{self.port}"
        return {"address": address, "first_register": self._register, "first_coil": self._coil, "serial": "115200 8N1"}

    async def _open(self):
        from pymodbus.server import ModbusSerialServer, ModbusTcpServer
        from pymodbus.simulator import DataType, SimData, SimDevice

        def block(datatype, count):
            return [SimData(0, count=count, values=0, datatype=datatype)]

        data = (
            [SimData(0, count=16, values=0, datatype=DataType.BITS)],
            [SimData(0, count=16, values=0, datatype=DataType.BITS)],
            block(DataType.REGISTERS, 200),
            block(DataType.REGISTERS, 200),
        )
        device = SimDevice(1, simdata=data, action=self._act)
        if self._device:
            server = ModbusSerialServer(
                device, port=self._device.ours, baudrate=115200, trace_packet=self._trace, timeout=0.2
            )
        else:
            server = ModbusTcpServer(device, address=("127.0.0.1", self.port), trace_packet=self._trace)
        self._server, self._busy = server, True
        await server.serve_forever(background=True)

    async def _close(self):
        await self._server.shutdown()

    async def _act(self, code, start, address, count, registers, values):
        from pymodbus.constants import ExcCodes

        if self._busy:
            return None
        if self.garbled is not None and code == 3 and values is None:
            registers[self._register + self.garbled] ^= 1
        return ExcCodes.DEVICE_BUSY if self.refusing else None

    def _trace(self, sending, data):
        return b"" if sending and self.mute else data

    async def _scan(self):
        self._busy = True
        read, write = self._server.async_getValues, self._server.async_setValues
        words = await read(1, 3, self._register, modbus.REGISTERS)
        bits = await read(1, 1, self._coil, 2)
        self.program.scan(
            *(words[at] << 16 | words[at + 1] for at in (modbus.SESSION, modbus.SEQUENCE)),
            bits[modbus.REJECT],
            *(words[at] << 16 | words[at + 1] for at in (modbus.TO_GATE_MS, modbus.TO_GATE_MM)),
            bits[modbus.REQUEST],
            words[modbus.HEARTBEAT],
        )
        taken = [word for number in self.program.taken for word in (number >> 16, number & 0xFFFF)]
        await write(1, 16, self._register + modbus.STATE, [int(self.program.state), *taken])
        self._busy = False


class OpcUaServer(Server):
    """asyncua's server."""

    NAMES = ("Session", "Sequence", "Reject", "ToGateMs", "ToGateMm", "Request", "Heartbeat")

    def __init__(self, certificate=None, key=None):
        super().__init__()
        self._certificate, self._key = certificate, key
        self.port = free_port()
        self._server = None

    @property
    def settings(self):
        return {"address": f"opc.tcp://127.0.0.1:{self.port}"}

    async def _open(self):
        if self._server is None:
            await self._make()
        for name, node in self._nodes.items():
            await node.write_value(self._variant(name, 0))
        await self._server.start()

    async def _make(self):
        from asyncua import Server as UaServer
        from asyncua import ua

        self._ua = ua
        self._server = server = UaServer()
        await server.init()
        server.set_endpoint(f"opc.tcp://127.0.0.1:{self.port}")
        if self._certificate:
            server.set_security_policy([ua.SecurityPolicyType.Basic256Sha256_SignAndEncrypt])
            await server.load_certificate(self._certificate)
            await server.load_private_key(self._key)
        else:
            server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
        index = await server.register_namespace("urn:plc")
        assert index == 2
        parent = await server.nodes.objects.add_object(index, "Pad")
        self._types = dict.fromkeys((*self.NAMES, "TakenSession", "TakenSequence"), ua.VariantType.UInt32)
        self._types.update(Reject=ua.VariantType.Boolean, Request=ua.VariantType.Boolean)
        self._types.update(Heartbeat=ua.VariantType.UInt16, State=ua.VariantType.Byte)
        self._nodes = {}
        for name in self._types:
            node = await parent.add_variable(ua.NodeId(f"Pad.{name}", index), name, self._variant(name, 0))
            if name in self.NAMES:
                await node.set_writable()
            self._nodes[name] = node

    def _variant(self, name, value):
        kind = self._types[name]
        return self._ua.Variant(bool(value) if kind == self._ua.VariantType.Boolean else int(value), kind)

    async def _close(self):
        await self._server.stop()

    async def _scan(self):
        values = SimpleNamespace(**{name: await self._nodes[name].read_value() for name in self.NAMES})
        self.program.scan(
            values.Session,
            values.Sequence,
            values.Reject,
            values.ToGateMs,
            values.ToGateMm,
            values.Request,
            values.Heartbeat,
        )
        answer = {"State": int(self.program.state)}
        answer["TakenSession"], answer["TakenSequence"] = self.program.taken
        for name, value in answer.items():
            await self._nodes[name].write_value(self._variant(name, value))


class SerialLine:
    """Two pseudo-terminals and the wire between them, which may be cut: a serial line without hardware."""

    def __init__(self):
        pairs = [os.openpty() for _ in range(2)]
        for _, device in pairs:
            tty.setraw(device)
        self._ends = [end for end, _ in pairs]
        self._devices = [device for _, device in pairs]
        self.ours, self.theirs = map(os.ttyname, self._devices)
        self.cut = False
        self._over = False
        self._thread = threading.Thread(target=self._carry, daemon=True)
        self._thread.start()

    def _carry(self):
        while not self._over:
            for end in select.select(self._ends, [], [], 0.05)[0]:
                data = os.read(end, 4096)
                if not self.cut:
                    os.write(self._ends[1 - self._ends.index(end)], data)

    def close(self):
        self._over = True
        self._thread.join(5)
        for number in (*self._ends, *self._devices):
            os.close(number)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
