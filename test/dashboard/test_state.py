import json
from dataclasses import replace

from dashboard_stage import Clock, Line, decision, picture, view

from pad_ros.dashboard.faults import MIXED_S, SILENT_S, STARTING_S
from pad_ros.dashboard.pictures import Picture, Pictures
from pad_ros.errors import ImageError
from pad_ros.results import RegionKind, Status


def said(line):
    return json.loads(line.state.snapshot())


def faults(line):
    return [(f["level"], f["text"], f["about"].get("node", "")) for f in said(line)["faults"]]


def test_verdicts_counters_and_rejects():
    clock = Clock()
    line = Line(clock=clock)
    clock.now += 10.0
    line.pass_part("one")
    line.pass_part("two", bad=(0, 2))
    line.state.judged("cube", view("three", 0, 3, anomalous=True))
    now = said(line)
    assert (now["product"], now["station"]) == ("cube", "line 3")
    assert (now["verdict"]["part"], now["verdict"]["reject"]) == ("two", True)
    assert [v["state"] for v in now["verdict"]["views"]] == ["bad", "good", "bad"]
    assert now["verdict"]["kinds"] == {"missing": 2} and now["verdict"]["at"]
    assert now["current"]["part"] == "three" and now["current"]["count"] == 3
    assert now["counters"] == {"parts": 2, "rejected": 1}
    assert [reject["part"] for reject in now["rejects"]] == ["two"]
    assert line.state.picture(now["rejects"][0]["picture"]).jpeg()[:2] == b"\xff\xd8"


def test_what_is_said_again_counts_once():
    line = Line()
    line.pass_part("one", bad=(0,))
    line.state.decided(decision("one", True, 1))  # a conveyor that was started again
    line.state.judged("cube", view("one", 0, 3, anomalous=True))  # and history
    assert said(line)["counters"] == {"parts": 1, "rejected": 1}
    assert len(said(line)["rejects"][0]["views"]) == 3


def test_what_was_said_before_the_page_began_has_no_time():
    line = Line()
    line.pass_part("one")
    assert said(line)["verdict"]["at"] is None


def test_a_view_after_its_decision_belongs_to_the_reject():
    line = Line()
    line.state.judged("cube", view("one", 0, 2))
    line.state.decided(decision("one", True, 1))
    line.state.judged("cube", view("one", 1, 2, anomalous=True, kind=RegionKind.ADDED))
    line.state.pictured("overlay", view("one", 1, 2).stamp, picture())
    reject = said(line)["rejects"][0]
    assert reject["kinds"] == {"added": 1} and reject["picture"]


def test_a_name_that_is_used_again_is_another_part():
    line = Line()
    line.pass_part("one", bad=(0,), count=2)
    again = replace(view("one", 0, 2), stamp=77, arrival=77)
    line.state.judged("cube", again)
    now = said(line)
    assert [v["state"] for v in now["current"]["views"]] == ["good"]
    assert len(now["rejects"][0]["views"]) == 2
    line.state.decided(decision("one", False, 2))
    assert not said(line)["verdict"]["reject"] and said(line)["counters"] == {"parts": 2, "rejected": 1}


def test_views_that_could_not_be_judged_are_named():
    line = Line()
    line.state.judged("cube", view("one", 0, 2, status=Status.NOT_LOCALIZED))
    line.state.judged("cube", view("one", 1, 2, status=Status.TIMEOUT))
    line.state.decided(decision("one", True, 1))
    assert said(line)["verdict"]["unjudged"] == ["NOT_LOCALIZED", "TIMEOUT"]


def test_the_conveyors_own_counters_come_first():
    line = Line()
    line.pass_part("one", bad=(0,))
    line.all_well(parts="17", rejected="4")
    assert said(line)["counters"] == {"parts": 17, "rejected": 4}


def test_memory_is_bounded():
    line = Line()
    for index in range(300):
        line.state.judged("cube", view(f"open {index}", 0, 9, anomalous=True))
        line.pass_part(f"part {index}", bad=(0,), count=1)
    parts = line.state._parts
    assert len(parts._open) <= 64 and len(parts.rejects) <= 5 and len(line.state._bad) <= 64


