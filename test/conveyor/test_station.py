"""A line with a simulated clock: when commands leave, and what becomes of what is not there in time."""

import errno
import math
import random

import pytest

from pad_ros.conveyor.belt import MeasuredBelt, SteadyBelt
from pad_ros.conveyor.decisions import DecisionJournal
from pad_ros.conveyor.gate import Gate, GateSettings
from pad_ros.conveyor.parts import PartTracker
from pad_ros.conveyor.policy import create_policy
from pad_ros.conveyor.station import Station
from pad_ros.conveyor.tally import Tally
from pad_ros.errors import ConfigError, TooLateError
from pad_ros.results import Status

STEP_S = 0.01
CAMERA_CLOCK_S = 1.7e9  # ahead of ours
DISTANCE_M, LEAD_S = 1.0, 0.1


class Line:
    """A belt with an encoder, a camera, a gate, and a station that may be started again."""

    def __init__(self, mode="timed", belt="ticks", journal="", policy=None, **options):
        self.now, self.metres, self.speed = 1000.0, 3.0, 0.2
        self.mode, self.kind, self.journal, self.options = mode, belt, str(journal), options
        self.policy = policy or {"name": "any"}
        self.camera_clock = CAMERA_CLOCK_S
        self.placed = {}  # part to the belt's true place at its last image
        self.said, self.sent, self.lost, self.left = [], [], [], {}  # left: part to metres from the gate
        self.start()

    def start(self, heard=True):
        self.belt = SteadyBelt(0.2) if self.kind == "steady" else MeasuredBelt(0.2)
        settings = GateSettings(self.mode, DISTANCE_M, lead_s=LEAD_S, tolerance_m=0.02, ahead_s=STEP_S)
        tracker = PartTracker(create_policy(self.policy), 60.0, DISTANCE_M / 0.2)
        journal = DecisionJournal(self.journal, self.belt.origin)
        gate = Gate(self.belt, settings, clock=lambda: self.now)
        self.station = Station(
            tracker, gate, journal, self.said.append, self.take, self.options.pop("trouble", None), **self.options
        )
        if heard:
            self.measure()
        self.station.resume(self.now)

    def take(self, decision):
        """The PLC."""
        try:
            command = self.station.command(decision)
        except TooLateError as error:
            self.lost.append((decision.part_id, str(error)))
        else:
            self.sent.append(command)
            self.left[decision.part_id] = DISTANCE_M - (self.metres - self.placed[decision.part_id])
        self.station.sent(decision)

    def measure(self):
        if self.kind != "steady":
            self.belt.moved_to(round(self.metres / 0.0005) * 0.0005, self.now)

    def go(self, seconds, speed=None, tick=True, heard=True):
        self.speed = self.speed if speed is None else speed
        for _ in range(round(seconds / STEP_S)):
            self.now += STEP_S
            self.metres += self.speed * STEP_S
            if heard:
                self.measure()
            if tick:
                self.station.tick(self.now)

    @property
    def stamp(self):
        return self.now + self.camera_clock

    def image(self, part, count=1):
        self.placed[part] = self.metres
        self.station.announce(part, count, self.stamp, self.now)
        return self.stamp

    def verdict(self, part, stamp, bad=False, view=0, count=1, status=Status.OK):
        self.station.judged(
            0,
            stamp,
            self.now,
            part_id=part,
            view_index=view,
            view_count=count,
            status=status,
            score=math.nan if status else 0.9 if bad else 0.1,
            anomalous=bad or bool(status),
        )

    def verdicts(self):
        return [(command.part_id, command.reject) for command in self.sent]


def test_with_no_timing_commands_go_at_once():
    line = Line("none", "steady")
    line.verdict("a", line.image("a"), bad=True)
    assert line.verdicts() == [("a", True)]
    line.image("b")
    line.go(50.0)
    assert line.verdicts() == [("a", True)] and line.station.tally.undecided == 0  # the part's own timeout comes later
    (said,) = line.said
    assert said.gate_time_s == pytest.approx(said.stamp_s + 5.0)


