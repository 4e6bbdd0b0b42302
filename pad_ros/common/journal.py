"""Lines that outlive a process that is killed: what it had done, for the one that goes on."""

from __future__ import annotations

import errno
import threading
from collections import deque
from pathlib import Path

from pad_ros.common.files import append_whole, write_text

_FULL = (errno.ENOSPC, errno.EDQUOT)


class Journal:
    """A bounded file of lines; each is handed to the system before `add` returns, so that a kill loses none.

    What a full disk does not take is written, in its order, with the first line that it takes again. Safe to use from
    several threads.

    Args:
        path: the file, made when missing; None keeps nothing.
        keep: so many last lines are kept at least, and at most twice as many.
    """

    def __init__(self, path: Path | str | None, keep: int = 10_000) -> None:
        """Reads what is there; on a full disk, that is all.

        Raises:
            OSError: it cannot be read or written.
        """
        self._path = Path(path) if path else None
        self._keep = keep
        self._unwritten: deque[str] = deque(maxlen=keep)
        self._torn = False  # whether the file may end with half a line
        self._lock = threading.Lock()
        self._count = 0  # lines in the file
        self.lines: list[str] = []  # that a process before this one has left
        if self._path is not None:
            self.lines = _whole_lines(self._path)[-keep:]
            try:
                self._rewrite(self._path)
            except OSError as error:
                if error.errno not in _FULL or not self._path.is_file():
                    raise
                self._torn = True

    def add(self, line: str) -> None:
        """Appends a line.

        Raises:
            OSError: the file system refuses; what was there stays, and a later call writes this line too.
        """
        if self._path is None:
            return
        with self._lock:
            self._unwritten.append(line)
            if self._torn:
                self._rewrite(self._path)
                self._torn = False
            append_whole(self._path, "".join(f"{waiting}\n" for waiting in self._unwritten))
            self._count += len(self._unwritten)
            self._unwritten.clear()
            if self._count >= 2 * self._keep:
                self._rewrite(self._path)

    def _rewrite(self, path: Path) -> None:
        """Keeps the last lines; they are in the file alone, for a process runs for long."""
        kept = _whole_lines(path)[-self._keep :]
        write_text(path, "".join(f"{line}\n" for line in kept))
        self._count = len(kept)


def _whole_lines(path: Path) -> list[str]:
    if not path.is_file():
        return []
    # A kill in the middle of a line leaves one without its end: it does not count.
    return path.read_text(encoding="utf-8", errors="replace").split("\n")[:-1]
