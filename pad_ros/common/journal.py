"""Lines that outlive a process that is killed: what it had done, for the one that goes on."""

from __future__ import annotations

import threading
from pathlib import Path

from pad_ros.common.files import append_whole, write_text


class Journal:
    """A bounded file of lines; each is handed to the system before `add` returns, so that a kill loses none.

    Safe to use from several threads.

    Args:
        path: the file, made when missing; None keeps nothing.
        keep: so many last lines are kept at least, and at most twice as many.
    """

    def __init__(self, path: Path | str | None, keep: int = 10_000) -> None:
        """Reads what is there.

        Raises:
            OSError: it cannot be read or written.
        """
        self._path = Path(path) if path else None
        self._keep = keep
        self._lock = threading.Lock()
        self.lines: list[str] = []
        if self._path is not None:
            if self._path.is_file():
                # A kill in the middle of a line leaves one without its end: it does not count.
                self.lines = self._path.read_text(encoding="utf-8", errors="replace").split("\n")[:-1]
            self._rewrite(self._path)

    def add(self, line: str) -> None:
        """Appends a line.

        Raises:
            OSError: the file system refuses; what was there stays, and a later line may succeed.
        """
        if self._path is None:
            return
        with self._lock:
            append_whole(self._path, f"{line}\n")
            self.lines.append(line)
            if len(self.lines) >= 2 * self._keep:
                self._rewrite(self._path)

    def _rewrite(self, path: Path) -> None:
        self.lines = self.lines[-self._keep :]
        write_text(path, "".join(f"{line}\n" for line in self.lines))
