import numpy as np
import pytest

from pad_ros.errors import ConfigError
from pad_ros.synthesis.assembly import connected, touching
from pad_ros.synthesis.cameras import make_camera, train_poses
from pad_ros.synthesis.vehicles import VEHICLES, build_vehicle
from pad_ros.synthesis.visibility import part_ids


@pytest.mark.parametrize("name", VEHICLES)
def test_vehicle_is_whole_and_stands_on_the_ground(name):
    vehicle = build_vehicle(name)
    assert vehicle.name == name and 40 <= len(vehicle.parts) <= 300
    assert len({part.material.name for part in vehicle.parts}) >= 6
    assert len({part.name for part in vehicle.parts}) == len(vehicle.parts)
    assert connected(touching(vehicle))  # no floating parts
    low, high = vehicle.bounds
    assert abs(low[2]) < 0.0005
    assert 0.08 < (high - low).max() < 0.25  # metres


@pytest.mark.parametrize("name", VEHICLES)
def test_most_parts_can_be_seen(name):
    vehicle = build_vehicle(name)
    camera = make_camera(200)
    poses = train_poses(12, vehicle.bounds, np.random.default_rng(0))
    seen = set().union(*(set(np.unique(part_ids(vehicle, camera, pose))) for pose in poses)) - {-1}
    assert len(seen) >= 0.9 * len(vehicle.parts)


def test_the_off_road_car_has_openings():
    vehicle = build_vehicle("off_road_car")
    camera = make_camera(300)
    import cv2

    holes = 0
    for pose in train_poses(12, vehicle.bounds, np.random.default_rng(0)):
        outside = (part_ids(vehicle, camera, pose) < 0).astype(np.uint8)
        sizes = cv2.connectedComponentsWithStats(outside, connectivity=4)[2][1:, cv2.CC_STAT_AREA]
        holes += int((np.sort(sizes)[:-1] > 30).sum())
    assert holes >= 12  # background seen through the cage, about once per view


def test_an_unknown_class_is_refused():
    with pytest.raises(ConfigError, match="off_road_car"):
        build_vehicle("submarine")
