"""Random objects: repeatable, different, of a size that fits a belt."""

import numpy as np
import pytest

from pad_ros.synthesis.heaps import random_object


@pytest.mark.parametrize("seed", range(6))
def test_a_heap_is_of_many_parts_above_the_ground_and_within_its_plan(seed):
    heap = random_object(seed)
    low, high = heap.bounds
    assert len(heap.parts) >= 10 and len({part.material.name for part in heap.parts}) >= 2
    assert low[2] >= -1e-6 and high[2] <= 0.111
    assert (high - low)[0] <= 0.185 and (high - low)[1] <= 0.105


def test_a_seed_names_one_object():
    first, again, other = random_object(3), random_object(3), random_object(4)
    assert first.name == "heap_3" and len(first.parts) == len(again.parts)
    np.testing.assert_array_equal(first.surface.vertices, again.surface.vertices)
    assert len(first.parts) != len(other.parts) or not np.array_equal(first.bounds, other.bounds)
