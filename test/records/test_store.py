import os
import signal
import subprocess
import sys
import threading

import pytest
from records_stage import decision, failed, inspection_of, recorder_in
from sqlalchemy import func, select

from pad_ros.errors import RecordsError
from pad_ros.records.decisions import DecisionLog
from pad_ros.records.models import Answer, DecisionRow, Meta, RegionRow, View
from pad_ros.records.store import DATABASE, Store
from pad_ros.records.verdicts import Seen
from pad_ros.records.verdicts import inspection_of as read_back


def count(store, table):
    with store.session() as session:
        return session.scalar(select(func.count()).select_from(table))


def test_a_verdict_is_read_back_as_it_was(tmp_path):
    recorder = recorder_in(tmp_path)
    original = inspection_of(9.0)
    recorder.add(Seen("camera 5", 5, 7, 1, "p", 2, 9), original, "bracket", "c", lambda: None)
    recorder.add(Seen("camera 6", 6, 8), failed(), "bracket", "c", lambda: None)
    with recorder.store.session() as session:
        view, other = session.scalars(select(View).order_by(View.id)).all()
    assert (view.part_id, view.view_index, view.view_count, view.station) == ("p", 2, 9, "line 1")
    assert (other.part_id, other.status, other.score, other.pose) == ("camera 6", "NOT_LOCALIZED", None, None)
    again = read_back(view)
    assert again.to_dict() == original.to_dict()
    assert "pad_ros" in view.versions and "onnxruntime" in view.versions


def test_the_same_thing_said_twice_is_kept_once(tmp_path):
    recorder, other = recorder_in(tmp_path), recorder_in(tmp_path)
    for one in (recorder, other, recorder):
        one.add(Seen("camera 5", 5, 7), inspection_of(9.0), "bracket", "c", lambda: None)
    assert (count(other.store, View), count(other.store, RegionRow)) == (1, 1)
    for _ in range(2):  # as by a conveyor that goes on from its journal
        log = DecisionLog(str(tmp_path), "line 1", before=[decision(1), decision(2)])
        log.decided(decision(3), 0)
        log.answered(decision(3))
        log.close()
    assert (count(other.store, DecisionRow), count(other.store, Answer)) == (3, 1)


def test_processes_that_write_at_once_lose_nothing(tmp_path):
    errors = []

    def write(station):
        try:
            store = DecisionLog(str(tmp_path), station)
            for index in range(60):
                store.decided(decision(index), 0)
            assert store.fault == ""
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=write, args=(f"line {k}",)) for k in range(4)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert not errors
    assert count(Store(tmp_path), DecisionRow) == 240


def test_more_rows_at_once_than_a_statement_takes(tmp_path):
    log = DecisionLog(str(tmp_path), before=[decision(index) for index in range(1200)])
    assert log.fault == ""
    assert count(Store(tmp_path), DecisionRow) == 1200


_VICTIM = """
import sys
from records_stage import decision
from pad_ros.records.decisions import DecisionLog
log = DecisionLog(sys.argv[1], "line 1")
sequence = int(sys.argv[2])
while True:
    sequence += 1
    log.decided(decision(sequence), 0)
    print(sequence, flush=True)  # the command goes out
    log.answered(decision(sequence))
"""


def test_a_kill_at_any_moment_loses_nothing_that_was_decided(tmp_path):
    last = 0
    for lines in (1, 20):
        victim = subprocess.Popen(
            [sys.executable, "-c", _VICTIM, str(tmp_path), str(last)],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )
        said = [int(victim.stdout.readline()) for _ in range(lines)]
        victim.send_signal(signal.SIGKILL)
        said += [int(line) for line in victim.stdout.read().splitlines()]
        victim.wait()
        with Store(tmp_path).session() as session:
            kept = session.scalars(select(DecisionRow.sequence).order_by(DecisionRow.sequence)).all()
        assert set(said) <= set(kept)  # perhaps one more, whose command had not gone out yet
        assert len(kept) == len(set(kept)) <= max(said) + 1
        last = max(kept)


def test_records_that_are_not_there_or_of_another_version_are_refused(tmp_path):
    with pytest.raises(RecordsError, match="no records"):
        Store(tmp_path / "none", must_exist=True)
    assert not (tmp_path / "none").exists()
    store = Store(tmp_path)
    with store.engine.begin() as connection:
        connection.execute(Meta.__table__.update().values(value="99"))
    with pytest.raises(RecordsError, match="of version 99"):
        Store(tmp_path)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / DATABASE).write_bytes(b"no database at all, but long enough" * 100)
    with pytest.raises(RecordsError, match="cannot be opened"):
        Store(tmp_path / "other")
