from pathlib import Path

import numpy as np
import pytest
from evaluation_stage import SIZE, image_of, inspection_of

from pad_ros.evaluation import figures
from pad_ros.evaluation.evaluate import ClassScores
from pad_ros.evaluation.figures import Example, draw_figures
from pad_ros.evaluation.jobs import Job
from pad_ros.evaluation.mosaic import boxed, boxed_regions, grid, heated, painted
from pad_ros.images import read_image

RED = (255, 0, 0)


def job(method, run=0, name="car"):
    return Job(Path("nowhere") / name, "", method, run, Path(), Path(method) / name / str(run))


def scores(method, threshold=1.0):
    numbers = dict.fromkeys(("pixel_auroc", "aupro", "image_auroc", "image_f1", "localization_f1"), 1.0)
    rest = dict.fromkeys(("false_reject_rate", "miss_rate", "localized", "median_degrees", "median_distance"), 0.0)
    return ClassScores("car", False, 4, 0, **numbers, f1_threshold=threshold, **rest, timings={}, method=method)


@pytest.fixture
def looked(monkeypatch):
    """Jobs without files: the lines below, and an example for each image; returns the images that are looked at."""
    rows = {
        ("good", "a"): 0.5,
        ("good", "b"): 1.5,  # the worst false positive
        ("scratch", "c"): 3.0,  # the clearest find
        ("scratch", "d"): 0.9,
        ("scratch", "e"): 0.2,  # the worst miss
    }
    lines = [{"label": label, "image": image, "score": s, "status": "OK"} for (label, image), s in rows.items()]
    monkeypatch.setattr(figures, "read_results", lambda folder: lines)
    seen = []

    def example(entry, name):
        seen.append((entry[0].method, name))
        truth = np.zeros((SIZE, SIZE), bool)
        truth[32:36, 22:28] = name in "cde"
        found = inspection_of(score=3.0 if name == "c" else 0.5)
        return figures._of(image_of(), truth, found, entry[1].f1_threshold)

    monkeypatch.setattr(figures, "_example", example)
    return seen


def test_what_is_drawn_follows_from_the_scores(looked, tmp_path):
    finished = [(job(m, run), scores(m)) for m in ("paper", "splatpose-plus", "pad") for run in (0, 1)]
    steps = []
    paths = draw_figures(tmp_path, finished, lambda done, total, remark: steps.append((done, total)))
    names = ["figure_3_paper", "figure_3_pad", "figure_5_paper", "figure_5_pad", "figure_6"]
    assert [path.name for path in paths] == [f"{name}.png" for name in names]
    assert steps[-1] == (5, 5)
    assert looked[:4] == [("paper", "c"), ("pad", "c"), ("paper", "c"), ("pad", "c")]
    methods = ("paper", "splatpose-plus", "pad")
    assert looked[4:] == [(method, image) for image in ("b", "e") for method in methods]  # each image once
    assert read_image(paths[-1]).shape == (24 + 4 * 324 + 24, 24 + 2 * 324, 3)


def test_without_mistakes_or_finds_there_is_no_figure(looked, tmp_path):
    (path,) = draw_figures(tmp_path, [(job("pad"), scores("pad", float("inf")))])
    assert path.name == "figure_6.png" and len(looked) == 1  # nothing is found, so all is missed
    assert draw_figures(tmp_path, [(job("paper-no-background"), scores("paper-no-background"))]) == []


def test_an_examples_window_is_a_square_with_the_part_and_the_defect_in_it():
    inspection = inspection_of()
    truth = np.zeros((SIZE, SIZE), bool)
    truth[40:44, 56:60] = True  # sticks out of the part, whose columns end at 50
    example = figures._of(image_of(), truth, inspection, 1.0)
    assert isinstance(example, Example)
    rows, columns = example.window
    assert rows.stop - rows.start == columns.stop - columns.start == 62
    assert rows.start <= 10 and rows.stop >= 50 and columns.start <= 10 and 60 <= columns.stop <= SIZE
    assert example.spurious.sum() == 80 and example.found[30:38, 20:30].all()


def test_marks_are_where_they_should_be():
    grey = np.full((64, 64, 3), 100, np.uint8)
    mask = np.zeros((64, 64), bool)
    mask[20:24, 20:24] = mask[40:44, 40:44] = True
    assert (boxed(grey, np.zeros_like(mask), RED) == grey).all()
    whole, each = boxed(grey, mask, RED), boxed_regions(grey, mask, RED)
    assert whole[19, 32, 0] > 200 and each[19, 32, 0] == 100  # between the two regions, at the top of one box
    assert (grey == 100).all()
    spots = painted(grey, mask, RED)
    assert (spots[mask] == [216, 25, 25]).all() and (spots[~mask] == 100).all()
    hot = heated(grey, np.where(mask, np.float32(5.0), np.float32(1.0)))  # 1 is what most of it has
    assert hot[21, 21].astype(int).sum() > 600 and (hot[0, 0] == 50).all()


def test_pictures_of_any_shape_stand_in_a_grid():
    sheet = grid([[np.zeros((10, 20, 3), np.uint8)], [np.zeros((500, 100, 3), np.uint8)]], ["one"], ["a", "b"])
    assert sheet.shape == (24 + 2 * 324, 24 + 324, 3)
    assert (sheet[24 + 160, 24 + 160] == 0).all() and (sheet[24 + 10, 24 + 160] == 255).all()
    assert (sheet[24 + 324 + 10, 24 + 160] == 0).all() and (sheet[24 + 324 + 160, 24 + 10] == 255).all()
