"""The drivers `modbus` and `opcua` against real servers on loopback: no command is lost, none is taken twice."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from plc_servers import ModbusServer, OpcUaServer, SerialLine, free_port

from pad_ros.conveyor import handshake
from pad_ros.conveyor.decision import Decision
from pad_ros.conveyor.handshake import UNKNOWN, PlcState
from pad_ros.conveyor.outbox import Outbox
from pad_ros.conveyor.plc import create_plc, plc_settings
from pad_ros.errors import BuildError, ConfigError, PlcError, TooLateError
from pad_ros.graph.description import NODES

FIELDBUSES = ("modbus", "modbus rtu", "opcua")
SESSION = 0x89AB_CDEF
TIMEOUT_S = 0.4


def decision(number, reject=True, **more):
    return Decision(f"part {number}", reject, "reason", 1.5, 1, 2.0, 3.0, number, session=SESSION, **more)


@pytest.fixture(scope="module")
def opcua_server():
    """Takes seconds to make: the tests share it."""
    pytest.importorskip("asyncua")
    with OpcUaServer() as made:
        made.driver = "opcua"
        yield made


@pytest.fixture(params=FIELDBUSES)
def server(request):
    """A PLC's server that runs, with nothing taken yet."""
    if request.param == "opcua":
        made = request.getfixturevalue("opcua_server")
        made.renew()
        yield made
        return
    pytest.importorskip("pymodbus")
    line = None
    if request.param == "modbus rtu":
        pytest.importorskip("serial")
        line = SerialLine()
    with ModbusServer(device=line) as made:
        made.driver = "modbus"
        yield made
    if line:
        line.close()


@pytest.fixture
def drivers(server):
    """Makes drivers that talk to the server."""
    made = []

    def make(**settings):
        made.append(create_plc({"name": server.driver, "answer_timeout_s": TIMEOUT_S, **server.settings, **settings}))
        return made[-1]

    yield make
    for plc in made:
        plc.close()
        plc.close()


@pytest.fixture
def boxes(drivers):
    made = []

    def make(**more):
        said = {"sent": [], "lost": []}
        box = Outbox(
            drivers(),
            more.pop("give_up_s", 30.0),
            said["sent"].append,
            lambda *loss: said["lost"].append(loss),
            0.02,
            **more,
        )
        made.append(box)
        return box, said

    yield make
    for box in made:
        box.close(0.0)


def wait_for(condition, seconds=20):
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.005)
    assert condition()


def test_each_command_is_taken_once_and_whole(server, drivers):
    plc = drivers()
    plc.send(decision(1, reject=True, to_gate_s=1.5, to_gate_m=0.3))
    plc.send(decision(70_000, reject=False, to_gate_s=float("inf"), to_gate_m=70.0))
    plc.send(decision(70_001))
    assert server.program.parts == [
        (SESSION, 1, True, 1500, 300),
        (SESSION, 70_000, False, UNKNOWN, 70_000),
        (SESSION, 70_001, True, UNKNOWN, UNKNOWN),
    ]


def test_the_heart_beats(server, drivers):
    plc = drivers()
    for _ in range(3):
        plc.heartbeat()
    wait_for(lambda: server.program.heartbeat == 3)


def test_a_slow_plc_misses_no_command(server, drivers):
    server.program.scan_s = 0.05  # slower than the driver asks
    plc = drivers()
    for number in range(1, 6):
        plc.send(decision(number))
    assert server.program.sequences == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("state", [PlcState.NOT_READY, PlcState.BUSY, 77])
def test_a_plc_that_is_not_ready_is_waited_for_and_then_said(server, drivers, state):
    server.program.state = state
    time.sleep(0.1)
    plc = drivers()
    with pytest.raises(PlcError, match=r"is not ready within 0.4 s; its state is (NOT_READY|BUSY|unknown .77.)"):
        plc.send(decision(1))
    threading.Timer(0.15, lambda: setattr(server.program, "state", PlcState.READY)).start()
    plc.send(decision(1))
    assert server.program.sequences == [1]


