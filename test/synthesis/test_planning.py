import math
from collections import Counter

import numpy as np
import pytest

from pad_ros.errors import ConfigError
from pad_ros.geometry import is_rigid
from pad_ros.synthesis import cameras
from pad_ros.synthesis.planning import (
    SynthesisSettings,
    object_kinds,
    plan_images,
    plan_objects,
    plan_train,
)
from pad_ros.synthesis.vehicles import build_vehicle


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
            assert (image.label != "good") == (image.defect_mask.mean() >= 0.0002)
            if part.kind in ("added", "colour"):
                assert not (image.defect_mask & ~image.object_mask).any()
        if part.defect:
            assert sum(image.label != "good" for image in images) >= 3
    assert len(set(files)) == 25 == sum(counts.values())
