import dataclasses

import numpy as np
import pytest
import textured_box

from pad_ros.errors import ConfigError, TrainingError
from pad_ros.geometry import is_rigid
from pad_ros.localization.front_end import create_front_end
from pad_ros.localization.map_builder import _inside_silhouettes, build_map
from pad_ros.localization.sfm_map import SfmMap


def _build(images, masks, poses, **settings):
    return build_map(
        images, masks, textured_box.CAMERA, poses, create_front_end({"features": {"name": "sift"}}), **settings
    )


def test_points_lie_on_the_box_and_have_its_colours(box_map):
    distances = textured_box.distance_to_surface(box_map.points)
    assert len(box_map.points) > 200
    assert np.median(distances) < 0.003 and (distances < 0.03).mean() > 0.8
    assert (box_map.colors < 250).any(axis=1).all()  # none is the white background


def test_every_point_is_seen_by_three_views_or_more(box_map):
    seen = [len(set(box_map.view_index[box_map.point_index == p])) for p in range(len(box_map.points))]
    assert min(seen) >= 3


def test_same_views_give_the_same_map():
    first, again = (_build(*textured_box.train_views(12), neighbours=6) for _ in range(2))
    for field in dataclasses.fields(SfmMap):
        assert np.array_equal(getattr(again, field.name), getattr(first, field.name)), field.name


def test_points_beside_the_silhouettes_are_left_out():
    _, masks, poses = textured_box.train_views(12)
    points = np.array([[0.5, 0.1, 0.1], [0.9, 0.0, 0.0], [0.0, 0.0, 0.0], [0.0, -0.4, 0.3], [0.5, 0.6, 0.3]])
    assert _inside_silhouettes(points, masks, textured_box.CAMERA, poses, 2.0).tolist() == [0, 2, 3]


def test_map_can_be_capped():
    images, masks, poses = textured_box.train_views(12)
    small = _build(images, masks, poses, neighbours=6, max_points=60, max_observations=3)
    assert len(small.points) == 60
    assert np.bincount(small.point_index).max() <= 3


def test_views_that_do_not_fit_together_are_refused():
    images, masks, poses = textured_box.train_views(4)
    with pytest.raises(TrainingError, match="too few"):
        _build(images[:2], None, poses[:2])
    with pytest.raises(TrainingError, match="do not fit together"):
        _build(images, masks, poses[:3])
    with pytest.raises(TrainingError, match="view 0 is"):
        _build([image[:100] for image in images], None, poses)
    with pytest.raises(TrainingError, match="mask of view 0"):
        _build(images, [mask[:100] for mask in masks], poses)
    with pytest.raises(TrainingError, match="pose of view 1"):
        _build(images, None, [poses[0], poses[1] * np.nan, *poses[2:]])


def test_featureless_views_and_wrong_poses_give_too_few_points():
    images, masks, poses = textured_box.train_views(8)
    with pytest.raises(TrainingError, match="points could be triangulated from 8 views"):
        _build([np.full_like(image, 200) for image in images], masks, poses)
    shuffled = poses[3:] + poses[:3]
    assert all(is_rigid(pose) for pose in shuffled)
    with pytest.raises(TrainingError, match="check that the poses belong to the photos"):
        _build(images, masks, shuffled)


def test_progress_counts_up_to_the_total():
    images, masks, poses = textured_box.train_views(12)
    calls = []
    _build(images, masks, poses, neighbours=6, progress=lambda done, total, text: calls.append((done, total, text)))
    assert [done for done, _, _ in calls] == list(range(calls[-1][1] + 1))
    assert {total for _, total, _ in calls} == {calls[-1][1]}


def test_descriptors_see_the_ground_that_takes_the_place_of_the_white(box_map):
    images, masks, poses = textured_box.train_views(12)
    white, grey, same = (_build(images, masks, poses, neighbours=6, ground=ground) for ground in (255, 128, 255))
    assert np.array_equal(white.descriptors, same.descriptors)
    assert (grey.colors < 250).any(axis=1).all()  # the part has its own colours all the same

    def alike(first, second):
        """How many descriptors of one map are in the other too."""
        return np.mean([(np.abs(second.descriptors - one).max(axis=1) == 0).any() for one in first.descriptors])

    assert 0.05 < alike(white, grey) < 0.95  # those well inside do not see it
    with pytest.raises(ConfigError, match="grey of 0 to 255"):
        _build(images, masks, poses, ground=256)
