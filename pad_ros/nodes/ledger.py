"""Which images had their result, so that a process that is started again answers the others. Imports no ROS."""

from __future__ import annotations

from pad_ros.common.journal import Journal


class Ledger:
    """What a node has answered; kept in a file when there is a path.

    `answered` holds the stamps of `run` that had a result before this process began; None when there was none before.
    """

    def __init__(self, path: str) -> None:
        """Reads what the process before has noted.

        Raises:
            OSError: the file cannot be read or written.
        """
        self._journal = Journal(path or None)
        rows = [line.split() for line in self._journal.lines]
        entries = [(int(row[0]), int(row[1])) for row in rows if len(row) == 2 and all(map(str.isdigit, row))]
        self.run = max((run for run, _ in entries), default=0)
        self.answered = [stamp for run, stamp in entries if run == self.run] if self._journal.existed else None

    def note(self, run: int, stamp: int) -> None:
        """Notes that the image of a stamp (nanoseconds, >= 0) has its result.

        Raises:
            OSError: the file cannot be written.
        """
        self._journal.add(f"{run} {stamp}")
