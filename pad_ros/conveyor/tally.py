"""What became of the parts, and what an operator has still to see."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class Tally:
    """Counts since an operator set them to 0; kept in the journal.

    `undecided` parts came to the gate so. What is `unseen` stays a fault until an operator acknowledges it. While
    inspection is not `enabled`, the fail-safe decides every part.
    """

    parts: int = 0
    rejected: int = 0
    undecided: int = 0
    unseen_undecided: int = 0
    unseen_lost: int = 0  # commands that never reached the PLC
    enabled: bool = True

    @property
    def passed(self) -> int:
        """Parts that were not rejected."""
        return self.parts - self.rejected

    def decided(self, reject: bool) -> None:
        """One more part was decided."""
        self.parts += 1
        self.rejected += reject

    def reset(self) -> str:
        """Begins to count anew; says what was counted."""
        counted = f"counted until now: {self.parts} parts, {self.rejected} rejected, {self.undecided} undecided"
        self.parts = self.rejected = self.undecided = 0
        return counted

    def acknowledge(self) -> str:
        """An operator has seen what was unseen; says what that was."""
        seen = ", ".join(filter(None, (self.lost, self.at_gate)))
        self.unseen_lost = self.unseen_undecided = 0
        return f"acknowledged: {seen}" if seen else "there was nothing to acknowledge"

    @property
    def lost(self) -> str:
        """The commands that the PLC never took, in words."""
        return f"{self.unseen_lost} commands never reached the PLC" if self.unseen_lost else ""

    @property
    def at_gate(self) -> str:
        """The parts that the fail-safe decided at the gate, in words."""
        return f"{self.unseen_undecided} parts came to the gate undecided" if self.unseen_undecided else ""
