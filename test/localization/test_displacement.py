"""A made-up part of 400 points, seen by 24 views around it, and an image in which most matches are wrong."""

import numpy as np
import pytest

from pad_ros.errors import NotLocalizedError
from pad_ros.geometry import Camera, look_at, pose_error
from pad_ros.localization.displacement import DisplacedViews
from pad_ros.localization.features import Features
from pad_ros.localization.map_localizer import MapLocalizer
from pad_ros.localization.pnp import project
from pad_ros.localization.sfm_map import SfmMap

CAMERA = Camera(400, 400, 800.0, 800.0, 200.0, 200.0)
UP = np.array([0.0, 0.0, 1.0])
POINTS = 400


def eye(degrees, height=1.0, distance=5.0):
    angle = np.radians(degrees)
    return distance * np.array([np.cos(angle), np.sin(angle), height]) / np.hypot(1, height)


@pytest.fixture(scope="module")
def sfm_map():
    rng = np.random.default_rng(0)
    views = [look_at(eye(15 * view), np.zeros(3), UP) for view in range(24)]
    point, view = np.nonzero(rng.random((POINTS, 24)) < 0.5)
    return SfmMap(
        points=rng.uniform(-0.5, 0.5, (POINTS, 3)).astype(np.float32),
        colors=np.zeros((POINTS, 3), np.uint8),
        descriptors=descriptors(rng)[point],
        point_index=point.astype(np.int32),
        view_index=view.astype(np.int32),
        view_poses=np.stack(views),
    )


def descriptors(rng):
    return rng.integers(0, 100, (POINTS, 128)).astype(np.uint8)


def picture(sfm_map, seed=1, right=60, wrong=1500):
    """The part from between two views and beside the middle, and a belt of keypoints that look like its points."""
    rng = np.random.default_rng(seed)
    pose = look_at(eye(37), np.array([0.1, -0.15, 0.0]), UP)
    shown = rng.choice(POINTS, right, replace=False)
    pixels = project(CAMERA, pose, sfm_map.points[shown])[0] + rng.normal(0, 0.3, (right, 2))
    owners = np.concatenate([shown, rng.integers(0, POINTS, wrong)])
    vectors = np.clip(sfm_map.mean_descriptors()[owners] + rng.normal(0, 8, (right + wrong, 128)), 0, 255)
    keypoints = np.concatenate([pixels, rng.uniform(0, 400, (wrong, 2))])
    return pose, shown, Features(keypoints.astype(np.float32), vectors.astype(np.uint8))


def nearest(sfm_map, features):
    """Each keypoint with the point that it looks like most."""
    points = sfm_map.mean_descriptors()
    squares = ((features.descriptors[:, None].astype(np.float32) - points[None]) ** 2).sum(axis=2)
    return np.stack([np.arange(len(features)), squares.argmin(axis=1)], axis=1)


def test_the_view_and_the_displacement_are_those_of_the_right_matches(sfm_map):
    pose, _, features = picture(sfm_map)
    displaced = DisplacedViews(sfm_map, CAMERA, reach=0.075, largest=307.0)
    best = displaced.find(features, nearest(sfm_map, features), 3)
    assert best[0].view in (2, 3)  # at 30 and 45 degrees
    centre = project(CAMERA, pose, np.zeros((1, 3)))[0][0]
    assert np.abs(best[0].displacement - (centre - 200.0)).max() < 30
    assert best[0].votes >= best[1].votes >= best[2].votes


def test_in_the_window_most_matches_are_right_and_each_point_has_one(sfm_map):
    _, shown, features = picture(sfm_map)
    displaced = DisplacedViews(sfm_map, CAMERA, reach=0.075, largest=307.0)
    everywhere = nearest(sfm_map, features)
    within = displaced.match(features, displaced.find(features, everywhere, 1)[0])
    assert len(np.unique(within[:, 1])) == len(within)

    def share_right(matches):
        own = matches[:, 0] < len(shown)
        return (own & (np.append(shown, np.zeros(1500, int))[matches[:, 0]] == matches[:, 1])).mean()

    assert share_right(everywhere) < 0.05 and share_right(within) > 0.4
    assert not len(
        displaced.match(
            Features(np.zeros((0, 2), np.float32), np.zeros((0, 128), np.uint8)),
            displaced.find(features, everywhere, 1)[0],
        )
    )


class FrontEnd:
    """Gives the same features for any image."""

    descriptor_length = 512.0

    def __init__(self, features):
        self.extractor, self._features = self, features

    def extract(self, image):
        return self._features


def localize(sfm_map, features, retries):
    localizer = MapLocalizer(sfm_map, CAMERA, FrontEnd(features), retries=retries, max_trials=2000)
    return localizer.localize(np.zeros((400, 400, 3), np.uint8))


def test_a_pose_is_found_where_nearly_all_matches_are_wrong(sfm_map):
    pose, _, features = picture(sfm_map)
    with pytest.raises(NotLocalizedError, match="inliers"):
        localize(sfm_map, features, retries=0)
    degrees, distance = pose_error(localize(sfm_map, features, retries=4).object_from_camera, pose)
    assert degrees < 0.5 and distance < 0.01


def test_without_the_part_there_is_none(sfm_map):
    for seed in range(2):
        _, _, features = picture(sfm_map, seed, right=0, wrong=2000)
        with pytest.raises(NotLocalizedError, match="inliers"):
            localize(sfm_map, features, retries=4)
