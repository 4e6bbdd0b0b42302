import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import yaml
from stand_in_blender import stand_in

from pad_ros.dataset.classes import read_class
from pad_ros.errors import ConfigError, SynthesisError
from pad_ros.geometry import pose_error
from pad_ros.images import read_cutout, read_image, read_mask
from pad_ros.synthesis import blender, cameras
from pad_ros.synthesis import generate as generating
from pad_ros.synthesis.assembly import Assembly
from pad_ros.synthesis.defects import ADDED, COLOUR, REMOVED
from pad_ros.synthesis.generate import expected_bytes, generate
from pad_ros.synthesis.job import INTACT, assemblies_of, render_rows
from pad_ros.synthesis.job import test_row as row_of
from pad_ros.synthesis.materials import PALETTE
from pad_ros.synthesis.planning import GOOD, SynthesisSettings, plan_images, plan_objects, plan_train
from pad_ros.synthesis.record import digest_assembly, verify
from pad_ros.synthesis.storage import used_space
from pad_ros.synthesis.vehicles import build_vehicle
from pad_ros.synthesis.visibility import part_ids

SETTINGS = SynthesisSettings(resolution=64, samples=4, train=3, objects=3, views=3, seed=1)
QUICK = SynthesisSettings(resolution=16, samples=1, train=4, objects=1, views=3)
NAME = "off_road_car"
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def car():
    return build_vehicle(NAME)


def some(car, count, name="some_parts"):
    return Assembly(name, car.parts[:count])


@pytest.fixture
def workers(monkeypatch, tmp_path):
    """What the stand-in for Blender has rendered so far: paths."""
    python, log = stand_in(tmp_path)
    monkeypatch.setenv(blender.ENVIRONMENT_VARIABLE, python)
    return lambda: [line.split()[2] for line in log.read_text().splitlines()]


def test_without_blender_nothing_is_begun(monkeypatch, tmp_path, car):
    monkeypatch.setenv(blender.ENVIRONMENT_VARIABLE, "no-such-python")
    with pytest.raises(SynthesisError, match="make blender"):
        generate(tmp_path / "out", [car], SETTINGS)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("names", "jobs", "message"),
    [(["a", "a"], 1, "one name"), (["a/b"], 1, "cannot name"), ([".."], 1, "cannot name"), (["a"], 0, "jobs")],
)
def test_what_cannot_be_a_data_set_is_refused_before_work(tmp_path, car, names, jobs, message):
    with pytest.raises(ConfigError, match=message):
        generate(tmp_path / "out", [some(car, 3, name) for name in names], QUICK, jobs)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("content", [{"a.txt": "mine"}, {"dataset.yaml": "settings: {seed: 5}"}, {"dataset.yaml": "{"}])
def test_a_folder_with_something_else_is_left_alone(workers, tmp_path, car, content):
    out = tmp_path / "out"
    out.mkdir()
    for name, text in content.items():
        (out / name).write_text(text)
    with pytest.raises(SynthesisError, match=str(out)):
        generate(out, [car], SETTINGS)
    assert {path.name: path.read_text() for path in out.iterdir()} == content


def test_a_folder_that_cannot_be_written_is_named(workers, tmp_path, car):
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(SynthesisError, match=r"file.*cannot be written"):
        generate(tmp_path / "file" / "out", [some(car, 20)], QUICK)


def test_too_little_space_is_found_before_work(workers, monkeypatch, tmp_path, car):
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=1000))
    with pytest.raises(SynthesisError, match="needs about"):
        generate(tmp_path / "out", [some(car, 20)], QUICK)
    assert not (tmp_path / "out").exists() and not workers()


