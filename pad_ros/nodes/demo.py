"""`pad demo`: replays a bag through the nodes as separate processes and reports what they say."""

from __future__ import annotations

import os
import statistics
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pad_ros.conveyor.policy import PolicyChoice
from pad_ros.errors import ImageError
from pad_ros.evaluation.report import write_report
from pad_ros.evaluation.results_writer import ResultWriter, read_results
from pad_ros.evaluation.summary import format_ms, summarize
from pad_ros.graph.build import build
from pad_ros.graph.up import Processes, ros_environment
from pad_ros.nodes.convert import image_from_message, stamp_of
from pad_ros.nodes.watcher import watch
from pad_ros.product import Product
from pad_ros.results import Image, Inspection, Status
from pad_ros.sources.bag import read_bag, read_images
from pad_ros.sources.bag_metadata import find_image_topic

# Without anything new for so long, the demo gives up.
_PATIENCE_S = 120.0
_IN_FLIGHT = 3


def run_demo(product: Path | str, bag: Path | str, out: Path | str) -> int:
    """Inspects a bag through the ROS graph.

    Args:
        product: the product's folder.
        bag: a rosbag2 with images.
        out: folder for `results.jsonl`, `overlays/`, `report.html` and `nodes.log`.

    Returns:
        0 when every image has a result, else 1.

    Raises:
        BagError, ConfigError, ProductError: the bag or the product cannot be used; what is in `out` stays.
    """
    out = Path(out)
    images = find_image_topic(bag).name
    total = sum(message.topic == images for message in read_bag(bag))  # what is damaged says so here
    graph = build(
        {"product": str(product), "bag": str(bag), "wait_for_results": _IN_FLIGHT},
        # As fast as results come; and no minute is spent on a part of which the bag holds only some views.
        {"bag_player": {"rate": 1000.0}, "conveyor": {"part_timeout": 30.0}},
    )
    loaded = Product.load(product)
    policy = PolicyChoice().create(loaded)  # the conveyor node's
    environment = ros_environment(isolated=True)
    os.environ.update({name: value for name, value in environment.items() if name.startswith("ROS_")})
    with ResultWriter(out) as writer, open(out / "nodes.log", "wb") as log, watch() as watcher:
        print(
            f"{total} images of {bag} through {len(graph.processes)} nodes; their log is {out / 'nodes.log'}",
            flush=True,
        )
        with Processes(graph, environment, log) as processes:
            problem = _Run(watcher, writer, bag, total).follow(processes)
    if problem:
        print(f"pad demo: {problem}: {_last_error(out / 'nodes.log')}", file=sys.stderr, flush=True)
    rows = read_results(out)
    if not rows:
        return 1
    report = write_report(out, loaded.name, policy, loaded.calibration)
    summary = summarize(rows, policy)
    lost = total - len(rows)
    print(f"report: {report}")
    print(summary.line() + (f"; {lost} images never came back" if lost else ""), flush=True)
    return 0 if not problem and not lost and not summary.unjudged else 1


def _last_error(log: Path) -> str:
    """The nodes' last complaint, or where to look for more."""
    lines = [line for line in log.read_text(errors="replace").splitlines() if "[ERROR]" in line]
    return lines[-1].partition("]: ")[2] if lines else f"see {log}"


class _Run:
    """Follows the results of one replay."""

    def __init__(self, watcher: Any, writer: ResultWriter, bag: Path | str, total: int) -> None:
        self._watcher, self._writer, self._total = watcher, writer, total
        self._images = _Images(bag)
        self._moments: list[float] = []  # when each result came
        self._undecided: set[str] = set()
        self._shown: set[int] = set()  # stamps
        self._commands: list[Any] = []  # of parts whose last result has not come
        self._written = 0

    def follow(self, processes: Processes) -> str:
        """Shows what comes until all came; returns what went wrong, else nothing."""
        moved = time.monotonic()
        while self._written < self._total or self._undecided:
            self._watcher.spin()
            if self._take():
                moved = time.monotonic()
            if problem := processes.watch():
                return problem
            if time.monotonic() - moved > _PATIENCE_S:
                waiting = f"{self._total - self._written} images" if self._written < self._total else "a part's verdict"
                return f"nothing came for {_PATIENCE_S:.0f} s, {waiting} outstanding"
        return ""

    def _take(self) -> bool:
        news = False
        for message in self._watcher.take_results():
            self._show(message)
            news = True
        for joined in self._watcher.take_complete():
            self._write(joined)
            news = True
        self._commands += self._watcher.take_commands()
        # A verdict may overtake the result that it is about; it is shown after it.
        ready = [command for command in self._commands if stamp_of(command.header) in self._shown]
        for command in ready:
            self._commands.remove(command)
            verdict = "REJECT" if command.reject else "pass"
            print(f"  part {command.part_id}: {verdict} ({command.reason})", flush=True)
            self._undecided.discard(command.part_id)
            news = True
        return news

    def _show(self, message: Any) -> None:
        self._moments.append(time.monotonic())
        self._shown.add(stamp_of(message.header))
        self._undecided.add(message.part_id)
        done = len(self._moments)
        status = Status(message.status)
        if status == Status.OK:
            verdict = "anomalous" if message.anomalous else "good"
            said = f"{verdict:9}  score {message.score:.4g} (threshold {message.threshold:.4g})"
        else:
            said = f"{status.name}: {message.reason}"
        spent = format_ms(message.milliseconds[-1]) if message.milliseconds else ""
        left = ""
        if 1 < done < self._total:
            pace = statistics.median(b - a for a, b in zip(self._moments, self._moments[1:], strict=False))
            left = f"  {pace * (self._total - done):.0f} s left"
        print(f"{done:3}/{self._total}  {message.part_id} view {message.view_index}: {said}  {spent}{left}", flush=True)

    def _write(self, joined: tuple[Any, Inspection, dict[str, Image]]) -> None:
        message, inspection, pictures = joined
        self._writer.add(
            f"{message.part_id} view {message.view_index}",
            self._images.take(stamp_of(message.header)),
            inspection,
            message.part_id,
            message.view_index,
            message.view_count,
            reference=pictures.get("reference"),
            overlay=pictures.get("overlay"),
        )
        self._written += 1


class _Images:
    """The bag's images by stamp; holds no more than results are out of order."""

    def __init__(self, bag: Path | str) -> None:
        self._source: Iterator[tuple[int, Any]] = read_images(bag)
        self._passed: dict[int, Any] = {}

    def take(self, stamp: int) -> Image | None:
        """The image of a stamp; None when the bag has no readable one."""
        while stamp not in self._passed:
            entry = next(self._source, None)
            if entry is None:
                return None
            self._passed[entry[0]] = entry[1]
        try:
            return image_from_message(self._passed.pop(stamp))
        except ImageError:
            return None
