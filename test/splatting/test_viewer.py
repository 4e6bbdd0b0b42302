from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest

from pad_ros.errors import ConfigError, WriteError
from pad_ros.images import read_image
from pad_ros.splatting.gaussians import Gaussians
from pad_ros.splatting.rasterize import create_rasterizer
from pad_ros.splatting.viewer import Twin, export_ply, render_pose, write_turntable


@pytest.fixture
def twin(product):
    return Twin(product.gaussians, product.camera, create_rasterizer({"name": "cpu"}))


@pytest.fixture
def poses(product):
    return product.sfm_map.view_poses


def frames_of(path):
    film, frames = cv2.VideoCapture(str(path)), []
    while (read := film.read())[0]:
        frames.append(read[1])
    return frames


def test_a_turn_shows_the_part_from_all_around(twin, poses, product, tmp_path):
    reports = []
    path = tmp_path / "new" / "turn.mp4"
    write_turntable(twin, poses, path, frames=8, progress=lambda *report: reports.append(report))
    frames = frames_of(path)
    assert len(frames) == 8 and frames[0].shape == (product.camera.height, product.camera.width, 3)
    assert reports[-1] == (8, 8, "") and len(reports) == 8
    for frame, following in pairwise(frames):
        rows, columns = np.nonzero((frame < 200).any(axis=2))
        assert 0.3 < rows.mean() / frame.shape[0] < 0.7 and 0.3 < columns.mean() / frame.shape[1] < 0.7
        assert rows.min() > 0 and rows.max() < frame.shape[0] - 1  # all of it is in the picture
        assert np.abs(frame.astype(int) - following).max() > 100
    assert [path.name for path in path.parent.iterdir()] == ["turn.mp4"]


def test_a_turn_as_a_sheet(twin, poses, product, tmp_path):
    write_turntable(twin, poses, tmp_path / "turn.png", frames=6)
    sheet = read_image(tmp_path / "turn.png")
    assert sheet.shape == (2 * product.camera.height, 4 * product.camera.width, 3)
    assert (sheet[product.camera.height :, 2 * product.camera.width :] == 255).all()


def test_a_film_that_was_cut_short_is_said(twin, poses, tmp_path, monkeypatch):
    whole = tmp_path / "whole.mp4"
    write_turntable(twin, poses, whole, frames=3)

    class FullDisk:
        def __init__(self, path, *_):
            self.path = path

        def isOpened(self):  # noqa: N802 - OpenCV's name
            return True

        def write(self, picture):
            pass

        def release(self):
            Path(self.path).write_bytes(whole.read_bytes()[:3000])

    monkeypatch.setattr(cv2, "VideoWriter", FullDisk)
    monkeypatch.setattr(cv2, "VideoWriter_fourcc", lambda *_: 0)
    with pytest.raises(ConfigError, match="only a part of the film could be written there"):
        write_turntable(twin, poses, tmp_path / "turn.mp4", frames=3)
    assert [path.name for path in tmp_path.iterdir()] == ["whole.mp4"]


@pytest.mark.skipif(not hasattr(cv2, "imwriteanimation"), reason="this OpenCV writes no animations")
def test_a_turn_for_browsers(twin, poses, tmp_path):
    write_turntable(twin, poses, tmp_path / "turn.webp", frames=5)
    read, animation = cv2.imreadanimation(str(tmp_path / "turn.webp"))
    assert read and len(animation.frames) == 5


def test_the_exported_ply_holds_the_products_splats(product, tmp_path):
    export_ply(product.gaussians, tmp_path / "new" / "twin.ply")
    np.testing.assert_array_equal(Gaussians.load_ply(tmp_path / "new" / "twin.ply").sh, product.gaussians.sh)


def test_what_cannot_be_written_is_said(twin, poses, product, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match=r"\.mp4, \.webp, \.png"):
        write_turntable(twin, poses, tmp_path / "turn.avi")
    for write in (
        lambda path: write_turntable(twin, poses, path, frames=2),
        lambda path: render_pose(twin, poses[0], path),
    ):
        with pytest.raises(WriteError, match="cannot be written"):
            write(tmp_path / "file" / "picture.png")
    with pytest.raises(WriteError, match="cannot be written"):
        export_ply(product.gaussians, tmp_path / "file" / "twin.ply")
    with pytest.raises(ConfigError, match="rigid"):
        render_pose(twin, 2 * poses[0], tmp_path / "picture.png")
