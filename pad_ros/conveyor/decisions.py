"""What the conveyor has decided, in a journal: a process that is started again neither repeats nor forgets."""

from __future__ import annotations

import json
from dataclasses import asdict

from pad_ros.common.journal import Journal
from pad_ros.conveyor.parts import Decision


class DecisionJournal:
    """Decisions, and whether the PLC has taken them.

    `run`, `decisions` and `unsent` say what the process before has left.
    """

    def __init__(self, path: str) -> None:
        """Reads the journal; an empty path keeps none.

        Raises:
            OSError: the file cannot be read or written.
        """
        self._journal = Journal(path or None, keep=2000)
        self.run = 0
        self.decisions: list[Decision] = []
        waiting: dict[int, Decision] = {}
        for line in self._journal.lines:
            row = json.loads(line)
            if "sent" in row:
                waiting.pop(row["sent"], None)
                continue
            decision = Decision(**{**row["decision"], "arrivals_ns": tuple(row["decision"]["arrivals_ns"])})
            self.run = row["run"]
            self.decisions.append(decision)
            waiting[decision.sequence] = decision
        self.unsent = list(waiting.values())

    def decided(self, decision: Decision, run: int) -> None:
        """Notes a decision.

        Raises:
            OSError: the file cannot be written.
        """
        self._journal.add(json.dumps({"decision": asdict(decision), "run": run}))

    def sent(self, decision: Decision) -> None:
        """Notes that the PLC has taken it, or that it is not offered any more.

        Raises:
            OSError: the file cannot be written.
        """
        self._journal.add(json.dumps({"sent": decision.sequence}))
