"""Runs the graph for a long time at the machine's own rate: does it grow, or slow down?

    python benchmarks/soak.py [--minutes 30] [--warm-up 20] [--out runs/soak]

The nodes are those of `pad up`, with records and a PLC's log, on the sample's bag, which is replayed for ever: the next
image comes as soon as there are fewer than three results outstanding. Every few seconds each node's memory (what it
alone holds, RssAnon), threads and open files are read from /proc; latencies are from an image's arrival at the anomaly
node until its result is heard here. The warm-up is left out: until then bounded histories fill (the conveyor remembers
2000 results). Slopes are Theil's, medians over all pairs of samples, with their 95 % interval; a slope is growth when
the whole interval lies above `--grown` MB per hour.

Prints Markdown tables, writes `soak.json` and `soak.svg`, and ends with exit code 1 when something grew, an image was
left without result, a part without command, or a node died.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from diagnostic_msgs.msg import DiagnosticArray
from pad_ros.msg import AnomalyResult, RejectCommand
from scipy.stats import theilslopes

from pad_ros.common.progress import progress_bar
from pad_ros.common.tables import format_table
from pad_ros.graph.build import build
from pad_ros.graph.up import Processes, ros_environment
from pad_ros.nodes.bystander import bystander
from pad_ros.nodes.qos import QOS
from pad_ros.results import Status

NODES = ("localization", "background", "anomaly", "conveyor", "records", "bag_player")
_EVERY_S = 5.0
_COLOURS = ("#3158d6", "#d6317f", "#0b86bd", "#a87900", "#2a8f4d", "#7a4bc2", "#8a8f9c", "#c2562b")


@dataclass(frozen=True)
class Sample:
    """A process at one moment."""

    seconds: float
    megabytes: float
    threads: int
    files: int
    cpu_s: float

    @classmethod
    def of(cls, pid: int, seconds: float) -> Sample:
        """Reads it from /proc."""
        status = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
        ticks = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
        return cls(
            seconds,
            int(status["RssAnon"].split()[0]) / 1024,
            int(status["Threads"]),
            len(os.listdir(f"/proc/{pid}/fd")),
            sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK"),
        )


@dataclass
class Soak:
    """What was seen."""

    samples: dict[str, list[Sample]] = field(default_factory=lambda: {name: [] for name in NODES})
    latencies: list[tuple[float, float]] = field(default_factory=list)  # (seconds, milliseconds)
    statuses: Counter[str] = field(default_factory=Counter)
    undecided: set[str] = field(default_factory=set)  # parts with results and without command
    parts: int = 0
    complaints: Counter[str] = field(default_factory=Counter)
    problem: str = ""

    def heard(self, begin: float, message: AnomalyResult) -> None:
        """Notes a result."""
        now = time.monotonic()
        self.latencies.append((now - begin, 1000.0 * now - message.arrival / 1e6))
        self.statuses[Status(message.status).name] += 1
        self.undecided.add(message.part_id)

    def decided(self, message: RejectCommand) -> None:
        """Notes a command."""
        self.parts += 1
        self.undecided.discard(message.part_id)

    def said(self, message: DiagnosticArray) -> None:
        """Notes what a node complains of."""
        self.complaints.update(f"{status.name}: {status.message}" for status in message.status if status.level != b"\0")


@contextmanager
def listening(found: Soak, begin: float) -> Iterator[Callable[[], None]]:
    """Hears the graph; yields a function that takes what has come."""
    with bystander("soak") as (node, executor):
        node.create_subscription(AnomalyResult, "anomaly", lambda m: found.heard(begin, m), QOS["results"])
        node.create_subscription(RejectCommand, "reject", found.decided, QOS["results"])
        node.create_subscription(DiagnosticArray, "/diagnostics", found.said, QOS["reliable"])
        yield lambda: executor.spin_once(timeout_sec=0.2)


def soak(args: argparse.Namespace) -> Soak:
    """Runs the graph and watches it."""
    shutil.rmtree(args.out / "records", ignore_errors=True)
    settings = {"bag": args.bag, "product": args.product, "loop": "true", "wait_for_results": "3"}
    settings |= {"records": args.out / "records", "plc": "log"}
    overrides = {"bag_player": {"rate": 1000.0}, "conveyor": {"plc_log": str(args.out / "plc.jsonl")}}
    graph = build({name: str(value) for name, value in settings.items()}, overrides)
    environment = ros_environment(isolated=True)
    os.environ.update({name: value for name, value in environment.items() if name.startswith("ROS_")})
    found, begin, due = Soak(), time.monotonic(), 0.0
    end = begin + 60.0 * args.minutes
    with (
        open(args.out / "nodes.log", "wb") as log,
        Processes(graph, environment, log) as processes,
        listening(found, begin) as spin,
        progress_bar("soaking") as progress,
    ):
        pids = {name: processes.process(name).pid for name in NODES}
        while (now := time.monotonic()) < end and not found.problem:
            spin()
            if now < due:
                continue
            due = now + _EVERY_S
            ended = [name for name in NODES if processes.process(name).poll() is not None]
            found.problem = processes.watch() or (f"{ended[0]} died" if ended else "")
            for name in NODES if not found.problem else ():
                found.samples[name].append(Sample.of(pids[name], now - begin))
            progress(int(now - begin), int(end - begin), f"{len(found.latencies)} images")
    return found


def after(samples: list[Sample], seconds: float) -> list[Sample]:
    """Those after the warm-up."""
    return [one for one in samples if one.seconds >= seconds]


def judge(found: Soak, warm_up_s: float, grown_mb_h: float) -> tuple[dict[str, Any], list[str]]:
    """The figures, and what did not hold."""
    nodes: dict[str, Any] = {}
    problems = [found.problem] if found.problem else []
    for name, samples in found.samples.items():
        kept = after(samples, warm_up_s)
        hours = [one.seconds / 3600.0 for one in kept]
        slope, _, low, high = theilslopes([one.megabytes for one in kept], hours)
        first, last = kept[0], kept[-1]
        nodes[name] = {
            "mb": [round(first.megabytes, 1), round(last.megabytes, 1)],
            "mb_per_hour": [round(float(value), 2) for value in (slope, low, high)],
            "threads": sorted({one.threads for one in kept}),
            "files": sorted({one.files for one in kept}),
            "cores": round((last.cpu_s - first.cpu_s) / (last.seconds - first.seconds), 2),
        }
        if low > grown_mb_h:
            problems.append(f"{name}: memory grows by {slope:.1f} MB an hour")
        for what in ("threads", "files"):
            counts = [getattr(one, what) for one in kept]
            third = len(counts) // 3
            if np.median(counts[-third:]) > np.median(counts[:third]):
                problems.append(f"{name}: {what} grow")
    times = np.array(found.latencies)  # [N, 2]
    times = times[times[:, 0] >= warm_up_s]
    latencies = {}
    for third, part in zip(("first third", "second third", "last third"), np.array_split(times, 3), strict=True):
        rate = len(part) / (part[-1, 0] - part[0, 0])
        p50, p95, p99, longest = (round(float(v), 1) for v in np.percentile(part[:, 1], (50, 95, 99, 100)))
        latencies[third] = {"per_s": round(rate, 2), "p50": p50, "p95": p95, "p99": p99, "longest": longest}
    unjudged = {name: count for name, count in found.statuses.items() if name != "OK"}
    if len(found.undecided) > 3:  # some are on their way
        problems.append(f"{len(found.undecided)} parts have no command: {sorted(found.undecided)[:5]}")
    return {
        "nodes": nodes,
        "latency_ms": latencies,
        "images": len(found.latencies),
        "commands": found.parts,
        "unjudged": unjudged,
        "complaints": dict(found.complaints),
    }, problems


def show(figures: dict[str, Any]) -> str:
    """The figures as tables."""
    rows = [
        (
            name,
            f"{node['mb'][0]:.0f} → {node['mb'][1]:.0f}",
            "{:+.1f} ({:+.1f} … {:+.1f})".format(*node["mb_per_hour"]),
            *("–".join(map(str, dict.fromkeys((node[what][0], node[what][-1])))) for what in ("threads", "files")),
            f"{node['cores']:.2f}",
        )
        for name, node in figures["nodes"].items()
    ]
    times = [(third, *map(str, found.values())) for third, found in figures["latency_ms"].items()]
    return "\n\n".join(
        (
            format_table(("node", "MB", "MB an hour (95 %)", "threads", "open files", "cores"), rows, markdown=True),
            format_table(("milliseconds", "images a second", "p50", "p95", "p99", "longest"), times, markdown=True),
            f"{figures['images']} images, {figures['commands']} commands; not judged: {figures['unjudged'] or 'none'}",
        )
    )


def plot(found: Soak, warm_up_s: float) -> str:
    """Each node's memory over the run, as SVG; grey is the warm-up."""
    end = max(one.seconds for samples in found.samples.values() for one in samples)
    top = 1.1 * max(one.megabytes for samples in found.samples.values() for one in samples)
    lines = [
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 720 260" font-family="sans-serif" font-size="11">'
        f'<rect width="720" height="260" fill="#fff"/><rect x="50" y="10" width="{540 * warm_up_s / end:.1f}" '
        'height="220" fill="#eee"/><path d="M50 10V230H590" fill="none" stroke="#888"/>'
        f'<text x="45" y="234" text-anchor="end">0</text><text x="45" y="20" text-anchor="end">{top:.0f} MB</text>'
        f'<text x="50" y="246">0</text><text x="590" y="246" text-anchor="end">{end / 60:.0f} min</text>'
    ]
    for index, (name, samples) in enumerate(found.samples.items()):
        points = " ".join(
            f"{50 + 540 * one.seconds / end:.1f},{230 - 220 * one.megabytes / top:.1f}" for one in samples
        )
        lines.append(f'<polyline points="{points}" fill="none" stroke="{_COLOURS[index]}" stroke-width="1.5"/>')
        lines.append(f'<text x="600" y="{24 + 18 * index}" fill="{_COLOURS[index]}">{name}</text>')
    return "".join([*lines, "</svg>\n"])


def main() -> int:
    """Runs it."""
    sample = Path(__file__).resolve().parent.parent / "sample"
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--warm-up", type=float, help="minutes; two thirds of all by default")
    parser.add_argument("--grown", type=float, default=5.0, help="MB per hour that are growth")
    parser.add_argument("--product", type=Path, default=sample / "product")
    parser.add_argument("--bag", type=Path, default=sample / "bag")
    parser.add_argument("--out", type=Path, default=Path("runs/soak"))
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # its nodes must not outlive it
    found = soak(args)
    raw = {name: [list(asdict(one).values()) for one in samples] for name, samples in found.samples.items()}
    (args.out / "samples.json").write_text(json.dumps({"samples": raw, "latencies": found.latencies}))
    warm_up_s = 60.0 * (2 * args.minutes / 3 if args.warm_up is None else args.warm_up)
    figures, problems = judge(found, warm_up_s, args.grown)
    (args.out / "soak.json").write_text(json.dumps(figures, indent=1) + "\n")
    (args.out / "soak.svg").write_text(plot(found, warm_up_s))
    print(show(figures))
    for problem in problems:
        print(f"FAILED: {problem}")
    return int(bool(problems))


if __name__ == "__main__":
    sys.exit(main())
