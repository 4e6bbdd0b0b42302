"""What is wrong with photos or a film is said at once, in one line."""

import cv2
import numpy as np
import pytest

from pad_ros.capture.capture import CaptureSettings, capture_class
from pad_ros.capture.film import choose, pick_frames
from pad_ros.capture.photos import detail, find_photos, prepare_photos
from pad_ros.errors import CaptureError
from pad_ros.images import write_image
from pad_ros.synthesis.staging import room_texture


def photos(folder, count, size=(120, 90), blur=0.0):
    for index in range(count):
        picture = cv2.resize(room_texture(index, 256), size)
        if blur:
            picture = cv2.GaussianBlur(picture, (0, 0), blur)
        write_image(folder / f"{len(list(folder.glob('*'))):03d}.png", np.ascontiguousarray(picture))
    return folder


def refused(paths, **settings):
    with pytest.raises(CaptureError) as error:
        capture_class(paths, paths[0].parent / "class", CaptureSettings(**settings))
    assert "\n" not in str(error.value)
    return str(error.value)


def test_five_photos(tmp_path):
    (tmp_path / "in").mkdir()
    assert "5 photos are too few" in refused([photos(tmp_path / "in", 5)])


def test_a_folder_of_heic(tmp_path):
    (tmp_path / "in").mkdir()
    for index in range(30):
        (tmp_path / "in" / f"IMG_{index}.HEIC").write_bytes(b"x")
    assert "30 photos are HEIC" in refused([tmp_path / "in"])


def test_mixed_sizes(tmp_path):
    (tmp_path / "in").mkdir()
    photos(tmp_path / "in", 18)
    message = refused([photos(tmp_path / "in", 4, size=(90, 120))])
    assert "18 of 120x90, 4 of 90x120 (as 018.png)" in message


def test_blurred_photos(tmp_path):
    (tmp_path / "in").mkdir()
    photos(tmp_path / "in", 6, size=(400, 300))
    assert "20 of 26 photos are blurred" in refused([photos(tmp_path / "in", 20, size=(400, 300), blur=4.0)])


def test_a_few_blurred_photos_are_dropped_and_named(tmp_path):
    (tmp_path / "in").mkdir()
    photos(tmp_path / "in", 20, size=(400, 300))
    photos(tmp_path / "in", 2, size=(400, 300), blur=4.0)
    kept, dropped = prepare_photos(find_photos([tmp_path / "in"]), tmp_path / "work", 400, 400)
    assert len(kept) == 20
    assert [d.name for d in dropped] == ["020.png", "021.png"]


def test_nothing_there(tmp_path):
    assert "no such file" in refused([tmp_path / "nowhere"])


def film(path, seconds, still=False):
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"mp4v"), 5, (160, 120))
    texture = room_texture(1, 512)
    for index in range(round(5 * seconds)):
        x = 0 if still else 5 * index
        frame = texture[100:220, x : x + 160]
        writer.write(cv2.GaussianBlur(frame, (0, 0), 2.0) if index % 2 else np.ascontiguousarray(frame))
    writer.release()
    return path


def test_a_film_of_two_seconds(tmp_path):
    assert "2.0 s, too short" in refused([film(tmp_path / "short.mp4", 2)])


def test_a_film_of_a_camera_that_stands_still(tmp_path):
    assert "hardly moves" in refused([film(tmp_path / "still.mp4", 10, still=True)])


def test_a_films_sharp_frames_spread_over_the_way(tmp_path):
    kept, _ = pick_frames(film(tmp_path / "way.mp4", 12), tmp_path / "frames", 25, 160, 160)
    numbers = [int(photo.name.split()[1]) for photo in kept]
    assert len(kept) >= 20
    assert sum(number % 2 for number in numbers) <= 3  # every other frame is blurred
    assert max(np.diff(numbers)) <= 6


def test_frames_are_chosen_by_the_way_not_by_time():
    motion = np.concatenate([np.linspace(0, 1, 80), np.linspace(1, 10, 20)])  # rests, then goes
    chosen = choose(motion, np.ones(100), 10)
    assert sum(index >= 80 for index in chosen) >= 8


def test_detail_falls_with_blur():
    sharp = room_texture(0, 400)
    details = [detail(cv2.GaussianBlur(sharp, (0, 0), sigma))[0] for sigma in (0.5, 1.0, 2.0)]
    assert details == sorted(details, reverse=True)


def test_what_is_a_class_already_is_not_overwritten(tmp_path):
    (tmp_path / "class").mkdir()
    (tmp_path / "class" / "transforms.json").write_text("{}")
    assert "a class already" in refused([tmp_path / "in"])
