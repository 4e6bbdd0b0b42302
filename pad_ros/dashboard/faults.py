"""What is wrong with the line, the worst first; for the line at the top of the page."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

SILENT_S = 5.0  # nodes speak once a second
STARTING_S = 30.0  # until a node must have spoken once; loading a product takes its time
NEEDED = ("localization", "background", "anomaly", "conveyor")
REPLAY = "bag_player"  # comes to its end, unlike all others
MIXED_S = 3.0  # nodes that change their product together do not say so at the same moment
RED, AMBER = "red", "amber"


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong; `text` is a key of the texts, with what it speaks of."""

    level: str
    text: str
    about: dict[str, str] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """For the page."""
        return {"level": self.level, "text": self.text, "about": self.about}


@dataclass(frozen=True)
class Health:
    """What a node said of itself last: level "ok", "warn" or "error"; `values` as in /diagnostics."""

    heard: float  # monotonic seconds
    level: str
    message: str
    values: dict[str, str] = field(default_factory=dict)


class Nodes:
    """The nodes of the line and how they are; not safe for threads.

    Args:
        clock: monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._begun = clock, clock()
        self._nodes: dict[str, Health | None] = dict.fromkeys(NEEDED)
        self._mixed_since: float | None = None

    def heard(self, name: str, level: str, message: str, values: dict[str, str]) -> None:
        """A node spoke."""
        self._nodes[name] = Health(self._clock(), level, message, values)

    def value(self, node: str, name: str) -> str:
        """What a node said of a name; empty when it has not, or is silent."""
        health = self._nodes.get(node)
        if health is None or self._clock() - health.heard > SILENT_S:
            return ""
        return health.values.get(name, "")

    def names(self) -> tuple[str, ...]:
        """Of all nodes."""
        return tuple(self._nodes)

    def states(self) -> list[dict[str, str]]:
        """Each node with its state: ok, warn, error, silent, or starting."""
        return [
            {"name": name, "state": self._state(health), "message": "" if health is None else health.message}
            for name, health in self._nodes.items()
        ]

    def faults(self) -> Iterable[Fault]:
        """What is wrong with the nodes."""
        disabled = self.value("conveyor", "enabled") == "false"
        if disabled:
            yield Fault(AMBER, "fault.disabled")
        for name, health in self._nodes.items():
            state = self._state(health)
            if state == "silent" and name == REPLAY:
                yield Fault(AMBER, "fault.ended", {"node": name})
            elif state == "silent":
                yield Fault(RED, "fault.silent" if health else "fault.missing", {"node": name})
            elif state == "starting":
                yield Fault(AMBER, "fault.starting", {"node": name})
            elif state == "warn" and disabled and name == "conveyor":
                continue  # that is what it warns of
            elif state in ("error", "warn") and health is not None:
                level = RED if state == "error" else AMBER
                yield Fault(level, "fault.node", {"node": name, "message": health.message})
        mixed = self._mixed()
        self._mixed_since = (self._mixed_since or self._clock()) if mixed else None
        if self._mixed_since is not None and self._clock() - self._mixed_since > MIXED_S:
            yield Fault(RED, "fault.mixed", {"products": mixed})
        if self.value("conveyor", "dry run") == "true":
            yield Fault(AMBER, "fault.dry_run")

    def _mixed(self) -> str:
        """The products of the nodes, where they have different ones; not all say its checksum."""
        said = [health.values for health in self._nodes.values() if health is not None]
        for key in ("product", "product checksum"):
            found = {values[key] for values in said if values.get(key)}
            if len(found) > 1:
                return ", ".join(sorted(found))
        return ""

    def _state(self, health: Health | None) -> str:
        if health is None:
            return "starting" if self._clock() - self._begun < STARTING_S else "silent"
        return "silent" if self._clock() - health.heard > SILENT_S else health.level


def worst_first(faults: Iterable[Fault]) -> list[Fault]:
    """The red ones before the amber ones."""
    return sorted(faults, key=lambda fault: fault.level != RED)
