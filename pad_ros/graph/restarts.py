"""When a node that ended is started again. Imports no ROS: `pad up` and the launch file decide by the same rule."""

from __future__ import annotations

from dataclasses import dataclass, field

# Who ends by itself before that has refused its parameters or its product, and will again.
_STARTED_S = 20.0

# The exit code of a node that wants to be started again, whenever it ends.
RETRY = 75


@dataclass
class RestartPolicy:
    """Starts a node again after growing delays, and gives it up after too many times in a row.

    A node that ran for `recovered_s` seconds has recovered: what happened before does not count any more.
    """

    most: int = 5
    first_delay_s: float = 0.5
    recovered_s: float = 60.0
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
        if code > 0 and code != RETRY and name not in self._restarts and ran_s < _STARTED_S:
            raise GaveUpError(f"{name} cannot start (exit code {code}); its log says why")
        if ran_s > self.recovered_s:
            self._restarts[name] = 0
        count = self._restarts.get(name, 0)
        if count >= self.most:
            raise GaveUpError(f"{name} ended {count + 1} times in a row (exit code {code}): given up")
        self._restarts[name] = count + 1
        return self.first_delay_s * 2**count


class GaveUpError(Exception):
    """A node is not started again."""