def test_a_plc_that_takes_nothing_is_said_and_the_command_given_again(server, drivers):
    server.program.deaf = True
    plc = drivers()
    with pytest.raises(PlcError, match=r"did not take the command within 0.4 s; its state is READY"):
        plc.send(decision(1))
    server.program.deaf = False
    time.sleep(0.1)
    assert server.program.parts == []  # what was withdrawn is not taken
    plc.send(decision(1))
    assert server.program.sequences == [1]


def test_a_command_is_withdrawn_before_it_would_hit_another_part(server, drivers):
    plc = drivers(answer_timeout_s=30.0)
    server.program.deaf = True
    begin = time.monotonic()
    with pytest.raises(PlcError, match=r"did not take the command within 0\.|took longer"):
        plc.send(decision(1, good_for_s=0.3))
    assert time.monotonic() - begin < 5.0
    server.program.deaf = False
    time.sleep(0.2)
    assert server.program.parts == []
    plc.send(decision(2, good_for_s=5.0))
    assert server.program.sequences == [2]
    with pytest.raises(PlcError, match="took longer"):  # before it is asked for
        plc.send(decision(3, good_for_s=0.0))
    assert server.program.sequences == [2]


def test_a_command_that_is_taken_too_late_is_not_given_twice(server, drivers):
    server.program.busy_s = 2 * TIMEOUT_S
    plc = drivers()
    with pytest.raises(PlcError, match="did not take"):
        plc.send(decision(1))
    wait_for(lambda: server.program.sequences == [1])
    plc.send(decision(1))
    server.program.busy_s = 0.0
    plc.send(decision(2))
    assert server.program.sequences == [1, 2]


def test_a_process_that_is_started_again_does_not_give_twice_what_it_had_given(server, drivers):
    before = drivers()
    before.send(decision(1))
    before.close()
    again = drivers()
    again.send(decision(1))
    again.send(decision(2))
    assert server.program.sequences == [1, 2]


def test_a_new_session_begins_its_numbers_anew(server, drivers):
    plc = drivers()
    plc.send(decision(5))
    plc.send(Decision("another", False, "", 0.1, 1, 2.0, 3.0, 5, session=SESSION + 1))
    assert [part[:2] for part in server.program.parts] == [(SESSION, 5), (SESSION + 1, 5)]


def test_commands_outlive_a_plc_that_goes_away(server, boxes):
    box, said = boxes(heartbeat_s=0.05)
    box.send(decision(1))
    wait_for(lambda: said["sent"])
    server.stop()
    for number in range(2, 8):
        box.send(decision(number))
    wait_for(lambda: "PLC" in box.fault)
    time.sleep(2 * TIMEOUT_S)
    assert len(said["sent"]) == 1
    server.start()  # its registers are 0 again, but for what is retentive
    wait_for(lambda: len(said["sent"]) == 7)
    assert server.program.sequences == list(range(1, 8))
    assert (box.fault, said["lost"]) == ("", [])


def test_commands_outlive_restarts_in_their_very_midst(server, boxes):
    box, said = boxes()
    server.program.busy_s = 0.02
    for number in range(1, 31):
        box.send(decision(number))
    for count in (3, 11, 20):
        wait_for(lambda count=count: len(said["sent"]) >= count)
        server.stop()
        server.start()
    wait_for(lambda: len(said["sent"]) == 30, 60)
    assert server.program.sequences == list(range(1, 31)) and not said["lost"]


def test_what_cannot_be_given_in_time_is_lost_aloud_and_not_given_later(server, boxes):
    late = set()

    def command(made):
        if made.sequence in late:
            raise TooLateError("too late")
        return made

    box, said = boxes(command=command)
    box.send(decision(1))
    wait_for(lambda: said["sent"])
    server.stop()
    for number in (2, 3, 4):
        box.send(decision(number))
    wait_for(lambda: "PLC" in box.fault)
    late.update((2, 3))
    wait_for(lambda: len(said["lost"]) == 2)
    server.start()
    wait_for(lambda: len(said["sent"]) == 2)
    assert server.program.sequences == [1, 4]
    assert [loss[0].sequence for loss in said["lost"]] == [2, 3] and "too late (" in said["lost"][0][1]
    wait_for(lambda: box.fault == "")


