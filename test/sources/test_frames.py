import struct

import cv2
import numpy as np
import pytest

from pad_ros.errors import ConfigError
from pad_ros.sources.frames import open_source


def test_folder_of_images_keeps_the_unreadable_one(tmp_path):
    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((4, 4, 3), np.uint8))
    (tmp_path / "b.jpg").write_bytes(b"not an image")
    (tmp_path / "notes.txt").write_text("no image")
    frames = list(open_source(str(tmp_path)).frames())
    assert [(frame.kind, frame.part_id) for frame in frames] == [("png", ""), ("jpeg", "")]
    assert frames[1].data == b"not an image"


def test_video_file(tmp_path):
    path = str(tmp_path / "film.avi")
    writer = cv2.VideoWriter(path, cv2.VideoWriter.fourcc(*"MJPG"), 10, (32, 16))
    for _ in range(3):
        writer.write(np.full((16, 32, 3), (250, 10, 10), np.uint8))  # blue
    writer.release()
    frames = list(open_source(path).frames())
    assert len(frames) == 3
    assert frames[0].pixels.shape == (16, 32, 3)
    assert frames[0].pixels[8, 16, 2] > 200  # blue comes last in RGB


def test_video_frames_are_as_they_are_stored(tmp_path):
    path = tmp_path / "film.mp4"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), 10, (32, 16))
    writer.write(np.zeros((16, 32, 3), np.uint8))
    writer.release()
    # As a telephone says "turn by 90 degrees": the matrix of the track's header, which is the identity.
    identity = struct.pack(">9i", 1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30)
    quarter = struct.pack(">9i", 0, 1 << 16, 0, -(1 << 16), 0, 0, 0, 0, 1 << 30)
    data = path.read_bytes()
    header = data.index(b"tkhd")
    place = data.index(identity, header)
    path.write_bytes(data[:place] + quarter + data[place + len(quarter) :])
    assert cv2.VideoCapture(str(path)).read()[1].shape == (32, 16, 3)  # OpenCV would turn it
    assert next(open_source(str(path)).frames()).pixels.shape == (16, 32, 3)


@pytest.mark.parametrize(("make", "reason"), [(None, "neither"), ("folder", "no images"), ("", "is empty")])
def test_source_that_is_none(tmp_path, make, reason):
    path = tmp_path / "source"
    if make == "folder":
        path.mkdir()
    with pytest.raises(ConfigError, match=reason):
        open_source("" if make == "" else str(path))


def test_file_that_is_no_video(tmp_path):
    path = tmp_path / "film.mp4"
    path.write_bytes(b"no film")
    with pytest.raises(ConfigError, match="cannot be opened"):
        list(open_source(str(path)).frames())
