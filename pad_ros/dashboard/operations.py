"""What an operator may do to the line, by the services of its nodes."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pad_ros.dashboard.state import LineState
from pad_ros.product import MANIFEST

RELOADED = ("localization", "background", "anomaly", "conveyor", "records")  # nodes that have a product, in this order


@dataclass(frozen=True)
class Answer:
    """What a service answered; `message` says why not, or what was done."""

    success: bool
    message: str = ""


# Calls a service by its name with a bool, a text, or nothing; what does not answer is an Answer without success.
Call = Callable[[str, bool | str | None], Answer]


class Operations:
    """The buttons.

    Args:
        call: calls a service.
        state: what the line has said; a change of the product is told to it.
        products: folder of product folders to choose from; None: no choice.
    """

    def __init__(self, call: Call, state: LineState, products: Path | None = None) -> None:
        self._call, self._state, self._folder = call, state, products
        self._changing = threading.Lock()
        self._stopped_by_change = False  # and so to be started by the next one that succeeds

    def products(self) -> list[str]:
        """Names of the folders that can be chosen."""
        if self._folder is None:
            return []
        return sorted(manifest.parent.name for manifest in self._folder.glob(f"*/{MANIFEST}"))

    def folders(self) -> list[Path]:
        """The folders that can be chosen."""
        return [] if self._folder is None else [self._folder / name for name in self.products()]

    def enable(self, on: bool) -> Answer:
        """Lets inspection decide, or the fail-safe alone."""
        return self._guarded(lambda: self._enable(on))

    def acknowledge(self) -> Answer:
        """Faults that stay until they are seen have been seen."""
        return self._call("conveyor/acknowledge", None)

    def reset(self) -> Answer:
        """Counts from 0 again."""
        answer = self._call("conveyor/reset", None)
        if answer.success:
            self._state.reset()
        return answer

    def change(self, product: str) -> Answer:
        """Gives the line another product: without inspection while its nodes change, and after any of them has not.

        Returns when it is over; `LineState.operating` is told each step.

        Args:
            product: one of `products`.
        """
        if product not in self.products():
            return Answer(False, f"{product!r} is no product at hand")
        return self._guarded(lambda: self._change(product))

    def _guarded(self, action: Callable[[], Answer]) -> Answer:
        """One change of the line at a time: inspection must not be let loose in the middle of another."""
        if not self._changing.acquire(blocking=False):
            return Answer(False, "another change is under way")
        try:
            return action()
        finally:
            self._changing.release()

    def _enable(self, on: bool) -> Answer:
        answer = self._call("conveyor/enable", on)
        if answer.success:
            self._stopped_by_change = False
        return answer

    def _change(self, product: str) -> Answer:
        folder = str((self._folder / product).resolve()) if self._folder else product
        nodes = [name for name in RELOADED if name in self._state.nodes()]
        plan: list[tuple[str, str, bool | str]] = [("disable", "conveyor/enable", False)]
        plan += [(name, f"{name}/reload_product", folder) for name in nodes]
        resumed = self._state.enabled or self._stopped_by_change
        if resumed:  # a line that an operator had stopped stays so
            plan.append(("enable", "conveyor/enable", True))
        steps: list[dict[str, Any]] = [{"name": name, "state": "waiting", "message": ""} for name, _, _ in plan]

        def tell(state: str) -> None:
            self._state.operating({"product": product, "state": state, "steps": [dict(step) for step in steps]})

        for step, (name, service, argument) in zip(steps, plan, strict=True):
            step["state"] = "running"
            tell("running")
            answer = self._call(service, argument)
            step |= {"state": "done" if answer.success else "failed", "message": answer.message}
            if not answer.success:  # what comes after stays as it is, and the line without inspection
                for other in steps:
                    if other["state"] == "waiting":
                        other["state"] = "skipped"
                tell("failed")
                self._stopped_by_change = resumed
                return Answer(False, f"{name}: {answer.message}")
        tell("done")
        self._stopped_by_change = False
        return Answer(True, product)
