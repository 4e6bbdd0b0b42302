"""When a node that ended is started again. Imports no ROS: `pad up` and the launch file decide by the same rule."""

from __future__ import annotations

from dataclasses import dataclass, field

# A node that ran for so long has recovered: what happened before does not count any more.
_RECOVERED_S = 60.0
_FIRST_DELAY_S = 0.5
# Who ends by itself before that has refused its parameters or its product, and will again.
_STARTED_S = 20.0


@dataclass
class RestartPolicy:
    """Starts a node again after growing delays, and gives it up after too many times in a row."""

    most: int = 5
    _restarts: dict[str, int] = field(default_factory=dict)

    def delay(self, name: str, code: int, ran_s: float) -> float:
        """Seconds until a node that ended is started again.

        Args:
            name: the node.
            code: its exit code; negative when a signal ended it.
            ran_s: seconds for which it ran.

        Raises:
            GaveUpError: it is not started again, and why.
        """
        if code > 0 and name not in self._restarts and ran_s < _STARTED_S:
            raise GaveUpError(f"{name} cannot start (exit code {code}); its log says why")
        if ran_s > _RECOVERED_S:
            self._restarts[name] = 0
        count = self._restarts.get(name, 0)
        if count >= self.most:
            raise GaveUpError(f"{name} ended {count + 1} times in a row (exit code {code}): given up")
        self._restarts[name] = count + 1
        return _FIRST_DELAY_S * 2**count


class GaveUpError(Exception):
    """A node is not started again."""
