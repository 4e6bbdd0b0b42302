import json
import os
import subprocess
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from pad_ros.errors import SynthesisError
from pad_ros.geometry import blender_from_opencv_pose, look_at
from pad_ros.synthesis import blender, cameras
from pad_ros.synthesis.assembly import Assembly, Mesh
from pad_ros.synthesis.conditions import BELTS, FLOORS
from pad_ros.synthesis.vehicles import build_vehicle

pytestmark = pytest.mark.slow
ROOT = Path(__file__).resolve().parents[2]

# What Blender is asked for, one picture each in this order: name, cut-out, conditions.
LIGHT = {"light": {"intensity": 1.3, "temperature_k": 3200, "elevation_deg": 50, "azimuth_deg": 60, "softness": 0.4}}
DIRT = {"dirt": {"amount": 0.9, "seed": 4}}
SURROUNDINGS = {
    f"{belt}, {floor}": {"surroundings": {"belt": belt, "floor": floor}}
    for belt, floor in zip(BELTS[1:], (*FLOORS[1:], FLOORS[1]), strict=True)
}
VARIED = {"light": LIGHT, "dirt": DIRT, "other dirt": {"dirt": DIRT["dirt"] | {"seed": 5}}, **SURROUNDINGS}
EVERYTHING = LIGHT | DIRT | SURROUNDINGS["modular, epoxy"]
PICTURES = [
    ("default", False, {}),
    ("default cut-out", True, {}),
    *[(name, False, conditions) for name, conditions in VARIED.items()],
    ("everything", False, EVERYTHING),
    ("everything cut-out", True, EVERYTHING),
    ("default again", False, {}),
    ("default cut-out again", True, {}),
    ("everything again", False, EVERYTHING),
]

SHOOT = """
import json, sys
import numpy as np
from pad_ros.synthesis.assembly import Assembly
from pad_ros.synthesis.scene import Scene

job = json.load(open(sys.argv[1]))
scene = Scene(96, job["angle"], 4, threads=1, object_size=job["object_size"])
scene.add_assembly("object", Assembly.load(job["assembly"]))
for index, (_, cutout, conditions) in enumerate(job["pictures"]):
    scene.show("object", np.eye(4), 0.0, cutout, conditions)
    scene.render(np.array(job["camera"]), f"{job['out']}/{index}.png")
"""


def shoot(assembly, pictures, out, object_size=0.0):
    """Pictures [H, W, 3 or 4] by name, of an assembly seen at a slant."""
    assembly.save(out / "assembly.npz")
    middle = 0.5 * np.sum(assembly.bounds, axis=0)
    eye = middle + cameras.viewing_distance(assembly.bounds) * np.array([0.55, -0.55, 0.63])
    camera = blender_from_opencv_pose(look_at(eye, middle, np.array([0.0, 0.0, 1.0])))
    job = {"assembly": str(out / "assembly.npz"), "camera": camera.tolist(), "angle": cameras.HORIZONTAL_ANGLE}
    (out / "job.json").write_text(json.dumps(job | {"pictures": pictures, "out": str(out), "object_size": object_size}))
    command = [blender.find_blender(), "-c", SHOOT, str(out / "job.json")]
    subprocess.run(command, env={**os.environ, "PYTHONPATH": str(ROOT)}, check=True, capture_output=True)
    files = [out / f"{index}.png" for index in range(len(pictures))]
    return {
        name: cv2.imread(str(file), cv2.IMREAD_UNCHANGED).astype(int)
        for (name, *_), file in zip(pictures, files, strict=True)
    }


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    try:
        blender.find_blender()
    except SynthesisError as error:
        pytest.skip(str(error))
    return shoot(build_vehicle("off_road_car"), PICTURES, tmp_path_factory.mktemp("scene"))


@pytest.fixture(scope="module")
def silhouette(pictures):
    return pictures["default cut-out"][..., 3] == 255


def difference(first, second):
    return np.abs(first - second).mean()


@pytest.mark.parametrize("name", ["default", "default cut-out", "everything"])
def test_a_picture_does_not_depend_on_those_before_it(pictures, name):
    np.testing.assert_array_equal(pictures[f"{name} again"], pictures[name])


@pytest.mark.parametrize("name", VARIED)
def test_each_variation_shows(pictures, name):
    assert difference(pictures[name], pictures["default"]) > 2.5  # of 255, over the whole picture


def test_dirt_follows_its_seed(pictures):
    assert difference(pictures["dirt"], pictures["other dirt"]) > 1


def test_dirt_lies_beside_the_object_only(pictures, silhouette):
    change = np.abs(pictures["dirt"] - pictures["default"]).mean(axis=2)
    assert np.median(change[silhouette]) <= 1  # what the belt throws back on the object
    assert change[~silhouette].mean() > 4 * change[silhouette].mean()


def test_light_takes_its_colour_and_brightness(pictures):
    blue, _, red = (pictures["light"] / np.maximum(pictures["default"], 1)).mean(axis=(0, 1))
    assert red > 1.05 > 0.95 > blue


def test_conditions_leave_the_geometry_alone(pictures):
    np.testing.assert_array_equal(pictures["everything cut-out"][..., 3], pictures["default cut-out"][..., 3])
    assert difference(pictures["everything cut-out"][..., :3], pictures["default cut-out"][..., :3]) > 1


def test_a_cutout_shows_the_object_alone_in_the_same_light(pictures, silhouette):
    alpha = pictures["default cut-out"][..., 3]
    assert 0.05 < silhouette.mean() < 0.5 and (alpha[[0, -1]] == 0).all()
    seen, cut = pictures["default"][silhouette], pictures["default cut-out"][..., :3][silhouette]
    assert difference(seen, cut) < 4


def test_a_large_object_lies_on_a_conveyor_as_much_larger(pictures, tmp_path):
    intact = build_vehicle("off_road_car")
    lift = np.diag([2.5, 2.5, 2.5, 1.0])
    parts = [
        replace(
            part,
            mesh=Mesh(2.5 * part.mesh.vertices, part.mesh.triangles),
            placement=np.block([[part.placement[:3, :3], (lift @ part.placement)[:3, 3:]], [part.placement[3:]]]),
        )
        for part in intact.parts
    ]
    large = Assembly("large", tuple(parts))
    chosen = [("default", False, {}), ("everything", False, EVERYTHING)]
    # 0.2 m is the size up to which the conveyor keeps its own.
    for name, picture in shoot(large, chosen, tmp_path, object_size=2.5 * 0.2).items():
        assert difference(picture, pictures[name]) < 1.5
