"""Brings decisions to the PLC in their order, again and again until it takes them."""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Callable

from pad_ros.conveyor.decision import Decision
from pad_ros.conveyor.plc import PlcDriver
from pad_ros.errors import PadError, TooLateError


class Outbox:
    """Sends from a thread of its own, so that a PLC that hangs holds nothing else up.

    Args:
        plc: the driver, closed by `close`.
        give_up_s: a decision is offered for so long; then it is lost, and the next one's turn. Where the part's way to
            the gate is known, it is offered as long as it can hit the part.
        sent: called with each decision that the PLC took.
        lost: called with each that it did not take, and why.
        retry_s: from one try to the next.
        command: what the PLC gets of a decision now; a TooLateError when it would not hit its part any more.
        heartbeat_s: from one heartbeat to the next; 0 gives none, nor does a driver without `heartbeat`.
        alive_s: heartbeats end so long after the last call of `alive`, for a process that lives but does not work.
    """

    def __init__(
        self,
        plc: PlcDriver,
        give_up_s: float,
        sent: Callable[[Decision], None],
        lost: Callable[[Decision, str], None],
        retry_s: float = 0.25,
        command: Callable[[Decision], Decision] = lambda decision: decision,
        heartbeat_s: float = 0.0,
        alive_s: float = 5.0,
    ) -> None:
        self._plc, self._give_up_s, self._retry_s = plc, give_up_s, retry_s
        self._sent, self._lost, self._command = sent, lost, command
        self._heartbeat = getattr(plc, "heartbeat", None) if heartbeat_s > 0 else None
        self._heartbeat_s, self._alive_s = heartbeat_s, alive_s
        self._beaten, self._alive = -math.inf, time.monotonic()
        self._waiting: deque[Decision] = deque()
        self._changed = threading.Condition()
        self._end: float | None = None  # when the last tries are over
        self._failing = ""
        self._thread = threading.Thread(target=self._run, name="outbox", daemon=True)
        self._thread.start()

    def __len__(self) -> int:
        """How many decisions the PLC has not taken yet."""
        return len(self._waiting)

    @property
    def fault(self) -> str:
        """What is wrong with the PLC now; empty when nothing is."""
        return f"the PLC does not take commands: {self._failing}" if self._failing else ""

    def send(self, decision: Decision) -> None:
        """Queues a decision."""
        with self._changed:
            self._waiting.append(decision)
            self._changed.notify()

    def alive(self) -> None:
        """Says that who decides is at work: heartbeats go on."""
        self._alive = time.monotonic()

    def close(self, patience_s: float = 2.0) -> None:
        """Offers what waits for so long, then lets go of the PLC; may be called twice."""
        with self._changed:
            self._end = time.monotonic() + patience_s
            self._changed.notify()
        self._thread.join(patience_s + 1.0)
        self._plc.close()

    def _run(self) -> None:
        while True:
            with self._changed:
                if not self._waiting and self._end is None:
                    due = self._beaten + self._heartbeat_s - time.monotonic()
                    self._changed.wait(max(due, self._heartbeat_s / 10) if self._heartbeat else None)
                decision = self._waiting[0] if self._waiting else None
                if decision is None and self._end is not None:
                    return
            if decision is None:
                self._beat()
                continue
            problem = self._offer(decision)
            self._lost(decision, problem) if problem else self._sent(decision)
            with self._changed:
                self._waiting.popleft()

    def _offer(self, decision: Decision) -> str:
        """Tries until the PLC takes it; returns why it never did."""
        begin, failed = time.monotonic(), ""
        while True:
            give_up_s = self._give_up_s
            try:
                command = self._command(decision)
                if command.to_gate_m is not None:
                    give_up_s = math.inf
                self._plc.send(command)
            except TooLateError as error:
                return f"{error} ({failed})" if failed else str(error)
            except Exception as error:  # a driver may raise anything
                self._failing = failed = _said(error)
            else:
                self._failing = ""
                return ""
            self._beat()
            with self._changed:
                end = min(begin + give_up_s, math.inf if self._end is None else self._end)
                left = end - time.monotonic()
                if left <= 0:
                    return failed
                self._changed.wait(min(self._retry_s, left))

    def _beat(self) -> None:
        now = time.monotonic()
        if self._heartbeat is None or now < self._beaten + self._heartbeat_s or now > self._alive + self._alive_s:
            return
        self._beaten = now
        try:
            self._heartbeat()
        except Exception as error:
            self._failing = _said(error)
        else:
            if not self._waiting:
                self._failing = ""


def _said(error: Exception) -> str:
    """What is wrong, for operators; of an error that is not ours, its type too."""
    return str(error) if isinstance(error, PadError) else f"{type(error).__name__}: {error}"
