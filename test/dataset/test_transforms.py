import json

import numpy as np
import pytest

from pad_ros.dataset.classes import read_class, write_transforms
from pad_ros.dataset.transforms import read_lenses
from pad_ros.errors import DatasetError
from pad_ros.geometry import Camera, blender_from_opencv_pose, look_at
from pad_ros.images import write_image
from pad_ros.lens import Lens

ANGLE = 0.6911112070083618  # that of a focal length of 555.56 over 400 pixels
NERFSTUDIO = {"fl_x": 555.5555, "fl_y": 556.0, "cx": 200.0, "cy": 199.0, "w": 400, "h": 400}
# As instant-ngp's colmap2nerf.py writes them; sizes are floats there.
OFF_CENTRE = {
    **{"camera_angle_x": 0.6910601732730592, "fl_x": 555.6, "fl_y": 555.6, "k1": 0.0, "k2": 0.0, "p1": 0.0, "p2": 0.0},
    **{"cx": 206.0, "cy": 196.0, "w": 400.0, "h": 400.0, "aabb_scale": 4, "is_fisheye": False},
}
BARREL = {**OFF_CENTRE, "k1": -0.25, "cx": 200.0, "cy": 200.0}
FOX = {
    **{"camera_angle_x": 0.7481849417937728, "camera_angle_y": 1.2193576119562444, "fl_x": 917.0133333333333},
    **{"fl_y": 916.3266666666666, "k1": 0.0578421, "k2": -0.0805099, "p1": -0.000980296, "p2": 0.00015575},
    **{"cx": 369.70533333333333, "cy": 643.512, "w": 720.0, "h": 1280.0, "aabb_scale": 4},
}
NONE, BROWN, FISHEYE = "none", "plumb_bob", "equidistant"


def lens_of(words, size=(400, 400), frames=({},)):
    lenses = read_lenses({**words, "frames": list(frames)}, size, "transforms.json")
    return lenses[0] if len(lenses) == 1 else lenses


@pytest.mark.parametrize(
    ("words", "size", "camera"),
    [
        ({"camera_angle_x": ANGLE}, (400, 300), (555.5555, 555.5555, 200.0, 150.0)),
        ({"camera_angle_x": ANGLE, "camera_angle_y": 0.6}, (400, 300), (555.5555, 484.9, 200.0, 150.0)),
        ({"camera_angle_x": ANGLE, "cx": 206, "cy": 146}, (400, 300), (555.5555, 555.5555, 206.0, 146.0)),
        ({"fl_x": 555.6}, (400, 300), (555.6, 555.6, 200.0, 150.0)),
        (NERFSTUDIO, (400, 400), (555.5555, 556.0, 200.0, 199.0)),
        (OFF_CENTRE, (400, 400), (555.6, 555.6, 206.0, 196.0)),
        (OFF_CENTRE, (200, 200), (277.8, 277.8, 103.0, 98.0)),  # as in nerfstudio's images_2
        (FOX, (720, 1280), (917.0133, 916.3267, 369.7053, 643.512)),
        ({**FOX, "w": None, "h": None}, (720, 1280), (917.0133, 916.3267, 369.7053, 643.512)),
    ],
)
def test_intrinsics_in_every_way_they_are_written(words, size, camera):
    read = lens_of(words, size).camera
    assert (read.width, read.height) == size
    np.testing.assert_allclose((read.fx, read.fy, read.cx, read.cy), camera, rtol=1e-4)


