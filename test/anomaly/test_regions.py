import numpy as np
import pytest

from pad_ros.anomaly.regions import create_score, find_regions
from pad_ros.errors import ConfigError
from pad_ros.results import RegionKind

SHAPE = (60, 80)


def box(x, y, width, height) -> np.ndarray:
    mask = np.zeros(SHAPE, bool)
    mask[y : y + height, x : x + width] = True
    return mask


def make_map(*patches) -> np.ndarray:
    anomaly_map = np.zeros(SHAPE, np.float32)
    for mask, value in patches:
        anomaly_map[mask] = value
    return anomaly_map


def test_regions_have_kind_box_peak_and_area_and_the_worst_is_first():
    rendered, test = box(10, 10, 40, 30), box(20, 10, 40, 30)
    missing, added, modified = box(12, 12, 6, 5), box(52, 20, 7, 4), box(30, 20, 5, 5)
    regions = find_regions(make_map((missing, 2.0), (added, 3.0), (modified, 4.0)), 1.0, rendered, test)
    assert [(r.kind, r.box, r.peak, r.area) for r in regions] == [
        (RegionKind.MODIFIED, (30, 20, 5, 5), 4.0, 25),
        (RegionKind.ADDED, (52, 20, 7, 4), 3.0, 28),
        (RegionKind.MISSING, (12, 12, 6, 5), 2.0, 30),
    ]


def test_the_kind_is_where_most_of_the_region_lies():
    rendered, test = box(10, 10, 20, 20), box(10, 10, 40, 20)
    assert find_regions(make_map((box(26, 12, 10, 10), 2)), 1, rendered, test)[0].kind == RegionKind.ADDED
    assert find_regions(make_map((box(23, 12, 10, 10), 2)), 1, rendered, test)[0].kind == RegionKind.MODIFIED


def test_small_regions_are_no_regions():
    mask = box(10, 10, 20, 20)
    anomaly_map = make_map((box(12, 12, 2, 2), 5))
    assert find_regions(anomaly_map, 1, mask, mask, min_area=5) == []
    assert len(find_regions(anomaly_map, 1, mask, mask, min_area=4)) == 1
    assert find_regions(anomaly_map, 5, mask, mask, min_area=1) == []


def test_what_lies_outside_both_masks_was_added():
    mask = box(10, 10, 20, 20)
    (region,) = find_regions(make_map((box(50, 30, 9, 9), 5)), 1, mask, mask)
    assert (region.kind, region.area) == (RegionKind.ADDED, 81)


def test_diagonal_neighbours_hang_together():
    anomaly_map = np.zeros(SHAPE, np.float32)
    anomaly_map[range(10, 30), range(10, 30)] = 2
    everywhere = np.ones(SHAPE, bool)
    assert [r.area for r in find_regions(anomaly_map, 1, everywhere, everywhere)] == [20]


def test_max_score_is_the_paper_s():
    score = create_score({"name": "max"})
    assert score(make_map((box(5, 5, 1, 1), 7), (box(20, 20, 9, 9), 3))) == 7
    assert score(np.zeros(SHAPE, np.float32)) == 0


def test_area_score_ignores_a_single_peak():
    score = create_score({"name": "area", "area": 20})
    assert score(make_map((box(5, 5, 2, 2), 7), (box(20, 20, 9, 9), 3))) == 3
    assert score(make_map((box(5, 5, 2, 2), 7))) == 0
    assert score(np.zeros(SHAPE, np.float32)) == 0


def test_area_score_agrees_with_trying_every_level():
    rng = np.random.default_rng(3)
    smooth = rng.random((16, 24)).astype(np.float32)
    for _ in range(3):
        smooth = (smooth + np.roll(smooth, 1, 0) + np.roll(smooth, 1, 1)) / 3
    everywhere = np.ones(smooth.shape, bool)
    for area in (1, 5, 40, 200):
        reached = [
            level
            for level in np.unique(smooth)
            if find_regions(smooth, np.nextafter(level, np.float32(-1)), everywhere, everywhere, min_area=area)
        ]
        assert create_score({"name": "area", "area": area})(smooth) == max(reached)


def test_a_score_above_the_threshold_has_a_region():
    rng = np.random.default_rng(5)
    anomaly_map = rng.random(SHAPE).astype(np.float32)
    everywhere = np.ones(SHAPE, bool)
    score = create_score({"name": "area", "area": 30})(anomaly_map)
    below, above = float(np.nextafter(score, -1)), float(np.nextafter(score, 2))
    assert find_regions(anomaly_map, below, everywhere, everywhere, min_area=30)
    assert not find_regions(anomaly_map, above, everywhere, everywhere, min_area=30)


def test_refuses_bad_settings():
    with pytest.raises(ConfigError):
        create_score({"name": "area", "area": 0})
    with pytest.raises(ConfigError):
        create_score({"name": "mean"})
    with pytest.raises(ConfigError):
        find_regions(np.zeros(SHAPE, np.float32), 1, box(0, 0, 1, 1), box(0, 0, 1, 1), min_area=0)