def test_every_image_has_its_variant_and_masks(workers, tmp_path, car):
    generate(tmp_path / "out", [some(car, 20)], QUICK, sources={"some_parts": "some.mpd"})
    data = read_class(tmp_path / "out" / "some_parts")
    assert len(data.train) == 4 and len(data.test) == 3
    assert len(workers()) == len(set(workers())) == 4 + 2 * 3
    for view in data.test:
        assert view.background_free_path is not None and view.object_mask_path is not None
        assert read_cutout(view.background_free_path)[1] is not None
    rows = json.loads((data.root / "test_poses.json").read_text())["images"]
    assert [row["conditions"] for row in rows] == [{}, {}, {}]
    noted = yaml.safe_load((tmp_path / "out" / "dataset.yaml").read_text())
    entry = noted["classes"]["some_parts"]
    assert entry["source"] == "some.mpd" and entry["test"] == {"good": 3}
    assert entry["statistics"]["parts"] == 20 and entry["statistics"]["anomalous"] == 0
    assert entry["statistics"]["image_share"]["median"] is None  # of no defect
    assert entry["versions"].keys() == {"pad_ros", "bpy", "numpy", "python"}
    assert verify(tmp_path / "out") == {"some_parts": []}


def test_conditions_reach_workers_and_poses(workers, tmp_path, car):
    varied = SynthesisSettings(**QUICK.to_dict() | {"vary": ("camera", "light")})
    generate(tmp_path / "out", [some(car, 20)], varied)
    rows = json.loads((tmp_path / "out" / "some_parts" / "test_poses.json").read_text())["images"]
    assert all(row["conditions"].keys() == {"camera", "light"} for row in rows)
    assert rows[0]["conditions"] != rows[1]["conditions"]


def test_going_on_renders_only_what_is_missing(workers, tmp_path, car):
    out, parts = tmp_path / "out", some(car, 20)
    generate(out, [parts], QUICK)
    first = {path: path.stat().st_mtime_ns for path in out.rglob("*") if path.is_file()}
    generate(out, [parts], QUICK)
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*") if path.is_file()} == first
    lost = out / "some_parts" / "test_background_free" / "good" / "1.png"
    lost.unlink()
    generate(out, [parts], QUICK)
    assert workers()[10:] == [str(lost)]
    generate(out, [some(car, 8, "more"), parts], QUICK)  # a class that is added later
    assert len(workers()) == 11 + 10
    assert verify(out) == {"some_parts": [], "more": []}


def test_another_assembly_of_the_name_is_refused(workers, tmp_path, car):
    out = tmp_path / "out"
    generate(out, [some(car, 20)], QUICK)
    with pytest.raises(SynthesisError, match="another assembly of class 'some_parts'; delete that folder"):
        generate(out, [some(car, 21)], QUICK)
    assert verify(out) == {"some_parts": []}
    shutil.rmtree(out / "some_parts")
    generate(out, [some(car, 21)], QUICK)  # as told
    assert verify(out) == {"some_parts": []}


def test_another_plan_of_the_name_is_refused(workers, monkeypatch, tmp_path, car):
    out = tmp_path / "out"
    generate(out, [some(car, 20)], QUICK)
    (out / "some_parts" / "train" / "good" / "0.png").unlink()
    monkeypatch.setattr(cameras, "_FILL", 0.6)
    with pytest.raises(SynthesisError, match="another plan of class 'some_parts'"):
        generate(out, [some(car, 20)], QUICK)


def test_a_digest_sees_shape_place_and_colour(car):
    parts = some(car, 20)
    assert digest_assembly(parts) == digest_assembly(some(build_vehicle(NAME), 20))
    moved = Assembly(parts.name, (*parts.parts[:-1], car.parts[20]))
    others = [some(car, 19), some(car, 20, "x"), moved, parts.recoloured(3, PALETTE["lime"])]
    assert len({digest_assembly(other) for other in (parts, *others)}) == 5


def test_a_disk_that_fills_up_ends_in_one_line_and_keeps_what_stands(monkeypatch, tmp_path, car):
    out = tmp_path / "out"
    monkeypatch.setenv(blender.ENVIRONMENT_VARIABLE, stand_in(tmp_path, fail_after=6)[0])
    with pytest.raises(SynthesisError, match="disk is full"):
        generate(out, [some(car, 20)], QUICK)
    stamps = {path: path.stat().st_mtime_ns for path in out.rglob("*.png")}
    assert sum("/train/" in str(path) for path in stamps) == 4
    monkeypatch.setenv(blender.ENVIRONMENT_VARIABLE, stand_in(tmp_path)[0])
    generate(out, [some(car, 20)], QUICK)
    assert all(path.stat().st_mtime_ns == stamp for path, stamp in stamps.items())
    assert verify(out) == {"some_parts": []}


