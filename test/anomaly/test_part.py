import numpy as np
import pytest

from pad_ros.anomaly.part import UNSEEN, Level, PartEvidence, fuse
from pad_ros.errors import ConfigError

SIZE = 96
LEVEL = Level(floor=0.5, scale=0.3)


def plane():
    """A square part seen from above: its silhouette, the positions it shows, and anchors on a grid of 8 by 8."""
    silhouette = np.zeros((SIZE, SIZE), bool)
    silhouette[16:80, 16:80] = True
    rows, columns = np.mgrid[:SIZE, :SIZE]
    positions = np.dstack([columns, rows, np.zeros((SIZE, SIZE))]).astype(np.float32)
    grid = np.arange(20, 80, 8)
    anchors = np.array([(x, y, 0) for y in grid for x in grid], np.float64)
    return silhouette, positions, anchors


def noise(rng):
    """A map as good views have it."""
    return np.exp(rng.normal(0, 0.15, (SIZE, SIZE))).astype(np.float32)


def view(rng, *spots, lift=1.0, silhouette=None, height=8.0):
    """The evidence of a view with spots of some pixels at (x, y)."""
    known, positions, anchors = plane()
    anomaly_map = noise(rng)
    for x, y in spots:
        anomaly_map[y - 3 : y + 4, x - 3 : x + 4] *= height
    seen = known if silhouette is None else silhouette
    return PartEvidence(anchors).of_view(lift * anomaly_map, seen, positions)


def test_a_defect_is_at_one_place_and_glints_wander():
    rng = np.random.default_rng(0)
    good = fuse([view(rng) for _ in range(5)], LEVEL)
    defect = fuse([view(rng, (40, 50)) for _ in range(5)], LEVEL)
    glints = fuse([view(rng, (20 + 12 * n, 70 - 10 * n)) for n in range(5)], LEVEL)
    assert defect > glints + 3 > good + 6


def test_a_defect_that_few_views_see_is_not_diluted_by_those_that_see_its_place_from_no_side():
    rng = np.random.default_rng(0)
    half, _, _ = plane()
    half[:, :48] = False
    seen, unseen = [view(rng, (30, 50)) for _ in range(2)], [view(rng, silhouette=half) for _ in range(3)]
    looking = [view(rng) for _ in range(3)]
    assert fuse(seen + unseen, LEVEL) > fuse(seen + looking, LEVEL) + 1


def test_half_of_what_lifts_a_whole_view_counts():
    rng = np.random.default_rng(0)
    evidence = [np.frombuffer(view(np.random.default_rng(1), lift=lift), np.uint8) for lift in (1.0, np.e)]
    np.testing.assert_allclose(np.mean(evidence[1].astype(float) - evidence[0]), 10, atol=0.2)  # 0.5 in steps of 0.05
    lifted = fuse([view(rng, lift=1.1) for _ in range(5)], LEVEL)
    assert lifted < fuse([view(rng, (40, 50), lift=0.9) for _ in range(5)], LEVEL)


def test_what_is_added_off_the_part_speaks_to_the_outline_beside_it():
    silhouette, positions, anchors = plane()
    anomaly_map = np.where(silhouette, 1.0, 0.0).astype(np.float32)
    anomaly_map[40:50, 82:88] = 9.0
    evidence = np.frombuffer(PartEvidence(anchors).of_view(anomaly_map, silhouette, positions), np.uint8)
    x, y, _ = anchors[int(evidence.argmax())]
    assert x >= 68 and 36 <= y <= 52


def test_places_that_a_view_does_not_see_are_unseen():
    silhouette, positions, anchors = plane()
    silhouette[:, :48] = False
    evidence = np.frombuffer(
        PartEvidence(anchors).of_view(noise(np.random.default_rng(0)), silhouette, positions), "u1"
    )
    np.testing.assert_array_equal(evidence == UNSEEN, anchors[:, 0] < 44)
    empty = PartEvidence(anchors).of_view(np.zeros((SIZE, SIZE), np.float32), np.zeros((SIZE, SIZE), bool), positions)
    assert set(empty) == {UNSEEN} and len(empty) == len(anchors)
    assert fuse([empty, empty], LEVEL) == 0


def test_a_map_without_any_difference_is_evidence_of_nothing():
    silhouette, positions, anchors = plane()
    evidence = PartEvidence(anchors).of_view(np.zeros((SIZE, SIZE), np.float32), silhouette, positions)
    assert set(evidence) == {1} and fuse([evidence], LEVEL) == 0


def test_large_images_are_sampled_and_say_the_same():
    silhouette, positions, anchors = plane()
    anomaly_map = noise(np.random.default_rng(0))
    anomaly_map[44:52, 36:44] *= 8
    small = PartEvidence(anchors).of_view(anomaly_map, silhouette, positions)
    large = PartEvidence(anchors).of_view(
        *(np.kron(a, np.ones((4, 4))).astype(a.dtype) for a in (anomaly_map, silhouette)),
        np.repeat(np.repeat(positions, 4, 0), 4, 1),
    )
    difference = np.frombuffer(small, np.uint8).astype(int) - np.frombuffer(large, np.uint8)
    assert np.abs(difference).mean() < 4 and abs(np.argmax(list(small)) - np.argmax(list(large))) in (0, 1, 8, 9)


@pytest.mark.parametrize("evidences", [[], [b""], [b"\1\2", b"\1"], [b"\1", b""]])
def test_views_that_do_not_fit_together_are_refused(evidences):
    with pytest.raises(ConfigError, match="evidence of"):
        fuse(evidences, LEVEL)


def levels(rng, spread):
    """Evidence of a good view that says normal levels of this spread."""
    return np.clip(np.rint(128 + 20 * rng.normal(0, spread, 2000)), 1, 255).astype(np.uint8).tobytes()


def test_the_level_is_that_of_good_views():
    rng = np.random.default_rng(0)
    level = Level.of([levels(rng, 0.5) for _ in range(6)])
    assert level.scale == pytest.approx(0.5, rel=0.05)
    assert level.floor == pytest.approx(0.5 * 1.28, rel=0.1)  # nine in ten are below
    with pytest.raises(ConfigError, match="see no place"):
        Level.of([bytes(4)])


def test_the_least_doubts_of_a_sure_comparison_are_not_many_units():
    rng = np.random.default_rng(0)
    sure = [levels(rng, 0.02) for _ in range(6)]
    level = Level.of(sure)
    assert fuse(sure[:3], level) == 0.0
    doubt = np.frombuffer(sure[0], np.uint8).copy()
    doubt[7] = 128 + 20 * 0.4  # half as large again as nothing
    assert 0 < fuse([doubt.tobytes(), *sure[1:3]], level) < 1
