import numpy as np
import textured_box

from pad_ros.geometry import look_at
from pad_ros.localization.retrieval import views_with_most_votes
from pad_ros.localization.sfm_map import SfmMap

POSE = look_at(np.array([0.0, 0.0, 3.0]), np.zeros(3), np.array([0.0, 1.0, 0.0]))


def _map(point_index, view_index, views):
    observations = len(point_index)
    points = max(point_index) + 1
    return SfmMap(
        points=np.zeros((points, 3), np.float32),
        colors=np.zeros((points, 3), np.uint8),
        descriptors=np.zeros((observations, 128), np.uint8),
        point_index=np.array(point_index, np.int32),
        view_index=np.array(view_index, np.int32),
        view_poses=np.repeat(POSE[None], views, axis=0),
    )


def test_views_are_ordered_by_votes_and_views_without_votes_are_left_out():
    sfm_map = _map([0, 0, 1, 1, 2], [3, 1, 3, 2, 0], views=5)
    assert views_with_most_votes(sfm_map, np.array([0, 1]), 5).tolist() == [3, 1, 2]
    assert views_with_most_votes(sfm_map, np.array([0, 1]), 1).tolist() == [3]
    assert views_with_most_votes(sfm_map, np.array([2, 2, 1]), 2).tolist() == [0, 2]


def test_no_matches_give_no_views():
    sfm_map = _map([0], [0], views=2)
    assert len(views_with_most_votes(sfm_map, np.zeros(0, int), 5)) == 0


def test_votes_find_the_nearest_views_of_the_box(box_map):
    pose = textured_box.view_pose(40, 30)
    cosines = box_map.view_poses[:, :3, 2] @ pose[:3, 2]
    near = np.argsort(-cosines)[:2]
    seen = box_map.point_index[np.isin(box_map.view_index, near)]
    assert set(views_with_most_votes(box_map, seen, 2)) == set(near)