def test_a_disk_that_is_full_for_masks_is_told_too(workers, monkeypatch, tmp_path, car):
    def full(path, image):
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    monkeypatch.setattr(generating, "write_image", full)
    with pytest.raises(SynthesisError, match=r"_mask\.png: the disk is full"):
        generate(tmp_path / "out", [some(car, 20)], QUICK)


@pytest.fixture(scope="module")
def blender_python():
    try:
        return blender.find_blender()
    except SynthesisError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def rendered(blender_python, tmp_path_factory):
    """A tiny data set whose first run is killed in the middle and whose second finishes it."""
    out = tmp_path_factory.mktemp("synthesis") / "set"
    code = (
        "from pad_ros.synthesis.generate import generate; from pad_ros.synthesis.planning import SynthesisSettings;"
        "from pad_ros.synthesis.vehicles import build_vehicle;"
        f"generate({str(out)!r}, [build_vehicle({NAME!r})], SynthesisSettings(**{SETTINGS.to_dict()!r}))"
    )
    first = subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # so that the kill takes the worker too
    )
    deadline = time.monotonic() + 120
    while not list(out.glob(f"{NAME}/train/good/*.png")) and time.monotonic() < deadline:
        time.sleep(0.05)
    os.killpg(first.pid, signal.SIGKILL)
    first.wait()
    survivors = {path: path.stat().st_mtime_ns for path in out.glob(f"{NAME}/train/good/*.png")}
    generate(out, [build_vehicle(NAME)], SETTINGS)
    return out, survivors


@pytest.mark.slow
def test_resumes_after_a_kill(rendered):
    out, survivors = rendered
    assert survivors
    assert all(path.stat().st_mtime_ns == stamp for path, stamp in survivors.items())  # not rendered again
    assert not list(out.rglob("*.partial"))
    for path in out.rglob("*.png"):
        assert cv2.imread(str(path), cv2.IMREAD_UNCHANGED).shape[:2] == (64, 64)


@pytest.mark.slow
def test_layout_is_the_data_sets(rendered, car):
    out, _ = rendered
    data = read_class(out / NAME)
    assert len(data.train) == 3 and len(data.test) == 9
    for view, pose in zip(data.train, plan_train(car, SETTINGS), strict=True):
        np.testing.assert_allclose(view.object_from_camera, pose, atol=1e-9)
    objects = {part.part_id: part for part in plan_objects(car, SETTINGS)}
    for view in data.test:
        assert view.view_count == 3
        assert pose_error(view.object_from_camera, objects[view.part_id].poses[view.view_index]) < (1e-4, 1e-6)
        assert read_mask(view.object_mask_path).any()
        assert read_image(view.path).shape == (64, 64, 3)
        assert view.read_ground_truth((64, 64)).any() == view.anomalous
    described = yaml.safe_load((out / "dataset.yaml").read_text())
    assert described["unit"] == "m" and described["settings"] == SETTINGS.to_dict()
    assert sum(described["classes"][NAME]["test"].values()) == 9
    rows = json.loads((out / NAME / "test_poses.json").read_text())["images"]
    assert {row["object_defect"] for row in rows} == {"good", "added", "removed"}


@pytest.mark.slow
def test_the_space_asked_for_is_enough(rendered):
    assert 0.25 < used_space(rendered[0] / NAME) / expected_bytes(SETTINGS) < 1.0  # small files take whole blocks


@pytest.mark.slow
def test_images_do_not_depend_on_the_number_of_workers(rendered, tmp_path, car):
    generate(tmp_path / "set", [car], SETTINGS, jobs=2)
    one, two = (yaml.safe_load((out / "dataset.yaml").read_text()) for out in (rendered[0], tmp_path / "set"))
    assert one == two  # with the checksums of every file