@pytest.mark.parametrize("belt", ["steady", "ticks"])
def test_a_timed_command_leaves_when_it_must(belt):
    line = Line("timed", belt)
    line.verdict("a", line.image("a"), bad=True)
    line.go(4.8)
    assert len(line.said) == 1 and not line.sent
    line.go(0.2)
    assert line.verdicts() == [("a", True)]
    assert line.left["a"] == pytest.approx(LEAD_S * 0.2, abs=0.005)
    assert line.sent[0].to_gate_s == pytest.approx(LEAD_S, abs=0.03)
    assert line.sent[0].to_gate_m == pytest.approx(line.left["a"], abs=0.002)
    assert line.said[0].gate_time_s == pytest.approx(line.said[0].stamp_s + 5.0, abs=0.05)


def test_an_early_command_leaves_at_once_with_its_way():
    line = Line("early")
    stamp = line.image("a")
    line.go(1.0)
    line.verdict("a", stamp, bad=True)
    assert line.verdicts() == [("a", True)]
    assert line.sent[0].to_gate_m == pytest.approx(0.8, abs=0.002)
    assert line.sent[0].to_gate_s == pytest.approx(4.0, abs=0.1)


@pytest.mark.parametrize("mode", ["early", "timed"])
def test_a_belt_that_stands_in_the_middle_of_a_part_does_not_make_two_of_it(mode):
    line = Line(mode)
    line.verdict("a", line.image("a", 3), view=0, count=3)
    line.go(100.0, speed=0.0)  # the part's timeout is 60 s
    line.go(0.5, speed=0.2)
    second = line.image("a", 3)
    line.go(0.5)
    third = line.image("a", 3)
    line.verdict("a", second, view=1, count=3)
    line.go(100.0, speed=0.0)
    line.verdict("a", third, view=2, count=3)
    line.go(6.0, speed=0.2)
    assert line.verdicts() == [("a", False)] and len(line.said) == 1
    line.image("b", 3)
    line.go(100.0, speed=0.0)
    assert len(line.said) == 1
    line.go(70.0, speed=0.01)  # it moves: the timeout counts
    assert [decision.reason for decision in line.said[1:]] == ["0 of 3 views anomalous; 3 never came"]


@pytest.mark.parametrize("mode", ["early", "timed"])
@pytest.mark.parametrize("fail_safe", [True, False], ids=["reject", "pass"])
def test_a_part_that_comes_to_the_gate_undecided_is_decided_by_the_fail_safe(mode, fail_safe):
    line = Line(mode, reject_undecided=fail_safe)
    stamp = line.image("a")
    line.go(4.88)
    assert not line.said
    line.go(0.1)
    assert line.verdicts() == [("a", fail_safe)]
    assert line.left["a"] == pytest.approx(LEAD_S * 0.2, abs=0.005)
    assert "not decided before the gate" in line.said[0].reason and line.station.tally.undecided == 1
    line.verdict("a", stamp, bad=True)  # too late
    assert len(line.said) == 1 and line.station.tracker.late_views == 1


@pytest.mark.parametrize(
    ("views", "reject"), [({0: "good"}, False), ({0: "bad"}, True), ({0: "good", 1: "unjudged"}, True), ({}, False)]
)
def test_the_fail_safe_pass_passes_nothing_that_a_view_speaks_against(views, reject):
    line = Line("early", reject_undecided=False)
    for view, verdict in views.items():
        status = Status.TIMEOUT if verdict == "unjudged" else Status.OK
        line.verdict("a", line.image("a", 3), verdict == "bad", view, 3, status)
    line.image("a", 3)
    line.go(6.0)
    assert line.verdicts() == [("a", reject)]


def test_a_part_of_an_unknown_number_of_views_is_decided_by_all_that_were_taken():
    line = Line("early")
    for part, verdicts in (("a", 2), ("b", 1)):
        stamps = [line.image(part, 0) for _ in range(2)]
        for view in range(verdicts):
            line.verdict(part, stamps[view], view=view, count=0)
    line.go(6.0)
    assert sorted(line.verdicts()) == [("a", False), ("b", True)]


