import sys
from pathlib import Path

import pytest

from pad_ros.cli import main

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "records"))

from records_stage import fill

SCORES = [1.0, 9.0, None, 2.0, 6.0]


@pytest.fixture
def folder(tmp_path):
    return fill(tmp_path / "records", SCORES)


def run(capsys, *words):
    assert main(["records", *map(str, words)]) == 0
    return capsys.readouterr().out


def test_verdicts_and_decisions_are_listed(folder, capsys):
    lines = run(capsys, "list", folder).splitlines()
    assert len(lines) == 6
    assert "part 1" in lines[2] and "anomalous" in lines[2] and "modified ×1" in lines[2]
    assert "NOT_LOCALIZED" in lines[3]
    assert len(run(capsys, "list", folder, "--bad", "-n", 2).splitlines()) == 3
    lines = run(capsys, "list", folder, "--decisions", "--part", "part 4").splitlines()
    assert len(lines) == 2 and "REJECT" in lines[1] and "taken" in lines[1]
    assert run(capsys, "list", folder, "--part", "part 99") == "nothing on record fits\n"


def test_a_verdict_is_shown_whole(folder, capsys):
    text = run(capsys, "show", folder, 2)
    for said in ("part 1", "object_from_camera", "9.0", "picture is there    yes", "REJECT", "pad_ros"):
        assert said in text, said


def test_tables_and_the_report_are_written(folder, capsys, tmp_path):
    assert "3 verdicts" in run(capsys, "export", folder, "-o", tmp_path / "bad.csv", "--bad")
    assert "5 decisions" in run(capsys, "export", folder, "-o", tmp_path / "all.csv", "--decisions")
    run(capsys, "report", folder, "-o", tmp_path / "shift.html")
    assert "line 1: shift report" in (tmp_path / "shift.html").read_text()
    words = ["report", folder, "-o", tmp_path / "part.html", "--since", "2026-03-02T06:01Z", "--until"]
    run(capsys, *words, "2026-03-02T06:03Z")
    assert '<b class="num">2</b><span>parts decided' in (tmp_path / "part.html").read_text()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["list", "{}/none"], "no records.sqlite"),
        (["show", "{}", "77"], "no verdict '77'"),
        (["export", "{}", "-o", "x.xls"], ".csv or .parquet"),
        (["list", "{}", "--since", "yesterday"], "'yesterday' is no moment"),
        (["report", "{}", "--since", "2026-03-02T08:00Z", "--until", "2026-03-02T06:00Z"], "ends before it begins"),
    ],
)
def test_what_cannot_be_is_said_in_one_line(folder, words, said, capsys):
    assert main(["records", *(word.format(folder) for word in words)]) == 1
    error = capsys.readouterr().err
    assert error.startswith("pad records: ") and said in error and error.count("\n") == 1


def test_an_image_whose_product_is_not_at_hand_is_not_judged_again(folder, capsys):
    assert main(["records", "replay", str(folder), "2"]) == 1
    assert "is not at hand; name its folder with --product" in capsys.readouterr().out
