import math
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from pad_ros.errors import ConfigError
from pad_ros.geometry import is_rigid
from pad_ros.synthesis import cameras
from pad_ros.synthesis.heaps import random_object
from pad_ros.synthesis.planning import (
    SynthesisSettings,
    object_kinds,
    plan_images,
    plan_objects,
    plan_train,
    shown_range,
)
from pad_ros.synthesis.vehicles import build_vehicle
from pad_ros.synthesis.visibility import see


def test_thirteen_objects_are_the_papers():
    assert Counter(object_kinds(13)) == {"good": 6, "colour": 2, "removed": 2, "added": 3}


@pytest.mark.parametrize("count", [3, 4, 5, 9])
def test_fewer_objects_hold_good_and_defective_ones(count):
    kinds = Counter(object_kinds(count))
    assert kinds["good"] >= 1 and kinds["added"] >= 1 and kinds["removed"] >= 1
    assert 0.3 <= kinds["good"] / count <= 0.6


@pytest.mark.parametrize("bad", [{"resolution": 4}, {"samples": 0}, {"train": 0}, {"views": 2.5}, {"seed": -1}])
def test_settings_out_of_range_are_refused(bad):
    with pytest.raises(ConfigError, match=next(iter(bad))):
        SynthesisSettings(**bad)


def test_train_cameras_cover_the_upper_hemisphere():
    vehicle = build_vehicle("off_road_car")
    poses = plan_train(vehicle, SynthesisSettings(train=60))
    middle = 0.5 * (vehicle.bounds[0] + vehicle.bounds[1])
    offsets = np.array([pose[:3, 3] - middle for pose in poses])
    elevations = np.degrees(np.arcsin(offsets[:, 2] / np.linalg.norm(offsets, axis=1)))
    assert all(is_rigid(pose) for pose in poses)
    assert elevations.min() > 5 and elevations.max() > 70
    assert np.array([pose[2, 3] for pose in poses]).min() > 0  # above the belt
    sectors = np.floor((np.arctan2(offsets[:, 1], offsets[:, 0]) + math.pi) / (math.pi / 2)).astype(int)
    assert set(sectors[:20] % 4) == set(range(4))  # even the first views see all sides
    corners = np.array(
        [
            [vehicle.bounds[i][0], vehicle.bounds[j][1], vehicle.bounds[k][2], 1]
            for i in (0, 1)
            for j in (0, 1)
            for k in (0, 1)
        ]
    )
    camera = cameras.make_camera(400)
    for pose in poses:
        seen = (np.linalg.inv(pose) @ corners.T)[:3]
        u = camera.fx * seen[0] / seen[2] + camera.cx
        v = camera.fy * seen[1] / seen[2] + camera.cy
        assert min(u.min(), v.min()) > 0 and max(u.max(), v.max()) < 400  # the whole object is in the frame


@pytest.fixture(scope="module")
def planned():
    vehicle = build_vehicle("off_road_car")
    settings = SynthesisSettings(resolution=100, objects=5, views=5, seed=3)
    return vehicle, settings, plan_objects(vehicle, settings)


def test_planning_is_deterministic_and_seeded(planned):
    vehicle, settings, objects = planned
    again = plan_objects(vehicle, settings)
    for first, second in zip(objects, again, strict=True):
        assert first.kind == second.kind and first.belt_shift == second.belt_shift
        np.testing.assert_array_equal(first.world_from_object, second.world_from_object)
        np.testing.assert_array_equal(first.poses, second.poses)
        if first.defect:
            assert first.defect.description == second.defect.description
    assert (
        plan_train(vehicle, SynthesisSettings(seed=1))[0][0, 3]
        != plan_train(vehicle, SynthesisSettings(seed=2))[0][0, 3]
    )


