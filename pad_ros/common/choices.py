"""What was chosen while a process ran, for the one that goes on after a crash."""

from __future__ import annotations

import json
from typing import Any

from pad_ros.common.files import write_text
from pad_ros.errors import ConfigError


class Choices:
    """Names and values in a small file beside a node's journal; without a journal they end with the process."""

    def __init__(self, journal: str) -> None:
        """Reads what was chosen before.

        Raises:
            ConfigError: the file cannot be used.
        """
        self._path = f"{journal}.choices" if journal else ""
        self._values: dict[str, Any] = {}
        if not self._path:
            return
        try:
            with open(self._path, encoding="utf-8") as file:
                self._values = dict(json.load(file))
        except FileNotFoundError:
            pass
        except (OSError, ValueError, TypeError) as error:
            raise ConfigError(f"{self._path} cannot be used ({error}); delete it to go by the parameters") from None

    def get(self, name: str) -> Any:
        """What was chosen; None when nothing was."""
        return self._values.get(name)

    def keep(self, **values: Any) -> None:
        """Keeps values by their names; None ends a choice.

        Raises:
            OSError: the file cannot be written; the values hold for this process all the same.
        """
        self._values = {name: value for name, value in {**self._values, **values}.items() if value is not None}
        if self._path:
            write_text(self._path, json.dumps(self._values))
