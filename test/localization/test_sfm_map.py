import dataclasses

import numpy as np
import pytest
import textured_box

from pad_ros.errors import ProductError, TrainingError
from pad_ros.geometry import is_rigid
from pad_ros.localization.sfm_map import SfmMap, _inside_silhouettes, build_map
from pad_ros.localization.sift import SiftFeatures


def _build(images, masks, poses, **settings):
    return build_map(images, masks, textured_box.CAMERA, poses, SiftFeatures(), **settings)


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


def test_mean_descriptors_average_each_points_observations(box_map):
    mean = box_map.mean_descriptors()
    for point in (0, len(box_map.points) - 1):
        own = box_map.descriptors[box_map.point_index == point]
        assert np.abs(mean[point] - own.mean(axis=0)).max() <= 0.5


def test_save_and_load_round_trip(box_map, tmp_path):
    box_map.save(tmp_path / "map.npz")
    loaded = SfmMap.load(tmp_path / "map.npz")
    for field in dataclasses.fields(SfmMap):
        assert np.array_equal(getattr(loaded, field.name), getattr(box_map, field.name)), field.name
    assert [path.name for path in tmp_path.iterdir()] == ["map.npz"]


def test_missing_truncated_and_foreign_files_are_refused(box_map, tmp_path):
    path = tmp_path / "map.npz"
    with pytest.raises(ProductError, match="missing"):
        SfmMap.load(path)
    box_map.save(path)
    whole = path.read_bytes()
    for data in (b"", whole[:1000], whole[:-10], whole[:2000] + bytes(200) + whole[2200:]):
        path.write_bytes(data)
        with pytest.raises(ProductError, match=r"map\.npz: truncated or altered"):
            SfmMap.load(path)
    np.savez(path, points=box_map.points)
    with pytest.raises(ProductError, match="not an SfM map"):
        SfmMap.load(path)
    np.savez(path, **{**vars(box_map), "points": np.array([{}], dtype=object)})
    with pytest.raises(ProductError, match="truncated or altered"):
        SfmMap.load(path)


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("points", lambda a: np.where(np.arange(len(a))[:, None] == 3, np.float32(np.nan), a), "NaN"),
        ("points", lambda a: a[:, :2], "points is"),
        ("points", lambda a: a.astype(np.float64), "points is float64"),
        ("points", lambda a: a[:-1], "colors is"),
        ("descriptors", lambda a: a[:-1], "descriptors is"),
        ("descriptors", lambda a: a[:, 0], "descriptors is"),
        ("descriptors", lambda a: a[0, 0], "descriptors is"),
        ("point_index", lambda a: a[::-1].copy(), "point_index"),
        ("point_index", lambda a: a + np.int32(1), "point_index"),
        ("view_index", lambda a: a + np.int32(1000), "view_index"),
        ("view_poses", lambda a: a * 2, "rigid"),
    ],
)
def test_arrays_that_do_not_fit_together_are_refused(box_map, tmp_path, name, change, message):
    dataclasses.replace(box_map, **{name: change(getattr(box_map, name))}).save(tmp_path / "map.npz")
    with pytest.raises(ProductError, match=message):
        SfmMap.load(tmp_path / "map.npz")


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
