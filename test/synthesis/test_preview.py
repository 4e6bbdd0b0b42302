import numpy as np
import pytest
from stand_in_blender import stand_in

from pad_ros.errors import SynthesisError
from pad_ros.images import read_image
from pad_ros.synthesis import blender
from pad_ros.synthesis.assembly import Assembly
from pad_ros.synthesis.generate import generate
from pad_ros.synthesis.planning import SynthesisSettings
from pad_ros.synthesis.preview import Tile, contact_sheet, write_preview
from pad_ros.synthesis.vehicles import build_vehicle

SETTINGS = SynthesisSettings(resolution=32, samples=1, train=4, objects=1, views=2)
MARK = (255, 0, 168)


def marked(sheet):
    return (np.abs(sheet.astype(int) - MARK).max(axis=2) < 8).nonzero()


@pytest.fixture
def parts():
    return Assembly("some_parts", build_vehicle("off_road_car").parts[:20])


def test_a_sheet_has_every_picture_and_outlines_the_defect():
    grey = np.full((100, 100, 3), 120, np.uint8)
    mask = np.zeros((100, 100), bool)
    mask[40:50, 60:70] = True
    plain = contact_sheet("A car", "9 parts", [Tile(grey, "train")] * 5, columns=3, size=50)
    sheet = contact_sheet("A car", "9 parts", [Tile(grey, "train")] * 4 + [Tile(grey, "added", "", mask)], 3, 50)
    assert plain.shape == sheet.shape and not marked(plain)[0].size
    rows, columns = marked(sheet)
    pictures = (plain == 120).all(axis=2)
    assert pictures.sum() == 5 * 50 * 50
    top, left = rows.min(), columns.min()
    assert rows.max() - top < 20 and columns.max() - left < 20  # around the defect's 5 by 5 pixels
    inner = sheet[top + 5 : rows.max() - 4, left + 5 : columns.max() - 4]
    assert inner.size and (inner == 120).all()  # which stay visible


def test_images_that_stand_are_used(monkeypatch, tmp_path, parts):
    python, log = stand_in(tmp_path)
    monkeypatch.setenv(blender.ENVIRONMENT_VARIABLE, python)
    out = tmp_path / "out"
    generate(out, [parts], SETTINGS)
    made = log.read_text()
    sheet = read_image(write_preview(out, parts, SETTINGS))
    assert log.read_text() == made
    level = read_image(out / "some_parts" / "train" / "good" / "0.png")[0, 0]
    assert (sheet[46 : 46 + 240, 14 : 14 + 240] == level).all()


def test_a_preview_first_does_not_claim_the_folder(monkeypatch, tmp_path, parts):
    monkeypatch.setenv(blender.ENVIRONMENT_VARIABLE, stand_in(tmp_path)[0])
    path = write_preview(tmp_path / "out", parts, SETTINGS)
    assert [p.name for p in (tmp_path / "out").iterdir()] == [path.name] == ["some_parts_preview.png"]
    assert read_image(path).shape[1] > 6 * 240
    generate(tmp_path / "out", [parts], SETTINGS)


@pytest.mark.slow
def test_a_preview_shows_the_plan_of_the_real_set(tmp_path):
    try:
        blender.find_blender()
    except SynthesisError as error:
        pytest.skip(str(error))
    car = build_vehicle("off_road_car")
    settings = SynthesisSettings(resolution=64, train=3, objects=2, views=3, seed=1)
    sheet = read_image(write_preview(tmp_path / "out", car, settings))
    assert marked(sheet)[0].size > 20  # the second object has an added part
    assert (sheet[46 : 46 + 10, 14 : 14 + 10] == 255).all()  # the first picture is a cut-out on white
