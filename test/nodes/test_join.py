import tracemalloc

import pytest

from pad_ros.nodes.join import Joiner


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def joiner(clock):
    return Joiner(("image", "pose"), ("part",), timeout=10.0, grace=0.5, capacity=3, clock=clock)


def test_complete_when_every_required_topic_has_come(joiner):
    assert joiner.add("pose", 1, "p") == []
    (joined,) = joiner.add("image", 1, "i")
    assert (joined.stamp, joined.messages, joined.missing) == (1, {"pose": "p", "image": "i"}, ())
    assert len(joiner) == 0


def test_stamps_do_not_mix(joiner):
    joiner.add("image", 1, "i1")
    assert joiner.add("pose", 2, "p2") == []
    (joined,) = joiner.add("pose", 1, "p1")
    assert joined.messages == {"image": "i1", "pose": "p1"}


def test_a_stamp_has_one_outcome_only(joiner):
    joiner.add("image", 1, "i")
    assert len(joiner.add("pose", 1, "p")) == 1
    assert joiner.add("pose", 1, "again") == []
    assert joiner.add("pose", 1, "again") == []
    assert len(joiner) == 0
    assert joiner.ignored == 2


def test_second_message_of_a_topic_does_not_replace_the_first(joiner):
    joiner.add("image", 1, "first")
    (repeated,) = joiner.add("image", 1, "second")
    assert (repeated.duplicate, repeated.messages) == (True, {"image": "second"})
    assert joiner.add("pose", 1, "p")[0].messages["image"] == "first"


def test_timeout_names_what_is_missing_and_late_messages_change_nothing(joiner, clock):
    joiner.add("image", 1, "i")
    clock.now = 9.9
    assert joiner.expire() == []
    clock.now = 10.0
    (joined,) = joiner.expire()
    assert joined.missing == ("pose",)
    assert joiner.add("pose", 1, "late") == []
    clock.now = 30.0
    assert joiner.expire() == []


def test_a_backlog_that_moves_does_not_time_out(joiner, clock):
    for stamp in (1, 2, 3):
        joiner.add("image", stamp, "i")
    clock.now = 9.0
    assert len(joiner.add("pose", 1, "p")) == 1
    clock.now = 18.0  # 3 waits since 0, but 2's pose is due first
    assert joiner.expire() == []
    assert len(joiner.add("pose", 2, "p")) == 1
    clock.now = 27.9
    assert joiner.expire() == []
    clock.now = 28.0
    assert [joined.stamp for joined in joiner.expire()] == [3]


def test_a_message_that_was_skipped_times_out_while_later_ones_go_on(joiner, clock):
    joiner.add("image", 1, "i")
    for stamp in range(2, 12):
        clock.now = float(stamp)
        joiner.add("image", stamp, "i")
        assert len(joiner.add("pose", stamp, "p")) == 1
    assert [joined.stamp for joined in joiner.expire()] == [1]


def test_memory_is_bounded(joiner):
    outcomes = [outcome for stamp in range(1000) for outcome in joiner.add("image", stamp, "i")]
    assert len(joiner) == 3
    assert [outcome.stamp for outcome in outcomes] == list(range(997))
    assert len(joiner._finished) <= 60


def test_a_finished_stamp_takes_little_memory():
    many = Joiner(("image", "pose", "mask", "background", "more"), capacity=500)
    tracemalloc.start()
    for stamp in range(1000, 6000):
        for topic in ("image", "pose", "mask", "background", "more"):
            many.add(topic, stamp, None)
    used = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert used / 5000 < 300  # bytes; with a set for each, 580


def test_expected_optional_topic_is_waited_for(joiner, clock):
    joiner.expect_optional = True
    joiner.add("image", 1, "i")
    assert joiner.add("pose", 1, "p") == []
    assert joiner.add("part", 1, "x")[0].messages["part"] == "x"


def test_expected_optional_topic_is_not_waited_for_long(joiner, clock):
    joiner.expect_optional = True
    joiner.add("image", 1, "i")
    joiner.add("pose", 1, "p")
    clock.now = 0.4
    assert joiner.expire() == []
    clock.now = 0.5
    (joined,) = joiner.expire()
    assert joined.missing == ()
    assert joiner.add("part", 1, "late") == []


def test_an_optional_topic_that_has_a_backlog_is_waited_for(joiner, clock):
    joiner.expect_optional = True
    for stamp in (1, 2):
        joiner.add("image", stamp, "i")
        joiner.add("pose", stamp, "p")
    clock.now = 0.4
    assert joiner.add("part", 1, "x")[0].messages["part"] == "x"
    clock.now = 0.8
    assert joiner.expire() == []
    assert joiner.add("part", 2, "y")[0].messages["part"] == "y"


def test_optional_message_that_came_first_is_joined(joiner):
    joiner.add("part", 1, "x")
    joiner.add("image", 1, "i")
    assert joiner.add("pose", 1, "p")[0].messages == {"part": "x", "image": "i", "pose": "p"}


