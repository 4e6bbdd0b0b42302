"""The handshake step by step, against a link that notes what is asked of it."""

import pytest

from pad_ros.conveyor.decision import Decision
from pad_ros.conveyor.handshake import Answer, HandshakePlc, PlcState
from pad_ros.errors import PlcError

DECISION = Decision("part", True, "", 1.0, 1, 0.0, 0.0, 7, session=5)


class Link:
    """A PLC that takes a command at the so-manieth look after the request, if ever; or breaks then."""

    def __init__(self, takes_at=None, breaks_at=None):
        self.calls, self.command, self.looks = [], None, 0
        self.takes_at, self.breaks_at = takes_at, breaks_at

    def answer(self):
        self.looks += "request" in self.calls
        if self.breaks_at and self.looks == self.breaks_at:
            raise ConnectionError("cut")
        taken = self.takes_at is not None and self.looks >= self.takes_at
        return Answer(PlcState.READY, *((self.command.session, self.command.sequence) if taken else (0, 0)))

    def write(self, command):
        self.calls.append("write")
        self.command = command

    def read_back(self):
        return self.command

    def request(self, wanted):
        self.calls.append("request" if wanted else "withdraw")

    def close(self):
        self.calls.append("close")


def send(link, looks):
    """Sends with patience for so many looks; each look is a second."""
    plc = HandshakePlc(link, answer_timeout_s=looks - 0.5, poll_s=0.0, clock=lambda: float(link.looks))
    plc.send(DECISION)


def test_a_command_that_is_taken_is_withdrawn_once():
    link = Link(takes_at=2)
    send(link, 5)
    assert link.calls == ["withdraw", "write", "request", "withdraw"]


def test_a_command_that_is_not_taken_is_withdrawn_once():
    link = Link()
    with pytest.raises(PlcError, match="did not take the command"):
        send(link, 3)
    assert link.calls == ["withdraw", "write", "request", "withdraw"]


def test_a_command_that_is_taken_while_it_is_withdrawn_is_taken():
    link = Link(takes_at=4)
    send(link, 3)
    assert link.looks == 4
    assert link.calls == ["withdraw", "write", "request", "withdraw"]


def test_a_command_whose_connection_breaks_is_withdrawn_before_the_connection_is_closed():
    link = Link(breaks_at=2)
    with pytest.raises(PlcError, match="cut"):
        send(link, 3)
    assert link.calls == ["withdraw", "write", "request", "withdraw", "close"]
