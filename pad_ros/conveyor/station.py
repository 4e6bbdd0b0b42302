"""From verdicts to commands: every part is decided once, in time for the gate, and noted before it is said."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from pad_ros.conveyor.decision import IN_TIME, TAKEN, Decision
from pad_ros.conveyor.decisions import DecisionJournal, OpenPart
from pad_ros.conveyor.gate import Gate
from pad_ros.conveyor.parts import PartTracker
from pad_ros.conveyor.policy import RejectPolicy
from pad_ros.conveyor.tally import Tally


class Station:
    """Goes on where the process before it ended, as the journal says.

    Times are seconds of any steady clock, the same for all calls (`now_s`), so that a line may be simulated.

    Args:
        tracker: decides when all views of a part are there, or are overdue.
        gate: knows when a command must leave.
        journal: what was decided.
        say: called with each decision when it stands, also with those of the process before that the PLC may lack.
        send: called with each when it must go to the PLC.
        trouble: called with the error when the journal cannot be written: all goes on.
        reject_undecided: the fail-safe for a part that comes to the gate undecided, and while inspection is disabled.
        dry_run: whether the PLC is told that every part is good.
    """

    def __init__(
        self,
        tracker: PartTracker,
        gate: Gate,
        journal: DecisionJournal,
        say: Callable[[Decision], None],
        send: Callable[[Decision], None],
        trouble: Callable[[OSError], None],
        reject_undecided: bool = True,
        dry_run: bool = False,
    ) -> None:
        self.tracker, self.gate, self._journal = tracker, gate, journal
        self._say, self._send, self._trouble = say, send, trouble
        self._reject_undecided, self._dry_run = reject_undecided, dry_run
        self.run = journal.run
        self.tally: Tally = journal.tally
        self._ticked_s = math.inf  # when `tick` was called last
        # Of its own for each process: one whose journal was lost, or not written, repeats no number.
        self._session = random.SystemRandom().randint(1, 0xFFFF_FFFF)
        tracker.restore(journal.decisions)

    def resume(self, now_s: float) -> None:
        """Takes up what the process before has left."""
        self._ticked_s = now_s
        for part in self._journal.open:
            self.tracker.announce(part.part_id, part.view_count, part.stamp_s, now_s, part.belt_m)
        for decision in self._journal.unsent:
            self._say(decision)
            self._pass_on(decision, now_s)
        self._journal.open, self._journal.unsent = [], []

    def announce(self, part_id: str, view_count: int, stamp_s: float, now_s: float) -> None:
        """Takes note of a part whose image was taken; see `PartTracker.announce`."""
        belt_m = None if self.gate.off else self.gate.announced(stamp_s, now_s)
        if self.tracker.announce(part_id, view_count, stamp_s, now_s, belt_m) and not self.gate.off:
            part = OpenPart(part_id, view_count, stamp_s, belt_m)
            self._note(lambda: self._journal.announced(part, self.gate.belt.origin))

    def judged(self, run: int, stamp_s: float, now_s: float, **view: Any) -> None:
        """Takes the verdict on one view, in the words of `PartTracker.add`; another `run` begins with new stamps."""
        if run != self.run:
            self.run = run
            for decision in self.tracker.reset():
                self._decided(decision, now_s)
        belt_m = None if self.gate.off else self.gate.guess(stamp_s, now_s)
        complete = self.tracker.add(stamp_s=stamp_s, now_s=now_s, belt_m=belt_m, **view)
        if complete is not None:
            self._decided(complete, now_s)

    def tick(self, now_s: float) -> None:
        """Decides what is overdue, and lets go what must leave; to be called every `GateSettings.ahead_s`."""
        if self.gate.stands(now_s):
            self.tracker.stood_s += max(0.0, now_s - self._ticked_s)
        self._ticked_s = now_s
        for decision in self.tracker.flush(now_s):
            self._decided(decision, now_s)
        if self.gate.off:
            return
        for part_id, belt_m in self.tracker.places():
            if self.gate.must_leave(belt_m, now_s):
                self.tally.undecided += 1
                self.tally.unseen_undecided += 1
                self._decided(self.tracker.give_up(part_id, self._reject_undecided), now_s)
        for decision in self.gate.release(now_s):
            self._send(decision)

    def enable(self, enabled: bool) -> None:
        """Lets inspection decide, or the fail-safe alone; holds until it is changed, also for a process after this."""
        self.tally.enabled = enabled
        self._note_tally()

    def reset(self) -> str:
        """Counts from 0; says what was counted."""
        counted = self.tally.reset()
        self._note_tally()
        return counted

    def acknowledge(self) -> str:
        """An operator has seen the faults that stay until then; says which."""
        seen = self.tally.acknowledge()
        self._note_tally()
        return seen

    def change_policy(self, policy: RejectPolicy, now_s: float) -> None:
        """Decides by another policy; the parts of which views were judged already are decided by the old one."""
        for decision in self.tracker.change_policy(policy):
            self._decided(decision, now_s)

    def stop(self, now_s: float) -> None:
        """Decides the open parts, of which nothing more will be heard.

        Commands that wait for their part to come to the gate stay in the journal.
        """
        for decision in self.tracker.flush(math.inf):
            self._decided(replace(decision, reason=f"{decision.reason}; the conveyor node was stopped"), now_s)

    def command(self, decision: Decision) -> Decision:
        """What the PLC gets of a decision now.

        Raises:
            TooLateError: nothing any more.
        """
        decision = self.gate.command(decision)
        return replace(decision, reject=False) if self._dry_run else decision

    @property
    def how_taken(self) -> str:
        """How the PLC takes commands, for the records."""
        told = "; dry run: it was told that the part is good" if self._dry_run else ""
        return (TAKEN if self.gate.off else IN_TIME) + told

    def sent(self, decision: Decision) -> None:
        """Notes that the PLC has taken a decision, or that it is not offered any more."""
        self._note(lambda: self._journal.sent(decision))

    def lost(self, decision: Decision) -> None:
        """The PLC never took a decision: it is over, no process to come shall offer it again; from one thread."""
        self.tally.unseen_lost += 1
        self._note_tally()
        self.sent(decision)

    def _note_tally(self) -> None:
        self._note(lambda: self._journal.tallied(self.tally))

    def _decided(self, decision: Decision, now_s: float) -> None:
        decision = replace(decision, session=self._session)
        if not self.tally.enabled:
            reject = self._reject_undecided
            reason = f"inspection is disabled: {'rejected' if reject else 'passed'} by the fail-safe"
            decision = replace(decision, reject=reject, reason=reason)
        self.tally.decided(decision.reject)
        if not self.gate.off:
            decision = self.gate.timed(decision, now_s)
        self._note(lambda: self._journal.decided(decision, self.run, self.gate.belt.origin, self.tally))
        self._say(decision)
        self._pass_on(decision, now_s)

    def _pass_on(self, decision: Decision, now_s: float) -> None:
        for leaving in self.gate.pass_on(decision, now_s):
            self._send(leaving)

    def _note(self, note: Callable[[], None]) -> None:
        try:
            note()
        except OSError as error:  # the command goes out all the same
            self._trouble(error)
