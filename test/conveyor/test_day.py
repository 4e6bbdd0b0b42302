"""A short day of a line, with all that goes wrong in one: real drivers, servers and records, one simulated clock."""

import sys
from datetime import datetime, timezone
from pathlib import Path
from types import SimpleNamespace

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent / "records"))

from day_books import balance
from day_script import INCIDENTS, Day, Judge
from plc_servers import ModbusServer, OpcUaServer
from records_stage import fill_up, image, inspection_of, mounted

from pad_ros.records.pictures import Picture

BEGIN = datetime(2026, 3, 2, 6, 0, tzinfo=timezone.utc)


def product(name):
    return SimpleNamespace(name=name, checksum=name, calibration=SimpleNamespace(threshold=4.0, scores=[1.0]))


FEW = ("jog", "plc away", "kill while away", "disk full")  # OPC UA's library is slow


@pytest.mark.parametrize(
    ("library", "server", "mode", "incidents"),
    [("pymodbus", ModbusServer, "timed", INCIDENTS), ("asyncua", OpcUaServer, "early", FEW)],
)
def test_every_part_has_one_decision_the_plc_agrees_and_no_defect_passes(tmp_path, library, server, mode, incidents):
    pytest.importorskip(library)
    picture = Picture.of(image())
    judge = Judge(
        [(picture, inspection_of(score)) for score in (1.0, 2.0)],
        [(picture, inspection_of(9.0))],
        [(product(name), tmp_path) for name in ("A", "B")],
    )
    with mounted(tmp_path / "disk", 30) as is_small, server() as plc:
        folder = tmp_path / "disk" / "records"
        day = Day(folder, plc, mode, judge, BEGIN, fill_up if is_small else None, seed=3)
        day.run(3 * len(incidents), per_batch=3, incidents=incidents)
        problems, figures = balance(day, folder / "records.sqlite")
    assert problems == []
    # The day was one: defects, commands that were lost, parts that only the PLC could reject.
    assert figures["defective parts; of them passed"][0] > 0
    assert figures["commands that never reached the PLC, said aloud"][0] > 0
    assert figures["decided: pass; reject"][0] > len(incidents)
    assert figures["good parts; of them rejected"][1] < 1.5 * len(incidents)
    assert not is_small or day.notes["the disk was full"] == 1
