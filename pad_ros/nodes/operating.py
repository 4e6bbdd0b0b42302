"""What an operator may do to the conveyor."""

from __future__ import annotations

from typing import Any

from std_srvs.srv import SetBool, Trigger

from pad_ros.nodes.common import PadNode

DISABLED = "inspection is disabled: the fail-safe decides every part"


class OperatorServices:
    """`~/enable`, `~/reset` and `~/acknowledge` of a node with a `station`, None until it is configured."""

    def __init__(self, node: PadNode) -> None:
        self._node: Any = node
        node.create_service(SetBool, "~/enable", self._enable)
        node.create_service(Trigger, "~/reset", lambda _, answer: self._trigger(answer, "reset"))
        node.create_service(Trigger, "~/acknowledge", lambda _, answer: self._trigger(answer, "acknowledge"))

    def diagnostics(self) -> dict[str, str]:
        """The counts, what waits, and whether inspection decides, and is obeyed."""
        station = self._node.station
        tally = station.tally
        return {
            "open parts": str(len(station.tracker)),
            "commands for the gate": str(len(station.gate)),
            "enabled": str(tally.enabled).lower(),
            "dry run": str(self._node.value("dry_run")).lower(),
            "parts": str(tally.parts),
            "rejected": str(tally.rejected),
            "passed": str(tally.passed),
            "parts undecided at the gate": str(tally.undecided),
        }

    def fault(self) -> str:
        """What stays a fault until an operator acknowledges it."""
        tally = self._node.station.tally
        return f"{tally.lost}; acknowledge it" if tally.lost else ""

    def warning(self) -> str:
        """What stays a warning until an operator changes or acknowledges it."""
        tally = self._node.station.tally
        if not tally.enabled:
            return DISABLED
        return f"{tally.at_gate}: the fail-safe decided; acknowledge it" if tally.at_gate else ""

    def _enable(self, request: Any, answer: Any) -> Any:
        if self._refused(answer):
            return answer
        self._node.station.enable(request.data)
        return self._done(answer, "inspection decides" if request.data else DISABLED)

    def _trigger(self, answer: Any, what: str) -> Any:
        return answer if self._refused(answer) else self._done(answer, getattr(self._node.station, what)())

    def _refused(self, answer: Any) -> bool:
        answer.message = "" if self._node.station is not None else "the node is not configured yet"
        return bool(answer.message)

    def _done(self, answer: Any, said: str) -> Any:
        self._node.get_logger().info(said)
        answer.success, answer.message = True, said
        return answer