@pytest.mark.parametrize(
    ("words", "model", "numbers"),
    [
        ({}, NONE, ()),
        ({"k1": 0.0, "k2": 0.0, "p1": 0.0, "p2": 0.0, "camera_model": "OPENCV"}, NONE, ()),
        ({"k1": -0.25}, BROWN, (-0.25, 0, 0, 0, 0)),
        ({"k1": 0.1, "k2": 0.2, "p1": 0.01, "p2": 0.02, "k3": 0.3}, BROWN, (0.1, 0.2, 0.01, 0.02, 0.3)),
        ({"camera_model": "PINHOLE", "k1": 0.0}, NONE, ()),
        ({"camera_model": "SIMPLE_PINHOLE"}, NONE, ()),
        ({"camera_model": "SIMPLE_RADIAL", "k1": 0.1, "k2": 0}, BROWN, (0.1, 0, 0, 0, 0)),
        ({"camera_model": "RADIAL", "k1": 0.1, "k2": 0.2}, BROWN, (0.1, 0.2, 0, 0, 0)),
        ({"camera_model": "opencv", "k1": 0.1, "k4": 0.0}, BROWN, (0.1, 0, 0, 0, 0)),
        (
            {"camera_model": "FULL_OPENCV", "k1": 1, "k2": 2, "p1": 3, "p2": 4, "k3": 5, "k4": 6, "k5": 7, "k6": 8},
            "rational_polynomial",
            (1, 2, 3, 4, 5, 6, 7, 8),
        ),
        ({"camera_model": "OPENCV_FISHEYE", "k1": 1, "k2": 2, "k3": 3, "k4": 4, "p1": 0.0}, FISHEYE, (1, 2, 3, 4)),
        ({"is_fisheye": True, "k1": 1, "k2": 2, "p1": 0.0}, FISHEYE, (1, 2, 0, 0)),
        ({"k1": None, "camera_model": None, "rolling_shutter": [0.0, 0.0, 0.0, 0.0]}, NONE, ()),
    ],
)
def test_lens_models_by_their_names(words, model, numbers):
    lens = lens_of({**NERFSTUDIO, **words})
    assert (lens.model, lens.coefficients) == (model, numbers)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"camera_model": "SIMPLE_RADIAL_FISHEYE"}, "camera_model SIMPLE_RADIAL_FISHEYE is not supported"),
        ({"camera_model": "THIN_PRISM_FISHEYE"}, "camera_model THIN_PRISM_FISHEYE is not supported"),
        ({"camera_model": "EQUIRECTANGULAR"}, "camera_model EQUIRECTANGULAR is not supported"),
        ({"camera_model": "OPENCV", "k4": 0.1}, "k4 = 0.1: not part of camera_model OPENCV"),
        ({"k1": 0.1, "k5": 0.1, "k6": 0.2}, "k5 = 0.1, k6 = 0.2: not part of camera_model OPENCV"),
        ({"camera_model": "SIMPLE_RADIAL", "k2": 0.1}, "k2 = 0.1: not part of camera_model SIMPLE_RADIAL"),
        ({"camera_model": "PINHOLE", "k1": 0.1}, "k1 = 0.1: not part of camera_model PINHOLE"),
        ({"camera_model": "OPENCV_FISHEYE", "p1": 0.1}, "p1 = 0.1: not part of camera_model OPENCV_FISHEYE"),
        ({"b1": 0.5, "b2": 0.0}, "b1 = 0.5: not part of"),
        ({"distortion_params": [0, 0.1]}, "distortion_params = "),
        ({"rolling_shutter": [0, 0, 0.1, 0]}, "rolling_shutter = "),
        ({"ftheta_p0": 1.0}, "ftheta_p0 = 1.0"),
        ({"equirectangular": True}, "equirectangular = True"),
        ({"is_fisheye": True, "camera_model": "OPENCV"}, "is_fisheye True contradicts camera_model OPENCV"),
        ({"is_fisheye": False, "camera_model": "OPENCV_FISHEYE"}, "is_fisheye False contradicts"),
        ({"is_fisheye": "yes"}, "is_fisheye 'yes' contradicts"),
        ({"camera_angle_x": 0.68}, "camera_angle_x means a focal length of 565.4 pixels, but it is 555.6"),
        ({"camera_angle_y": 0.75}, "camera_angle_y means a focal length of 508.1 pixels, but it is 556.0"),
        ({"fl_x": None, "fl_y": None}, "no focal length: neither fl_x nor camera_angle_x"),
        ({"fl_x": "wide"}, "fl_x must be a finite number, got 'wide'"),
        ({"fl_x": True}, "fl_x must be a finite number"),
        ({"fl_x": -555.0}, "fl_x = -555 is not a focal length in pixels"),
        ({"fl_x": 1.39}, "fl_x = 1.39 is not a focal length in pixels"),
        ({"fl_y": 0.0}, "fl_y = 0 is not a focal length in pixels"),
        ({"camera_angle_x": 40.0}, "camera_angle_x must be an angle in radians, got 40"),
        ({"k1": float("nan")}, "k1 must be a finite number"),
        ({"cx": 600.0}, "cx = 600, cy = 199 is outside"),
        ({"w": 400, "h": 300}, "the camera is for photos of 400x300, they are 400x400: another shape"),
        ({"w": 0}, "the camera is for photos of 0x400"),
    ],
)
def test_what_cannot_be_honoured_is_refused_by_name(change, message):
    with pytest.raises(DatasetError, match=rf"transforms\.json: {message}"):
        lens_of({**NERFSTUDIO, **change})
    with pytest.raises(DatasetError, match=rf"transforms\.json frame 1: {message}"):
        lens_of({}, frames=[NERFSTUDIO, {**NERFSTUDIO, **change}])