def test_a_belt_that_stops_takes_its_parts_with_it():
    line = Line("timed")
    stamp = line.image("a")
    line.go(2.0)
    line.go(30.0, speed=0.0)
    line.verdict("a", stamp, bad=True)
    assert line.said[0].gate_time_s == pytest.approx(line.stamp + 3.0, abs=0.1)
    line.go(20.0)
    assert not line.sent
    line.go(0.5, speed=0.1)
    line.go(2.0, speed=0.5)
    assert line.verdicts() == [("a", True)]
    assert line.left["a"] == pytest.approx(LEAD_S * 0.5, abs=0.5 * 0.03)


def test_several_parts_between_camera_and_gate_are_told_apart():
    line = Line("timed")
    stamps = {}
    for number in range(12):
        stamps[number] = line.image(f"part {number}")
        line.go(0.4, speed=0.1 + 0.1 * (number % 3))
    for number in sorted(stamps, key=lambda n: -n):  # verdicts come the other way round
        line.verdict(f"part {number}", stamps[number], bad=number % 4 == 1)
    line.go(8.0, speed=0.2)
    assert line.verdicts() == [(f"part {n}", n % 4 == 1) for n in range(12)]
    assert not line.lost
    assert all(left == pytest.approx(LEAD_S * 0.2, abs=0.01) for left in list(line.left.values())[4:])


def test_a_command_that_cannot_hit_its_part_any_more_is_not_given():
    line = Line("timed")
    line.verdict("a", line.image("a"), bad=True)
    line.go(5.5, tick=False)  # the machine was busy
    line.go(0.1)
    assert not line.sent
    assert line.lost[0][0] == "a" and "further than a command can hit it" in line.lost[0][1]


def test_an_image_that_was_not_announced_is_placed_by_its_stamp():
    line = Line("timed")
    for number in range(3):
        line.verdict(f"part {number}", line.image(f"part {number}"))
        line.go(0.2)
    line.placed["x"], stamp = line.metres, line.stamp
    line.go(1.0)
    line.verdict("x", stamp, bad=True)
    line.go(6.0)
    assert ("x", True) in line.verdicts()
    assert line.left["x"] == pytest.approx(LEAD_S * 0.2, abs=0.01)


def test_stamps_that_start_again_place_images_by_the_new_clock():
    line = Line("timed")
    for number in range(10):
        line.image(f"part {number}")
    line.camera_clock = 0.0
    line.image("first of the new run")
    line.placed["x"], stamp = line.metres, line.stamp
    line.go(1.0)
    line.verdict("x", stamp, bad=True)
    line.go(6.0)
    assert line.left["x"] == pytest.approx(LEAD_S * 0.2, abs=0.01)


def test_where_nobody_knows_the_part_a_timed_command_is_lost_aloud_and_an_early_one_has_no_way():
    for mode in ("timed", "early"):
        line = Line(mode)
        line.placed["x"] = line.metres
        line.verdict("x", line.stamp, bad=True)
        line.go(0.1)
        if mode == "timed":
            assert "nobody knows where the part is" in line.lost[0][1] and not line.sent
        else:
            assert line.verdicts() == [("x", True)] and line.sent[0].to_gate_m is None


def test_a_dry_run_decides_all_and_rejects_nothing():
    line = Line("timed", dry_run=True)
    line.verdict("a", line.image("a"), bad=True)
    line.go(6.0)
    assert line.said[0].reject and line.verdicts() == [("a", False)]
    assert "dry run" in line.station.how_taken and "dry run" not in Line("timed").station.how_taken


