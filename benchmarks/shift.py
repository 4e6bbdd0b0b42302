"""A day of a line in about a minute: by a simulated clock, through the classes that decide and record in the graph.

    python benchmarks/shift.py [--parts 500] [--out runs/shift]

Parts of three views pass a camera from six in the morning on; the belt changes its speed and stops, once in the middle
of a part; the PLC goes away and comes back, and sometimes takes a command whose confirmation is lost; the station's
process is killed twice; others fill its disk (a small one of its own, where this is root); the operator changes the
product. Images and verdicts are those of the sample's bag, judged once at the beginning and drawn from at random, the
good ones' scores rising a little over the day, as when lamps age. A defective part is one of whose views at least one
is anomalous or cannot be judged: whether the verdicts are right is measured elsewhere (`pad evaluate`).

Prints a Markdown table, writes the shift's report, and ends with exit code 1 and what did not hold.
"""

from __future__ import annotations

import argparse
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np

from pad_ros.common.progress import progress_bar
from pad_ros.common.tables import format_table
from pad_ros.conveyor.decisions import DecisionJournal
from pad_ros.conveyor.outbox import Outbox
from pad_ros.conveyor.parts import Decision, PartTracker
from pad_ros.conveyor.policy import create_policy
from pad_ros.images import decode_image
from pad_ros.inspector import Inspector
from pad_ros.product import Product
from pad_ros.records.decisions import DecisionLog
from pad_ros.records.pictures import Picture, Sample
from pad_ros.records.queries import Choice, read_parts, read_views
from pad_ros.records.recorder import Recorder
from pad_ros.records.report import write_shift_report
from pad_ros.records.retention import Limits
from pad_ros.records.store import Store
from pad_ros.records.verdicts import Seen
from pad_ros.results import Inspection, Status
from pad_ros.sources.bag import message_types, read_bag

VIEWS, BETWEEN_VIEWS_S, JUDGING_S = 3, 1.0, 0.5
GATE_M, TIMEOUT_S = 2.0, 20.0
DAY_S = 8.5 * 3600
STATION = "line 3"
# Shares of the day.
SPEEDS = ((0.0, 0.20), (0.30, 0.26), (0.62, 0.15), (0.80, 0.22))  # from then on, metres per second
STOPS = ((0.22, 0.25), (0.50, 0.56), (0.71, 0.72))  # the belt stands
PLC_AWAY, DISK_FULL = (0.34, 0.38), (0.58, 0.66)
KILLS, NEW_PRODUCT = (0.44, 0.77), 0.68
SPLIT_PART, SPLIT_S = 0.40, 15.0  # the belt also stands in the middle of a part, for less than the part is waited for


@dataclass
class Plc:
    """A PLC that counts; a number that it has taken it does not take again."""

    clock: Clock
    away: bool = False
    written_ms: list[float] = field(default_factory=list)  # how long each decision took to be on record
    taken_s: dict[str, float] = field(default_factory=dict)  # when it took the command for each part
    counts: Counter[str] = field(default_factory=Counter)
    _numbers: set[int] = field(default_factory=set)

    def take(self, decision: Decision) -> None:
        """Takes a command, or raises."""
        if self.away:
            raise ConnectionError("no route to the PLC")
        if decision.sequence in self._numbers:
            self.counts["said again, ignored"] += 1
            return
        self._numbers.add(decision.sequence)
        self.taken_s.setdefault(decision.part_id, self.clock.seconds)
        self.counts["reject" if decision.reject else "pass"] += 1
        if decision.sequence % 40 == 0:
            raise TimeoutError("the PLC took it, but its confirmation was lost")