@pytest.mark.parametrize("server", ["modbus", "modbus rtu"], indirect=True)
def test_what_reads_back_as_something_else_is_not_requested(server, drivers):
    plc = drivers()
    plc.send(decision(1))
    server.garbled = 3
    with pytest.raises(PlcError, match=r"wrote .*, and read back"):
        plc.send(decision(2))
    assert server.program.sequences == [1]
    server.garbled = None
    plc.send(decision(2))
    assert server.program.sequences == [1, 2]


@pytest.mark.parametrize("fault", ["refusing", "mute"])
@pytest.mark.parametrize("server", ["modbus", "modbus rtu"], indirect=True)
def test_a_server_that_refuses_or_does_not_answer_is_said(server, drivers, fault):
    plc = drivers()
    plc.send(decision(1))
    setattr(server, fault, True)
    with pytest.raises(
        PlcError, match="refuses read_holding_registers" if fault == "refusing" else "No response|reply"
    ):
        plc.send(decision(2))
    setattr(server, fault, False)
    plc.send(decision(2))
    assert server.program.sequences == [1, 2]


@pytest.mark.parametrize("server", ["modbus rtu"], indirect=True)
def test_a_cable_that_is_pulled_loses_nothing(server, boxes):
    box, said = boxes()
    box.send(decision(1))
    wait_for(lambda: said["sent"])
    server.line.cut = True
    box.send(decision(2))
    wait_for(lambda: "PLC" in box.fault)
    server.line.cut = False
    wait_for(lambda: len(said["sent"]) == 2)
    assert server.program.sequences == [1, 2]


@pytest.mark.slow
def test_opc_ua_may_be_signed_and_encrypted(tmp_path):
    pytest.importorskip("asyncua")
    from asyncua.crypto.cert_gen import setup_self_signed_certificate
    from cryptography.x509.oid import ExtendedKeyUsageOID as Use

    for name, uri, use in (("plc", "urn:plc", Use.SERVER_AUTH), ("pad", "urn:pad_ros", Use.CLIENT_AUTH)):
        files = tmp_path / f"{name}.pem", tmp_path / f"{name}.der"
        asyncio.run(setup_self_signed_certificate(*files, uri, "localhost", [use], {"commonName": name}))
    with OpcUaServer(tmp_path / "plc.der", tmp_path / "plc.pem") as server:
        plc = create_plc({"name": "opcua", **server.settings})
        with pytest.raises(PlcError, match="cannot be used"):
            plc.send(decision(1))
        plc.close()
        security = f"Basic256Sha256,SignAndEncrypt,{tmp_path / 'pad.der'},{tmp_path / 'pad.pem'}"
        plc = create_plc({"name": "opcua", "security": security, **server.settings})
        plc.send(decision(1))
        plc.close()
    assert server.program.sequences == [1]


KILLED = """
import sys, time
from pad_ros.conveyor.belt import SteadyBelt
from pad_ros.conveyor.decisions import DecisionJournal
from pad_ros.conveyor.gate import Gate, GateSettings
from pad_ros.conveyor.outbox import Outbox
from pad_ros.conveyor.parts import PartTracker
from pad_ros.conveyor.plc import create_plc
from pad_ros.conveyor.policy import create_policy
from pad_ros.conveyor.station import Station
import json
journal, settings, count = sys.argv[1], json.loads(sys.argv[2]), int(sys.argv[3])
belt = SteadyBelt(0.2)
tracker = PartTracker(create_policy({"name": "any"}), 60.0, 5.0)
kept = DecisionJournal(journal, belt.origin)
begin = len(kept.decisions)
station = Station(tracker, Gate(belt, GateSettings("early", 100.0)), kept,
                  lambda d: print(d.sequence, flush=True), lambda d: box.send(d), print)
box = Outbox(create_plc(settings), 30.0, station.sent, lambda *loss: print("lost", loss), 0.02, station.command)
station.resume(time.monotonic())
for number in range(begin, count):
    station.announce(f"part {number}", 1, float(number), time.monotonic())
    station.judged(0, float(number), time.monotonic(), part_id=f"part {number}", view_index=0, view_count=1,
                   status=0, score=0.5, anomalous=number % 3 == 0)
    time.sleep(0.005)
while len(box):
    time.sleep(0.01)
box.close()
print("done", flush=True)
"""


