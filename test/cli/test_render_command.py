import json

import pytest

from pad_ros.cli import main
from pad_ros.splatting.gaussians import Gaussians


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
