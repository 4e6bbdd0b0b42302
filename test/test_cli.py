import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from pad_ros.cli import main
from pad_ros.evaluation.results_writer import read_results
from pad_ros.images import write_image
from pad_ros.splatting.gaussians import Gaussians


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


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["inspect", "nowhere", "x.png", "-o", "out"], "no product.yaml"),
        (["train", "nowhere", "-o", "out"], "transforms.json: missing"),
        (["evaluate", "nowhere", "-o", "out"], "no data set"),
        (["bag", "nowhere", "-o", "out"], "transforms.json: missing"),
        (["render", "nowhere", "--pose", "[]"], "no product.yaml"),
        (["demo", "--bag", "nowhere", "-o", "out"], "nowhere"),
        (["up"], "no product"),
        (["up", "product:=nothere"], "nothere has no product.yaml"),
        (["up", "--bag", "nowhere", "product=p"], "write argument:=value"),
    ],
)
def test_errors_are_one_line_and_exit_1(arguments, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 1
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1 and error.startswith(f"pad {arguments[0]}: ")


def test_an_image_that_does_not_exist_is_refused_before_any_is_inspected(sample_product, image_files, tmp_path, capsys):
    out = tmp_path / "out"
    assert main(["inspect", str(sample_product), str(image_files), "nothere.png", "-o", str(out)]) == 1
    assert capsys.readouterr().err == "pad inspect: nothere.png: no such file or folder\n"
    assert not out.exists()


@pytest.mark.parametrize(
    "line",
    [
        "pad up product:=sample/product --bag sample/bag wait_for_results:=3",
        "pad up --bag sample/bag product:=sample/product wait_for_results:=3",
        "pad up product:=sample/product wait_for_results:=3 --bag sample/bag",
    ],
)
def test_up_takes_its_arguments_in_any_order(line, monkeypatch):
    asked = {}
    monkeypatch.setattr("pad_ros.up.run_graph", lambda **arguments: asked.update(arguments) or 0)
    assert main(line.split()[1:]) == 0
    assert asked == {"bag": Path("sample/bag"), "overrides": ["product:=sample/product", "wait_for_results:=3"]}


@pytest.mark.parametrize("line", ["doctor rate:=3", "up product:=p --loud", "up product:=p --bag b --loud rate:=3"])
def test_what_no_command_takes_is_refused(line, capsys):
    with pytest.raises(SystemExit):
        main(line.split())
    assert "unrecognized arguments" in capsys.readouterr().err


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


def test_render_writes_the_twin(sample_product, product, tmp_path):
    pose = json.dumps(product.sfm_map.view_poses[0].tolist())
    assert main(["render", str(sample_product), "--pose", pose, "-o", str(tmp_path / "r.png")]) == 0
    assert (tmp_path / "r.png").stat().st_size > 10_000
    assert main(["render", str(sample_product), "--ply", str(tmp_path / "r.ply")]) == 0
    assert len(Gaussians.load_ply(tmp_path / "r.ply")) == len(product.gaussians)


@pytest.mark.parametrize("pose", ["[[1]]", "x", '{"a": 1}', "[[1, 2], [3]]", "null"])
def test_render_says_what_is_wrong_with_a_pose(sample_product, pose, capsys, tmp_path):
    assert main(["render", str(sample_product), "--pose", pose, "-o", str(tmp_path / "r.png")]) == 1
    error = capsys.readouterr().err
    assert "pose" in error and "4" in error and error.count("\n") == 1


def test_doctor_finds_what_every_inspection_needs(capsys):
    assert main(["doctor"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert all(not line.startswith("FAIL") for line in lines)
    assert any("EfficientNet" in line for line in lines)
