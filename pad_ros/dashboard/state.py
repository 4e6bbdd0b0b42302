"""What the line has said, and the page's picture of it; safe to use from several threads."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any

from pad_ros.conveyor.decision import Decision
from pad_ros.dashboard.faults import Nodes, worst_first
from pad_ros.dashboard.parts import Part, Parts, View
from pad_ros.dashboard.pictures import Picture, Pictures

_WAITING = 64  # views without the overlay that they shall have


class LineState:
    """Everything that the page shows.

    Args:
        station: name of the line, for the page's head.
        clock: monotonic seconds.
    """

    def __init__(self, station: str = "", clock: Callable[[], float] = time.monotonic) -> None:
        self._station = station
        self._lock = threading.RLock()
        self._nodes, self._parts, self._pictures = Nodes(clock), Parts(clock), Pictures(clock)
        self._bad: dict[int, View] = {}  # by stamp: views whose overlay has not come yet
        self._product = self._checksum = ""
        self._operation: dict[str, Any] = {}

    def judged(self, product: str, view: View) -> None:
        """A view was judged."""
        with self._lock:
            self._product, self._checksum = product, view.checksum
            self._parts.judged(view)
            if view.inspection.anomalous:
                self._bad[view.stamp] = view
                while len(self._bad) > _WAITING:
                    del self._bad[next(iter(self._bad))]
            self._match(view.stamp)

    def decided(self, decision: Decision) -> None:
        """A part was decided."""
        with self._lock:
            self._parts.decided(decision)

    def pictured(self, kind: str, stamp: int, picture: Picture) -> None:
        """A picture came, see `Pictures.add`."""
        with self._lock:
            self._pictures.add(kind, stamp, picture)
            self._match(stamp)

    def heard(self, node: str, level: str, message: str, values: dict[str, str]) -> None:
        """A node spoke of its health, see `Nodes.heard`."""
        with self._lock:
            self._nodes.heard(node, level, message, values)

    def operating(self, operation: dict[str, Any]) -> None:
        """How far a change of the product is."""
        with self._lock:
            self._operation = operation

    def reset(self) -> None:
        """The counters are 0 again."""
        with self._lock:
            self._parts.reset()

    def nodes(self) -> tuple[str, ...]:
        """Names of all nodes that belong to the line."""
        with self._lock:
            return self._nodes.names()

    @property
    def enabled(self) -> bool:
        """Whether the conveyor lets inspection decide, as far as it says."""
        with self._lock:
            return self._nodes.value("conveyor", "enabled") != "false"

    @property
    def spoken(self) -> bool:
        """Whether an image was judged yet."""
        return bool(self._checksum)

    def picture(self, number: int) -> Picture | None:
        """A picture that is shown, by its number."""
        with self._lock:
            rejects = [part.picture for part in self._parts.rejects if part.picture is not None]
            kept = [*self._pictures.kept(), *rejects]
        return next((picture for picture in kept if picture.number == number), None)

    def reject(self, sequence: int) -> Part | None:
        """One of the last rejects."""
        with self._lock:
            return self._parts.reject(sequence)

    def snapshot(self) -> str:
        """All of it, as JSON."""
        with self._lock:
            parts = self._parts
            return json.dumps(
                {
                    "time": datetime.now().strftime("%H:%M:%S"),
                    "station": self._station,
                    "product": self._product,
                    "checksum": self._checksum,
                    "verdict": None if parts.last is None else parts.last.to_dict(),
                    "current": None if parts.current is None else parts.current.to_dict(),
                    "counters": self._counters(),
                    "rejects": [part.to_dict() for part in parts.rejects],
                    "nodes": self._nodes.states(),
                    "faults": self._faults(),
                    "enabled": self.enabled,
                    "pictures": {kind: picture.number for kind, picture in self._pictures.shown().items()},
                    "operation": self._operation,
                }
            )

    def _faults(self) -> list[dict[str, Any]]:
        """The worst first; while the product is changed, the nodes have different ones."""
        changing = self._operation.get("state") == "running"
        faults = worst_first(self._nodes.faults())
        return [fault.to_dict() for fault in faults if not (changing and fault.text == "fault.mixed")]

    def _counters(self) -> dict[str, int]:
        """The conveyor's own, which it keeps over a restart of this page; else what was heard."""
        said = [self._nodes.value("conveyor", name) for name in ("parts", "rejected")]
        if all(value.isdigit() for value in said):
            parts, rejected = map(int, said)
        else:
            parts, rejected = self._parts.parts, self._parts.rejected
        return {"parts": parts, "rejected": rejected}

    def _match(self, stamp: int) -> None:
        """Gives a part the overlay of a view that is anomalous; encoded now, for the message is large."""
        view, picture = self._bad.get(stamp), self._pictures.overlay(stamp)
        if view is not None and picture is not None:
            del self._bad[stamp]
            picture.jpeg()
            self._parts.pictured(view, picture)
