import dataclasses

import numpy as np
import pytest

from pad_ros.errors import ProductError
from pad_ros.localization.sfm_map import SfmMap


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


def test_descriptors_may_be_of_other_types_and_views_may_have_their_own(box_map, tmp_path):
    for kind in (np.int8, np.float16, np.float32):
        other = dataclasses.replace(
            box_map,
            descriptors=(box_map.descriptors / 4).astype(kind)[:, :64],
            view_descriptors=np.ones((len(box_map.view_poses), 8), np.float16),
        )
        other.save(tmp_path / "map.npz")
        loaded = SfmMap.load(tmp_path / "map.npz")
        assert loaded.descriptors.dtype == kind and loaded.view_descriptors.shape == (len(box_map.view_poses), 8)
        np.testing.assert_array_equal(loaded.mean_descriptors(), other.mean_descriptors())


def test_unit_descriptors_keep_their_mean(box_map):
    unit = dataclasses.replace(box_map, descriptors=box_map.descriptors.astype(np.float32) / 512)
    assert np.abs(unit.mean_descriptors() * 512 - box_map.mean_descriptors()).max() <= 0.5001


@pytest.mark.parametrize(
    ("name", "array"),
    [("descriptors", np.float64(0)), ("descriptors", np.float32("nan")), ("view_descriptors", np.float16("inf"))],
)
def test_descriptors_that_are_none_are_refused(box_map, tmp_path, name, array):
    rows = {"descriptors": len(box_map.descriptors), "view_descriptors": len(box_map.view_poses)}[name]
    dataclasses.replace(box_map, **{name: np.full((rows, 4), array)}).save(tmp_path / "map.npz")
    with pytest.raises(ProductError, match=name):
        SfmMap.load(tmp_path / "map.npz")
