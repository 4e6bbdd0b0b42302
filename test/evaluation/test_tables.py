import json
from dataclasses import replace

import pytest

from pad_ros.evaluation.evaluate import ClassScores
from pad_ros.evaluation.tables import scores_table, timings_table, write_scores

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
)
TRUCK = replace(CAR, name="truck", image_auroc=0.9, localized=None, timings={"total": 500.0})


def test_text_table_is_aligned_and_has_the_mean():
    lines = scores_table([CAR, TRUCK]).splitlines()
    assert lines[0].split("  ")[0] == "class"
    assert lines[1].split() == ["car", "0.999", "0.993", "0.984", "0.92", "97.4", "0.61"]
    assert lines[2].split() == ["truck", "0.999", "0.993", "0.900", "0.92", "–", "0.50"]
    assert lines[3].split() == ["mean", "0.999", "0.993", "0.942", "0.92", "97.4", "0.56"]
    assert len({len(line) for line in lines}) == 1
    assert len(scores_table([CAR]).splitlines()) == 2


def test_markdown_has_equal_columns():
    lines = scores_table([CAR], markdown=True).splitlines()
    assert {line.count("|") for line in lines} == {8}
    assert set(lines[1]) <= set("|-: ")


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
