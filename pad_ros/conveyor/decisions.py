"""What the conveyor has decided, in a journal: a process that is started again neither repeats nor forgets."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from typing import Any

from pad_ros.common.journal import Journal
from pad_ros.conveyor.decision import Decision
from pad_ros.conveyor.tally import Tally


@dataclass(frozen=True)
class OpenPart:
    """A view that was announced of a part that is not decided yet."""

    part_id: str
    view_count: int
    stamp_s: float
    belt_m: float | None


class DecisionJournal:
    """Parts on their way to the gate, decisions, and whether the PLC has taken them.

    `run`, `decisions`, `unsent`, `open` and `tally` say what the process before has left. Positions of a belt that
    counts from another origin than `origin` mean nothing, and are None. What cannot be written (OSError) is written
    with what can.
    """

    def __init__(self, path: str, origin: str = "") -> None:
        """Reads the journal; an empty path keeps none.

        Raises:
            OSError: the file cannot be read or written.
        """
        self._journal = Journal(path or None, keep=6000)
        self.run = 0
        self.tally = Tally()
        self.decisions: list[Decision] = []
        self.open: list[OpenPart] = []
        waiting: dict[int, Decision] = {}
        for line in self._journal.lines:
            row = json.loads(line)
            known = row.get("origin") == origin
            if "tally" in row:
                self.tally = Tally(**row["tally"])
            if "sent" in row:
                waiting.pop(row["sent"], None)
            elif "open" in row:
                part = OpenPart(**row["open"])
                self.open.append(part if known else replace(part, belt_m=None))
            elif "decision" in row:
                decision = Decision(**{**row["decision"], "arrivals_ns": tuple(row["decision"]["arrivals_ns"])})
                decision = decision if known else replace(decision, belt_m=None)
                self.run = row["run"]
                self.decisions.append(decision)
                waiting[decision.sequence] = decision
                self.open = [part for part in self.open if part.part_id != decision.part_id]
        self.unsent = list(waiting.values())

    def announced(self, part: OpenPart, origin: str) -> None:
        """Notes a view of a part, and what the belt counts its positions from.

        Raises:
            OSError: the file cannot be written.
        """
        self._add({"open": asdict(part), "origin": origin})

    def decided(self, decision: Decision, run: int, origin: str = "", tally: Tally | None = None) -> None:
        """Notes a decision, and the counts with it.

        Raises:
            OSError: the file cannot be written.
        """
        counts = {} if tally is None else {"tally": asdict(tally)}
        self._add({"decision": asdict(decision), "run": run, "origin": origin, **counts})

    def tallied(self, tally: Tally) -> None:
        """Notes what an operator has changed.

        Raises:
            OSError: the file cannot be written.
        """
        self._add({"tally": asdict(tally)})

    def sent(self, decision: Decision) -> None:
        """Notes that the PLC has taken it, or that it is not offered any more.

        Raises:
            OSError: the file cannot be written.
        """
        self._add({"sent": decision.sequence})

    def _add(self, row: dict[str, Any]) -> None:
        self._journal.add(json.dumps(row))
