from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from records_stage import BEGIN, THRESHOLD, decision, fill

from pad_ros.conveyor.decision import IN_TIME, UNDECIDED
from pad_ros.records.decisions import answer_row, decision_row
from pad_ros.records.queries import Choice
from pad_ros.records.shift import read_shift
from pad_ros.records.store import Store

HOUR = Choice(BEGIN, BEGIN + timedelta(hours=1))


def shift_of(folder, choice=HOUR):
    store = Store(folder, "line 1")
    with store.session() as session:
        return read_shift(session, store.station, choice)


def test_the_numbers_of_a_shift(tmp_path):
    shift = shift_of(fill(tmp_path, [1.0, 9.0, None, 2.0, 6.0, *[1.6] * 45]))
    assert (len(shift.parts), shift.passed, shift.rejected, len(shift.unjudged)) == (50, 47, 3, 1)
    assert shift.station == "line 1"
    assert shift.kinds() == {"modified": (2, 2), "missing": (0, 0), "added": (0, 0)}
    assert (shift.gates()["taken"], shift.gaps()) == (50, 0)
    assert shift.stage_ms()["total"] == (105.0, 105.0, 105.0)
    assert [view.part_id for view in shift.worst(9, lambda view: True)] == ["part 1", "part 4"]
    assert [view.part_id for view in shift.worst(9, lambda view: view.part_id == "part 4")] == ["part 4"]
    assert shift.remarks() == []
    spans = shift.spans()
    assert sum(span.passed for span in spans) == 47 and sum(span.rejected for span in spans) == 3
    assert sum(len(span.scores) for span in spans) == 47
    assert spans[0].begin == BEGIN and len(spans) == 30


def test_only_what_lies_within_the_shift_counts(tmp_path):
    fill(tmp_path, [1.0] * 70)
    assert len(shift_of(tmp_path).parts) == 60


def test_good_scores_that_drift_are_remarked(tmp_path):
    as_then = [1.0, 1.3, 1.5, 1.8, 1.9, 2.1] * 5
    (drift,) = shift_of(fill(tmp_path / "a", as_then)).drifts()
    assert drift.ratio == pytest.approx(np.median(as_then) / 1.8, rel=0.01)
    assert drift.remark == ""
    (drift,) = shift_of(fill(tmp_path / "b", [1.5 * score for score in as_then])).drifts()
    assert "1.38×" in drift.remark and "pad calibrate" in drift.remark
    (drift,) = shift_of(fill(tmp_path / "c", [*as_then, *[2.9] * 8])).drifts()
    assert "above 95 % of the calibration's" in drift.remark
    assert replace(drift, scores=drift.scores[:19]).remark == ""  # too few to say
    assert max(drift.calibration) == 2.4 / THRESHOLD


def test_what_somebody_should_look_at(tmp_path):
    fill(tmp_path, [1.0, None, 1.0])
    store = Store(tmp_path, "line 1", clock=lambda: BEGIN + timedelta(minutes=30))
    rows = [decision_row(decision(number), 0, "line 1") for number in (5, 6)]
    store.add(*rows, answer_row(decision(6), "no route", "line 1"))
    remarks = shift_of(tmp_path).remarks()
    assert [remark.split(" of ")[0].split(":")[0] for remark in remarks] == [
        "1 commands never reached the PLC",
        "1 commands have no answer",
        "1 numbers are missing between the commands on record",
        "33.3%",
    ]


def test_commands_that_came_too_late_are_remarked(tmp_path):
    moment = [BEGIN]
    store = Store(tmp_path, "line 1", clock=lambda: moment[0])
    for number, waited in ((1, 4.0), (2, 6.0)):  # the gate is 5 s away
        store.add(decision_row(decision(number), 0, "line 1"))
        moment[0] += timedelta(seconds=waited)
        store.add(answer_row(decision(number), "", "line 1"))
    shift = shift_of(tmp_path)
    assert (shift.late(), shift.longest_wait_s()) == (1, 6.0)
    (remark,) = shift.remarks()
    assert remark.startswith("the PLC took 1 commands later than")


def test_where_the_gate_is_looked_at_no_command_is_late_and_dry_runs_and_fail_safes_are_remarked(tmp_path):
    moment = [BEGIN]
    store = Store(tmp_path, "line 1", clock=lambda: moment[0])
    dry = f"{IN_TIME}; dry run: it was told that the part is good"
    for number, how in ((1, IN_TIME), (2, dry)):
        made = replace(decision(number), reason=f"0 of 2 views anomalous; {UNDECIDED}: rejected by the fail-safe")
        store.add(decision_row(made, 0, "line 1"))
        moment[0] += timedelta(seconds=60.0)  # the belt stood
        store.add(answer_row(made, "", "line 1", how))
    assert [remark[:36] for remark in shift_of(tmp_path).remarks()] == [
        "2 parts came to the gate before thei",
        "dry run: of 1 parts the PLC was told",
    ]


def test_a_shift_of_nothing_is_one(tmp_path):
    shift = shift_of(tmp_path)
    assert (shift.parts, shift.drifts(), shift.stage_ms(), shift.worst(3, lambda view: True)) == ([], [], {}, [])