def test_a_process_that_is_started_again_knows_what_is_on_the_belt(tmp_path):
    line = Line("timed", journal=tmp_path / "journal")
    line.verdict("decided", line.image("decided"), bad=True)
    line.go(0.5)
    open_stamp = line.image("open")
    line.go(0.5)
    line.image("lost")
    line.go(0.5)
    line.start()  # killed: nothing was said on the way out
    line.go(0.5)
    line.verdict("open", open_stamp, bad=True)
    line.go(6.0)
    assert line.verdicts() == [("decided", True), ("open", True), ("lost", True)]
    assert all(left == pytest.approx(LEAD_S * 0.2, abs=0.01) for left in line.left.values())
    assert "fail-safe" in line.said[-1].reason and "fail-safe" not in line.said[-2].reason
    assert sorted({decision.sequence for decision in line.said}) == [1, 2, 3]
    line.start()
    line.go(6.0)
    assert len(line.sent) == 3  # nothing twice


@pytest.mark.parametrize("mode", ["timed", "early"])
def test_a_process_that_is_started_again_waits_for_the_first_word_of_the_belt(mode, tmp_path):
    line = Line(mode, journal=tmp_path / "journal")
    line.take = lambda decision: None  # the PLC was away
    line.start()
    line.verdict("decided", line.image("decided"), bad=True)
    line.image("open")
    del line.take
    line.start(heard=False)
    line.go(1.0, heard=False)
    assert not line.sent and not line.lost
    line.go(6.0)
    assert line.verdicts() == [("decided", True), ("open", True)]
    if mode == "timed":
        assert all(left == pytest.approx(LEAD_S * 0.2, abs=0.01) for left in line.left.values())
    line = Line(mode, journal=tmp_path / "journal 2")
    line.image("open")
    line.start(heard=False)
    line.go(5.0, heard=False)  # it never comes
    assert [part for part, _ in line.lost] + [command.part_id for command in line.sent] == ["open"]


def test_positions_that_mean_nothing_any_more_are_not_gone_by(tmp_path):
    line = Line("timed", journal=tmp_path / "journal")
    line.verdict("decided", line.image("decided"), bad=True)
    line.image("open")
    line.go(0.5)
    line.kind = "steady"  # counts from elsewhere
    line.start()
    line.go(0.1)
    assert [part for part, _ in line.lost] == ["decided", "open"] and not line.sent
    assert all("nobody knows" in why for _, why in line.lost)


def test_a_journal_that_cannot_be_written_holds_nothing_up(tmp_path):
    troubles = []
    line = Line("early", journal=tmp_path / "folder" / "journal", trouble=troubles.append)
    (tmp_path / "folder" / "journal").unlink()
    (tmp_path / "folder").rmdir()
    line.verdict("a", line.image("a"), bad=True)
    assert line.verdicts() == [("a", True)] and troubles


def test_what_was_decided_on_a_full_disk_is_not_decided_again_once_there_was_room(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "full")

    line = Line("none", journal=tmp_path / "journal", trouble=lambda error: None)
    monkeypatch.setattr("pad_ros.common.journal.append_whole", full)
    first = line.image("a")
    line.verdict("a", first, bad=True)
    monkeypatch.undo()
    line.verdict("b", line.image("b"))
    line.start()
    line.verdict("a", first, bad=True)  # who starts again hears the last results again
    assert line.verdicts() == [("a", True), ("b", False)]
    assert [decision.sequence for decision in line.said] == [1, 2]


def test_the_end_decides_what_is_open_and_keeps_what_waits_for_the_gate(tmp_path):
    line = Line("timed", journal=tmp_path / "journal")
    line.verdict("a", line.image("a"))
    line.image("b", 2)
    line.station.stop(line.now)
    assert [(d.part_id, d.reject) for d in line.said] == [("a", False), ("b", True)]
    assert not line.sent and len(line.station.gate) == 2
    line.start()
    line.go(6.0)
    assert line.verdicts() == [("a", False), ("b", True)]


def deliver(line, due):
    """Gives the verdicts that are due; returns the others."""
    for when, *verdict in due:
        if when <= line.now:
            line.verdict(*verdict)
    return [verdict for verdict in due if verdict[0] > line.now]


