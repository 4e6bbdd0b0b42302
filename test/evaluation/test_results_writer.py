import json

import numpy as np
import pytest
from evaluation_stage import failed, image_of, inspection_of

from pad_ros.errors import EvaluationError
from pad_ros.evaluation.results_writer import ResultWriter, read_results
from pad_ros.images import read_image
from pad_ros.results import Status


def test_a_line_has_the_result_and_its_files(tmp_path):
    inspection = inspection_of(2.0)
    with ResultWriter(tmp_path / "out", save_maps=True) as writer:
        writer.add("some/dir/a b.png", image_of(), inspection, "part 1", 2, 9, label="scratch")
        assert len(read_results(tmp_path / "out")) == 1  # on disk already
    (row,) = read_results(tmp_path / "out")
    assert (row["image"], row["part_id"], row["view_index"], row["view_count"]) == ("some/dir/a b.png", "part 1", 2, 9)
    assert (row["status"], row["score"], row["threshold"], row["anomalous"]) == ("OK", 2.0, 1.0, True)
    assert row["regions"] == [{"kind": "missing", "box": [20, 30, 10, 8], "peak": 2.0, "area": 80}]
    assert np.shape(row["object_from_camera"]) == (4, 4)
    assert row["label"] == "scratch"
    for kind in ("view", "reference", "overlay"):
        assert read_image(tmp_path / "out" / row[kind]).shape == (64, 64, 3)
    saved = np.load(tmp_path / "out" / row["map"], allow_pickle=False)
    assert saved.dtype == np.float32
    np.testing.assert_array_equal(saved, inspection.anomaly_map)


def test_images_without_result_have_a_line_too(tmp_path):
    odd = np.zeros((4, 4), np.float32)
    with ResultWriter(tmp_path) as writer:
        writer.add("gone.png", None, failed(Status.BAD_IMAGE, "cannot be read"))
        writer.add("odd", odd, failed(Status.BAD_IMAGE))
        writer.add("lost.png", image_of(), failed())
    gone, odd_row, lost = read_results(tmp_path)
    assert (gone["score"], gone["overlay"], gone["map"], gone["reason"]) == (None, None, None, "cannot be read")
    assert gone["part_id"] == "gone.png"
    assert odd_row["view"] is None
    assert lost["overlay"] and lost["reference"] is None


def test_given_pictures_are_used_and_large_views_made_smaller(tmp_path):
    with ResultWriter(tmp_path) as writer:
        row = writer.add(
            "x",
            image_of(0, 1000),
            failed(),
            reference=np.zeros((1000, 500, 3), np.uint8),
            overlay=np.full((8, 8, 3), 255, np.uint8),
        )
    assert read_image(tmp_path / row["view"]).shape == (480, 480, 3)
    assert read_image(tmp_path / row["reference"]).shape == (480, 240, 3)
    assert read_image(tmp_path / row["overlay"]).min() > 250


def test_names_that_look_alike_do_not_overwrite_each_other(tmp_path):
    with ResultWriter(tmp_path) as writer:
        rows = [writer.add(name, image_of(), inspection_of()) for name in ("a/b.png", "a-b.png", "../a b.png", "å")]
    paths = [row["overlay"] for row in rows]
    assert len(set(paths)) == 4
    assert all((tmp_path / path).is_file() and ".." not in path for path in paths)


@pytest.mark.parametrize("ours", [True, False])
def test_a_report_goes_with_its_results_but_a_strangers_stays(ours, tmp_path):
    (tmp_path / "report.html").write_text("an earlier report")
    if ours:
        (tmp_path / "results.jsonl").write_text("")
    ResultWriter(tmp_path).close()
    assert (tmp_path / "report.html").exists() is not ours


def test_a_second_run_replaces_the_first(tmp_path):
    for count in (3, 1):
        with ResultWriter(tmp_path) as writer:
            for index in range(count):
                writer.add(f"{index}.png", image_of(), inspection_of())
    assert len(read_results(tmp_path)) == 1
    assert len(list((tmp_path / "overlays").iterdir())) == 1


def test_broken_results_are_typed_errors(tmp_path):
    with pytest.raises(EvaluationError, match="pad inspect"):
        read_results(tmp_path)
    (tmp_path / "results.jsonl").write_text(json.dumps({"image": "a"}) + "\n")
    with pytest.raises(EvaluationError, match="line 1"):
        read_results(tmp_path)
    (tmp_path / "results.jsonl").write_text('{"image": "a", "par')
    with pytest.raises(EvaluationError, match="cut short"):
        read_results(tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(EvaluationError, match="cannot be written"):
        ResultWriter(tmp_path / "file")
