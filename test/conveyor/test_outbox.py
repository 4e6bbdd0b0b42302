import threading
import time
from dataclasses import replace

import pytest

from pad_ros.conveyor.decision import Decision
from pad_ros.conveyor.decisions import DecisionJournal, OpenPart
from pad_ros.conveyor.outbox import Outbox
from pad_ros.errors import PlcError, TooLateError


def decision(number):
    return Decision(f"part {number}", True, "reason", 1.5, 1, 2.0, 3.0, number, (10 * number, 10 * number + 1))


class Plc:
    """Fails as often as it is told to; then takes."""

    def __init__(self, failures=0):
        self.failures, self.taken, self.closed = failures, [], 0
        self.error = ConnectionError("no route to the PLC")
        self.free = threading.Event()
        self.free.set()

    def send(self, decision):
        self.free.wait(10)
        if self.failures:
            self.failures -= 1
            raise self.error
        self.taken.append(decision.sequence)

    def close(self):
        self.closed += 1


def wait_for(condition):
    deadline = time.monotonic() + 10
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.005)
    assert condition()


@pytest.fixture
def boxes():
    made = []

    def make(plc, give_up_s=5.0, **more):
        said = {"sent": [], "lost": []}
        box = Outbox(plc, give_up_s, said["sent"].append, lambda *loss: said["lost"].append(loss), retry_s=0.01, **more)
        made.append(box)
        return box, said

    yield make
    for box in made:
        box.close(0.0)


def test_a_command_that_is_not_taken_is_offered_again_and_the_order_stays(boxes):
    plc = Plc(failures=3)
    box, said = boxes(plc)
    for number in (1, 2, 3):
        box.send(decision(number))
    wait_for(lambda: len(said["sent"]) == 3)
    assert plc.taken == [1, 2, 3]
    assert [d.sequence for d in said["sent"]] == [1, 2, 3]
    assert (box.fault, said["lost"]) == ("", [])


def test_what_is_never_taken_is_said_and_the_next_one_gets_its_turn(boxes):
    plc = Plc(failures=10**9)
    box, said = boxes(plc, give_up_s=0.05)
    box.send(decision(1))
    wait_for(lambda: "no route to the PLC" in box.fault)
    wait_for(lambda: said["lost"])
    assert said["lost"][0] == (decision(1), "ConnectionError: no route to the PLC")
    plc.failures = 0
    box.send(decision(2))
    wait_for(lambda: plc.taken == [2])
    wait_for(lambda: box.fault == "")
    assert len(said["lost"]) == 1


def test_what_a_driver_says_of_its_plc_is_said_as_it_is(boxes):
    plc = Plc(failures=10**9)
    plc.error = PlcError("the PLC is not ready")
    box, said = boxes(plc, give_up_s=0.05)
    box.send(decision(1))
    wait_for(lambda: said["lost"])
    assert box.fault == "the PLC does not take commands: the PLC is not ready"
    assert said["lost"] == [(decision(1), "the PLC is not ready")]


def test_a_plc_that_hangs_holds_nothing_up(boxes):
    plc = Plc()
    plc.free.clear()
    box, _ = boxes(plc)
    begin = time.monotonic()
    box.send(decision(1))
    box.send(decision(2))
    assert time.monotonic() - begin < 1.0 and len(box) == 2
    plc.free.set()
    wait_for(lambda: plc.taken == [1, 2])


def test_closing_sends_what_waits_and_lets_go_of_the_plc(boxes):
    plc = Plc(failures=2)
    box, said = boxes(plc)
    box.send(decision(1))
    box.close()
    assert plc.taken == [1] and plc.closed == 1 and not said["lost"]


def test_closing_before_a_dead_plc_says_what_is_lost(boxes):
    box, said = boxes(Plc(failures=10**9))
    box.send(decision(1))
    box.send(decision(2))
    box.close(0.1)
    assert [loss[0].sequence for loss in said["lost"]] == [1, 2]