def test_a_line_that_is_well_has_no_fault():
    line = Line()
    line.all_well()
    assert faults(line) == []


def test_a_node_that_falls_silent_is_a_red_fault_and_one_that_is_not_there_yet_an_amber_one():
    clock = Clock()
    line = Line(clock=clock)
    assert {(level, text) for level, text, _ in faults(line)} == {("amber", "fault.starting")}
    line.all_well()
    clock.now += SILENT_S + 0.1
    for name in ("localization", "background", "conveyor"):
        line.state.heard(name, "ok", "running", {})
    assert faults(line) == [("red", "fault.silent", "anomaly")]
    line.state.heard("bag_player", "ok", "running", {})
    clock.now += SILENT_S + 0.1
    assert ("amber", "fault.ended", "bag_player") in faults(line)
    line = Line(clock=clock)
    clock.now += STARTING_S + 0.1
    assert ("red", "fault.missing", "conveyor") in faults(line)


def test_faults_come_worst_first():
    line = Line()
    line.all_well(enabled="false")
    line.state.heard("records", "warn", "slow disk", {})
    line.state.heard("anomaly", "error", "no GPU", {"product": "cube"})
    assert faults(line)[0] == ("red", "fault.node", "anomaly")
    assert {text for level, text, _ in faults(line)[1:]} == {"fault.node", "fault.disabled"}
    assert not said(line)["enabled"]


def test_nodes_that_keep_different_products_are_a_red_fault():
    clock = Clock()
    line = Line(clock=clock)

    def after(seconds, checksum="aa", **products):
        for name in ("localization", "background", "anomaly", "conveyor"):
            values = {"product": products.get(name, "cube"), "product checksum": checksum}
            line.state.heard(name, "ok", "running", values)
        assert faults(line) == []  # they do not all speak at once
        clock.now += seconds
        return faults(line)

    assert after(MIXED_S + 0.1) == []
    assert after(MIXED_S - 0.1, anomaly="sphere") == []
    assert after(MIXED_S + 0.1) == []
    assert after(MIXED_S + 0.1, anomaly="sphere") == [("red", "fault.mixed", "")]
    assert said(line)["faults"][0]["about"] == {"products": "cube, sphere"}
    line.state.operating({"state": "running"})
    assert faults(line) == []  # as it must be in the middle of a change
    line.state.operating({"state": "failed"})
    assert faults(line) == [("red", "fault.mixed", "")]
    assert after(MIXED_S + 0.1) == []
    line.state.heard("localization", "ok", "running", {"product": "cube", "product checksum": "bb"})
    assert faults(line) == []
    clock.now += MIXED_S + 0.1
    assert ("red", "fault.mixed", "") in faults(line)  # the same part, calibrated anew


def test_a_conveyor_that_is_stopped_says_so_once():
    line = Line()
    line.all_well()
    line.state.heard("conveyor", "warn", "inspection is disabled: the fail-safe decides", {"enabled": "false"})
    assert faults(line) == [("amber", "fault.disabled", "")]
    line.state.heard("conveyor", "error", "3 commands never reached the PLC", {"enabled": "false"})
    assert faults(line) == [("red", "fault.node", "conveyor"), ("amber", "fault.disabled", "")]


def test_pictures_are_encoded_once_and_only_when_asked_for():
    made = []

    def source():
        made.append(1)
        return picture()._source()

    one = Picture(source)
    assert not made
    assert one.jpeg() == one.jpeg() and len(made) == 1

    def broken():
        raise ImageError("depth")

    assert Picture(broken).jpeg() is None


def test_pictures_of_one_image_are_shown_together():
    clock = Clock()
    pictures = Pictures(clock)
    first = {kind: picture() for kind in ("overlay", "heat", "reference")}
    for kind, made in first.items():
        pictures.add(kind, 1, made)
    pictures.add("overlay", 2, overlay := picture())
    assert pictures.shown() == first  # the others of the new image are on their way
    clock.now += 1.0
    assert pictures.shown() == {"overlay": overlay}  # they do not come: of an image without pose, there is no twin
    pictures.add("live", 9, live := picture())
    assert pictures.shown() == {"live": live, "overlay": overlay}
