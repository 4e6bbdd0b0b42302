"""How a command is given to a PLC exactly once, over any fieldbus: `docs/conveyor.md` shows it."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from enum import IntEnum
from typing import Protocol

from pad_ros.conveyor.decision import Decision
from pad_ros.errors import BuildError, ConfigError, PlcError

UNKNOWN = 0xFFFF_FFFF  # a way to the gate that nobody knows


class PlcState(IntEnum):
    """What the PLC says of itself."""

    NOT_READY = 0
    READY = 1
    BUSY = 2


@dataclass(frozen=True)
class Command:
    """What is written for one part: session and sequence are its name; milliseconds and millimetres to the gate."""

    session: int
    sequence: int
    reject: bool
    to_gate_ms: int
    to_gate_mm: int


@dataclass(frozen=True)
class Answer:
    """What the PLC says: its state, and the command that it took last."""

    state: int
    session: int
    sequence: int

    def is_of(self, command: Command) -> bool:
        """Whether this command was taken last."""
        return (self.session, self.sequence) == (command.session, command.sequence)


class Link(Protocol):
    """The PLC's variables over one fieldbus. Connects by itself; any method may raise, and then the link is closed."""

    def answer(self) -> Answer:
        """Reads what the PLC says."""
        ...

    def write(self, command: Command) -> None:
        """Writes a command, all but the request to take it."""
        ...

    def read_back(self) -> Command:
        """Reads what is written there."""
        ...

    def request(self, wanted: bool) -> None:
        """Asks the PLC to take what is written, or withdraws that."""
        ...

    def beat(self, count: int) -> None:
        """Writes the heartbeat, 0…65535."""
        ...

    def close(self) -> None:
        """Lets go of the connection; may be called twice."""
        ...


class HandshakePlc:
    """Gives each command once: written, read back, requested, and taken when the PLC says its number.

    Base of the drivers; a driver makes the link.

    Args:
        link: to the PLC.
        answer_timeout_s: how long the PLC may take to be ready, and to answer.
        poll_s: from one look at its answer to the next.

    Raises:
        ConfigError: a number out of range.
    """

    def __init__(
        self,
        link: Link,
        answer_timeout_s: float = 1.0,
        poll_s: float = 0.005,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if not answer_timeout_s > 0:
            raise ConfigError(f"PLC: the answer timeout must be above 0 s, got {answer_timeout_s}")
        self._link = link
        self._timeout_s, self._poll_s, self._clock = answer_timeout_s, poll_s, clock
        self._beats = 0

    def send(self, decision: Decision) -> None:
        """Gives the command, unless the PLC has it already.

        Raises:
            PlcError: the PLC has not said that it took it.
        """
        command = Command(
            decision.session,
            decision.sequence,
            decision.reject,
            _word(decision.to_gate_s),
            _word(decision.to_gate_m),
        )
        self._guarded(lambda: self._give(command, decision.good_for_s))

    def heartbeat(self) -> None:
        """Counts on.

        Raises:
            PlcError: the PLC cannot be reached.
        """
        self._beats = (self._beats + 1) & 0xFFFF
        self._guarded(lambda: self._link.beat(self._beats))

    def close(self) -> None:
        """Ends the connection; may be called twice."""
        with suppress(Exception):
            self._link.close()

    def _guarded(self, action: Callable[[], None]) -> None:
        try:
            action()
        except PlcError:
            raise
        except Exception as error:  # a library may raise anything; what it left half done is not used again
            self.close()
            raise PlcError(str(error) or type(error).__name__) from None

    def _give(self, command: Command, good_for_s: float | None) -> None:
        patience_s = math.inf if good_for_s is None else good_for_s  # later it would hit another part
        good_until = self._clock() + patience_s
        if self._link.answer().is_of(command):  # its answer was lost, or not noted by the process before this one
            self._link.request(False)
            return
        self._link.request(False)  # nothing half written shall be taken
        self._wait(lambda answer: answer.state == PlcState.READY, "is not ready", good_until)
        self._link.write(command)
        found = self._link.read_back()
        if found != command:
            raise PlcError(f"wrote {command}, and read back {found}")
        if self._clock() > good_until:
            raise PlcError(f"to write a command took longer than the {patience_s:.3f} s for which it can hit its part")
        self._link.request(True)
        try:
            try:
                self._wait(lambda answer: answer.is_of(command), "did not take the command", good_until)
            finally:
                with suppress(Exception):  # it only asks again for what the PLC has, or the next try withdraws it
                    self._link.request(False)
        except PlcError:
            if not self._link.answer().is_of(command):  # taken at the last moment
                raise

    def _wait(self, reached: Callable[[Answer], bool], problem: str, good_until: float) -> None:
        begin = self._clock()
        end = min(begin + self._timeout_s, good_until)
        while not reached(answer := self._link.answer()):
            if self._clock() > end:
                state = PlcState(answer.state).name if answer.state in list(PlcState) else f"unknown ({answer.state})"
                raise PlcError(f"the PLC {problem} within {max(0.0, end - begin):.3g} s; its state is {state}")
            time.sleep(self._poll_s)


def _word(quantity: float | None) -> int:
    """Thousandths, as 32 bits; `UNKNOWN` when it is not known or infinite."""
    if quantity is None or not math.isfinite(quantity):
        return UNKNOWN
    return min(max(0, round(1000 * quantity)), UNKNOWN - 1)


def missing_library(driver: str, library: str, error: Exception) -> BuildError:
    """Says how to get the library of a driver."""
    return BuildError(
        f"PLC {driver!r} needs {library}, which is not here ({error}): `pip install -r requirements/plc.txt`"
    )
