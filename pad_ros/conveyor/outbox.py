"""Brings decisions to the PLC in their order, again and again until it takes them."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable

from pad_ros.conveyor.parts import Decision
from pad_ros.conveyor.plc import PlcDriver


class Outbox:
    """Sends from a thread of its own, so that a PLC that hangs holds nothing else up.

    Args:
        plc: the driver, closed by `close`.
        give_up_s: a decision is offered for so long; then it is lost, and the next one's turn.
        sent: called with each decision that the PLC took.
        lost: called with each that it did not take, and why.
        retry_s: from one try to the next.
    """

    def __init__(
        self,
        plc: PlcDriver,
        give_up_s: float,
        sent: Callable[[Decision], None],
        lost: Callable[[Decision, str], None],
        retry_s: float = 0.25,
    ) -> None:
        self._plc, self._give_up_s, self._retry_s = plc, give_up_s, retry_s
        self._sent, self._lost = sent, lost
        self._waiting: deque[Decision] = deque()
        self._changed = threading.Condition()
        self._end: float | None = None  # when the last tries are over
        self._failing = ""
        self._losses = 0
        self._thread = threading.Thread(target=self._run, name="outbox", daemon=True)
        self._thread.start()

    def __len__(self) -> int:
        """How many decisions the PLC has not taken yet."""
        return len(self._waiting)

    @property
    def fault(self) -> str:
        """What is wrong with the PLC; empty when nothing is."""
        if self._failing:
            return f"the PLC does not take commands: {self._failing}"
        return f"{self._losses} commands never reached the PLC" if self._losses else ""

    def send(self, decision: Decision) -> None:
        """Queues a decision."""
        with self._changed:
            self._waiting.append(decision)
            self._changed.notify()

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
                while not self._waiting and self._end is None:
                    self._changed.wait()
                if not self._waiting:
                    return
                decision = self._waiting[0]
            problem = self._offer(decision)
            self._losses += bool(problem)
            self._lost(decision, problem) if problem else self._sent(decision)
            with self._changed:
                self._waiting.popleft()

    def _offer(self, decision: Decision) -> str:
        """Tries until the PLC takes it; returns why it never did."""
        begin = time.monotonic()
        while True:
            try:
                self._plc.send(decision)
            except Exception as error:  # a driver may raise anything
                self._failing = f"{type(error).__name__}: {error}"
            else:
                self._failing = ""
                return ""
            with self._changed:
                end = min(begin + self._give_up_s, begin + self._give_up_s if self._end is None else self._end)
                left = end - time.monotonic()
                if left <= 0:
                    return self._failing
                self._changed.wait(min(self._retry_s, left))
