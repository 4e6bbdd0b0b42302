import dataclasses

import numpy as np
import pytest
import textured_box

from pad_ros.errors import ConfigError, ImageError, NotLocalizedError, ProductError
from pad_ros.geometry import pose_error
from pad_ros.localization.front_end import FrontEnd, create_front_end
from pad_ros.localization.localizer import create_localizer
from pad_ros.localization.map_builder import build_map
from pad_ros.localization.pnp import project

CAMERA = textured_box.CAMERA
SIFT = create_front_end({"features": {"name": "sift"}, "matcher": {"name": "nearest", "ratio": 0.9}})
POSES = [textured_box.view_pose(a, e, 3.0, r) for a, e, r in ((10, 20, 5), (130, 50, 200), (250, -10, 90))]


def _create(sfm_map, front_end=SIFT, **settings):
    return create_localizer({"name": "views", **settings}, sfm_map, CAMERA, front_end)


@pytest.mark.parametrize("pose", POSES)
def test_new_views_over_clutter_are_localised_from_the_views_with_most_votes(box_map, pose):
    image, _ = textured_box.render(pose, textured_box.clutter(1))
    estimate = _create(box_map, max_error_px=3.0).localize(image)
    degrees, relative = pose_error(estimate.object_from_camera, pose)
    assert degrees < 1.0 and relative < 0.01
    assert 12 <= estimate.inliers <= estimate.matches


class Given:
    """Ranks views in a given order and matches by descriptors; notes what it was asked."""

    def __init__(self, views):
        self.views, self.asked = views, []

    def describe(self, image):
        return np.full(3, image.mean(), np.float16)

    def ranking(self, sfm_map):
        if sfm_map.view_descriptors is None:
            raise ProductError("no descriptors of views")
        return lambda image, features, count: np.array(self.views[:count])

    def match(self, first, second, size, allowed=None):
        self.asked.append((second, size))
        return SIFT.matcher.match(first, second, size, allowed)


def test_the_retrieved_views_alone_are_matched_with_their_points_where_these_are_seen(box_map):
    near = np.argsort(-box_map.view_poses[:, :3, 2] @ POSES[0][:3, 2])[:4]
    given = Given(near)
    front_end = FrontEnd(SIFT.extractor, given, given)
    with pytest.raises(ProductError, match="no descriptors"):
        _create(box_map, front_end)
    described = dataclasses.replace(box_map, view_descriptors=np.zeros((len(box_map.view_poses), 3), np.float16))
    image, _ = textured_box.render(POSES[0])
    _create(described, front_end, views=3).localize(image)
    assert len(given.asked) == 3
    for (features, size), view in zip(given.asked, near, strict=False):
        rows = np.flatnonzero(box_map.view_index == view)
        points = box_map.points[box_map.point_index[rows]]
        pixels, _ = project(CAMERA, box_map.view_poses[view], points)
        np.testing.assert_allclose(features.keypoints, pixels, atol=1e-3)
        np.testing.assert_array_equal(features.descriptors, box_map.descriptors[rows])
        assert size == (320, 320)


def test_the_map_keeps_what_the_retrieval_needs_and_is_matched_by_the_matcher():
    images, masks, poses = textured_box.train_views(12)
    given = Given([])
    sfm_map = build_map(images, masks, CAMERA, poses, FrontEnd(SIFT.extractor, given, given), neighbours=6)
    assert sfm_map.view_descriptors.tolist() == [given.describe(image).tolist() for image in images]
    assert len(given.asked) >= 36


def test_wrong_images_have_no_pose(box_map):
    localizer = _create(box_map)
    for image in (np.zeros((320, 320, 3), np.uint8), textured_box.clutter(3)):
        with pytest.raises(NotLocalizedError, match="inliers"):
            localizer.localize(image)
    with pytest.raises(ImageError):
        localizer.localize(np.zeros((100, 100, 3), np.uint8))


@pytest.mark.parametrize("wrong", [{"views": 0}, {"expected_views": 0}, {"min_inliers": 2}, {"ratio": 0.8}])
def test_wrong_settings_are_refused(box_map, wrong):
    with pytest.raises(ConfigError, match="localization"):
        _create(box_map, **wrong)
