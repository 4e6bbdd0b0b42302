import sys

import pytest

from pad_ros.cli import main


def test_doctor_finds_what_every_inspection_needs(capsys):
    assert main(["doctor"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert all(not line.startswith("FAIL") for line in lines)
    assert any("EfficientNet" in line for line in lines)


def test_doctor_says_what_each_part_of_profile_paper_needs(capsys, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.setenv("PAD_WEIGHTS", str(tmp_path))
    monkeypatch.delenv("LAMA_MODEL", raising=False)
    main(["doctor"])
    lines = capsys.readouterr().out.partition("profile paper:\n")[2].splitlines()
    said = {line[5:].split()[0]: line for line in lines}
    assert list(said) == [
        *("features", "matcher", "retrieval", "segmentation", "inpainting", "backbone", "rasterizer", "weights")
    ]
    for part in ("features", "matcher", "retrieval", "inpainting", "backbone"):
        assert "needs PyTorch, which is not here: `make paper`" in said[part]
    assert "pad weights fetch birefnet" in said["segmentation"]
    assert "6 of 6 are not here: `pad weights fetch netvlad superpoint" in said["weights"]


def test_doctor_makes_the_parts_that_are_there(capsys, monkeypatch, stand_in_weights):
    pytest.importorskip("transformers")
    pytest.importorskip("onnx")
    folder = stand_in_weights("superpoint", "birefnet", "lama")
    monkeypatch.setenv("PAD_WEIGHTS", str(folder))
    monkeypatch.delenv("LAMA_MODEL", raising=False)
    main(["doctor"])
    out = capsys.readouterr().out
    for part in ("features     superpoint loads", "segmentation birefnet loads", "inpainting   lama loads"):
        assert f"ok   {part}" in out
    assert "3 of 6 are not here: `pad weights fetch netvlad lightglue_superpoint efficientnet_b4`" in out
