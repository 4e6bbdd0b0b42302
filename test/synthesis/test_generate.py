import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml

from pad_ros.dataset import read_class
from pad_ros.errors import ConfigError, SynthesisError
from pad_ros.geometry import pose_error
from pad_ros.images import read_cutout, read_image, read_mask
from pad_ros.synthesis import blender, cameras
from pad_ros.synthesis.assembly import Assembly
from pad_ros.synthesis.generate import _row, generate
from pad_ros.synthesis.planning import SynthesisSettings, plan_objects, plan_train
from pad_ros.synthesis.vehicles import build_vehicle
from pad_ros.synthesis.visibility import part_ids

SETTINGS = SynthesisSettings(resolution=64, samples=4, train=3, objects=3, views=3, seed=1)
NAME = "off_road_car"
ROOT = Path(__file__).resolve().parents[2]


def test_without_blender_it_says_what_to_do(monkeypatch, tmp_path):
    monkeypatch.setenv(blender.ENVIRONMENT_VARIABLE, "no-such-python")
    with pytest.raises(SynthesisError, match="make blender"):
        generate(tmp_path / "out", [NAME], SETTINGS)
    assert not (tmp_path / "out").exists()


def test_an_unknown_class_is_refused_before_work(tmp_path):
    with pytest.raises(ConfigError, match="submarine"):
        generate(tmp_path / "out", ["submarine"], SETTINGS)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("content", [{"a.txt": "mine"}, {"dataset.yaml": "settings: {seed: 5}"}, {"dataset.yaml": "{"}])
def test_a_folder_with_something_else_is_left_alone(monkeypatch, tmp_path, content):
    monkeypatch.setattr("pad_ros.synthesis.generate.find_blender", lambda: sys.executable)
    for name, text in content.items():
        (tmp_path / name).write_text(text)
    with pytest.raises(SynthesisError, match=str(tmp_path)):
        generate(tmp_path, [NAME], SETTINGS)
    assert [path.name for path in tmp_path.iterdir()] == list(content)


def test_a_failing_worker_is_reported(tmp_path):
    with pytest.raises(SynthesisError, match="worker failed"):
        list(blender.render_images(sys.executable, {"images": "no list"}))


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
        f"generate({str(out)!r}, [{NAME!r}], SynthesisSettings(**{SETTINGS.to_dict()!r}))"
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
    generate(out, [NAME], SETTINGS)
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
def test_layout_is_the_data_sets(rendered):
    out, _ = rendered
    data = read_class(out / NAME)
    intact = build_vehicle(NAME)
    assert len(data.train) == 3 and len(data.test) == 9
    for view, pose in zip(data.train, plan_train(intact, SETTINGS), strict=True):
        np.testing.assert_allclose(view.object_from_camera, pose, atol=1e-9)
    objects = {part.part_id: part for part in plan_objects(intact, SETTINGS)}
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
def test_cutouts_are_over_white_and_where_the_masks_say(rendered):
    out, _ = rendered
    intact, camera = build_vehicle(NAME), cameras.make_camera(64)
    for view in read_class(out / NAME).train:
        image, alpha = read_cutout(view.path)
        assert (image[alpha == 0] == 255).all()
        assert ((alpha > 0) & (alpha < 1)).any()  # anti-aliased edges
        silhouette = part_ids(intact, camera, view.object_from_camera) >= 0
        assert ((alpha > 0.5) & silhouette).sum() / ((alpha > 0.5) | silhouette).sum() > 0.9  # pose and axes agree


@pytest.mark.slow
def test_masks_agree_with_the_difference_of_intact_and_defective_renders(rendered, tmp_path):
    out, _ = rendered
    intact = build_vehicle(NAME)
    intact.save(tmp_path / "intact.npz")
    views = [view for view in read_class(out / NAME).test if view.anomalous]
    objects = {part.part_id: part for part in plan_objects(intact, SETTINGS)}
    rows = []
    for index, view in enumerate(views):
        part = objects[view.part_id]
        pose = part.poses[view.view_index]
        rows.append(_row(tmp_path / f"{index}.png", "intact", part.world_from_object, pose, part.belt_shift, False))
    job = {"resolution": 64, "horizontal_angle": cameras.HORIZONTAL_ANGLE, "samples": SETTINGS.samples}
    job |= {"assemblies": {"intact": str(tmp_path / "intact.npz")}, "images": rows}
    assert len(list(blender.render_images(blender.find_blender(), job))) == len(views)
    for index, view in enumerate(views):
        before = read_image(tmp_path / f"{index}.png").astype(float)
        difference = np.abs(read_image(view.path) - before).max(axis=2)
        mask = view.read_ground_truth((64, 64))
        near = cv2.dilate(mask.astype(np.uint8), np.ones((5, 5))) > 0
        assert np.median(difference[mask]) > 20  # the defect is real
        assert np.quantile(difference[~near], 0.95) < 8  # and elsewhere the images are alike but for its shadow
        assert difference[mask].mean() > 5 * difference[~near].mean()


MESHES_AS_LOADED = """
import sys
import numpy as np
import bpy
from pad_ros.synthesis.assembly import Assembly
from pad_ros.synthesis.scene import Scene

scene = Scene(16, 0.7, 1)
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
def test_every_part_keeps_its_own_mesh(blender_python, tmp_path):
    """Assemblies come and go while the scene shares their meshes; none may take another's place."""
    intact, paths = build_vehicle(NAME), []
    for index in range(16):  # other parts each, so that freed memory is used for other meshes
        paths.append(str(tmp_path / f"{index}.npz"))
        Assembly(NAME, intact.parts[: 5 * index] + intact.parts[5 * index + 3 + index :]).save(paths[-1])
    command = [blender_python, "-c", MESHES_AS_LOADED, *paths]
    done = subprocess.run(command, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True)
    assert "all alike" in done.stdout, done.stderr
