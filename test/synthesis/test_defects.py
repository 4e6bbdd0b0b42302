import numpy as np
import pytest

from pad_ros.errors import SynthesisError
from pad_ros.geometry import invert_rigid
from pad_ros.synthesis import cameras
from pad_ros.synthesis.additions import Supports
from pad_ros.synthesis.assembly import (
    Assembly,
    Mesh,
    Part,
    apply,
    connected,
    pieces,
    surface_points,
    touching,
    translation,
)
from pad_ros.synthesis.bricks import PLATE, brick, tile
from pad_ros.synthesis.defects import ADDED, COLOUR, DEFECT_AREA, REMOVED, DefectMaker
from pad_ros.synthesis.materials import PALETTE, contrast
from pad_ros.synthesis.vehicles import build_vehicle
from pad_ros.synthesis.visibility import part_ids

CAMERA = cameras.make_camera(160)


@pytest.fixture(scope="module")
def car():
    return build_vehicle("off_road_car")


@pytest.fixture(scope="module")
def maker(car):
    return DefectMaker(car)


@pytest.fixture(scope="module")
def views(car):
    return cameras.test_poses(9, car.bounds, np.random.default_rng(1))


def shares(car, defect, views):
    return [
        defect.mask(part_ids(car, CAMERA, v), part_ids(defect.assembly, CAMERA, v)).mean()  # not by Defect.seen
        for v in views
    ]


@pytest.mark.parametrize("kind", [COLOUR, REMOVED, ADDED])
def test_defects_are_seeded_and_show_or_are_hidden(car, maker, views, kind):
    defects = [maker.make(kind, CAMERA, views, np.random.default_rng(seed)) for seed in (4, 4, 5, 6)]
    assert defects[0].description == defects[1].description and defects[0].target == defects[1].target
    assert len({(d.target, d.description) for d in defects}) > 1
    for defect in defects[1:]:
        areas = np.array(shares(car, defect, views))
        assert sum(defect.shown) >= 4 and areas.max() <= DEFECT_AREA[1]
        for area, shown in zip(areas, defect.shown, strict=True):
            assert area >= DEFECT_AREA[0] if shown else area < DEFECT_AREA[0] / 10


@pytest.mark.parametrize(
    ("kind", "shown"),
    [(COLOUR, (4, 6)), (COLOUR, (8, 9)), (REMOVED, (4, 6)), (REMOVED, (8, 9)), (ADDED, (6, 8)), (ADDED, (9, 9))],
)
def test_the_number_of_views_is_kept_to(maker, views, kind, shown):
    for seed in range(2):
        defect = maker.make(kind, CAMERA, views, np.random.default_rng(seed), shown)
        assert shown[0] <= sum(defect.shown) <= shown[1]


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


def test_an_added_part_stands_on_a_stud_and_in_free_room(car, maker, views):
    for seed in range(4):
        defect = maker.make(ADDED, CAMERA, views, np.random.default_rng(seed))
        part = defect.assembly.parts[-1]
        holder = car.parts[defect.target_index]
        assert holder.name == defect.target
        low, high = part.mesh.bounds
        feet = apply(invert_rigid(part.placement) @ holder.placement, holder.mesh.sockets)
        on = np.abs(feet[:, 2]) < 0.0003
        assert (on & (feet[:, :2] > low[:2]).all(axis=1) & (feet[:, :2] < high[:2]).all(axis=1)).any()
        for other in car.parts:
            points = surface_points(apply(other.placement, other.mesh.vertices)[other.mesh.triangles], 0.001)
            local = apply(invert_rigid(part.placement), points)
            inside = (local > low + np.array([0.0005, 0.0005, 0.0022])) & (local < high - 0.0005)
            assert not inside.all(axis=1).any()