@pytest.mark.slow
def test_cutouts_are_over_white_and_where_the_masks_say(rendered, car):
    out, _ = rendered
    camera = cameras.make_camera(64)
    for view in read_class(out / NAME).train:
        image, alpha = read_cutout(view.path)
        assert (image[alpha == 0] == 255).all()
        assert ((alpha > 0) & (alpha < 1)).any()  # anti-aliased edges
        silhouette = part_ids(car, camera, view.object_from_camera) >= 0
        assert ((alpha > 0.5) & silhouette).sum() / ((alpha > 0.5) | silhouette).sum() > 0.9  # pose and axes agree


@pytest.mark.slow
def test_background_free_variants_show_the_same_object_in_the_same_light(rendered):
    for view in read_class(rendered[0] / NAME).test:
        image, alpha = read_cutout(view.background_free_path)
        assert (image[alpha == 0] == 255).all()
        mask = read_mask(view.object_mask_path)
        assert ((alpha > 0.5) & mask).sum() / ((alpha > 0.5) | mask).sum() > 0.9
        inside = cv2.erode(mask.astype(np.uint8), np.ones((3, 3))) > 0
        difference = np.abs(image.astype(float) - read_image(view.path))[inside].max(axis=1)
        assert np.median(difference) < 8  # apart from what denoising makes of few samples


@pytest.mark.slow
def test_masks_agree_with_the_difference_of_intact_and_defective_renders(blender_python, tmp_path, car):
    settings = SynthesisSettings(resolution=160, samples=8, train=1, objects=5, views=3, seed=1)
    objects, camera = plan_objects(car, settings), cameras.make_camera(settings.resolution)
    images = {
        (part.part_id, image.view_index): (part, image)
        for part in objects
        for image in plan_images(car, part, camera, {})
        if image.label != GOOD
    }
    assert {image.label for _, image in images.values()} == {ADDED, REMOVED, COLOUR}
    rows = []
    for (part_id, index), (part, _) in images.items():
        rows.append(row_of(tmp_path / f"{part_id}_{index}_after.png", part, index))
        rows.append(row_of(tmp_path / f"{part_id}_{index}_before.png", part, index) | {"assembly": INTACT})
    list(render_rows(blender_python, settings.resolution, settings.samples, assemblies_of(car, objects), rows))
    for (part_id, index), (_, image) in images.items():
        before, after = (read_image(tmp_path / f"{part_id}_{index}_{when}.png") for when in ("before", "after"))
        difference = np.abs(after.astype(float) - before).max(axis=2)
        near = cv2.dilate(image.defect_mask.astype(np.uint8), np.ones((7, 7))) > 0
        assert np.median(difference[image.defect_mask]) > 25  # the defect is real
        assert np.quantile(difference[~near], 0.97) < 8  # and elsewhere the images are alike but for its shadow
        assert difference[image.defect_mask].mean() > 10 * difference[~near].mean()


MESHES_AS_LOADED = """
import sys
import numpy as np
import bpy
from pad_ros.synthesis.assembly import Assembly
from pad_ros.synthesis.scene import Scene

scene = Scene(16, 0.7, 1, 1, 0.1)
for copy, path in enumerate(sys.argv[1:]):
    scene.add_assembly(str(copy), Assembly.load(path))
for copy, path in enumerate(sys.argv[1:]):
    for part in Assembly.load(path).parts:
        data = bpy.data.objects[f"{copy}/{part.name}"].data
        found = np.empty(3 * len(data.vertices), dtype=np.float32)
        data.vertices.foreach_get("co", found)
        np.testing.assert_array_equal(found, part.mesh.vertices.astype(np.float32).ravel(), part.name)
print("all alike")
"""


@pytest.mark.slow
def test_every_part_keeps_its_own_mesh(blender_python, tmp_path, car):
    """Assemblies come and go while the scene shares their meshes; none may take another's place."""
    paths = []
    for index in range(16):  # other parts each, so that freed memory is used for other meshes
        paths.append(str(tmp_path / f"{index}.npz"))
        Assembly(NAME, car.parts[: 5 * index] + car.parts[5 * index + 3 + index :]).save(paths[-1])
    command = [blender_python, "-c", MESHES_AS_LOADED, *paths]
    done = subprocess.run(command, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True)
    assert "all alike" in done.stdout, done.stderr
