"""A day of a line in about a minute: by a simulated clock, through what decides and records in the graph.

    python benchmarks/shift.py [--parts 500] [--plc modbus --gate timed] [--out runs/shift]

The clock moves a belt with an encoder, which carries parts of three views past a camera and to a gate two metres
further, up to six at a time. Station, gate, journal, outbox, driver and records are the graph's own; the PLC is a real
server of its fieldbus on loopback, with the program of docs/conveyor.md, and acts on what is at the gate by then,
whatever the command was meant for. In the middle of each batch something happens: another speed, a stop, also in the
middle of a part, a jog back, a PLC that goes away, does not take, or takes without being heard, a kill of the process,
a disk that others have filled (a small one of its own, where this is root), another product. Some verdicts come half a
minute late or never, some images are not localised. Pictures and verdicts are those of the sample's bag, judged once
at the beginning and drawn from at random: whether verdicts are right is measured elsewhere (`pad evaluate`). The line
itself: test/conveyor/day_*.py.

Prints a Markdown table, balanced by SQL and arithmetic of its own, writes the shift's report, and ends with exit code 1
and what did not hold.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "test" / "conveyor"))
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "test" / "records"))

from day_books import balance
from day_script import INCIDENTS, Day, Judge
from plc_servers import ModbusServer, OpcUaServer
from records_stage import fill_up, mounted

from pad_ros.common.progress import progress_bar
from pad_ros.common.tables import format_table
from pad_ros.images import decode_image
from pad_ros.inspector import Inspector
from pad_ros.product import Product
from pad_ros.records.pictures import Picture
from pad_ros.records.queries import Choice
from pad_ros.records.report import write_shift_report
from pad_ros.records.store import Store
from pad_ros.results import Inspection
from pad_ros.sources.bag import message_types, read_bag

PER_BATCH = 8
SERVERS = {"modbus": ModbusServer, "opcua": OpcUaServer}


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


def main() -> int:
    """Runs the day."""
    sample = Path(__file__).resolve().parent.parent / "sample"
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--parts", type=int, default=500)
    parser.add_argument("--plc", choices=SERVERS, default="modbus")
    parser.add_argument("--gate", choices=("timed", "early"), default="timed")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--product", type=Path, default=sample / "product")
    parser.add_argument("--bag", type=Path, default=sample / "bag")
    parser.add_argument("--out", type=Path, default=Path("runs/shift"))
    args = parser.parse_args()
    begun = time.monotonic()
    product = Product.load(args.product)
    pool = judged_sample(Inspector(product), args.bag)
    second = replace(product, name=f"{product.name} B").save(args.out / "product B")
    judge = Judge(
        [entry for entry in pool if not entry[1].anomalous],
        [entry for entry in pool if entry[1].anomalous],
        [(product, args.product), (second, args.out / "product B")],
    )
    judged = time.monotonic()
    begin = datetime(2026, 3, 2, 6, 0).astimezone()
    with (
        tempfile.TemporaryDirectory(prefix="pad-shift-") as scratch,
        mounted(Path(scratch) / "disk", 64) as is_small,
        SERVERS[args.plc]() as plc,
        progress_bar("the day") as progress,
    ):
        folder = Path(scratch) / "disk" / "records"
        day = Day(folder, plc, args.gate, judge, begin, fill_up if is_small else None, args.seed)
        day.run(args.parts, PER_BATCH, lambda done: progress(done, args.parts, f"{day.plant.moment():%H:%M}"))
        ended = time.monotonic()
        problems, figures = balance(day, folder / "records.sqlite")
        store = Store(folder, must_exist=True)
        choice = Choice(begin, day.plant.moment() + timedelta(seconds=1))
        page = write_shift_report(store, args.out / "shift.html", choice, [args.product, args.out / "product B"])
        store.close()
        shutil.rmtree(args.out / "records", ignore_errors=True)
        shutil.copytree(folder, args.out / "records", ignore=shutil.ignore_patterns("reserve", "others"))
    happened = ", ".join(f"{name} {day.incidents[name]}" for name in INCIDENTS[1:] if is_small or name != "disk full")
    rows = [(name, "; ".join(map(str, values))) for name, values in figures.items()]
    rows += [(name, str(count)) for name, count in sorted(day.notes.items())]
    rows += [("seconds: judging the sample; the day", f"{judged - begun:.0f}; {ended - judged:.0f}")]
    print(format_table((f"a day in a minute ({args.plc}, gate {args.gate})", ""), rows, markdown=True))
    print(f"what happened, and how often: {happened}\nreport: {page}")
    if not is_small:
        print("not tried: the full disk (only root can make a small one)")
    for problem in problems:
        print(f"FAILED: {problem}")
    return int(bool(problems))


if __name__ == "__main__":
    sys.exit(main())