def test_a_frame_that_lacks_what_the_file_lacks_is_named():
    with pytest.raises(DatasetError, match="frame 1: no focal length"):
        lens_of({"k1": 0.0}, frames=[{"fl_x": 555.0}, {"cx": 200.0}])
    with pytest.raises(DatasetError, match=r"transforms\.json: no focal length"):
        lens_of({"k1": 0.0}, frames=[{"fl_x": 555.0}, {}])


POSE = look_at(np.array([3.0, 1.0, 2.0]), np.zeros(3), np.array([0.0, 0.0, 1.0]))


def write_class(root, words, frames, size=(400, 400)):
    content = {**words, "frames": []}
    for index, frame in enumerate(frames):
        write_image(root / "images" / f"frame_{index + 1:05d}.png", np.full((size[1], size[0], 3), 90, np.uint8))
        file = f"images/frame_{index + 1:05d}.png"
        pose = blender_from_opencv_pose(POSE).tolist()
        content["frames"].append({"file_path": file, "transform_matrix": pose, "colmap_im_id": index + 1, **frame})
    (root / "transforms.json").write_text(json.dumps(content))
    return read_class(root)


def test_intrinsics_per_frame_that_agree_are_one_camera(tmp_path):
    words = {"k1": 0.0, "k2": 0.0, "p1": 0.0, "p2": 0.0, "camera_model": "OPENCV", "ply_file_path": "sparse_pc.ply"}
    nearly = {**NERFSTUDIO, "fl_x": NERFSTUDIO["fl_x"] * (1 + 1e-9)}
    data = write_class(tmp_path, words, [NERFSTUDIO, nearly, NERFSTUDIO])
    assert data.camera == Camera(400, 400, 555.5555, 556.0, 200.0, 199.0)
    assert {view.lens for view in data.train} == {data.lens}
    assert not data.lens.distorted


def test_photos_of_several_cameras_keep_their_own_and_share_an_ideal_one(tmp_path):
    wide = {"fl_x": 500.0, "fl_y": 500.0, "k1": -0.2}
    long = {"fl_x": 520.0, "cx": 210.0, "camera_model": "OPENCV_FISHEYE"}
    data = write_class(tmp_path, {"cx": 200.0, "cy": 200.0, "w": 400, "h": 400}, [wide, long, {"fl_x": 510.0}])
    assert data.lens == Lens(Camera(400, 400, 510.0, 510.0, 200.0, 200.0))
    assert [view.lens.camera.fx for view in data.train] == [500.0, 520.0, 510.0]
    assert [view.lens.model for view in data.train] == [BROWN, FISHEYE, NONE]
    assert data.train[0].lens.coefficients[0] == -0.2 and data.train[1].lens.camera.cx == 210.0


def test_without_a_size_the_photos_is_meant(tmp_path):
    data = write_class(tmp_path, {"fl_x": 300.0, "k1": -0.1}, [{}], size=(320, 240))
    assert data.camera == Camera(320, 240, 300.0, 300.0, 160.0, 120.0)
    assert data.lens == Lens(data.camera, BROWN, (-0.1, 0, 0, 0, 0))


@pytest.mark.parametrize(
    "lens",
    [
        Lens(Camera(400, 400, 555.6, 550.0, 206.0, 196.0)),
        Lens(Camera(400, 400, 555.6, 555.6, 200.0, 200.0), BROWN, (-0.25, 0.1, 0.01, 0.02, 0.03)),
        Lens(Camera(400, 400, 555.6, 555.6, 200.0, 200.0), "rational_polynomial", (1, 2, 3, 4, 5, 6, 7, 8)),
        Lens(Camera(400, 400, 555.6, 555.6, 200.0, 200.0), FISHEYE, (0.0,) * 4),
    ],
)
def test_lenses_are_read_as_they_were_written(tmp_path, lens):
    write_image(tmp_path / "a.png", np.zeros((400, 400, 3), np.uint8))
    write_transforms(tmp_path / "transforms.json", lens, [("a.png", POSE)])
    assert read_class(tmp_path).lens == lens


def test_an_ideal_centred_camera_is_written_as_ever(tmp_path):
    camera = Camera.from_horizontal_angle(0.7, 32, 24)
    write_transforms(tmp_path / "transforms.json", camera, [])
    assert json.loads((tmp_path / "transforms.json").read_text()) == {"camera_angle_x": 0.7, "frames": []}
