import math

import pytest

from pad_ros.conveyor.belt import MeasuredBelt, SteadyBelt
from pad_ros.errors import ConfigError

TICK_M = 0.0005


def run(belt, speed, seconds, begin=0.0, at=0.0, every=0.02):
    """Lets an encoder count while the belt runs; returns the time and the true position at the end."""
    steps = round(seconds / every)
    for step in range(1, steps + 1):
        belt.moved_to(math.floor((at + speed * every * step) / TICK_M) * TICK_M, begin + every * step)
    return begin + every * steps, at + speed * every * steps


def test_a_steady_belt_goes_by_the_clock():
    belt = SteadyBelt(0.5)
    assert belt.position(12.0) - belt.position(10.0) == 1.0
    assert (belt.speed(3.0), belt.fault(3.0)) == (0.5, "")
    assert SteadyBelt(0.5).origin == belt.origin  # of a process that is started again
    assert SteadyBelt(0.4).origin != belt.origin


def test_an_encoder_is_followed_through_stops_and_changes_of_speed():
    belt = MeasuredBelt(1.0)
    now, at = 0.0, 0.0
    for speed, seconds in ((0.2, 2.0), (0.0, 1.0), (0.6, 2.0), (-0.1, 1.0), (0.3, 2.0)):
        now, at = run(belt, speed, seconds, now, at)
        assert belt.position(now) == pytest.approx(at, abs=2 * TICK_M)
        assert belt.speed(now) == pytest.approx(max(speed, 0.0), abs=0.01)
        assert belt.fault(now) == ""
        assert belt.position(now + 0.05) == pytest.approx(at + 0.05 * speed, abs=2 * TICK_M)


def test_before_it_is_measured_nobody_knows_where_a_belt_is():
    belt = MeasuredBelt(1.0)
    assert belt.position(5.0) is None and "yet" in belt.fault(5.0)
    belt.moved_to(7.0, 5.0)
    assert belt.position(5.0) == 7.0 and belt.fault(5.0) == ""
    belt.moved_to(math.nan, 5.1)
    belt.runs_at(math.inf, 5.1)
    assert belt.position(5.1) == 7.0


def test_an_encoder_that_falls_silent_is_a_fault_and_the_belt_is_reckoned_to_run_fast():
    belt = MeasuredBelt(1.0, silence_s=0.5)
    now, at = run(belt, 0.2, 1.0)
    assert belt.fault(now + 0.5) == "" and belt.fault(now + 0.6) != ""
    assert belt.speed(now + 0.6) == 1.0
    assert belt.position(now + 1.5) == pytest.approx(at + 0.5 * 0.2 + 1.0 * 1.0, abs=0.01)
    belt.moved_to(at, now + 2.0)  # it stood
    assert belt.position(now + 2.0) == pytest.approx(at, abs=TICK_M) and belt.fault(now + 2.0) == ""


def test_the_silence_of_an_encoder_that_speaks_when_it_moves_is_a_belt_that_stands():
    belt = MeasuredBelt(1.0, silence_s=0.0)
    now, at = run(belt, 0.2, 1.0)
    assert belt.position(now + 100.0) == pytest.approx(at, abs=0.01)
    assert (belt.speed(now + 100.0), belt.fault(now + 100.0)) == (0.0, "")


def test_a_counter_that_starts_again_has_not_moved_the_belt():
    belt = MeasuredBelt(1.0, restart_m=1.0)
    now, _ = run(belt, 0.5, 4.0)
    before, origin = belt.position(now + 0.02), belt.origin
    belt.moved_to(0.0, now + 0.02)
    assert belt.position(now + 0.02) == pytest.approx(before, abs=2 * TICK_M)
    assert belt.origin != origin and belt.restarts == 1
    belt.moved_to(0.01, now + 0.04)
    assert belt.position(now + 0.04) == pytest.approx(before + 0.01, abs=2 * TICK_M)


def test_a_speed_is_summed_up():
    belt = MeasuredBelt(1.0, silence_s=5.0, counts_on=False)
    for now, speed in ((0.0, 0.2), (2.0, 0.0), (3.0, 0.5)):
        belt.runs_at(speed, now)
    assert belt.position(4.0) == pytest.approx(0.4 + 0.5)
    assert belt.speed(4.0) == 0.5
    assert MeasuredBelt(1.0, counts_on=False).origin != belt.origin  # a process that begins again begins at 0
    assert MeasuredBelt(1.0).origin == MeasuredBelt(1.0).origin


@pytest.mark.parametrize(
    "make", [lambda: SteadyBelt(0.0), lambda: SteadyBelt(math.nan), lambda: MeasuredBelt(1.0, -1.0)]
)
def test_bad_settings_are_refused(make):
    with pytest.raises(ConfigError):
        make()
