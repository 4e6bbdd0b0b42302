import numpy as np
from textured_box import CAMERA, view_pose

from pad_ros.localization.pnp import project
from pad_ros.localization.triangulation import epipolar_distances, triangulate, view_pairs

POINTS = np.random.default_rng(0).uniform(-0.4, 0.4, (40, 3))
POSES = [view_pose(20.0 * k, 20, roll=30.0 * k) for k in range(5)]


def _exact_views():
    keypoints = [project(CAMERA, pose, POINTS)[0].astype(np.float32) for pose in POSES]
    pairs = np.repeat(np.arange(len(POINTS), dtype=np.uint32)[:, None], 2, axis=1)
    return keypoints, {(i, j): pairs for i in range(5) for j in range(i + 1, 5)}


def _triangulate(keypoints, matches):
    return triangulate(CAMERA, POSES, keypoints, matches, max_error_px=4.0, min_track=3)


def test_true_pairs_lie_on_their_epipolar_lines_and_others_do_not():
    keypoints, _ = _exact_views()
    distances = epipolar_distances(CAMERA, POSES[0], POSES[2], keypoints[0], keypoints[2])
    assert distances.diagonal().max() < 1e-3
    assert np.median(distances) > 10


def test_epipolar_distance_is_in_pixels():
    # Two cameras in one horizontal plane see the origin at their centres; its epipolar lines are horizontal there.
    centre = np.array([[CAMERA.cx, CAMERA.cy]])
    distances = epipolar_distances(CAMERA, view_pose(0, 0), view_pose(20, 0), centre, centre + np.array([0.0, 3.0]))
    assert abs(distances[0, 0] - 3.0) < 0.2


def test_points_come_back_from_exact_matches():
    keypoints, matches = _exact_views()
    tracks = _triangulate(keypoints, matches)
    assert len(tracks.points) == len(POINTS)
    assert (np.bincount(tracks.point_index) == 5).all()
    truth = POINTS[tracks.keypoint_index[::5]]
    assert np.abs(tracks.points - truth).max() < 1e-4


def test_wrong_observations_are_left_out_of_tracks():
    keypoints, matches = _exact_views()
    keypoints[2][7] += 25.0
    tracks = _triangulate(keypoints, matches)
    rows = (tracks.view_index == 2) & (tracks.keypoint_index == 7)
    assert not rows.any()
    of_seven = tracks.points[tracks.point_index[tracks.keypoint_index == 7][0]]
    assert np.abs(of_seven - POINTS[7]).max() < 1e-3


def test_pairs_join_views_that_look_in_similar_directions():
    poses = [view_pose(azimuth, 0) for azimuth in (0, 10, 180, 190)]
    assert view_pairs(poses, 1) == [(0, 1), (2, 3)]
    assert len(view_pairs(poses, 10)) == 6


def test_same_matches_give_the_same_points():
    keypoints, matches = _exact_views()
    noise = np.random.default_rng(1)
    keypoints = [k + noise.normal(0, 0.5, k.shape).astype(np.float32) for k in keypoints]
    assert np.array_equal(_triangulate(keypoints, matches).points, _triangulate(keypoints, matches).points)


def test_no_matches_give_no_points():
    keypoints, _ = _exact_views()
    tracks = _triangulate(keypoints, {})
    assert tracks.points.shape == (0, 3) and len(tracks.view_index) == 0
