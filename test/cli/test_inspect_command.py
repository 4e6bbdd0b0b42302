import os
import shutil
import subprocess
import sys

import numpy as np
import pytest

from pad_ros.cli import main
from pad_ros.evaluation.results_writer import read_results
from pad_ros.images import write_image


@pytest.fixture
def image_files(sample_images, tmp_path):
    for index in (0, 9):
        write_image(tmp_path / "images" / f"{index}.png", sample_images[index][2])
    return tmp_path / "images"


def test_inspect_gives_every_file_a_result_also_the_unreadable(sample_product, image_files, tmp_path, capsys):
    (image_files / "broken.png").write_bytes(b"not an image")
    write_image(image_files / "small.png", np.zeros((50, 60, 3), np.uint8))
    out = tmp_path / "out"
    assert main(["inspect", str(sample_product), str(image_files), "-o", str(out), "--save-maps"]) == 0
    rows = {row["image"].rsplit("/", 1)[-1]: row for row in read_results(out)}
    assert {name: row["status"] for name, row in rows.items()} == {
        "0.png": "OK",
        "9.png": "OK",
        "broken.png": "BAD_IMAGE",
        "small.png": "BAD_IMAGE",
    }
    assert not rows["0.png"]["anomalous"] and rows["9.png"]["anomalous"] and rows["broken.png"]["anomalous"]
    anomaly_map = np.load(out / rows["9.png"]["map"], allow_pickle=False)
    assert anomaly_map.dtype == np.float32 and anomaly_map.shape == (400, 400)
    assert (out / rows["9.png"]["overlay"]).is_file()
    assert "broken.png" in (out / "report.html").read_text()
    assert "4 images" in capsys.readouterr().out


def test_the_cli_gives_the_scores_of_the_inspector(sample_product, inspector, sample_images, image_files, tmp_path):
    main(["inspect", str(sample_product), str(image_files), "-o", str(tmp_path / "out")])
    scores = [row["score"] for row in read_results(tmp_path / "out")]
    assert scores == [inspector.inspect(sample_images[index][2]).score for index in (0, 9)]


def test_an_image_that_does_not_exist_is_refused_before_any_is_inspected(sample_product, image_files, tmp_path, capsys):
    out = tmp_path / "out"
    assert main(["inspect", str(sample_product), str(image_files), "nothere.png", "-o", str(out)]) == 1
    assert capsys.readouterr().err == "pad inspect: nothere.png: no such file or folder\n"
    assert not out.exists()


def test_opencv_says_nothing_of_a_broken_image(sample_product, tmp_path):
    broken = tmp_path / "broken.png"
    broken.write_bytes((sample_product / "preview.png").read_bytes()[:3000])
    code = "import sys; from pad_ros.cli import main; sys.exit(main(sys.argv[1:]))"
    words = ["inspect", str(sample_product), str(broken), "-o", str(tmp_path / "out")]
    ended = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, timeout=60)
    assert ended.returncode == 0
    assert "WARN" not in ended.stderr and "grfmt" not in ended.stderr
    assert read_results(tmp_path / "out")[0]["status"] == "BAD_IMAGE"


def test_a_truncated_product_is_one_line_too(sample_product, tmp_path, capsys):
    folder = shutil.copytree(sample_product, tmp_path / "product")
    (folder / "map.npz").write_bytes(b"PK")
    assert main(["inspect", str(folder), str(tmp_path), "-o", str(tmp_path / "out")]) == 1
    assert "map.npz" in capsys.readouterr().err


def test_a_second_run_does_not_inspect_the_pictures_of_the_first(sample_product, image_files):
    """Wherever the results lie: in the images' folder itself, below it, or above it."""
    for out in (
        image_files / "results",
        image_files / "results",
        image_files / "more",
        image_files,
        image_files.parent,
    ):
        assert main(["inspect", str(sample_product), str(image_files), "-o", str(out)]) == 0
        assert sorted(row["image"].rsplit("/", 1)[-1] for row in read_results(out)) == ["0.png", "9.png"]
        assert list((out / "overlays").iterdir())
    assert sorted(path.name for path in image_files.glob("*.png")) == ["0.png", "9.png"]


def test_hidden_files_are_left_out_and_a_name_that_is_no_utf8_is_shown(sample_product, image_files, tmp_path):
    (image_files / "._0.png").write_bytes(b"\x00\x05\x16\x07 AppleDouble")
    latin = os.fsencode(image_files) + b"/gr\xfcn.png"
    os.rename(os.fsencode(image_files / "0.png"), latin)
    (image_files / os.fsdecode(b"kap\xfctt.jpg")).write_bytes(b"\xff\xd8\xff")
    assert main(["inspect", str(sample_product), str(image_files), "-o", str(tmp_path / "out")]) == 0
    names = sorted(row["image"].rsplit("/", 1)[-1] for row in read_results(tmp_path / "out"))
    assert names == ["9.png", "gr\\xfcn.png", "kap\\xfctt.jpg"]
    report = (tmp_path / "out" / "report.html").read_text()
    assert "gr\\xfcn.png" in report and "kap\\xfctt.jpg: the JPEG is damaged" in report


def test_a_place_that_cannot_be_written_is_one_line(sample_product, image_files, capsys, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device", "some/file")

    monkeypatch.setattr("pad_ros.cli.inspect.write_report", full)
    assert main(["inspect", str(sample_product), str(image_files), "-o", str(image_files / "out")]) == 1
    assert capsys.readouterr().err.splitlines()[-1] == "pad inspect: some/file: No space left on device"
