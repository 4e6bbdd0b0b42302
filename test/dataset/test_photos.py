import logging

import pytest

from pad_ros.dataset.photos import find_photos
from pad_ros.errors import DatasetError


def make(root, *names):
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()


def found(root, *names):
    return [path.relative_to(root).as_posix() for path in find_photos(root, names)]


@pytest.mark.parametrize(
    ("named", "file"),
    [
        ("./images/a.png", "images/a.png"),
        (".\\images\\a.png", "images/a.png"),
        ("images\\\\a.png", "images/a.png"),
        ("images/../images/a.png", "images/a.png"),
        ("images/a.JPG", "images/a.JPG"),
        ("images/a.JPG", "images/a.jpg"),
        ("images/a.jpg", "images/a.JPG"),
        ("images/a.Jpeg", "images/a.jPEG"),
        ("images/a", "images/a.png"),
        ("images/a", "images/a.JPG"),
        ("images/frame.0001", "images/frame.0001.webp"),
        ("/mnt/scans/car/images/a.png", "images/a.png"),
        ("C:\\scans\\car\\images\\a.PNG", "images/a.png"),
    ],
)
def test_the_named_file_is_taken_even_where_one_of_its_number_is(tmp_path, named, file):
    make(tmp_path, file, "train/good/0.png", "images/other.png")
    paths = find_photos(tmp_path, [named])
    assert len(paths) == 1 and paths[0].samefile(tmp_path / file)


def test_frames_out_of_order_and_fewer_than_files(tmp_path):
    """As converters write them: 10 and 30 swapped, photos without a pose left out."""
    make(tmp_path, *(f"train/good/{index}.png" for index in range(48)))
    order = [30 if index == 10 else 10 if index == 30 else index for index in range(44)]
    names = [f".\\train\\good\\{index}.png" for index in order]
    assert found(tmp_path, *names) == [f"train/good/{index}.png" for index in order]


def test_an_absolute_name_that_is_there_is_meant(tmp_path):
    make(tmp_path, "car/images/a.png", "elsewhere/images/a.png")
    elsewhere = tmp_path / "elsewhere" / "images" / "a.png"
    assert find_photos(tmp_path / "car", [str(elsewhere)]) == [elsewhere]


def test_numbers_count_only_where_no_name_does(tmp_path):
    make(tmp_path, "train/good/0.png", "train/good/001.JPG", "train/good/2.png")
    assert found(tmp_path, "./train/r_0", "./train/r_1", "./train/r_2") == [
        "train/good/0.png",
        "train/good/001.JPG",
        "train/good/2.png",
    ]


def test_a_mixture_lists_what_is_missing(tmp_path):
    make(tmp_path, *(f"train/good/{index}.png" for index in range(6)), "images/a.png")
    with pytest.raises(DatasetError, match=r"4 of 5 photos.*'images/b.png', 'images/c.png', 'images/d.png', …"):
        find_photos(tmp_path, [f"images/{name}.png" for name in "abcde"])


def test_two_frames_of_one_photo_are_refused(tmp_path):
    make(tmp_path, "images/a.png", "images/b.png")
    with pytest.raises(DatasetError, match=r"frames 0 and 2 .* both name .*a\.png"):
        find_photos(tmp_path, ["images/a.png", "images/b.png", "images/a"])


@pytest.mark.parametrize("name", ["", ".", "/", "..", "images/", "gone.png", "/gone/gone.png", "a\0b"])
def test_a_name_of_nothing_is_said_with_its_frame(tmp_path, name):
    with pytest.raises(DatasetError, match=r"frame 0: no image; looked for .*train/good/0\.png"):
        find_photos(tmp_path / "car", [name])


def test_more_numbers_than_frames_are_worth_a_word(tmp_path, caplog):
    make(tmp_path, *(f"train/good/{index}.png" for index in range(3)), "train/good/._0.png")
    with caplog.at_level(logging.WARNING):
        assert len(find_photos(tmp_path, ["r_0", "r_1", "r_2"])) == 3
        assert not caplog.text
        assert len(find_photos(tmp_path, ["r_0", "r_1"])) == 2
    assert "2 frames are taken for the first of 3 images" in caplog.text


def test_names_are_told_apart_by_case(tmp_path):
    make(tmp_path, "images/A.png", "images/a.PNG")
    assert found(tmp_path, "images/a.png", "images/A.PNG") == ["images/a.PNG", "images/A.png"]