def test_five_hundred_parts_on_a_line_that_stops_and_changes_its_speed():
    draw = random.Random(3)
    line = Line("timed")
    due, truth = [], {}
    for number in range(500):
        part, bad = f"part {number}", draw.random() < 0.1
        truth[part] = bad
        stamp = line.image(part)
        late = draw.random() < 0.05  # its verdict never comes
        due.append((math.inf if late else line.now + draw.uniform(0.3, 1.5), part, stamp, bad))
        if draw.random() < 0.1:
            line.go(draw.uniform(0.2, 1.0), speed=draw.choice((0.0, 0.1, 0.2, 0.3)))
        line.go(0.1, speed=draw.choice((line.speed or 0.2, 0.2)))  # no two parts at one place
        due = deliver(line, due)
    line.go(1.5, speed=0.2)
    due = deliver(line, due)
    line.go(12.0)
    assert sorted(command.sequence for command in line.sent) == list(range(1, 501))
    assert [command.part_id for command in line.sent] == list(truth)  # as they come to the gate
    assert {command.part_id for command in line.sent} == set(truth) and not line.lost
    rejected = {command.part_id for command in line.sent if command.reject}
    assert rejected >= {part for part, bad in truth.items() if bad}
    assert rejected - {part for part, bad in truth.items() if bad} == {part for _, part, _, bad in due if not bad}
    worst = max(abs(left - LEAD_S * 0.2) for left in line.left.values())
    assert worst < 0.04


@pytest.mark.parametrize("settings", [{"mode": "late"}, {"distance_m": -1.0}, {"lead_s": math.nan}])
def test_bad_settings_are_refused(settings):
    with pytest.raises(ConfigError):
        GateSettings(**settings)


@pytest.mark.parametrize("fail_safe", [True, False], ids=["reject", "pass"])
def test_while_inspection_is_disabled_the_fail_safe_decides_also_after_a_crash(tmp_path, fail_safe):
    line = Line("none", journal=tmp_path / "journal", reject_undecided=fail_safe)
    line.verdict("a", line.image("a"), bad=not fail_safe)
    line.station.enable(False)
    line.verdict("b", line.image("b"), bad=not fail_safe)
    line.start()
    line.verdict("c", line.image("c"), bad=not fail_safe)
    assert line.verdicts() == [("a", not fail_safe), ("b", fail_safe), ("c", fail_safe)]
    word = "rejected" if fail_safe else "passed"
    assert {decision.reason for decision in line.said[1:]} == {f"inspection is disabled: {word} by the fail-safe"}
    line.station.enable(True)
    line.start()
    line.verdict("d", line.image("d"), bad=not fail_safe)
    assert line.verdicts()[-1] == ("d", not fail_safe)
    tally = line.station.tally
    assert (tally.parts, tally.rejected, tally.passed) == (4, 2, 2)


def test_counts_and_unseen_faults_hold_over_a_crash_until_the_operator_ends_them(tmp_path):
    line = Line("timed", journal=tmp_path / "journal")
    line.image("a")
    line.go(5.0)
    line.start()
    line.station.lost(line.said[0])
    line.start()
    tally = line.station.tally
    assert (tally.parts, tally.undecided, tally.at_gate) == (1, 1, "1 parts came to the gate undecided")
    assert tally.lost == "1 commands never reached the PLC"
    assert line.station.reset() == "counted until now: 1 parts, 1 rejected, 1 undecided"
    assert tally.lost and tally.at_gate  # seen by nobody yet
    seen = "acknowledged: 1 commands never reached the PLC, 1 parts came to the gate undecided"
    assert line.station.acknowledge() == seen
    line.start()
    assert line.station.tally == Tally()
    assert line.station.acknowledge() == "there was nothing to acknowledge"


def test_another_policy_leaves_parts_of_which_views_came_to_the_old_one():
    line = Line("none")
    stamp = line.image("a", count=2)
    line.verdict("a", stamp, count=2)
    announced = line.image("b", count=1)
    line.station.change_policy(create_policy({"name": "votes", "votes": 2}), line.now)
    assert line.verdicts() == [("a", True)] and "1 never came" in line.said[0].reason
    line.verdict("b", announced)
    assert line.verdicts()[-1] == ("b", False)
