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
    assert joiner.add("image", 1, "again") == []
    assert joiner.add("pose", 1, "again") == []
    assert len(joiner) == 0
    assert joiner.ignored == 2


def test_second_message_of_a_topic_does_not_replace_the_first(joiner):
    joiner.add("image", 1, "first")
    joiner.add("image", 1, "second")
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