def test_what_would_not_hit_its_part_is_not_offered_and_the_next_one_is(boxes):
    late = {1}

    def command(decision):
        if decision.sequence in late:
            raise TooLateError("too late: the part is gone")
        return replace(decision, to_gate_m=0.5)

    plc = Plc()
    box, said = boxes(plc, command=command)
    for number in (1, 2):
        box.send(decision(number))
    wait_for(lambda: said["sent"])
    assert plc.taken == [2] and said["lost"] == [(decision(1), "too late: the part is gone")]
    assert box.fault == ""


def test_a_command_is_offered_as_long_as_it_can_hit_its_part(boxes):
    gone = threading.Event()

    def command(decision):
        if gone.is_set():
            raise TooLateError("too late")
        return replace(decision, to_gate_m=0.5)

    box, said = boxes(Plc(failures=10**9), give_up_s=0.05, command=command)
    box.send(decision(1))
    time.sleep(0.2)
    assert not said["lost"] and "no route to the PLC" in box.fault
    gone.set()
    wait_for(lambda: said["lost"])
    assert said["lost"][0][1] == "too late (ConnectionError: no route to the PLC)"


class BeatingPlc(Plc):
    def __init__(self):
        super().__init__()
        self.beats, self.dead = 0, False

    def heartbeat(self):
        if self.dead:
            raise ConnectionError("no answer")
        self.beats += 1


def test_the_heart_beats_as_long_as_who_decides_is_at_work(boxes):
    plc = BeatingPlc()
    box, said = boxes(plc, heartbeat_s=0.02, alive_s=0.3)
    wait_for(lambda: plc.beats >= 5)
    box.send(decision(1))
    wait_for(lambda: said["sent"])
    beats = plc.beats
    wait_for(lambda: plc.beats > beats)
    time.sleep(0.4)  # nobody says that it is at work
    beats = plc.beats
    time.sleep(0.1)
    assert plc.beats == beats
    box.alive()
    wait_for(lambda: plc.beats > beats)


def test_a_heart_that_cannot_beat_is_a_fault_until_it_can(boxes):
    plc = BeatingPlc()
    plc.dead = True
    box, _ = boxes(plc, heartbeat_s=0.02)
    wait_for(lambda: "no answer" in box.fault)
    plc.dead = False
    wait_for(lambda: box.fault == "")


def test_a_process_that_goes_on_knows_what_was_decided_and_what_the_plc_has(tmp_path):
    path = str(tmp_path / "journal")
    journal = DecisionJournal(path)
    assert (journal.decisions, journal.unsent, journal.run) == ([], [], 0)
    for number in (1, 2, 3):
        journal.decided(decision(number), run=2)
    journal.sent(decision(1))
    journal.sent(decision(3))
    again = DecisionJournal(path)
    assert again.decisions == [decision(1), decision(2), decision(3)]
    assert (again.unsent, again.run) == ([decision(2)], 2)


def test_a_process_that_goes_on_knows_the_parts_on_the_belt(tmp_path):
    path = str(tmp_path / "journal")
    journal = DecisionJournal(path, "encoder")
    parts = [OpenPart(f"part {number}", 2, 1.5, 0.25 * number) for number in (1, 2, 2)]
    for part in parts:
        journal.announced(part, "encoder")
    journal.decided(replace(decision(1), belt_m=0.25), run=2, origin="encoder")
    again = DecisionJournal(path, "encoder")
    assert again.open == parts[1:] and again.unsent[0].belt_m == 0.25
    other = DecisionJournal(path, "another encoder")
    assert [part.belt_m for part in other.open] == [None, None] and other.unsent[0].belt_m is None


def test_without_a_path_nothing_is_noted():
    journal = DecisionJournal("")
    journal.decided(decision(1), run=0)
    assert DecisionJournal("").decisions == []
