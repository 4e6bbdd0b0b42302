import numpy as np
import pytest

from pad_ros.cli import main
from pad_ros.product import Product


def said(capsys, *words):
    status = main([str(word) for word in words])
    out = capsys.readouterr()
    return status, out.out + out.err


def test_print_board(tmp_path, capsys):
    status, text = said(capsys, "capture", "--print-board", tmp_path / "board.pdf")
    assert status == 0 and "A4, squares of 17.5 mm" in text
    assert (tmp_path / "board.pdf").read_bytes().startswith(b"%PDF")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "give photos or a film"),
        (("photos", "-o", "class", "--bar", "97"), "say its paper too"),
        (("photos", "-o", "class", "--board", "a4", "--bar", "97"), "the board was printed at 97 %"),
        (("photos", "-o", "class", "--size", "10"), "--size must be between"),
        (("photos", "-o", "class"), "no such file or folder"),
    ],
)
def test_what_is_refused(words, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    status, text = said(capsys, "capture", *words)
    assert status == 1 and message in text and text.count("\n") == 1


def camera_info(path, focal, size=400):
    path.write_text(
        f"image_width: {size}\nimage_height: {size}\ndistortion_model: plumb_bob\n"
        f"camera_matrix: {{data: [{focal}, 0, {size / 2}, 0, {focal}, {size / 2}, 0, 0, 1]}}\n"
        "distortion_coefficients: {data: [-0.1, 0, 0, 0, 0]}\n"
    )
    return path


def test_retarget_keeps_the_part_and_changes_the_camera(sample_product, tmp_path, capsys):
    info = camera_info(tmp_path / "line.yaml", 600)
    status, text = said(capsys, "retarget", sample_product, "--camera-info", info, "-o", tmp_path / "new")
    assert status == 0 and "f 600.0 px (1.08 of before)" in text and "pad calibrate" in text
    old, new = Product.load(sample_product), Product.load(tmp_path / "new")
    assert new.camera.fx == 600.0 and new.lens.coefficients[0] == -0.1
    assert np.array_equal(new.gaussians.means, old.gaussians.means)
    assert np.array_equal(new.sfm_map.points, old.sfm_map.points)
    assert new.calibration.threshold == old.calibration.threshold
    assert (tmp_path / "new" / "preview.png").is_file()
    status, text = said(capsys, "retarget", sample_product, "--camera-info", info, "-o", tmp_path / "new")
    assert status == 1 and "exists already" in text


def test_retarget_refuses_a_camera_of_another_scale(sample_product, tmp_path, capsys):
    info = camera_info(tmp_path / "line.yaml", 2400, 1600)
    status, text = said(capsys, "retarget", sample_product, "--camera-info", info, "-o", tmp_path / "new")
    assert status == 1 and "4.32 times as large" in text
    assert not (tmp_path / "new").exists()
