import numpy as np
import pytest

from pad_ros.learning.faults import altered, attached, difference, pasted
from pad_ros.splatting.gaussians import Gaussians
from pad_ros.splatting.rasterize import Rendering, create_rasterizer


def test_an_altered_twin_differs_in_one_place(lesson):
    rasterizer = create_rasterizer({"name": "cpu"})
    before = rasterizer.render(lesson.gaussians, lesson.camera, lesson.poses[0])
    seen_at_all = 0
    for seed in range(12):
        rng = np.random.default_rng(seed)
        centre = lesson.gaussians.means[int(rng.integers(len(lesson.gaussians)))]
        after = rasterizer.render(altered(lesson.gaussians, centre, rng), lesson.camera, lesson.poses[0])
        seen, argued = difference(before, after)
        assert not (seen & argued).any() and seen.mean() < 0.05
        seen_at_all += seen.any()
    assert seen_at_all >= 3


def test_equal_renderings_do_not_differ():
    same = Rendering(np.full((9, 9, 3), 0.5, np.float32), np.ones((9, 9), np.float32))
    seen, argued = difference(same, same)
    assert not seen.any() and not argued.any()


def test_joined_gaussians_are_both(lesson):
    few = lesson.gaussians.select(np.arange(10))
    both = Gaussians.joined([lesson.gaussians, few])
    assert len(both) == len(lesson.gaussians) + 10
    np.testing.assert_array_equal(both.means[-10:], few.means)


@pytest.mark.parametrize("seed", range(20))
def test_a_pasted_spot_is_marked_where_it_shows_and_nowhere_else(seed):
    rng = np.random.default_rng(seed)
    image = rng.uniform(0, 1, (90, 90, 3)).astype(np.float32)
    within = np.zeros((90, 90), bool)
    within[20:70, 20:70] = True
    result, seen, argued = pasted(image, within, rng)
    change = np.abs(result - image).max(axis=2)
    assert (change[seen] > 0.1).all() and (change[~seen] <= 0.1).all() and not (seen & argued).any()
    assert (change[~(seen | argued)] <= 0.02).all() and not seen[~np.pad(within, 1)[:-2, 1:-1] & ~within].all()


@pytest.mark.parametrize("seed", range(20))
def test_what_is_attached_begins_at_the_part_and_sticks_out(seed):
    rng = np.random.default_rng(seed)
    part = np.zeros((120, 120), bool)
    part[40:80, 40:80] = True
    image = rng.uniform(0, 1, (120, 120, 3)).astype(np.float32)
    result, seen, argued = attached(image, part, rng)
    assert not (seen & argued).any() and (result[~(seen | argued)] == image[~(seen | argued)]).all()
    assert (seen & ~part).any()
    near = np.zeros_like(part)
    near[34:86, 34:86] = True
    assert (seen & near).any()