class Station:
    """What the graph's conveyor and records nodes are made of; `kill` leaves everything as it is."""

    def __init__(self, folder: Path, plc: Plc, clock: Clock) -> None:
        self._plc, self._alive, self._clock = plc, True, clock
        self._tracker = PartTracker(create_policy({"name": "any"}), TIMEOUT_S, GATE_M / SPEEDS[0][1])
        self._journal = DecisionJournal(str(folder / "conveyor.journal"))
        self._tracker.restore(self._journal.decisions)
        self._log = DecisionLog(str(folder), STATION, self._journal.decisions, clock=clock.now)
        self.recorder = Recorder(
            Store(folder, STATION, clock=clock.now), Sample(0.02), Limits(picture_days=1e5, free_gb=0.004)
        )
        self._outbox = Outbox(self, 60.0, self._on_sent, lambda decision, problem: None, retry_s=0.02)
        for decision in self._journal.unsent:
            self._outbox.send(decision)

    def announce(self, part: str, stamp_s: float) -> None:
        """A part's image was taken."""
        self._tracker.announce(part, VIEWS, stamp_s, self._clock.seconds)

    def judge(self, part: str, view: int, stamp_s: float, arrival: int, inspection: Inspection) -> list[Decision]:
        """A verdict came; returns what was decided."""
        status, score = inspection.status, inspection.score
        made = self._tracker.add(
            part, view, VIEWS, status, score, inspection.anomalous, stamp_s, self._clock.seconds, arrival
        )
        return self._decide([made] if made else [])

    def pass_time(self) -> list[Decision]:
        """Decides what is overdue."""
        return self._decide(self._tracker.flush(self._clock.seconds))

    def end(self) -> list[Decision]:
        """Ends in order."""
        last = self._decide(self._tracker.flush(float("inf")))
        self._outbox.close(patience_s=20.0)
        self._log.close()
        self.recorder.tidy()
        self.recorder.store.close()
        return last

    def kill(self) -> None:
        """Ends as by SIGKILL: nothing is written, closed or said any more."""
        self._alive = False

    def send(self, decision: Decision) -> None:
        """The PLC's driver: what the outbox calls."""
        if not self._alive:
            raise ConnectionError("this process is dead")
        self._plc.take(decision)

    def close(self) -> None:
        """The PLC's driver has nothing to close."""

    @property
    def faults(self) -> list[str]:
        """What is wrong."""
        return [fault for fault in (self._outbox.fault, self._log.fault, self.recorder.fault) if fault]

    def _decide(self, decisions: list[Decision]) -> list[Decision]:
        for decision in decisions:
            with suppress(OSError):  # on a full disk; the command goes out all the same
                self._journal.decided(decision, 0)
            begun = time.perf_counter()
            self._log.decided(decision, 0)
            self._plc.written_ms.append(1000.0 * (time.perf_counter() - begun))
            self._outbox.send(decision)
        self.drain()
        return decisions

    def drain(self) -> None:
        """Lets the simulated time wait while the PLC takes what there is to take."""
        while len(self._outbox) and not self._plc.away:
            time.sleep(0.001)

    def _on_sent(self, decision: Decision) -> None:
        if self._alive:
            self._log.answered(decision)
            with suppress(OSError):
                self._journal.sent(decision)


class Clock:
    """The day's time; and the belt, which moves with it."""

    def __init__(self, begin: datetime) -> None:
        self._begin, self.seconds = begin, 0.0

    @property
    def share(self) -> float:
        """How much of the day is over."""
        return self.seconds / DAY_S

    def now(self) -> datetime:
        """The moment."""
        return self._begin + timedelta(seconds=self.seconds)

    def within(self, span: tuple[float, float]) -> bool:
        """Whether it is that time of the day."""
        return span[0] <= self.share < span[1]

    def stamp_s(self) -> float:
        """What the camera stamps, seconds."""
        return self.now().timestamp()

    def gate_in(self, seconds: float, metres: float = GATE_M) -> float:
        """Seconds from a moment of the day until the belt has moved so far."""
        begin = seconds
        while metres > 0:
            share = seconds / DAY_S
            speed = 0.0 if any(a <= share < b for a, b in STOPS) else [v for at, v in SPEEDS if at <= share][-1]
            metres -= 0.1 * speed
            seconds += 0.1
        return seconds - begin


@contextmanager
def small_disk(folder: Path) -> Iterator[bool]:
    """Mounts a disk of its own where it can be; whether it could."""
    folder.mkdir(parents=True)
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", str(folder)], capture_output=True)
    try:
        yield done.returncode == 0
    finally:
        if done.returncode == 0:
            subprocess.run(["umount", "-l", str(folder)], check=True)


def judged_sample(inspector: Inspector, bag: Path) -> list[tuple[Picture, Inspection]]:
    """The bag's images with their verdicts."""
    types, found = message_types(), []
    entries = [entry for entry in read_bag(bag) if entry.topic.startswith("/image_raw")]
    with progress_bar("judging the sample") as progress:
        for index, entry in enumerate(entries):
            data = types.deserialize_cdr(entry.data, entry.type).data.tobytes()
            inspection = inspector.inspect(decode_image(data))
            plain = dict(anomaly_map=None, reference=None, augmented=None, background=None)
            found.append((Picture.of_file(data), replace(inspection, **plain)))
            progress(index + 1, len(entries), "")
    return found


@dataclass
class Day:
    """What happened, beside what the records say of it."""

    defective: set[str] = field(default_factory=set)
    images: int = 0
    margins: list[float] = field(default_factory=list)  # seconds from the decision to the gate
    gate_s: dict[str, float] = field(default_factory=dict)  # when each part is at the gate
    faults: Counter[str] = field(default_factory=Counter)
    killed: int = 0
    tightest: int = 10**15  # bytes free on the disk
    judging_s: float = 0.0
    running_s: float = 0.0


