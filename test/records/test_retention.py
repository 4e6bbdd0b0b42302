import os
import shutil
import tracemalloc
from contextlib import contextmanager
from datetime import timedelta

import numpy as np
import pytest
from records_stage import decision, fill_up, image, inspection_of, mounted, recorder_in
from sqlalchemy import func, select, update

from pad_ros.errors import ConfigError, RecordsError
from pad_ros.records.decisions import DecisionLog
from pad_ros.records.models import DecisionRow, RegionRow, SyncState, View, now
from pad_ros.records.pictures import Picture, Sample, read_heat
from pad_ros.records.retention import Limits, tidy
from pad_ros.records.store import Store
from pad_ros.records.verdicts import Seen

MB = 1_000_000
ROOMY = Limits(free_gb=0.0)


def keep(recorder, index, score=9.0, size=MB // 10):
    picture = Picture(os.urandom(size), ".png")
    return recorder.add(Seen(f"camera {index}", index, index), inspection_of(score), "bracket", "c", lambda: picture)


def pictures(folder):
    return sorted((folder / "pictures").glob("*/*"), key=lambda path: path.stat().st_mtime_ns)


def count(store, table):
    with store.session() as session:
        return session.scalar(select(func.count()).select_from(table))


def test_all_that_was_not_passed_is_kept_and_a_sample_of_the_rest(tmp_path):
    recorder = recorder_in(tmp_path, of_passes=0.25, limits=ROOMY)
    rows = [keep(recorder, index, score=9.0 if index < 10 else 1.0, size=100) for index in range(210)]
    assert all(row.picture and (tmp_path / row.picture).is_file() for row in rows[:10])
    assert 25 < sum(row.picture is not None for row in rows[10:]) < 80
    assert [Sample(0.25).takes(row.uid, row.anomalous) for row in rows] == [row.picture is not None for row in rows]
    for share in (-0.1, 1.1, float("nan")):
        with pytest.raises(ConfigError):
            Sample(share)


def test_a_picture_and_its_map_are_read_back(tmp_path):
    recorder = recorder_in(tmp_path, limits=ROOMY)
    heat = np.linspace(0, 9, 96 * 128, dtype=np.float32).reshape(96, 128)
    made = Picture.of(image(77))
    row = recorder.add(Seen("camera", 1, 1), inspection_of(9.0), "bracket", "c", lambda: made, heat)
    from pad_ros.images import read_image

    assert (read_image(tmp_path / row.picture) == image(77)).all()
    assert np.abs(read_heat(tmp_path / row.picture) - heat).max() < 0.01
    assert Picture.of_file(b"\xff\xd8 and so on").suffix == ".jpg"
    assert Picture.of_file(b"broken").suffix == ".image"


def test_old_and_many_pictures_go_the_oldest_first(tmp_path):
    recorder = recorder_in(tmp_path, limits=ROOMY)
    for index in range(10):
        keep(recorder, index)
    for age, path in enumerate(reversed(pictures(tmp_path))):
        moment = now().timestamp() - 3600.0 * age
        os.utime(path, (moment, moment))
    before = pictures(tmp_path)
    assert tidy(recorder.store, Limits(picture_gb=0.00075, free_gb=0.0)) == (3, 0)
    assert pictures(tmp_path) == before[3:]
    tidy(recorder.store, Limits(picture_days=3.5 / 24, free_gb=0.0))
    assert pictures(tmp_path) == before[6:]
    tidy(recorder.store, Limits(picture_days=0.0, free_gb=0.0))
    assert not list((tmp_path / "pictures").iterdir())
    assert count(recorder.store, View) == 10  # what was decided stays


def test_looking_for_pictures_takes_no_memory_by_the_picture(tmp_path):
    recorder = recorder_in(tmp_path, limits=ROOMY)
    day = tmp_path / "pictures" / "2026-01-31"
    day.mkdir(parents=True)
    for index in range(5000):
        (day / f"{index:032x}.jpg").touch()
    tidy(recorder.store, Limits(picture_days=1e4, free_gb=0.0))
    tracemalloc.start()
    assert tidy(recorder.store, Limits(picture_days=1e4, free_gb=0.0)) == (0, 0)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 300_000  # a list of them would be over a megabyte


def test_old_rows_go_with_their_regions_unless_they_have_still_to_be_sent(tmp_path):
    recorder = recorder_in(tmp_path, limits=ROOMY)
    rows = [keep(recorder, index, size=10) for index in range(4)]
    with recorder.store.engine.begin() as connection:
        old = now() - timedelta(days=100)
        connection.execute(update(View).where(View.uid.in_([row.uid for row in rows[:3]])).values(recorded=old))
    with recorder.store.session() as session:
        session.add(SyncState(target="plant", table="views", last_id=1))
        session.commit()
    limits = Limits(row_days=50.0, free_gb=0.0)
    assert tidy(recorder.store, limits) == (0, 1)
    assert (count(recorder.store, View), count(recorder.store, RegionRow)) == (3, 3)
    with recorder.store.session() as session:
        session.execute(update(SyncState).values(last_id=100))
        session.commit()
    assert tidy(recorder.store, limits) == (0, 2)


def test_limits_are_checked():
    with pytest.raises(ConfigError, match="picture_gb"):
        Limits(picture_gb=-1.0)


@contextmanager
def small_disk(folder, megabytes):
    with mounted(folder, megabytes) as is_small:
        if not is_small:
            pytest.skip("a small disk can only be made by root")
        yield folder


def test_on_a_nearly_full_disk_pictures_make_room(tmp_path):
    with small_disk(tmp_path / "disk", 30) as folder:
        recorder = recorder_in(folder, limits=Limits(free_gb=0.010))
        rows = [keep(recorder, index, size=MB) for index in range(40)]  # more than there is room for
        assert shutil.disk_usage(folder).free > 9 * MB
        assert recorder.fault == ""
        kept = [row for row in rows if (folder / row.picture).is_file()]
        assert kept == rows[-len(kept) :]  # the newest
        assert count(recorder.store, View) == 40
        recorder.store.close()


def test_on_a_disk_that_others_have_filled_decisions_are_kept_by_the_reserve(tmp_path):
    with small_disk(tmp_path / "disk", 30) as folder:
        recorder, log = recorder_in(folder, limits=Limits(free_gb=0.010)), DecisionLog(str(folder), "line 1")
        assert not recorder.store.reserve_used
        fill_up(folder / "others")
        for index in range(1, 121):
            keep(recorder, index)
            log.decided(decision(index), 0)
        assert recorder.picture_fault.endswith("the disk is nearly full: no pictures are kept")
        assert (log.fault, recorder.fault) == ("", recorder.picture_fault)
        assert recorder.store.reserve_used
        assert count(recorder.store, DecisionRow) == count(recorder.store, View) == 120
        (folder / "others").unlink()
        recorder.tidy()
        assert not recorder.store.reserve_used
        keep(recorder, 121)
        assert recorder.picture_fault == ""
        recorder.store.close()


def test_what_a_full_disk_does_not_take_is_written_once_there_is_room(tmp_path):
    with small_disk(tmp_path / "disk", 30) as folder:
        recorder, log = recorder_in(folder, limits=ROOMY), DecisionLog(str(folder), "line 1")
        (folder / "reserve").unlink()
        fill_up(folder / "others")
        for index in range(1, 101):
            log.decided(decision(index), 0)
            keep(recorder, index, score=1.0)
        assert "decisions and answers are not on record" in log.fault and "full" in log.fault
        assert "verdicts are not on record" in recorder.fault
        (folder / "others").unlink()
        log.decided(decision(101), 0)
        recorder.tidy()
        log.close()
        assert (log.fault, recorder.fault) == ("", "")
        assert (count(recorder.store, DecisionRow), count(recorder.store, View)) == (101, 100)
        recorder.store.close()


def test_a_process_that_starts_on_a_full_disk_decides_all_the_same(tmp_path):
    with small_disk(tmp_path / "disk", 30) as folder:
        before = DecisionLog(str(folder), "line 1")
        before.decided(decision(1), 0)
        before.close()
        (folder / "reserve").unlink()
        fill_up(folder / "others")
        log = DecisionLog(str(folder), "line 1")
        for index in range(2, 60):
            log.decided(decision(index, reject=True), 0)
        assert "are not on record" in log.fault
        (folder / "others").unlink()
        log.close()
        assert count(Store(folder), DecisionRow) == 59


def test_a_folder_that_cannot_hold_records_is_refused_at_once(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(RecordsError, match="cannot be kept there"):
        DecisionLog(str(tmp_path / "file" / "records"))
