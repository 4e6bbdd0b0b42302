import numpy as np

from pad_ros.localization.matching import DescriptorIndex, match_mutual, pairs_nearby


def _random(count, seed):
    return np.random.default_rng(seed).integers(0, 120, (count, 16), dtype=np.uint8)


def _brute(queries, descriptors, owners, ratio):
    pairs = []
    for q, query in enumerate(queries.astype(float)):
        distances = np.linalg.norm(descriptors.astype(float) - query, axis=1)
        best = int(distances.argmin())
        others = distances[owners != owners[best]]
        if distances[best] < ratio * others.min():
            pairs.append((q, best))
    return pairs


def test_index_agrees_with_brute_force_over_several_chunks():
    descriptors, queries = _random(300, 0), _random(600, 1)
    owners = np.random.default_rng(2).integers(0, 90, 300)
    rows, columns = DescriptorIndex(descriptors, owners).match(queries, 0.95)
    assert len(rows) > 50
    assert list(zip(rows.tolist(), columns.tolist(), strict=True)) == _brute(queries, descriptors, owners, 0.95)


def test_ratio_ignores_other_descriptors_of_the_same_owner():
    descriptors = np.array([[100, 0], [99, 0], [0, 100]], np.uint8)
    query = np.array([[100, 0]], np.uint8)
    assert len(DescriptorIndex(descriptors, np.array([0, 1, 2])).match(query + 1, 0.6)[0]) == 0
    assert len(DescriptorIndex(descriptors, np.array([0, 0, 2])).match(query + 1, 0.6)[0]) == 1


def test_empty_index_and_empty_queries_match_nothing():
    some, none = _random(5, 0), np.zeros((0, 16), np.uint8)
    assert len(DescriptorIndex(none, np.zeros(0, int)).match(some, 0.9)[0]) == 0
    assert len(DescriptorIndex(some, np.arange(5)).match(none, 0.9)[0]) == 0
    assert match_mutual(none, some, 0.9).shape == (0, 2)


def test_mutual_matches_find_the_permutation():
    first = _random(50, 3)
    order = np.random.default_rng(4).permutation(50)
    pairs = match_mutual(first, first[order], 0.8)
    assert len(pairs) == 50 and (order[pairs[:, 1]] == pairs[:, 0]).all()


def test_disallowed_pairs_do_not_match():
    first = _random(20, 5)
    allowed = ~np.eye(20, dtype=bool)
    assert not (match_mutual(first, first, 1.0, allowed)[:, 0] == match_mutual(first, first, 1.0, allowed)[:, 1]).any()
    assert len(match_mutual(first, first, 0.9, np.zeros((20, 20), bool))) == 0


def test_pairs_nearby_are_all_those_within_reach_row_by_row():
    rng = np.random.default_rng(6)
    pixels, keypoints = rng.integers(0, 60, (70, 2)).astype(np.float64), rng.integers(0, 60, (90, 2)).astype(np.float32)
    pixels[5:9] = np.inf  # whole numbers, so that some are just as far as the reach
    distances = np.linalg.norm(pixels[:, None] - keypoints, axis=2)
    for reach in (3.0, 5.0, 200.0):
        row, keypoint, squares = pairs_nearby(pixels, _random(70, 7), keypoints, _random(90, 8), reach)
        expected = np.stack(np.nonzero(distances <= reach))
        np.testing.assert_array_equal(np.stack([row, keypoint]), expected)
        apart = _random(70, 7)[row].astype(float) - _random(90, 8)[keypoint]
        np.testing.assert_allclose(squares, (apart**2).sum(axis=1))
    assert len(pairs_nearby(pixels, _random(70, 7), keypoints[:0], _random(0, 8), 3.0)[0]) == 0
