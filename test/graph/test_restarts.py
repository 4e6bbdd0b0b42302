import pytest

from pad_ros.graph.restarts import RETRY, GaveUpError, RestartPolicy


def test_delays_grow_until_the_node_is_given_up():
    policy = RestartPolicy(most=3)
    assert [policy.delay("anomaly", -9, 1.0) for _ in range(3)] == [0.5, 1.0, 2.0]
    assert policy.delay("conveyor", -9, 1.0) == 0.5
    with pytest.raises(GaveUpError, match=r"anomaly ended 4 times in a row \(exit code -9\): given up"):
        policy.delay("anomaly", -9, 1.0)


def test_a_node_that_ran_well_in_between_begins_anew():
    policy = RestartPolicy(most=2)
    for ran in (1.0, 1.0, 61.0, 1.0):
        delay = policy.delay("anomaly", -9, ran)
    assert delay == 1.0


def test_a_node_that_cannot_start_is_not_tried_again():
    with pytest.raises(GaveUpError, match="cannot start"):
        RestartPolicy().delay("anomaly", 2, 1.0)


def test_a_node_that_wants_to_be_started_again_is():
    assert RestartPolicy().delay("anomaly", RETRY, 1.0) == 0.5


def test_a_node_that_fails_later_or_cannot_start_for_the_moment_is_tried_again():
    policy = RestartPolicy()
    assert policy.delay("anomaly", 1, 100.0) == 0.5
    assert policy.delay("anomaly", 1, 1.0) == 1.0