@pytest.mark.parametrize("kind", [ADDED, REMOVED])
def test_a_defect_can_stand_out(car, maker, views, kind):
    defect = maker.make(kind, CAMERA, views, np.random.default_rng(2), stand_out=True)
    bare = []
    for view in views:
        before, after = part_ids(car, CAMERA, view), part_ids(defect.assembly, CAMERA, view)
        mask = defect.mask(before, after)
        if mask.any():
            bare.append(((before < 0) | (after < 0))[mask].mean())
    assert sum(share > 0.4 for share in bare) >= 3


def test_no_target_or_shape_twice(maker, views):
    earlier = []
    for _ in range(5):
        earlier.append(maker.make(ADDED, CAMERA, views, np.random.default_rng(0), earlier=earlier))
    assert len({d.target_index for d in earlier}) == len({d.shape for d in earlier}) == 5


def grid(mesh, pitch, scale=1.0, sockets=True):
    """A 6 by 4 field of equal parts side by side, on a base."""

    def scaled(m):
        return Mesh(m.vertices * scale, m.triangles, m.sockets * scale if sockets else np.zeros((0, 3)))

    places = [(x, y) for x in range(6) for y in range(4)]
    top, base = scaled(mesh), scaled(tile(16, 12, 1))
    field = [
        Part(
            f"f{i}",
            top,
            translation(scale * pitch * (x - 2.5), scale * pitch * (y - 1.5), scale * PLATE),
            PALETTE["red"],
        )
        for i, (x, y) in enumerate(places)
    ]
    return Assembly("grid", (Part("base", base, translation(0, 0, 0), PALETTE["white"]), *field))


@pytest.mark.parametrize("scale", [0.2, 1.0, 8.0])
def test_models_of_any_size_without_studs_get_additions_too(scale):
    model = grid(tile(2, 2, 2), 0.02, scale, sockets=False)
    poses = cameras.test_poses(9, model.bounds, np.random.default_rng(0))
    defect = DefectMaker(model).make(ADDED, CAMERA, poses, np.random.default_rng(0))
    size = np.ptp(defect.assembly.parts[-1].mesh.vertices, axis=0).max() / np.linalg.norm(np.subtract(*model.bounds))
    assert 0.03 < size < 0.4
    assert sum(area >= DEFECT_AREA[0] for area in shares(model, defect, poses)) >= 4


def test_additions_grow_with_the_model():
    sizes = []
    for copies in (1, 3):
        parts = [
            Part(f"{x}{y}", brick(8, 8), translation(0.064 * x, 0.064 * y, 0), PALETTE["blue"])
            for x in range(copies)
            for y in range(copies)
        ]
        shapes = Supports(Assembly("plain", tuple(parts))).fitting_shapes(DEFECT_AREA)
        assert len(shapes) >= 6
        sizes.append(np.mean([np.prod(np.sort(np.ptp(s.mesh.vertices, axis=0))[1:]) for s in shapes]))
    assert sizes[1] > 3 * sizes[0]


def test_a_model_in_several_pieces_may_lose_a_part_but_not_fall_apart():
    model = grid(brick(2, 1), 0.02)
    pairs = [
        Part(f"on{p.name}", brick(1, 1, 1), p.placement @ translation(0.004, 0, 0.0096), PALETTE["lime"])
        for p in model.parts[1:]
    ]
    loose = Assembly("loose", (*model.parts[1:], *pairs))  # 24 pairs that stand side by side, without the base
    whole = pieces(touching(loose))
    assert whole == 24
    poses = cameras.test_poses(9, loose.bounds, np.random.default_rng(0))
    for seed in range(3):
        defect = DefectMaker(loose).make(REMOVED, CAMERA, poses, np.random.default_rng(seed))
        assert pieces(touching(defect.assembly)) <= whole


@pytest.mark.parametrize("kind", [COLOUR, REMOVED])
def test_a_model_without_small_parts_is_refused(views, kind):
    single = Assembly("single", (Part("p", brick(4, 4), translation(0, 0, 0), PALETTE["red"]),))
    with pytest.raises(SynthesisError, match=f"no {kind} defect"):
        DefectMaker(single).make(kind, CAMERA, views, np.random.default_rng(0))
