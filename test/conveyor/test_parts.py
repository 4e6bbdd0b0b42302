import math

import pytest

from pad_ros.conveyor.decision import gate_delay
from pad_ros.conveyor.parts import PartTracker
from pad_ros.conveyor.policy import create_policy
from pad_ros.errors import ConfigError
from pad_ros.results import Status

NAN = float("nan")


def tracker(timeout=5.0, **arguments) -> PartTracker:
    return PartTracker(create_policy({"name": "any"}), timeout, **arguments)


def add(tracker, part, view, count=3, stamp=0.0, score=0.1, anomalous=False, status=Status.OK, now=None):
    return tracker.add(part, view, count, status, score, anomalous, stamp, now)


def test_decides_once_when_all_views_came_in_any_order():
    belt = tracker(gate_delay_s=2.5)
    assert add(belt, "a", 2, stamp=10.0) is None
    assert add(belt, "b", 0, stamp=11.0) is None  # parts may interleave
    assert add(belt, "a", 0, stamp=12.0) is None
    decision = add(belt, "a", 1, stamp=11.5, score=0.7)
    assert (decision.part_id, decision.reject, decision.views, decision.sequence) == ("a", False, 3, 1)
    assert decision.score == 0.7
    assert decision.stamp_s == 12.0
    assert decision.gate_time_s == 14.5
    assert len(belt) == 1


def test_one_anomalous_view_rejects_the_part():
    belt = tracker()
    add(belt, "a", 0, score=2.0, anomalous=True)
    add(belt, "a", 1)
    decision = add(belt, "a", 2)
    assert decision.reject
    assert decision.score == 2.0


def test_duplicates_do_not_complete_a_part_and_the_worse_one_counts():
    belt = tracker()
    for part, anomalous in (("a", (False, True)), ("b", (True, False)), ("c", (False, False))):
        for verdict in anomalous:
            assert add(belt, part, 0, count=2, score=9.0, anomalous=verdict) is None
        decision = add(belt, part, 1, count=2)
        assert decision.reject == any(anomalous), part
    assert belt.duplicate_views == 3


def test_a_view_that_could_not_be_judged_is_worse_than_a_good_one():
    belt = tracker()
    add(belt, "a", 0, count=2)
    add(belt, "a", 0, count=2, status=Status.ERROR, score=NAN, anomalous=True)
    assert add(belt, "a", 1, count=2).reject


def test_late_views_decide_nothing():
    belt = tracker()
    add(belt, "a", 0, count=2)
    assert add(belt, "a", 1, count=2).part_id == "a"
    assert add(belt, "a", 1, count=2, stamp=4.9) is None
    assert belt.late_views == 1
    assert belt.flush(1e9) == []


@pytest.mark.parametrize("clock", ["stamp_s", "arrival_ns"])
def test_a_part_id_that_starts_again_is_a_new_part(clock):
    belt = tracker(timeout=60.0, gate_delay_s=5.0)

    def view(index, now, **verdict):
        arguments = {"stamp_s": 0.0, "arrival_ns": 0, clock: now if clock == "stamp_s" else round(1e9 * now)}
        return belt.add("7", index, 2, Status.OK, 0.1, verdict.get("anomalous", False), now_s=now, **arguments)

    assert view(0, 1.0) is None
    assert view(1, 2.0).reject is False
    assert view(1, 6.9) is None and belt.late_views == 1  # the part has not passed the gate
    assert view(0, 7.1, anomalous=True) is None
    second = view(1, 8.0)
    assert (second.part_id, second.reject, second.sequence) == ("7", True, 2)
    assert belt.late_views == 1


def test_a_part_id_that_starts_again_while_its_part_waits_decides_that_one_first():
    belt = tracker(timeout=5.0)
    add(belt, "7", 0, count=2, stamp=0.0)
    assert add(belt, "7", 0, count=2, stamp=5.1) is None
    second = add(belt, "7", 1, count=2, stamp=5.2)
    (first,) = belt.flush(5.2)
    assert (second.reject, first.reject) == (False, True)
    assert "1 never came" in first.reason
    assert add(belt, "7", 1, count=2, stamp=5.3) is None and belt.late_views == 1


def test_a_part_that_was_announced_is_decided_though_no_verdict_came():
    belt = tracker(timeout=5.0, gate_delay_s=1.0)
    belt.announce("a", 3, stamp_s=1.0)
    belt.announce("", 0, stamp_s=1.0)
    assert belt.flush(5.9) == []
    (decision,) = belt.flush(6.0)
    assert (decision.part_id, decision.reject, decision.views, decision.gate_time_s) == ("a", True, 0, 2.0)
    assert "3 never came" in decision.reason


def test_an_announcement_changes_nothing_for_a_part_whose_verdicts_come():
    belt = tracker(timeout=5.0)
    for view in range(3):
        belt.announce("a", 3, stamp_s=float(view))
        decision = add(belt, "a", view, stamp=float(view))
    assert not decision.reject
    belt.announce("a", 3, stamp_s=2.0)  # late
    assert len(belt) == 0 and belt.flush(100.0) == []


def test_an_announced_part_outlives_a_new_run():
    belt = tracker()
    add(belt, "old", 0, count=2)
    belt.announce("new", 1, stamp_s=0.0)
    assert [decision.part_id for decision in belt.reset()] == ["old"]
    assert not add(belt, "new", 0, count=1).reject


