import os
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
from evaluation_stage import camera_pose, failed, inspection_of, write_class

from pad_ros.conveyor.policy import PolicyChoice
from pad_ros.dataset.classes import read_class
from pad_ros.errors import DatasetError, EvaluationError
from pad_ros.evaluation.evaluate import PartScores, evaluate_class
from pad_ros.evaluation.report import write_report
from pad_ros.evaluation.results_writer import ResultWriter, read_results
from pad_ros.images import write_image
from pad_ros.results import Status


@pytest.fixture
def class_folder(tmp_path):
    root = tmp_path / "data" / "car"
    write_class(root)
    return root


class ScriptedInspector:
    """Answers by the number that each test image carries in its first pixel; looks at nothing else."""

    def __init__(self, answers):
        self.answers = answers
        self.images = []

    def inspect(self, image):
        self.images.append(image)
        return self.answers[int(image[0, 0, 0])]


def answers(good=0.5, bad=2.0):
    return [inspection_of(good if i < 2 else bad, pose=camera_pose(i)) for i in range(4)]


def test_a_perfect_inspector_scores_one(class_folder):
    calls = []
    scores = evaluate_class(
        read_class(class_folder), ScriptedInspector(answers()), progress=lambda *call: calls.append(call)
    )
    assert (scores.name, scores.images, scores.unjudged) == ("car", 4, 0)
    assert (scores.pixel_auroc, scores.image_auroc, scores.image_f1, scores.localization_f1) == (1.0, 1.0, 1.0, 1.0)
    assert scores.aupro == pytest.approx(1.0)
    assert (scores.false_reject_rate, scores.miss_rate) == (0.0, 0.0)
    assert scores.localized == 1.0
    assert scores.timings == {"localization": 20.0, "render": 1.0, "total": 21.0}
    assert [call[:2] for call in calls] == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_an_unjudged_anomalous_image_is_rejected_but_localises_nothing(class_folder):
    told = answers()
    told[3] = failed()
    scores = evaluate_class(read_class(class_folder), ScriptedInspector(told))
    assert scores.unjudged == 1
    assert scores.image_auroc == 1.0  # rejected, and rightly
    assert scores.pixel_auroc < 1.0  # with all of its good pixels
    assert scores.localization_f1 == pytest.approx(2 / 3)  # one found, one missed
    assert scores.localized == 0.75


def test_an_unjudged_good_image_costs_every_score(class_folder):
    told = answers()
    told[0] = failed(Status.ERROR)
    scores = evaluate_class(read_class(class_folder), ScriptedInspector(told))
    assert scores.image_auroc == pytest.approx(0.5)  # above both anomalous ones
    assert scores.false_reject_rate == 0.5
    assert scores.localization_f1 == pytest.approx(2 * 2 / (2 * 2 + 1))
    assert scores.pixel_auroc < 1.0
    assert scores.timings["total"] == 21.0  # failures are quick; they do not count


def test_rates_are_at_the_products_threshold(class_folder):
    told = [inspection_of(s, pose=camera_pose(i)) for i, s in enumerate([0.5, 1.2, 0.9, 2.0])]
    scores = evaluate_class(read_class(class_folder), ScriptedInspector(told))
    assert scores.image_auroc == pytest.approx(0.75)
    assert (scores.false_reject_rate, scores.miss_rate) == (0.5, 0.5)


def test_small_regions_count_only_when_the_method_reports_them(class_folder):
    told = answers()
    told[0].anomaly_map[0, 0] = 5.0  # one spurious pixel in a good image
    data = read_class(class_folder)
    assert evaluate_class(data, ScriptedInspector(answers()), min_area=2).localization_f1 == 1.0
    assert evaluate_class(data, ScriptedInspector(told)).localization_f1 == pytest.approx(4 / 5)
    told = answers()
    told[0].anomaly_map[0, 0] = 5.0
    assert evaluate_class(data, ScriptedInspector(told), min_area=2).localization_f1 == 1.0


def test_background_free_images_are_white_outside_the_part(class_folder):
    data = read_class(class_folder)
    seen = []

    class Watcher:
        def inspect(self, image):
            seen.append(image)
            return inspection_of()

    scores = evaluate_class(data, Watcher(), background_free=True)
    assert scores.background_free
    outside = np.ones((64, 64), bool)
    outside[10:50, 10:50] = False
    assert all((image[outside] == 255).all() and (image[~outside] < 255).all() for image in seen)
    shutil.rmtree(class_folder / "test_masks")
    with pytest.raises(DatasetError, match="test_masks"):
        evaluate_class(read_class(class_folder), Watcher(), background_free=True)


def test_rendered_background_free_images_go_before_masks(class_folder):
    shutil.rmtree(class_folder / "test_masks")
    for index, view in enumerate(read_class(class_folder).test):
        file = view.path.relative_to(class_folder / "test")
        write_image(class_folder / "test_background_free" / file, np.full((64, 64, 4), 100 + index, np.uint8))
    seen = []

    class Watcher:
        def inspect(self, image):
            seen.append(image[0, 0].tolist())
            return inspection_of()

    evaluate_class(read_class(class_folder), Watcher(), background_free=True)
    assert seen == [[100 + index] * 3 for index in range(4)]
    evaluate_class(read_class(class_folder), Watcher())
    assert len(seen) == 8 and not any(pixel in seen[:4] for pixel in seen[4:])