@pytest.mark.slow
@pytest.mark.parametrize("server", ["modbus", "opcua"], indirect=True)
def test_a_process_that_is_killed_again_and_again_gives_each_command_once(server, tmp_path):
    settings = json.dumps({"name": server.driver, "answer_timeout_s": TIMEOUT_S, **server.settings})
    command = [sys.executable, "-c", KILLED, str(tmp_path / "journal"), settings, "60"]
    said = []
    for kill_at in (9, 37, None):
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ}) as process:
            for line in process.stdout:
                said.append(line.strip())
                if kill_at and line.strip() == str(kill_at):
                    process.send_signal(signal.SIGKILL)
                    break
            process.wait(30)
    assert said[-1] == "done" and not any("lost" in line for line in said)
    assert sorted(server.program.sequences) == list(range(1, 61))
    assert [part[2] for part in sorted(server.program.parts, key=lambda p: p[1])] == [n % 3 == 0 for n in range(60)]


def test_a_driver_whose_library_is_missing_says_how_to_get_it(monkeypatch):
    for name, module, address in (("modbus", "pymodbus.client", "plc"), ("opcua", "asyncua", "opc.tcp://plc:4840")):
        monkeypatch.setitem(sys.modules, module, None)
        with pytest.raises(BuildError, match=rf"PLC '{name}' needs .*pip install -r requirements/plc.txt"):
            create_plc({"name": name, "address": address})
    assert (Path(handshake.__file__).parents[2] / "requirements" / "plc.txt").is_file()


@pytest.mark.parametrize(
    "settings",
    [
        {"name": "modbus", "address": ""},
        {"name": "modbus", "address": "plc:modbus"},
        {"name": "modbus", "address": "/dev/ttyUSB0", "serial": "fast"},
        {"name": "modbus", "address": "plc", "answer_timeout_s": 0.0},
        {"name": "opcua", "address": "plc:4840"},
        {"name": "opcua", "address": "opc.tcp://plc:4840", "node_ids": "ns=2;s=Pad"},
    ],
)
def test_bad_settings_are_refused(settings):
    pytest.importorskip("pymodbus" if settings["name"] == "modbus" else "asyncua")
    with pytest.raises(ConfigError):
        create_plc(settings)


@pytest.mark.parametrize("name", ["modbus", "opcua"])
def test_a_plc_that_is_not_there_is_no_reason_not_to_start(name):
    pytest.importorskip("pymodbus" if name == "modbus" else "asyncua")
    address = f"127.0.0.1:{free_port()}"
    plc = create_plc({"name": name, "address": address if name == "modbus" else f"opc.tcp://{address}"})
    for act in (lambda: plc.send(decision(1)), plc.heartbeat, plc.heartbeat, plc.heartbeat):
        with pytest.raises(PlcError, match=r"Connect(ion refused| call failed)"):  # why, as the system says it
            act()
    plc.close()


def test_a_serial_line_that_is_not_there_is_said(tmp_path):
    pytest.importorskip("serial")
    plc = create_plc({"name": "modbus", "address": str(tmp_path / "ttyUSB0")})
    with pytest.raises(PlcError, match=r"ttyUSB0.*No such file"):
        plc.heartbeat()
    plc.close()


@pytest.mark.parametrize("name", ["log", "none", "modbus", "opcua"])
def test_the_nodes_parameters_are_those_of_the_drivers(name):
    values = {parameter.name: parameter.default for parameter in NODES["conveyor"].parameters}
    values.update(plc=name, plc_address="opc.tcp://plc:4840" if name == "opcua" else "plc")
    if name in ("modbus", "opcua"):
        pytest.importorskip("pymodbus" if name == "modbus" else "asyncua")
    create_plc(plc_settings(values.__getitem__)).close()
