import json
from dataclasses import replace
from pathlib import Path

import pytest

from pad_ros.dataset.classes import GOOD, ClassData, TestView
from pad_ros.evaluation.evaluate import ClassScores, PartScores
from pad_ros.evaluation.tables import (
    data_set_table,
    paper_tables,
    parts_table,
    scores_table,
    timings_table,
    write_scores,
)

CAR = ClassScores(
    name="car",
    background_free=False,
    images=117,
    unjudged=1,
    pixel_auroc=0.99912,
    aupro=0.9931,
    image_auroc=0.98449,
    image_f1=0.95,
    f1_threshold=float("inf"),
    localization_f1=0.917,
    false_reject_rate=0.01,
    miss_rate=0.05,
    localized=0.9744,
    median_degrees=0.05,
    median_distance=0.001,
    timings={"localization": 223.4, "render": 8.66, "total": 612.0},
    baseline_ms=397.0,
)
TRUCK = replace(CAR, name="truck", image_auroc=0.9, localized=None, timings={"total": 500.0}, baseline_ms=float("nan"))


def test_text_table_is_aligned_and_has_the_mean():
    lines = scores_table([CAR, TRUCK]).splitlines()
    assert lines[0].split("  ")[0] == "class"
    assert lines[1].split() == ["car", "0.999", "0.993", "0.984", "0.92", "97.4", "0.61", "0.40"]
    assert lines[2].split() == ["truck", "0.999", "0.993", "0.900", "0.92", "–", "0.50", "–"]
    assert lines[3].split() == ["mean", "0.999", "0.993", "0.942", "0.92", "97.4", "0.56", "0.40"]
    assert len({len(line) for line in lines}) == 1
    assert len(scores_table([CAR]).splitlines()) == 2


def test_markdown_has_equal_columns():
    lines = scores_table([CAR], markdown=True).splitlines()
    assert {line.count("|") for line in lines} == {9}
    assert set(lines[1]) <= set("|-: ")


def test_parts_have_a_table_of_their_own():
    parts = PartScores(parts=13, defective=7, auroc=0.976, f1=0.9231, false_reject_rate=0.0, miss_rate=1 / 7)
    none_good = replace(parts, auroc=None, false_reject_rate=None)
    scores = [replace(CAR, parts=parts), replace(TRUCK, parts=none_good), CAR]
    lines = parts_table(scores).splitlines()
    assert lines[1].split() == ["car", "13", "7", "0.976", "0.92", "0.0", "14.3"]
    assert lines[2].split() == ["truck", "13", "7", "–", "0.92", "–", "14.3"]
    assert lines[3].split() == ["mean", "13", "7", "0.976", "0.92", "0.0", "14.3"]
    assert [title for title, _ in paper_tables(scores)][1] == "Whole parts: ours"
    assert ClassScores.from_dict(json.loads(json.dumps(scores[1].to_dict()))).parts == none_good


def test_timings():
    lines = timings_table([CAR, TRUCK]).splitlines()
    assert lines[0].split() == ["median", "ms", "localization", "render", "total"]
    assert lines[1].split() == ["car", "223", "8.7", "612"]
    assert lines[2].split() == ["truck", "–", "–", "500"]


def test_scores_json_is_strict_json(tmp_path):
    path = write_scores(tmp_path / "new", [CAR])
    content = json.loads(path.read_text(), parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))
    (row,) = content["classes"]
    assert row["image_auroc"] == CAR.image_auroc
    assert row["f1_threshold"] is None  # infinite
    assert row["timings"]["total"] == 612.0
    assert "| car" in (tmp_path / "new/scores.md").read_text()
    assert ClassScores.from_dict(row) == CAR  # the infinite threshold too


def test_runs_give_mean_and_standard_deviation():
    runs = [CAR, replace(CAR, run=1, image_auroc=0.97449, aupro=0.9951), TRUCK, replace(TRUCK, run=1)]
    header, car, truck, mean = scores_table(runs, columns=["AUPRO", "i-AUROC"]).splitlines()
    assert header.split() == ["class", "AUPRO", "i-AUROC"]
    assert car.split()[1:] == ["0.994", "±", "0.001", "0.979", "±", "0.007"]
    assert truck.split()[1:] == ["0.993", "±", "0.000", "0.900", "±", "0.000"]
    assert mean.split()[1:] == ["0.994", "±", "0.001", "0.940", "±", "0.004"]  # of the runs' means


def test_the_papers_tables_are_those_that_there_are_methods_for():
    methods = ("splatpose-plus", "paper", "paper-no-background", "paper-background-free", "pad")
    scores = [replace(own, method=method) for method in methods for own in (CAR, TRUCK)]
    tables = paper_tables(scores, "| class |")
    titles = [title for title, _ in tables]
    assert [title.split(":")[0] for title in titles[:8]] == [*(f"Table {number}" for number in range(1, 8)), "Ours"]
    by_title = dict(tables)
    f1 = by_title["Table 4: F1 of each method"].splitlines()
    assert f1[0].split() == ["class", "paper", "splatpose-plus", "pad"]
    assert f1[-1].split() == ["mean", "0.92", "0.92", "0.92"]
    assert by_title["Table 7: the paper's method, background-free"].split()[:5] == [
        *("class", "p-AUROC", "AUPRO", "i-AUROC", "F1")
    ]
    side_by_side = by_title["Methods side by side: means over the classes"].splitlines()
    assert [line.split()[0] for line in side_by_side[1:]] == list(methods)
    alone = [title for title, _ in paper_tables([CAR])]
    assert alone == ["Ours: as in table 2", "Time per stage: ours"]


def test_table_1_of_any_data_set_is_what_its_labels_say():
    views = [TestView(Path(f"{i}.png"), label, str(i), 0, 1) for i, label in enumerate([GOOD, GOOD, "scratch"])]
    lines = data_set_table([ClassData(Path("nowhere/car"), None, [], views)]).splitlines()
    assert lines[1].split() == ["car", "0", "3", "33"]
