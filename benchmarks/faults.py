"""Breaks the running graph on purpose, and counts: images in = results out, parts in = commands out.

    python benchmarks/faults.py [--tries 20] [--only "kill -9"]

Each fault meets so many good and so many defective parts of three views: it strikes after the first view, and the
defect is in the second. Then parts of one view are sent until one is judged again, which gives the seconds to recover.
The nodes are the real ones, in processes of their own on this machine; the inspector is the tests' fake one, whose
verdict is in the pixels, because it is the graph that is tried. Prints a Markdown table, and ends with
`0 passed in silence`, or with exit code 1 and what did not hold.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import signal
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "test" / "nodes"))

import fake_node
from graph_harness import Driver, running
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState

from pad_ros.common.progress import progress_bar
from pad_ros.graph.restarts import RestartPolicy
from pad_ros.nodes.convert import stamp_of

STAGES = ("localization", "background", "anomaly", "conveyor")
GOOD, BAD = 50, 200
VIEWS = 3
SECOND = 10**9
# Times that a plant would choose longer: here they are waited for again and again.
OVERRIDES: dict[str, dict[str, Any]] = {
    "localization": {"queue_size": 500},
    "background": {"join_timeout": 3.0, "queue_size": 500},
    "anomaly": {"join_timeout": 4.0, "queue_size": 500},
    "conveyor": {"part_timeout": 10.0, "plc_timeout": 20.0},
}
_PATIENCE_S = 60.0


@dataclass
class Books:
    """What went in and what came out, over all tries of a fault."""

    images: int = 0
    results: int = 0
    parts: int = 0
    commands: int = 0
    good_rejected: int = 0
    recovery_s: list[float] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)  # each is a silence


class Line:
    """A running graph with a camera before it and a PLC behind it."""

    def __init__(self, listener: Any, plc: Path) -> None:
        self.listener, self.plc, self.books = listener, plc, Books()
        self.driver = Driver(listener)
        self.stamp = 1_700_000_000 * SECOND
        self.expected: dict[str, bool] = {}  # part to whether it is defective
        self.stamps: Counter[int] = Counter()

    def process(self, name: str) -> Any:
        """The process of a node."""
        return self.listener.processes.process(name)

    def wait(self, seconds: float) -> None:
        """Listens for a while."""
        self.listener.for_a_while(seconds)

    def send(self, part: str, view: int, count: int, code: int, defective: bool = False) -> None:
        """Takes an image of a part."""
        self.stamp += SECOND // 10
        self.stamps[self.stamp] += 1
        self.expected[part] = self.expected.get(part, False) or defective
        picture = np.full((fake_node.HEIGHT, fake_node.WIDTH, 3), code, np.uint8)
        self.driver.send(picture, self.stamp, part, view, count)
        self.wait(0.05)

    def strike(self, name: str, defective: bool, fault: Callable[[Line], int | None]) -> None:
        """Sends one part, with a fault in its middle, and parts of one view until one is judged again."""
        self.send(name, 0, VIEWS, GOOD)
        code = fault(self)
        begin = time.monotonic()
        self.send(name, 1, VIEWS, code or (BAD if defective else GOOD), defective or bool(code))
        self.send(name, 2, VIEWS, GOOD)
        probe = 0
        while time.monotonic() - begin < _PATIENCE_S:
            probe += 1
            one = f"{name}, probe {probe}"
            self.send(one, 0, 1, GOOD)
            if self.listener.until(partial(self._passed, one), 0.4):
                break
        self.books.recovery_s.append(time.monotonic() - begin)

    def settle(self) -> Books:
        """Waits for what is outstanding, and balances the books."""
        found, books = self.listener, self.books
        books.images, books.parts = sum(self.stamps.values()), len(self.expected)
        found.until(lambda: len(found.results) >= books.images and len(found.commands) >= books.parts, _PATIENCE_S)
        self.wait(1.5)  # one too many would come now
        # What was said twice, by a process that died before it knew, carries the same number and counts once.
        said = {message.arrival: stamp_of(message.header) for message in found.results}
        decided = {command.sequence: command for command in found.commands}
        results, commands = Counter(said.values()), Counter(command.part_id for command in decided.values())
        books.results, books.commands = len(said), len(decided)
        verdicts = {command.part_id: command.reject for command in decided.values()}
        problems = [
            f"image {stamp}: {results[stamp]} results" for stamp, n in self.stamps.items() if results[stamp] != n
        ]
        problems += [f"{part}: {commands[part]} commands" for part in self.expected if commands[part] != 1]
        problems += [f"command for {part}, which was never sent" for part in commands if part not in self.expected]
        passed = [part for part, bad in self.expected.items() if bad and verdicts.get(part) is False]
        books.problems += [*problems, *(f"defective {part} passed" for part in passed)]
        books.good_rejected = sum(verdicts.get(part, True) for part, bad in self.expected.items() if not bad)
        taken = [json.loads(line)["sequence"] for line in self.plc.read_text().splitlines()]
        if sorted(set(taken)) != sorted(decided) or taken != sorted(taken):
            books.problems.append(f"{books.commands} commands, but the PLC has {taken}")
        return books

    def _passed(self, part: str) -> bool:
        return any(command.part_id == part and not command.reject for command in self.listener.commands[-20:])


@contextmanager
def line(without: tuple[str, ...] = ()) -> Iterator[Line]:
    """Runs the graph for one fault; the processes' log goes nowhere."""
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch, open(os.devnull, "wb") as log:
        (Path(folder) / "fake").mkdir()
        (Path(folder) / "fake" / "product.yaml").write_text("")
        patch.chdir(folder)
        plc = Path(folder) / "plc" / "commands.jsonl"
        overrides = {**OVERRIDES, "conveyor": {**OVERRIDES["conveyor"], "plc_log": str(plc)}}
        policy = RestartPolicy(most=10**9, recovered_s=0.0)
        with running(patch, {"product": "fake"}, overrides, without=without, log=log, policy=policy) as listener:
            listener.restarts = True
            yield Line(listener, plc)
            patch.chdir("/")