def test_results_are_written_with_parts_and_labels(class_folder, tmp_path):
    with ResultWriter(tmp_path / "out") as writer:
        evaluate_class(read_class(class_folder), ScriptedInspector(answers()), writer=writer)
    rows = read_results(tmp_path / "out")
    assert [(r["image"], r["part_id"], r["label"]) for r in rows][::3] == [
        ("test/good/0.png", "part 0", "good"),
        ("test/scratch/1.png", "part 3", "scratch"),
    ]


def test_names_that_are_no_utf8_are_shown(class_folder, tmp_path):
    root = Path(os.fsdecode(os.fsencode(class_folder.parent) + b"/caf\xe9"))
    class_folder.rename(root)
    for folder, name in (("test", b"/\xe9.png"), ("ground_truth", b"/\xe9_mask.png")):
        (root / folder / "scratch").rename(root / folder / os.fsdecode(b"\xe9raflure"))
        where = os.fsencode(root / folder) + b"/\xe9raflure"
        os.rename(where + {"test": b"/1.png", "ground_truth": b"/1_mask.png"}[folder], where + name)
    (root / "test_poses.json").unlink()
    data = read_class(root)
    with ResultWriter(tmp_path / "out") as writer:
        scores = evaluate_class(data, ScriptedInspector(answers()), writer=writer)
    text = write_report(tmp_path / "out", title=data.name).read_text(encoding="utf-8")
    assert scores.name == "caf\\xe9" and "test/\\xe9raflure/\\xe9.png" in text and "labelled \\xe9raflure" in text


def test_an_unreadable_image_is_one_result_and_no_other_is_lost(class_folder):
    (class_folder / "test/scratch/1.png").write_bytes(b"\x89PNG, cut short")
    scores = evaluate_class(read_class(class_folder), ScriptedInspector(answers()))
    assert (scores.images, scores.unjudged) == (4, 1)


def test_without_true_poses_there_is_no_pose_accuracy(class_folder):
    (class_folder / "test_poses.json").unlink()
    scores = evaluate_class(read_class(class_folder), ScriptedInspector(answers()))
    assert scores.localized is None


def test_what_cannot_be_scored_is_refused_before_any_image(class_folder):
    inspector = ScriptedInspector(answers())
    nothing = np.zeros((64, 64), np.uint8)
    for mask, reason in ((nothing, "nothing is marked in it"), (nothing[:9, :9], "9x9, the images have 64x64")):
        write_image(class_folder / "ground_truth/scratch/1_mask.png", mask)
        with pytest.raises(DatasetError, match=rf"1_mask\.png: {reason}"):
            evaluate_class(read_class(class_folder), inspector)
    (class_folder / "ground_truth/scratch/1_mask.png").unlink()
    with pytest.raises(DatasetError, match="no ground-truth mask"):
        evaluate_class(read_class(class_folder), inspector)
    jpeg = class_folder / "ground_truth/scratch/1_mask.JPG"
    jpeg.write_bytes(cv2.imencode(".jpg", nothing)[1].tobytes())
    with pytest.raises(DatasetError, match=r"1_mask\.JPG: a mask must be exact, and JPEG is not; save it as PNG"):
        evaluate_class(read_class(class_folder), inspector)
    write_image(class_folder / "ground_truth/scratch/1_mask.png", nothing + 1)
    write_image(class_folder / "test_masks/good/1_mask.png", nothing[:9, :9])
    with pytest.raises(DatasetError, match=r"good/1_mask\.png: 9x9, the images have 64x64"):
        evaluate_class(read_class(class_folder), inspector, background_free=True)
    shutil.rmtree(class_folder / "test/scratch")
    with pytest.raises(EvaluationError, match="0 of 2 test images are anomalous"):
        evaluate_class(read_class(class_folder), inspector)
    assert inspector.images == []


def test_parts_are_scored_by_the_policy_in_use(class_folder):
    """Each part has one view here; a part is defective when a view of it shows that."""
    data, told = read_class(class_folder), answers()
    told[2] = inspection_of(0.5, pose=camera_pose(2))  # a defect that is not found
    scores = evaluate_class(data, ScriptedInspector(told))
    assert scores.parts == PartScores(4, 2, 0.75, pytest.approx(2 / 3), 0.0, 0.5)
    lenient = evaluate_class(data, ScriptedInspector(answers()), policy=PolicyChoice("votes", votes=2).create()).parts
    assert (lenient.auroc, lenient.f1, lenient.miss_rate) == (0.5, 0.0, 1.0)
    told[0] = failed()
    assert evaluate_class(data, ScriptedInspector(told)).parts.false_reject_rate == 0.5
    assert evaluate_class(data, ScriptedInspector(told)).to_dict()["parts"]["defective"] == 2
