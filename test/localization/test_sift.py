import cv2
import numpy as np
import pytest
import textured_box

from pad_ros.errors import ConfigError
from pad_ros.localization.features import create_features


def test_keypoint_of_a_blob_is_at_its_centre_with_pixel_centres_at_half():
    y, x = np.mgrid[:120, :120] + 0.5
    for sigma in (2.0, 4.0):
        blob = 255 * np.exp(-((x - 60.8) ** 2 + (y - 51.2) ** 2) / (2 * sigma**2))
        features = create_features({"name": "sift"}).extract(np.repeat(blob.astype(np.uint8)[..., None], 3, axis=2))
        assert len(features)
        assert np.abs(features.keypoints - [60.8, 51.2]).max() < 0.15  # OpenCV's own +0.25 px bias would fail


def test_descriptors_are_quantised_unit_vectors():
    image, _ = textured_box.render(textured_box.view_pose(30, 30))
    for root in (True, False):
        features = create_features({"name": "sift", "root": root}).extract(image)
        assert features.descriptors.dtype == np.uint8 and features.descriptors.shape == (len(features), 128)
        lengths = np.linalg.norm(features.descriptors.astype(float), axis=1)
        assert (lengths > 0.9 * 512).all() and (lengths < 1.02 * 512).all()


def test_same_image_gives_the_same_features_and_mask_restricts_them():
    image, mask = textured_box.render(textured_box.view_pose(30, 30), textured_box.clutter(1))
    extractor = create_features({"name": "sift"})
    first, second, inside = extractor.extract(image), extractor.extract(image), extractor.extract(image, mask)
    assert np.array_equal(first.keypoints, second.keypoints)
    assert np.array_equal(first.descriptors, second.descriptors)
    grown = cv2.dilate(mask.astype(np.uint8), np.ones((3, 3))).astype(bool)
    x, y = inside.keypoints.astype(int).T
    assert 0 < len(inside) < len(first) and grown[y, x].all()


def test_an_empty_image_has_no_features():
    features = create_features({"name": "sift"}).extract(np.zeros((64, 64, 3), np.uint8))
    assert len(features) == 0 and features.descriptors.shape == (0, 128)


@pytest.mark.parametrize("wrong", [{"max_keypoints": 0}, {"size": 0}, {"contrast_threshold": -1.0}, {"unknown": 1}])
def test_wrong_settings_are_refused(wrong):
    with pytest.raises(ConfigError, match="sift"):
        create_features({"name": "sift", **wrong})


def test_large_images_are_shrunk_and_keypoints_are_those_of_the_whole():
    image, _ = textured_box.render(textured_box.view_pose(30, 30))
    large = cv2.resize(image, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC)
    small = create_features({"name": "sift"}).extract(image)
    shrunk = create_features({"name": "sift", "size": max(image.shape)}).extract(large)
    nearest = np.linalg.norm(2 * small.keypoints[:, None] - shrunk.keypoints[None], axis=2).min(axis=1)  # [N]
    assert np.median(nearest) < 0.2
    same = create_features({"name": "sift", "size": max(image.shape)}).extract(image)
    np.testing.assert_array_equal(same.keypoints, small.keypoints)