# The faults: each is done to a line, in the middle of a part; returns the code of the second image where that matters.


def kill(stage: str, line: Line) -> None:
    """`kill -9`; the graph starts the node again."""
    line.process(stage).kill()


def stop(stage: str, line: Line) -> None:
    """SIGSTOP for a second: a node that hangs."""
    line.process(stage).send_signal(signal.SIGSTOP)
    line.wait(1.0)
    line.process(stage).send_signal(signal.SIGCONT)


def crash(code: int, line: Line) -> int:
    """An exception in a stage."""
    return code


def deactivate(stage: str, line: Line) -> None:
    """Deactivated and activated again by a lifecycle manager, with half a second in between."""
    client = line.listener.node.create_client(ChangeState, f"{stage}/change_state")
    line.listener.until(client.service_is_ready)
    for transition in (Transition.TRANSITION_DEACTIVATE, Transition.TRANSITION_ACTIVATE):
        future = client.call_async(ChangeState.Request(transition=Transition(id=transition)))
        if not line.listener.until(future.done, 20):
            line.books.problems.append(f"{stage} does not answer its lifecycle manager")
        line.wait(0.5)
    line.listener.node.destroy_client(client)


def step_clock(seconds: int, line: Line) -> None:
    """The camera's clock is set while it takes images."""
    line.stamp += seconds * SECOND


def overload(line: Line) -> None:
    """Ten times as many images as can be judged, for a second."""
    for index in range(10 * round(1.0 / 0.03)):
        part = f"burst {line.stamp}"
        line.stamp += SECOND // 1000
        line.stamps[line.stamp] += 1
        line.expected[part] = index % 2 == 1
        code = BAD if index % 2 else GOOD
        line.driver.send(np.full((fake_node.HEIGHT, fake_node.WIDTH, 3), code, np.uint8), line.stamp, part, 0, 1)


def lose_plc(line: Line) -> None:
    """The PLC is gone for a second and a half."""
    away = line.plc.parent.with_name("away")
    line.plc.parent.rename(away)
    line.wait(1.5)
    away.rename(line.plc.parent)