def test_a_clock_step_back_does_not_tear_a_part_apart():
    belt = tracker(timeout=5.0, gate_delay_s=1.0)
    add(belt, "a", 0, stamp=1000.0, now=0.0)
    add(belt, "a", 1, stamp=940.0, now=1.0)
    assert not add(belt, "a", 2, stamp=941.0, now=2.0).reject
    assert len(belt) == belt.late_views == 0


def test_a_tracker_goes_on_from_what_was_decided_before():
    before = tracker(timeout=5.0)
    decisions = [add(before, part, 0, count=1, stamp=stamp) for part, stamp in (("a", 1.0), ("b", 2.0))]
    belt = tracker(timeout=5.0)
    belt.restore(decisions)
    assert add(belt, "b", 0, count=1, stamp=2.0) is None and belt.late_views == 1
    assert add(belt, "c", 0, count=1, stamp=3.0).sequence == 3


def test_a_part_with_missing_views_is_rejected_after_the_timeout():
    belt = tracker(timeout=5.0)
    add(belt, "a", 0, stamp=0.0)
    add(belt, "a", 1, stamp=4.0)
    assert belt.flush(8.9) == []  # counted from the last view
    (decision,) = belt.flush(9.0)
    assert decision.reject
    assert "1 never came" in decision.reason
    assert decision.views == 2
    assert add(belt, "a", 2, stamp=8.9) is None
    assert belt.late_views == 1


def test_an_unknown_number_of_views_is_decided_by_flush_alone():
    belt = tracker()
    for view in range(4):
        assert add(belt, "a", view, count=0, stamp=1.0) is None
    (decision,) = belt.flush(6.0)
    assert not decision.reject
    assert decision.views == 4


def test_an_image_without_a_part_is_a_part_of_its_own():
    belt = tracker()
    first = add(belt, "", 0, count=0)
    second = add(belt, "", 0, count=0, anomalous=True, score=3.0)
    assert first.part_id != second.part_id
    assert (first.reject, second.reject) == (False, True)


def test_an_index_beyond_the_count_means_more_views():
    belt = tracker()
    add(belt, "a", 0, count=2)
    assert add(belt, "a", 2, count=2) is None
    assert add(belt, "a", 1, count=2).views == 3


def test_unjudged_views_reject_and_score_nan():
    belt = tracker()
    decision = add(belt, "a", 0, count=1, status=1, score=NAN, anomalous=True)
    assert decision.reject
    assert math.isnan(decision.score)
    assert decision.views == 0
    assert "NOT_LOCALIZED" in decision.reason


def test_the_deadline_is_by_the_receivers_clock():
    belt = tracker(timeout=5.0)
    add(belt, "a", 0, stamp=100.0, now=7000.0)  # an old bag, replayed
    assert belt.flush(7004.0) == []
    assert len(belt.flush(7005.0)) == 1


def test_memory_is_bounded_and_no_part_is_lost():
    belt = tracker(max_open=10, max_decided=20)
    for index in range(100):
        add(belt, f"part {index}", 0, stamp=0.0)
    assert len(belt) == 10
    decisions = belt.flush(0.0) + belt.flush(100.0)
    assert [d.part_id for d in decisions] == [f"part {index}" for index in range(100)]
    assert [d.sequence for d in decisions] == list(range(1, 101))
    assert all(d.reject for d in decisions)
    assert len(belt._decided) == 20


def test_reset_starts_another_run_and_keeps_the_sequence():
    belt = tracker()
    assert add(belt, "a", 0, count=1).sequence == 1
    add(belt, "b", 0)
    (open_part,) = belt.reset()  # it may be on its way to the gate: it gets its command, and no benefit of the doubt
    assert open_part.part_id == "b" and open_part.reject and open_part.sequence == 2
    assert len(belt) == 0
    assert add(belt, "a", 0, count=1).sequence == 3


def test_gate_delay():
    assert gate_delay(1.5, 0.5) == 3.0
    for arguments in ((-1.0, 1.0), (1.0, 0.0), (1.0, NAN), (math.inf, 1.0)):
        with pytest.raises(ConfigError):
            gate_delay(*arguments)


@pytest.mark.parametrize(
    "arguments", [{"timeout": 0.0}, {"timeout": NAN}, {"gate_delay_s": -1.0}, {"max_open": 0}, {"max_decided": 0}]
)
def test_bad_settings_are_refused(arguments):
    with pytest.raises(ConfigError):
        tracker(**arguments)


def test_the_sequence_grows_by_one_in_the_order_in_which_decisions_are_handed_out():
    belt = tracker(max_open=1)
    add(belt, "a", 0)
    add(belt, "b", 0, count=2)  # pushes a out, which waits for flush
    second = add(belt, "b", 1, count=2)
    assert [d.sequence for d in [second, *belt.flush(0.0)]] == [1, 2]


def test_a_part_that_comes_to_the_gate_is_given_up():
    belt = tracker()
    belt.announce("a", 2, stamp_s=1.0, belt_m=0.5)
    belt.announce("a", 2, stamp_s=2.0, belt_m=0.7)
    belt.announce("b", 1, stamp_s=2.0)
    add(belt, "a", 0, count=2, stamp=1.0)
    assert belt.places() == [("b", None), ("a", 0.7)]
    decision = belt.give_up("a", reject=False)
    assert (decision.reject, decision.sequence, decision.belt_m, decision.views) == (False, 1, 0.7, 1)
    assert "1 never came; not decided before the gate: passed by the fail-safe" in decision.reason
    assert belt.give_up("b", reject=True).reject
    assert add(belt, "a", 1, count=2, stamp=2.0) is None and belt.late_views == 1
    assert belt.announce("a", 2, stamp_s=2.0) is False
