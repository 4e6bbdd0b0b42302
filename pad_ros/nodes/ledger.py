"""Which images had their result, so that a process that is started again answers the others. Imports no ROS."""

from __future__ import annotations

from base64 import b64decode, b64encode

from pad_ros.common.journal import Journal


class Ledger:
    """What a node has answered; kept in a file when there is a path.

    An answer is noted before it is said, and again after: one that was perhaps not said is said again as it was.
    `answered` holds the stamps of `run` that had a result before this process began: none on the first start, when all
    that the other nodes have kept waits for an answer; None without a path, when nobody knows. `unsaid` are the answers
    that were perhaps not said.
    """

    def __init__(self, path: str) -> None:
        """Reads what the process before has noted.

        Raises:
            OSError: the file cannot be read or written.
        """
        self._journal = Journal(path or None, keep=4000)
        stamps: dict[tuple[int, int], bytes] = {}  # (run, stamp) to the answer, empty when it was said
        for run, stamp, answer in (line.split(" ") for line in self._journal.lines):
            stamps[int(run), int(stamp)] = b64decode(answer)
        self.run = max((run for run, _ in stamps), default=0)
        self.answered = [stamp for run, stamp in stamps if run == self.run] if path else None
        self.unsaid = [answer for answer in stamps.values() if answer]

    def begin(self, run: int, stamp: int, answer: bytes) -> None:
        """Notes what will be said of the image of a stamp (nanoseconds).

        Raises:
            OSError: the file cannot be written.
        """
        self._journal.add(f"{run} {stamp} {b64encode(answer).decode()}")

    def done(self, run: int, stamp: int) -> None:
        """Notes that it was said.

        Raises:
            OSError: the file cannot be written.
        """
        self._journal.add(f"{run} {stamp} ")