def test_planned_images(planned):
    vehicle, settings, objects = planned
    camera, counts = cameras.make_camera(settings.resolution), {}
    files = []
    for part in objects:
        images = plan_images(vehicle, part, camera, counts)
        assert [image.view_index for image in images] == list(range(5))
        for image in images:
            files.append(image.file)
            assert image.label in ("good", part.kind)
            assert image.file.startswith(f"test/{image.label}/")
            assert image.object_mask.any()
            assert (image.label != "good") == image.defect_mask.any()
            if part.kind in ("added", "colour"):
                assert not (image.defect_mask & ~image.object_mask).any()
        if part.defect:
            assert [image.label != "good" for image in images] == list(part.defect.shown)
            assert sum(part.defect.shown) >= 3
    assert len(set(files)) == 25 == sum(counts.values())


def test_the_plan_is_the_same_at_any_resolution(planned):
    vehicle, settings, objects = planned
    for first, second in zip(objects, plan_objects(vehicle, replace(settings, resolution=800)), strict=True):
        np.testing.assert_array_equal(first.poses, second.poses)
        if first.defect:
            assert first.defect.description == second.defect.description and first.defect.shown == second.defect.shown


@pytest.mark.slow
def test_a_class_keeps_to_the_share_of_anomalous_images():
    vehicle = build_vehicle("off_road_car")
    objects = plan_objects(vehicle, SynthesisSettings())
    camera, counts, images = cameras.make_camera(400), {}, []
    for part in objects:
        images += plan_images(vehicle, part, camera, counts)
    assert len(images) == 117 and 0.35 <= 1 - counts["good"] / 117 <= 0.48
    areas = np.array([image.defect_mask.mean() for image in images if image.label != "good"])
    assert areas.min() >= 0.0005 and areas.max() <= 0.0125 and 0.001 < np.median(areas) < 0.006
    defects = [part.defect for part in objects if part.defect]
    assert len({defect.target_index for defect in defects}) == 7
    assert len({defect.shape for defect in defects if defect.kind == "added"}) == 3
    for part in objects:
        if part.defect:  # what is not labelled as a defect shows none
            for pose, shown in zip(part.poses, part.defect.shown, strict=True):
                view = see(vehicle, camera, pose)
                area = part.defect.mask(view.ids, part.defect.seen(camera, pose, view).ids).mean()
                assert shown or area < 0.00015  # planned as less than 0.00005, in smaller images


@pytest.mark.parametrize(("objects", "views"), [(13, 9), (13, 5), (5, 5), (9, 9), (26, 9), (13, 20)])
@pytest.mark.parametrize("choice", ["least", "most", "random"])
def test_shares_hold_whatever_number_each_defect_takes(objects, views, choice):
    rng, kinds, shown = np.random.default_rng(0), object_kinds(objects), []
    for _ in range(objects - kinds.count("good")):
        low, high = shown_range(shown, kinds, views)
        assert math.ceil(4 * views / 9) <= low <= high <= views
        shown.append({"least": low, "most": high, "random": int(rng.integers(low, high + 1))}[choice])
    assert 0.35 <= sum(shown) / (objects * views) <= 0.48


def test_tiny_data_sets_keep_to_what_shows():
    assert shown_range([], ["good", "added"], 1) == (1, 1)
    low, high = shown_range([], ["good", "added", "removed"], 3)
    assert 2 <= low <= high <= 3


def test_settings_that_came_later_are_noted_only_where_they_differ():
    assert "defect_area" not in SynthesisSettings().to_dict()
    noted = SynthesisSettings(defect_area=(0.0002, 0.002), background_free=False).to_dict()
    assert noted["defect_area"] == [0.0002, 0.002] and noted["background_free"] is False
    with pytest.raises(ConfigError, match="defect_area"):
        SynthesisSettings(defect_area=(0.002, 0.002))


def test_small_defects_are_small():
    settings = SynthesisSettings(resolution=200, objects=5, views=4, defect_area=(0.0002, 0.002))
    camera = cameras.make_camera(320)
    intact = random_object(1)
    for part in plan_objects(intact, settings):
        areas = [image.defect_mask.mean() for image in plan_images(intact, part, camera, {})]
        assert max(areas) <= 0.0021 and all(area == 0 or area >= 0.0002 for area in areas)
