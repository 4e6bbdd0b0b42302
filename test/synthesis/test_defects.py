import numpy as np
import pytest

from pad_ros.errors import SynthesisError
from pad_ros.synthesis import cameras
from pad_ros.synthesis.assembly import Assembly, Part, connected, touching, translation
from pad_ros.synthesis.bricks import brick
from pad_ros.synthesis.defects import ADDED, COLOUR, MAX_AREA, MIN_AREA, REMOVED, DefectMaker
from pad_ros.synthesis.materials import PALETTE, contrast
from pad_ros.synthesis.vehicles import build_vehicle
from pad_ros.synthesis.visibility import part_ids

CAMERA = cameras.make_camera(120)


@pytest.fixture(scope="module")
def car():
    return build_vehicle("off_road_car")


@pytest.fixture(scope="module")
def maker(car):
    return DefectMaker(car)


@pytest.fixture(scope="module")
def views(car):
    return cameras.test_poses(5, car.bounds, np.random.default_rng(1))


@pytest.mark.parametrize("kind", [COLOUR, REMOVED, ADDED])
def test_defects_are_seeded_and_show(car, maker, views, kind):
    defects = [maker.make(kind, CAMERA, views, np.random.default_rng(seed)) for seed in (4, 4, 5, 6)]
    assert defects[0].description == defects[1].description and defects[0].target == defects[1].target
    assert len({(d.target, d.description) for d in defects}) > 1
    areas = []
    for view in views:
        mask = defects[0].mask(part_ids(car, CAMERA, view), part_ids(defects[0].assembly, CAMERA, view))
        areas.append(mask.mean())
    assert sum(area >= MIN_AREA for area in areas) >= 3
    assert max(areas) <= MAX_AREA


def test_each_kind_changes_one_part_only(car, maker, views):
    recoloured = maker.make(COLOUR, CAMERA, views, np.random.default_rng(0))
    changed = [i for i, (a, b) in enumerate(zip(car.parts, recoloured.assembly.parts, strict=True)) if a is not b]
    assert changed == [recoloured.part]
    assert contrast(car.parts[changed[0]].material, recoloured.assembly.parts[changed[0]].material) > 0.4
    removed = maker.make(REMOVED, CAMERA, views, np.random.default_rng(0))
    assert set(car.parts) - set(removed.assembly.parts) == {car.parts[removed.part]}
    added = maker.make(ADDED, CAMERA, views, np.random.default_rng(0))
    assert added.assembly.parts[:-1] == car.parts and added.part == len(car.parts)


@pytest.mark.parametrize("kind", [REMOVED, ADDED])
def test_nothing_floats(maker, views, kind):
    assert connected(touching(maker.make(kind, CAMERA, views, np.random.default_rng(8)).assembly))


def test_an_added_part_can_stand_out(car, maker, views):
    defect = maker.make(ADDED, CAMERA, views, np.random.default_rng(2), stand_out=True)
    outside = []
    for view in views:
        before, after = part_ids(car, CAMERA, view), part_ids(defect.assembly, CAMERA, view)
        mask = defect.mask(before, after)
        outside.append((before[mask] < 0).mean() if mask.any() else 0.0)
    assert sum(share > 0.4 for share in outside) >= 2


def test_a_model_without_removable_part_is_refused(views):
    single = Assembly("single", (Part("p", brick(4, 4), translation(0, 0, 0), PALETTE["red"]),))
    with pytest.raises(SynthesisError, match="no removed defect"):
        DefectMaker(single).make(REMOVED, CAMERA, views, np.random.default_rng(0))
