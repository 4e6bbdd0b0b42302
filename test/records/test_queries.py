import csv
from datetime import timedelta

import pytest
from records_stage import BEGIN, decision, fill, image, inspection_of, recorder_in

from pad_ros.errors import ConfigError, RecordsError
from pad_ros.records.decisions import answer_row, decision_row
from pad_ros.records.export import part_lines, view_lines, write_table
from pad_ros.records.models import now
from pad_ros.records.pictures import Picture
from pad_ros.records.queries import (
    Choice,
    find_view,
    last_day,
    parse_moment,
    read_decisions,
    read_parts,
    read_views,
)
from pad_ros.records.store import Store
from pad_ros.records.verdicts import Seen

SCORES = [1.0, 9.0, None, 2.0, 6.0]


@pytest.fixture
def session(tmp_path):
    with Store(fill(tmp_path, SCORES)).session() as opened:
        yield opened


def minutes(count):
    return BEGIN + timedelta(minutes=count)


def test_views_by_time_part_and_verdict(session):
    def parts(**choice):
        return [view.part_id for view in read_views(session, Choice(**choice))]

    assert parts() == [f"part {index}" for index in range(5)]
    assert parts(since=minutes(1), until=minutes(3)) == ["part 1", "part 2"]
    assert parts(part="part 3") == ["part 3"]
    assert parts(bad=True) == ["part 1", "part 2", "part 4"]
    assert parts(product="another") == []
    assert [view.part_id for view in read_views(session, Choice(), newest=2)] == ["part 3", "part 4"]
    assert [made.sequence for made in read_decisions(session, Choice(bad=True))] == [2, 3, 5]


def test_parts_have_their_views_and_the_last_word_of_the_plc(session):
    parts = read_parts(session, Choice())
    assert [[view.part_id for view in part.views] for part in parts] == [[f"part {index}"] for index in range(5)]
    assert {part.gate for part in parts} == {"taken"}


def test_a_command_that_was_heard_finds_its_view_and_one_without_answer_waits(tmp_path):
    recorder = recorder_in(tmp_path)
    stamp = 1_700_000_001_000_000_000
    recorder.add(Seen("camera", stamp, 77, part_id="p"), inspection_of(9.0), "bracket", "c", lambda: None)
    rows = [decision_row(decision(number, part, True), 0, "line 1") for number, part in ((1, "p"), (2, "q"), (3, "r"))]
    recorder.store.add(*rows, answer_row(decision(2, "q"), "no route", "line 1"))
    recorder.store.add(answer_row(decision(3, "r"), "no route", "line 1"), answer_row(decision(3, "r"), "", "line 1"))
    with recorder.store.session() as session:
        heard, lost, taken = read_parts(session, Choice())
    assert [view.part_id for view in heard.views] == ["p"]
    assert (heard.gate, lost.gate, taken.gate) == ("waiting", "lost", "taken")


def test_the_same_arrival_on_another_day_is_another_view(tmp_path):
    first = fill(tmp_path, [9.0])
    moment = [BEGIN + timedelta(days=9)]
    store = Store(first, "line 1", clock=lambda: moment[0])
    recorder = recorder_in(first)
    recorder.store.clock = store.clock
    recorder.add(Seen("camera", 5, 1000, part_id="later"), inspection_of(1.0), "bracket", "c", lambda: None)
    store.add(decision_row(decision(1, "later", arrivals=[1000]), 0, "line 1"))
    with store.session() as session:
        assert [[view.part_id for view in part.views] for part in read_parts(session, Choice())] == [
            ["part 0"],
            ["later"],
        ]


def test_one_view_by_its_number_or_the_beginning_of_its_uid(session):
    view = read_views(session, Choice())[1]
    assert find_view(session, str(view.id)) is find_view(session, view.uid[:8]) is view
    for name in ("99", "", "%", "no such"):
        with pytest.raises(RecordsError, match="verdict"):
            find_view(session, name)


def test_moments():
    assert parse_moment("2026-03-02T06:00Z") == BEGIN
    assert parse_moment("2026-03-02 07:00+01:00") == BEGIN
    assert abs(parse_moment("8h") - now() + timedelta(hours=8)) < timedelta(seconds=5)
    for text in ("yesterday", "8 weeks", ""):
        with pytest.raises(ConfigError, match="no moment"):
            parse_moment(text)


def test_the_last_day_begins_with_its_first_record(session, tmp_path):
    assert last_day(session) == Choice(BEGIN, minutes(4) + timedelta(milliseconds=1))
    with pytest.raises(RecordsError, match="nothing"), Store(tmp_path / "empty").session() as empty:
        last_day(empty)


def test_tables_are_complete_and_refused_where_they_cannot_be_written(session, tmp_path):
    views, parts = read_views(session, Choice()), read_parts(session, Choice())
    for name, lines in (("views.csv", view_lines(views)), ("parts.csv", part_lines(parts))):
        write_table(tmp_path / name, lines)
        with open(tmp_path / name, newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        assert [list(row) for row in rows] == [list(line) for line in lines]
        assert [row["uid"] for row in rows] == [line["uid"] for line in lines]
    with pytest.raises(ConfigError, match=r"\.csv or \.parquet"):
        write_table(tmp_path / "table.xls", [])


def test_parquet_where_its_library_is(session, tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    lines = view_lines(read_views(session, Choice()))
    write_table(tmp_path / "views.parquet", lines)
    assert parquet.read_table(tmp_path / "views.parquet").to_pylist() == lines


def test_without_the_library_parquet_is_refused(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    with pytest.raises(ConfigError, match="pyarrow"):
        write_table(tmp_path / "views.parquet", [])


def test_a_picture_belongs_to_its_view(tmp_path):
    recorder = recorder_in(tmp_path)
    row = recorder.add(Seen("camera", 1, 1), inspection_of(9.0), "bracket", "c", lambda: Picture.of(image()))
    assert row.picture.startswith(f"pictures/{row.recorded:%Y-%m-%d}/{row.uid}")