def test_enough_completes_without_the_rest_and_the_rest_changes_nothing(clock):
    joiner = Joiner(
        ("image", "pose", "mask"), capacity=3, clock=clock, enough=lambda messages: messages.get("pose") == "none"
    )
    joiner.add("image", 1, "i")
    (joined,) = joiner.add("pose", 1, "none")
    assert joined.missing == ()
    assert joiner.add("mask", 1, "late") == []
    assert (len(joiner), joiner.ignored) == (0, 0)


def test_optional_message_alone_is_no_result(joiner, clock):
    joiner.add("part", 1, "x")
    clock.now = 10.0
    assert joiner.expire() == []
    assert len(joiner) == 0


def test_each_image_with_a_stamp_of_another_has_an_outcome_of_its_own(joiner):
    joiner.add("image", 0, "a")
    joiner.add("pose", 0, "p")
    outcomes = [joiner.add("image", 0, image) for image in "bcd"]
    assert [(joined.duplicate, joined.messages["image"]) for (joined,) in outcomes] == [
        (True, image) for image in "bcd"
    ]
    assert joiner.duplicates == 3
    assert joiner.add("pose", 0, "of b") == []


def test_an_image_with_a_stamp_of_another_waits_for_its_own_part(joiner, clock):
    joiner.expect_optional = True
    joiner.add("part", 0, "first")
    joiner.add("image", 0, "a")
    joiner.add("part", 0, "second")  # before its image
    (second,) = joiner.add("image", 0, "b")
    assert joiner.add("image", 0, "c") == []
    (third,) = joiner.add("part", 0, "third")  # after it
    assert joiner.add("image", 0, "d") == []
    clock.now = 0.5
    (fourth,) = joiner.expire()
    assert [joined.messages.get("part") for joined in (second, third, fourth)] == ["second", "third", None]
    (first,) = joiner.add("pose", 0, "p")
    assert (first.messages["image"], first.messages["part"], first.duplicate) == ("a", "first", False)


def test_stamps_that_start_again_are_a_new_run(joiner):
    for stamp in (1, 2, 3):
        joiner.add("image", stamp, "i")
        joiner.add("pose", stamp, "p")
    joiner.expect_optional = True
    joiner.add("part", 1, "ahead of its image")
    for stamp in (1, 2, 3):
        joiner.add("image", stamp, "again")
        (joined,) = [*joiner.add("pose", stamp, "p"), *joiner.give_up()]
        assert (joined.stamp, joined.missing, joined.duplicate, joined.run) == (stamp, (), False, 1)
        assert joined.messages.get("part") == ("ahead of its image" if stamp == 1 else None)
    assert joiner.duplicates == 0


def test_a_clock_that_steps_back_costs_nothing(joiner):
    stamps = (100, 101, 50, 51, 102)
    for stamp in stamps:
        joiner.add("image", stamp, "i")
        (joined,) = joiner.add("pose", stamp, "p")
        assert (joined.stamp, joined.missing, joined.duplicate, joined.run) == (stamp, (), False, 0)


def test_the_image_itself_is_not_waited_for_as_long(clock):
    joiner = Joiner(("image", "pose"), timeout=30.0, image_timeout=5.0, clock=clock, answered=())
    joiner.add("pose", 1, "p")
    clock.now = 5.0
    (joined,) = joiner.expire()
    assert joined.missing == ("image",)
    assert joiner.add("image", 1, "late") == []


def second(number):
    return number * 10**9


def test_history_of_an_earlier_run_is_dropped_and_counted(clock):
    joiner = Joiner(("image", "pose"), timeout=10.0, clock=clock)
    for stamp in (1, 2, 95):
        joiner.add("pose", second(stamp), "kept by its publisher")
    joiner.add("image", second(100), "i")
    clock.now = 10.0
    assert {(joined.stamp, joined.missing) for joined in joiner.expire()} == {
        (second(95), ("image",)),  # lost while the nodes found each other
        (second(100), ("pose",)),
    }
    assert joiner.history == 2


def test_a_process_that_goes_on_owes_what_the_one_before_left(clock):
    joiner = Joiner(("image", "pose"), timeout=10.0, clock=clock, answered=[second(1), second(2)], run=3)
    for stamp in (1, 2, 3):
        joiner.add("pose", second(stamp), "kept by its publisher")
    clock.now = 10.0
    (joined,) = joiner.expire()
    assert (joined.stamp, joined.missing, joined.run) == (second(3), ("image",), 3)
    (repeated,) = joiner.add("image", second(2), "a stamp that was used before the restart")
    assert repeated.duplicate


def test_giving_up_leaves_nothing_without_outcome(joiner):
    joiner.expect_optional = True
    joiner.add("image", 1, "i")
    joiner.add("image", 1, "again")
    joiner.add("pose", 2, "no image")
    assert [(joined.stamp, joined.duplicate, joined.missing) for joined in joiner.give_up()] == [
        (1, False, ("pose",)),
        (2, False, ("image",)),
        (1, True, ()),
    ]
    assert len(joiner) == 0
