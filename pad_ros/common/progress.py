"""Progress of long work: one callback type, one bar with the time left."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import TextIO

from tqdm import tqdm

# Called with (done, total, remark); may raise to stop the work.
Progress = Callable[[int, int, str], None]


def silent(done: int, total: int, remark: str) -> None:
    """The progress of work that nobody watches."""


@contextmanager
def progress_bar(title: str) -> Iterator[Progress]:
    """Shows a bar with the time left while the work inside reports to the callback it yields.

    In a log file, a new state each ten seconds.
    """
    seconds = 0.1 if sys.stderr.isatty() else 10.0
    with tqdm(desc=title, file=sys.stderr, dynamic_ncols=True, mininterval=seconds, maxinterval=seconds) as bar:

        def report(done: int, total: int, remark: str) -> None:
            bar.total = total
            bar.set_postfix_str(remark, refresh=False)
            bar.update(done - bar.n)

        yield report


def say(text: str, file: TextIO | None = None) -> None:
    """Prints a line, above the bar if one is shown; to standard output, or another file."""
    file = file or sys.stdout
    tqdm.write(text, file=file)
    file.flush()


@contextmanager
def progress_bars() -> Iterator[Callable[[str], Progress]]:
    """For work of several stages: yields a function that ends the last bar and opens the next stage's."""
    with ExitStack() as stack:

        def open_next(title: str) -> Progress:
            stack.close()
            return stack.enter_context(progress_bar(title))

        yield open_next