def fill_disk(line: Line) -> None:
    """No file can grow for a second and a half, by a limit of the processes, which needs no root."""
    pids = [line.process(stage).pid for stage in ("anomaly", "conveyor")]
    before = [resource.prlimit(pid, resource.RLIMIT_FSIZE) for pid in pids]
    for pid, (_, hard) in zip(pids, before, strict=True):
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (0, hard))
    line.wait(1.5)
    for pid, limits in zip(pids, before, strict=True):
        resource.prlimit(pid, resource.RLIMIT_FSIZE, limits)


def faults() -> dict[str, Callable[[Line], int | None]]:
    """All faults by name."""
    codes = (("localization", "LOCALIZE_CRASH"), ("background", "SEPARATE_CRASH"), ("anomaly", "JUDGE_CRASH"))
    return {
        "none": lambda line: None,
        **{f"kill -9 {stage}": partial(kill, stage) for stage in STAGES},
        **{f"SIGSTOP {stage}": partial(stop, stage) for stage in STAGES},
        **{f"exception in {stage}": partial(crash, getattr(fake_node, code)) for stage, code in codes},
        **{f"deactivate {stage}": partial(deactivate, stage) for stage in STAGES},
        "clock 60 s back": partial(step_clock, -60),
        "clock 2 s ahead": partial(step_clock, 2),
        "PLC gone": lose_plc,
        "full disk": fill_disk,
        "overload 10x": overload,
    }


def run_fault(fault: Callable[[Line], int | None], tries: int, progress: Callable[[str], None]) -> Books:
    """Runs a fault so many times with a good part, and as often with a defective one."""
    with line() as made:
        made.driver.wait()
        for index in range(2 * tries):
            made.strike(f"part {index}", index % 2 == 1, fault)
            progress(f"{index + 1} of {2 * tries}")
        return made.settle()


def run_late_start(stage: str, tries: int, progress: Callable[[str], None]) -> Books:
    """Starts a node five seconds after the others, while parts come already."""
    with line() as made:
        made.process(stage).send_signal(signal.SIGSTOP)  # before it has begun
        made.driver.wait(but=1)
        begin = time.monotonic()
        for index in range(2 * tries):
            if index == tries:
                made.process(stage).send_signal(signal.SIGCONT)
            defective = index % 2 == 1
            for view in range(VIEWS):
                made.send(f"part {index}", view, VIEWS, BAD if defective and view == 1 else GOOD, defective)
            progress(f"{index + 1} of {2 * tries}")
        made.strike("last", False, lambda line: None)
        made.books.recovery_s = [time.monotonic() - begin]
        return made.settle()


def row(name: str, books: Books) -> str:
    """A line of the table."""
    median, worst = statistics.median(books.recovery_s), max(books.recovery_s)
    passed = sum("passed" in problem for problem in books.problems)
    return (
        f"| {name} | {books.images} | {books.results} | {books.parts} | {books.commands} | {passed} "
        f"| {books.good_rejected} | {median:.1f} | {worst:.1f} |"
    )


def main() -> int:
    """Runs the faults."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tries", type=int, default=20, help="of each fault: good parts, and as many defective")
    parser.add_argument("--only", default="", help="only faults with this in their name")
    arguments = parser.parse_args()
    jobs: dict[str, Callable[..., Books]] = {name: partial(run_fault, fault) for name, fault in faults().items()}
    jobs |= {f"late start {stage}": partial(run_late_start, stage) for stage in STAGES}
    jobs = {name: job for name, job in jobs.items() if arguments.only in name}
    silences: list[str] = []
    print(
        "| fault | images | results | parts | commands | defective passed | good rejected | s to recover | worst |\n"
        "|---|---:|---:|---:|---:|---:|---:|---:|---:|",
        flush=True,
    )
    with progress_bar("faults") as progress:
        for index, (name, job) in enumerate(jobs.items()):
            books = job(arguments.tries, lambda state, i=index, n=name: progress(i, len(jobs), f"{n}: {state}"))
            print(row(name, books), flush=True)
            silences += [f"{name}: {problem}" for problem in books.problems]
            progress(index + 1, len(jobs), name)
    for silence in silences:
        print(silence, file=sys.stderr)
    print(f"{len(silences)} passed in silence")
    return int(bool(silences))


if __name__ == "__main__":
    sys.exit(main())
