"""The printed board: true size on paper, cameras from it."""

import re

import numpy as np
import pytest
from capture_scenes import BOARD, LENS, nothing, take

from pad_ros.capture.board import PAPERS, Board, check_bar, write_pdf
from pad_ros.capture.board_views import locate_by_board
from pad_ros.capture.photos import Photo
from pad_ros.errors import CaptureError
from pad_ros.geometry import pose_error
from pad_ros.images import write_image


@pytest.mark.parametrize("paper", PAPERS)
def test_the_pdf_is_in_true_size(paper, tmp_path):
    board = Board.of(paper)
    write_pdf(tmp_path / "board.pdf", board)
    data = (tmp_path / "board.pdf").read_bytes()
    box = [float(n) for n in re.search(rb"/MediaBox \[0 0 ([\d.]+) ([\d.]+)\]", data).groups()]
    width, height, _ = PAPERS[paper]
    assert np.allclose(np.array(box) / 72 * 25.4, (width, height), atol=0.01)
    scale = float(re.search(rb"([\d.]+) 0 0 [\d.]+ 0 0 cm", data)[1])
    assert scale == pytest.approx(72 / 25.4)
    boxes = np.array(
        [[float(n) for n in found] for found in re.findall(rb"([\d.]+) ([\d.]+) ([\d.]+) ([\d.]+) re f", data)]
    )
    squares = boxes[np.isclose(boxes[:, 2], 1000 * board.square)]
    assert len(squares) == 44  # of a rim of two squares; the middle is left free
    assert squares[:, 0].min() > 5
    assert (squares[:, 0] + squares[:, 2]).max() < width - 5
    bar = boxes[-1]
    assert bar[2] == 100 and bar[1] > 2
    assert bar[1] + bar[3] < squares[:, 1].min()
    assert data.startswith(b"%PDF-1.4") and data.endswith(b"%%EOF\n")
    start = int(re.search(rb"startxref\n(\d+)", data)[1])
    assert data[start : start + 4] == b"xref"
    for number, place in enumerate(re.findall(rb"(\d{10}) 00000 n", data), 1):
        assert data[int(place) :].startswith(b"%d 0 obj" % number)


def test_the_pattern_is_opencvs():
    picture = BOARD.picture(56, 0.0)
    theirs = BOARD.charuco.generateImage((11 * 56, 15 * 56))
    rim = np.ones(theirs.shape, bool)
    rim[2 * 56 : -2 * 56, 2 * 56 : -2 * 56] = False
    assert np.array_equal(picture[..., 0][rim], theirs[rim])
    assert (picture[..., 0][~rim] == 255).all()
    assert np.allclose(BOARD.middle, (7 * BOARD.square, 11 * BOARD.square))


def test_corners_beside_the_plain_middle_are_none():
    ids = np.arange(10 * 14)
    points = BOARD.corner_points(ids[BOARD.has(ids)])
    half = np.array(BOARD.middle) / 2
    assert len(points) == 2 * (10 + 12)
    assert not (np.abs(points[:, :2]) < half + BOARD.square / 2).all(axis=1).any()


def test_a_board_printed_at_97_percent():
    with pytest.raises(CaptureError, match=r"printed at 97 %.*--square 16.97"):
        check_bar(97.0, Board.of("a4"))
    check_bar(100.3, Board.of("a4"))


def test_an_unknown_paper():
    with pytest.raises(CaptureError, match="no board for paper 'a7'"):
        Board.of("a7")


@pytest.fixture(scope="module")
def board_photos(tmp_path_factory):
    folder = tmp_path_factory.mktemp("board")
    truth = take(folder, 14, nothing, distance=0.42)
    return [Photo(name, folder / name) for name in truth], truth


def test_lens_poses_and_metres_come_from_the_board(board_photos):
    photos, truth = board_photos
    found = locate_by_board(photos, BOARD)
    assert len(found.photos) == 14
    assert found.error_px < 0.2
    assert found.lens.camera.fx == pytest.approx(LENS.camera.fx, rel=0.01)
    errors = np.array([pose_error(pose, truth[p.name][0]) for p, pose in zip(found.photos, found.poses, strict=True)])
    assert errors[:, 0].max() < 0.2
    assert errors[:, 1].max() < 0.003
    distances = np.linalg.norm(found.poses[:, :3, 3], axis=1)
    true = np.array([np.linalg.norm(truth[p.name][0][:3, 3]) for p in found.photos])
    assert np.median(distances / true) == pytest.approx(1.0, abs=0.005)


def test_photos_without_the_board(tmp_path):
    photos = [Photo(f"{index}.png", tmp_path / f"{index}.png") for index in range(12)]
    for photo in photos:
        write_image(photo.path, np.full((90, 120, 3), 128, np.uint8))
    with pytest.raises(CaptureError, match="seen in 0 of 12 photos"):
        locate_by_board(photos, BOARD)
