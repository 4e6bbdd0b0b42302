"""COLMAP models, text and binary, and camera_calibration's files, as a class's cameras."""

import json

import numpy as np
import pytest

from pad_ros.common.quiet_pycolmap import pycolmap
from pad_ros.dataset.camera_info import read_camera_info
from pad_ros.dataset.classes import read_class, write_transforms
from pad_ros.errors import DatasetError
from pad_ros.geometry import Camera, invert_rigid, look_at
from pad_ros.images import write_image
from pad_ros.lens import Lens

POSES = [look_at(np.array([x, -2.0, 1.0]), np.zeros(3), np.array([0, 0, 1.0])) for x in (-0.5, 0.0, 0.5)]
PARAMETERS = {
    "SIMPLE_PINHOLE": [90.0, 33.0, 21.0],
    "PINHOLE": [90.0, 91.0, 33.0, 21.0],
    "SIMPLE_RADIAL": [90.0, 33.0, 21.0, 0.1],
    "RADIAL": [90.0, 33.0, 21.0, 0.1, -0.02],
    "OPENCV": [90.0, 91.0, 33.0, 21.0, 0.1, -0.02, 0.001, -0.002],
    "FULL_OPENCV": [90.0, 91.0, 33.0, 21.0, 0.1, -0.02, 0.001, -0.002, 0.01, 0.02, 0.03, 0.04],
    "OPENCV_FISHEYE": [90.0, 91.0, 33.0, 21.0, 0.1, -0.02, 0.001, -0.002],
}


def model(root, name="OPENCV", text=False, photos=True):
    reconstruction = pycolmap.Reconstruction()
    camera = pycolmap.Camera(camera_id=1, model=name, width=64, height=48, params=PARAMETERS[name])
    reconstruction.add_camera_with_trivial_rig(camera)
    for index, pose in enumerate(POSES):
        image = pycolmap.Image(name=f"IMG_{index}.png", keypoints=np.zeros((0, 2)), camera_id=1, image_id=index + 1)
        reconstruction.add_image_with_trivial_frame(image, pycolmap.Rigid3d(invert_rigid(pose)[:3]))
        if photos:
            write_image(root / "images" / f"IMG_{index}.png", np.full((48, 64, 3), 90, np.uint8))
    folder = root / "sparse" / "0"
    folder.mkdir(parents=True)
    reconstruction.write_text(folder) if text else reconstruction.write_binary(folder)
    return camera


@pytest.mark.parametrize("text", [False, True])
@pytest.mark.parametrize("name", PARAMETERS)
def test_every_model_gives_the_pixels_that_colmap_gives(name, text, tmp_path):
    camera = model(tmp_path, name, text)
    data = read_class(tmp_path)
    assert [view.path.name for view in data.train] == ["IMG_0.png", "IMG_1.png", "IMG_2.png"]
    assert np.allclose([view.object_from_camera for view in data.train], POSES, atol=1e-6)
    point = np.array([0.2, -0.1, 1.0])
    ideal = data.lens.camera.K @ point
    shown = data.lens.distort((ideal[:2] / ideal[2])[None])[0]
    assert np.allclose(shown, camera.img_from_cam(point), atol=1e-4)


def test_photos_that_are_not_there(tmp_path):
    model(tmp_path, photos=False)
    with pytest.raises(DatasetError, match=r"the photo 'IMG_0.png' is not there"):
        read_class(tmp_path)


def test_a_broken_model(tmp_path):
    model(tmp_path)
    (tmp_path / "sparse" / "0" / "images.bin").write_bytes(b"\x07" * 9)
    with pytest.raises(DatasetError, match="not a readable COLMAP model"):
        read_class(tmp_path)


def test_a_folder_without_poses_names_the_command(tmp_path):
    write_image(tmp_path / "IMG_1.png", np.zeros((8, 8, 3), np.uint8))
    with pytest.raises(DatasetError, match=rf"`pad capture {tmp_path} -o DATASET/CLASS`"):
        read_class(tmp_path)
    (tmp_path / "film.mp4").write_bytes(b"x")
    with pytest.raises(DatasetError, match=rf"`pad capture {tmp_path}/film.mp4 -o DATASET/CLASS`"):
        read_class(tmp_path / "film.mp4")


CALIBRATION = """image_width: 64
image_height: 48
camera_name: line
camera_matrix: {{rows: 3, cols: 3, data: [90.0, 0.0, 32.5, 0.0, 91.0, 20.5, 0.0, 0.0, 1.0]}}
distortion_model: {model}
distortion_coefficients: {{rows: 1, cols: 5, data: {d}}}
"""


def calibration(path, model="plumb_bob", d=(0.1, -0.02, 0.001, -0.002, 0.0)):
    path.write_text(CALIBRATION.format(model=model, d=list(d)))
    return path


def test_the_file_of_camera_calibration(tmp_path):
    lens = read_camera_info(calibration(tmp_path / "line.yaml"), (64, 48))
    assert lens == Lens(Camera(64, 48, 90.0, 91.0, 33.0, 21.0), "plumb_bob", (0.1, -0.02, 0.001, -0.002, 0.0))
    assert type(lens.camera.fx) is float
    ideal = read_camera_info(calibration(tmp_path / "line.yaml", d=[0.0] * 5))
    assert ideal.model == "none"
    fish = read_camera_info(calibration(tmp_path / "line.yaml", "equidistant", [0.1, 0, 0, 0]))
    assert fish.model == "equidistant"


def test_what_ros2_topic_echo_prints(tmp_path):
    text = "height: 48\nwidth: 64\ndistortion_model: plumb_bob\nd: [0.1, 0, 0, 0, 0]\n"
    text += "k: [90, 0, 32.5, 0, 91, 20.5, 0, 0, 1]\n---\n"
    (tmp_path / "echo.yaml").write_text(text)
    assert read_camera_info(tmp_path / "echo.yaml").camera == Camera(64, 48, 90.0, 91.0, 33.0, 21.0)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("image_width: 64", "not a camera's calibration"),
        ("[1, 2]", "not a camera's calibration"),
        ("", "not a camera's calibration"),
        ("a: [", "unreadable"),
        (CALIBRATION.format(model="plumb_bob", d=[0.0] * 5).replace("90.0", "0"), "not calibrated"),
        (CALIBRATION.format(model="omni", d=[0.1]), "'omni' with 1 coefficients is not supported"),
    ],
)
def test_bad_calibration_files(content, message, tmp_path):
    (tmp_path / "line.yaml").write_text(content)
    with pytest.raises(DatasetError, match=message):
        read_camera_info(tmp_path / "line.yaml")


def test_a_calibration_of_another_size(tmp_path):
    with pytest.raises(DatasetError, match="for images of 64x48, the photos are 640x480"):
        read_camera_info(calibration(tmp_path / "line.yaml"), (640, 480))


def test_a_class_takes_its_camera_from_its_calibration(tmp_path):
    write_image(tmp_path / "0.png", np.zeros((48, 64, 3), np.uint8))
    write_transforms(tmp_path / "transforms.json", Camera(64, 48, 50.0, 50.0, 32.0, 24.0), [("0.png", POSES[0])])
    calibration(tmp_path / "camera_info.yaml")
    assert read_class(tmp_path).camera.fx == 50.0  # what transforms.json says goes first
    content = json.loads((tmp_path / "transforms.json").read_text())
    (tmp_path / "transforms.json").write_text(json.dumps({"frames": content["frames"]}))
    assert read_class(tmp_path).lens.coefficients[0] == 0.1