def run_day(args: argparse.Namespace, folder: Path, has_disk: bool, clock: Clock, plc: Plc) -> Day:
    """Runs the line from morning to evening."""
    rng, day = random.Random(args.seed), Day()
    begun = time.monotonic()
    product = Product.load(args.product)
    pool = judged_sample(Inspector(product), args.bag)
    day.judging_s = time.monotonic() - begun
    good = [entry for entry in pool if not entry[1].anomalous]
    bad = [entry for entry in pool if entry[1].anomalous]
    second = replace(product, name=f"{product.name} B").save(args.out / "product B")
    station, records = Station(folder, plc, clock), folder
    station.recorder.product(product, args.product)
    kills, arrival, last_seen = list(KILLS), 0, {}
    # Parts come evenly while the belt moves.
    moving = [s for s in range(int(DAY_S)) if not any(a <= s / DAY_S < b for a, b in STOPS)]
    begins = [moving[index * (len(moving) - 60) // args.parts] for index in range(args.parts)]
    split = min(range(args.parts), key=lambda index: abs(begins[index] / DAY_S - SPLIT_PART))

    def count(decisions: list[Decision]) -> None:
        for decision in decisions:
            if decision.part_id in last_seen:
                seen = last_seen.pop(decision.part_id)
                day.gate_s[decision.part_id] = seen + clock.gate_in(seen)
                day.margins.append(day.gate_s[decision.part_id] - clock.seconds)

    def pass_until(seconds: float) -> None:
        nonlocal station
        while clock.seconds < seconds:
            clock.seconds = min(seconds, clock.seconds + 5.0)
            plc.away = clock.within(PLC_AWAY)
            station.drain()
            others = records / "others"
            if has_disk and clock.within(DISK_FULL) and not others.exists():
                fill_up(others)
                day.tightest = min(day.tightest, shutil.disk_usage(records).free)
            elif has_disk and others.exists() and not clock.within(DISK_FULL):
                others.unlink()
            if kills and clock.share > kills[0]:
                kills.pop(0)
                day.killed += 1
                station.kill()
                station = Station(folder, plc, clock)
            count(station.pass_time())
            day.faults.update(fault.rpartition(": ")[2] for fault in station.faults)

    with progress_bar("the day") as progress:
        for index, begin in enumerate(begins):
            part = f"part {index + 1:03}"
            pass_until(begin)
            now_made = product if clock.share < NEW_PRODUCT else second
            station.recorder.product(now_made, args.product if now_made is product else args.out / "product B")
            verdicts = [rng.choice(good) for _ in range(VIEWS)]
            if rng.random() < 0.05:
                day.defective.add(part)
                for view in rng.sample(range(VIEWS), rng.randint(1, VIEWS)):
                    verdicts[view] = rng.choice(bad)
            for view, (picture, inspection) in enumerate(verdicts):
                if index == split and view == 1:  # the belt stops before its second view
                    pass_until(clock.seconds + SPLIT_S)
                arrival += 10**9
                stamp = clock.stamp_s()
                station.announce(part, stamp)
                last_seen[part] = clock.seconds
                clock.seconds += JUDGING_S
                if rng.random() < 0.004:
                    inspection = Inspection(Status.NOT_LOCALIZED, "7 inliers of 31 matches, at least 12 needed")
                    day.defective.add(part)
                elif not inspection.anomalous:
                    inspection = aged(inspection, clock.share, rng)
                    if inspection.anomalous:
                        day.defective.add(part)  # for the line: it has been told so
                day.images += 1
                seen = Seen(
                    f"camera_optical_frame {round(1e9 * stamp)}", round(1e9 * stamp), arrival, 0, part, view, VIEWS
                )
                kept = station.recorder
                kept.add(seen, inspection, now_made.name, now_made.checksum, lambda picture=picture: picture)
                count(station.judge(part, view, stamp, arrival, inspection))
                clock.seconds += BETWEEN_VIEWS_S - JUDGING_S
            progress(index + 1, args.parts, f"{clock.now():%H:%M}")
        pass_until(DAY_S)
        count(station.end())
    day.running_s = time.monotonic() - begun - day.judging_s
    return day


def aged(inspection: Inspection, share: float, rng: random.Random) -> Inspection:
    """A good verdict as it would be by then: the scores rise by a sixth over the day."""
    score = inspection.score * (1.0 + share / 6.0) * rng.uniform(0.97, 1.03)
    return replace(inspection, score=score, anomalous=score > inspection.threshold)


def fill_up(path: Path) -> None:
    """Fills the disk to the last byte, as others do."""
    with open(path, "wb", buffering=0) as file:
        for size in (1_000_000, 4096, 1):
            with suppress(OSError):
                while True:
                    file.write(bytes(size))


def check(day: Day, plc: Plc, store: Store, parts: int, has_disk: bool) -> tuple[list[tuple[str, str]], list[str]]:
    """The facts of the day, and what did not hold."""
    with store.session() as session:
        found, views = read_parts(session, Choice()), read_views(session, Choice())
    decided = Counter(part.decision.part_id for part in found)
    passed = {part.decision.part_id for part in found if not part.decision.reject}
    rejected = len(found) - len(passed)
    numbers = sorted(part.decision.sequence for part in found)
    taken = sum(part.gate == "taken" for part in found)
    late = {part for part, at in day.gate_s.items() if plc.taken_s.get(part, float("inf")) > at}
    counted = plc.counts["pass"], plc.counts["reject"]
    problems = [
        text
        for text, wrong in (
            ("a part has not exactly one decision", decided != Counter(f"part {i + 1:03}" for i in range(parts))),
            ("the numbers of the commands have gaps", numbers != list(range(1, parts + 1))),
            ("an image has not exactly one verdict", len(views) != day.images),
            ("the PLC counted otherwise", counted != (len(passed), rejected)),
            ("a defective part was passed", bool(passed & day.defective)),
            ("the PLC's answer is not on record", taken != parts),
            ("a decision came after its part was at the gate", min(day.margins) <= 0),
            ("a process was not killed", day.killed != len(KILLS)),
            ("the disk was not full", has_disk and day.tightest > 0),
        )
        if wrong
    ]
    kept = sum(bool(view.picture) and (store.folder / str(view.picture)).is_file() for view in views)
    facts = [
        ("parts; decisions on record", f"{parts}; {len(found)}"),
        ("images; verdicts on record", f"{day.images}; {len(views)}"),
        ("passed; rejected", f"{len(passed)}; {rejected}"),
        ("the PLC's counters: passed; rejected", "; ".join(map(str, counted))),
        ("commands said again, and ignored by the PLC", str(plc.counts["said again, ignored"])),
        ("defective parts; of them passed", f"{len(day.defective)}; {len(passed & day.defective)}"),
        ("parts at the gate before the PLC had their command: its own fail-safe rejects them", str(len(late))),
        ("decisions before their part is at the gate, the latest", f"{min(day.margins):.1f} s before"),
        (
            "milliseconds until a decision is on record: median; 99 %; longest",
            "; ".join(f"{value:.1f}" for value in np.percentile(plc.written_ms, (50, 99, 100))),
        ),
        ("kills of the process", str(day.killed)),
        ("bytes free on the disk, at the least", str(day.tightest) if has_disk else "not tried"),
        ("pictures kept", str(kept)),
        *((f"said meanwhile: {fault}", f"{count} times") for fault, count in sorted(day.faults.items())),
    ]
    return facts, problems


def main() -> int:
    """Runs the day."""
    sample = Path(__file__).resolve().parent.parent / "sample"
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--parts", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--product", type=Path, default=sample / "product")
    parser.add_argument("--bag", type=Path, default=sample / "bag")
    parser.add_argument("--out", type=Path, default=Path("runs/shift"))
    args = parser.parse_args()
    clock = Clock(datetime(2026, 3, 2, 6, 0).astimezone())
    plc = Plc(clock)
    args.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="pad-shift-") as scratch, small_disk(Path(scratch) / "disk") as has_disk:
        folder = Path(scratch) / "disk" / "records"
        day = run_day(args, folder, has_disk, clock, plc)
        store = Store(folder, STATION, must_exist=True)
        facts, problems = check(day, plc, store, args.parts, has_disk)
        end = Choice(clock.now() - timedelta(seconds=clock.seconds), clock.now())
        page = write_shift_report(store, args.out / "shift.html", end, [args.product, args.out / "product B"])
        store.close()
        shutil.rmtree(args.out / "records", ignore_errors=True)
        shutil.copytree(folder, args.out / "records", ignore=shutil.ignore_patterns("reserve", "others"))
    facts.append(("seconds: judging the sample's images; the day", f"{day.judging_s:.0f}; {day.running_s:.0f}"))
    print(format_table(("a day in a minute", ""), facts, markdown=True))
    print(f"report: {page}")
    if not has_disk:
        print("not tried: the full disk (only root can make a small one)")
    for problem in problems:
        print(f"FAILED: {problem}")
    return int(bool(problems))


if __name__ == "__main__":
    sys.exit(main())
