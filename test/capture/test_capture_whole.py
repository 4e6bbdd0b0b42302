"""Captures from beginning to end, on small staged photos of the sample's twin."""

import numpy as np
import pytest
from capture_scenes import BOARD, take, twin_on_table

from pad_ros.capture.capture import CaptureSettings, capture_class
from pad_ros.errors import CaptureError
from pad_ros.images import write_image
from pad_ros.synthesis.staging import room_texture

ON_BOARD = CaptureSettings(paper=BOARD.paper, bar=100.0)


@pytest.mark.slow
def test_a_part_that_moved_on_the_board_and_what_was_found_before_is_kept(product, tmp_path):
    take(tmp_path / "photos", 20, twin_on_table(product), later=twin_on_table(product, turned_by=25.0))
    with pytest.raises(KeyboardInterrupt):
        capture_class([tmp_path / "photos"], tmp_path / "car", ON_BOARD, stop_at_the_cutouts)
    assert not (tmp_path / "car" / "transforms.json").exists()
    stages = []
    with pytest.raises(CaptureError, match="moved"):
        capture_class([tmp_path / "photos"], tmp_path / "car", ON_BOARD, lambda name: stages.append(name) or nobody)
    assert stages == ["cut-outs"]


def nobody(done, total, remark):
    assert 0 <= done <= total


def stop_at_the_cutouts(name):
    def report(done, total, remark):
        if name == "cut-outs":
            raise KeyboardInterrupt

    return report


@pytest.mark.slow
def test_photos_of_two_parts(tmp_path):
    rng = np.random.default_rng(0)
    for index in range(20):  # pieces of two pictures
        texture = room_texture(1 if index < 10 else 2, 700)
        x, y = rng.integers(0, 200, 2)
        write_image(tmp_path / "photos" / f"{index:02d}.png", np.ascontiguousarray(texture[y : y + 400, x : x + 400]))
    with pytest.raises(CaptureError, match=r"2 groups that share nothing|parallax"):
        capture_class([tmp_path / "photos"], tmp_path / "car", CaptureSettings())
