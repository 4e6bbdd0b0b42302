import errno
import io
import json
import os
import sys
from pathlib import Path

import pytest

from pad_ros.cli import main
from pad_ros.splatting.gaussians import Gaussians


def test_render_writes_the_twin(sample_product, product, tmp_path):
    pose = json.dumps(product.sfm_map.view_poses[0].tolist())
    assert main(["render", str(sample_product), "--pose", pose, "-o", str(tmp_path / "r.png")]) == 0
    assert (tmp_path / "r.png").stat().st_size > 10_000
    assert main(["render", str(sample_product), "--ply", str(tmp_path / "r.ply")]) == 0
    assert len(Gaussians.load_ply(tmp_path / "r.ply")) == len(product.gaussians)


def test_a_place_whose_name_is_no_utf8_is_shown(sample_product, tmp_path, monkeypatch):
    """Also where the terminal refuses what is no text, as with most locales."""
    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(io.BytesIO(), encoding="utf-8", errors="strict"))
    path = tmp_path / os.fsdecode(b"gr\xfcn.ply")
    assert main(["render", str(sample_product), "--ply", str(path)]) == 0
    assert path.is_file()
    sys.stdout.seek(0)
    assert "gr\\udcfcn.ply" in sys.stdout.read()


def test_a_full_disk_is_said_with_the_files_name(sample_product, tmp_path, monkeypatch, capsys):
    def full(path, data):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "write_bytes", full)
    assert main(["render", str(sample_product), "--ply", str(tmp_path / "twin.ply")]) == 1
    assert capsys.readouterr().err == f"pad render: {tmp_path}/twin.ply: cannot be written (No space left on device)\n"


@pytest.mark.parametrize("pose", ["[[1]]", "x", '{"a": 1}', "[[1, 2], [3]]", "null"])
def test_render_says_what_is_wrong_with_a_pose(sample_product, pose, capsys, tmp_path):
    assert main(["render", str(sample_product), "--pose", pose, "-o", str(tmp_path / "r.png")]) == 1
    error = capsys.readouterr().err
    assert "pose" in error and "4" in error and error.count("\n") == 1
