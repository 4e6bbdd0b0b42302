"""Faults of the graph itself, with a fake inspector: no image without its result, no part without its command."""

import json
import os
import signal
import time

import fake_node
import numpy as np
import pytest

pytestmark = [pytest.mark.ros, pytest.mark.slow, pytest.mark.usefixtures("fake_product")]
pytest.importorskip("pad_ros.nodes.watcher", reason="needs rclpy and the built messages")

from diagnostic_msgs.msg import DiagnosticStatus  # noqa: E402
from graph_harness import Driver, raw, running, write_messages  # noqa: E402
from lifecycle_msgs.msg import Transition  # noqa: E402
from lifecycle_msgs.srv import ChangeState  # noqa: E402

from pad_ros.nodes.convert import stamp_of  # noqa: E402
from pad_ros.results import Status  # noqa: E402

GOOD, BAD = 50, 200
START = 1_700_000_000 * 10**9


def picture(code):
    return np.full((fake_node.HEIGHT, fake_node.WIDTH, 3), code, np.uint8)


def verdicts(listener):
    return [(command.part_id, command.reject) for command in listener.commands]


def warnings(listener, node):
    statuses = [status for array in listener.diagnostics for status in array.status]
    return {status.message for status in statuses if f"/{node}:" in status.name and status.level != DiagnosticStatus.OK}


@pytest.mark.parametrize("parts", [False, True], ids=["alone", "with part_view"])
def test_images_with_equal_stamps_have_a_result_each(monkeypatch, parts):
    with running(monkeypatch, {"product": "fake"}) as listener:
        driver = Driver(listener)
        if not parts:
            listener.node.destroy_publisher(driver._views)
            driver._views = driver._images
        driver.wait()
        for index, code in enumerate((GOOD, GOOD, BAD, GOOD, BAD)):
            driver.send(picture(code), 0, part=f"part {index}" if parts else None)
        assert listener.until(lambda: len(listener.results) >= 5 and len(listener.commands) >= 5)
        assert listener.until(lambda: "images with the stamp of another" in warnings(listener, "anomaly"), 5)
        listener.for_a_while(1.0)
    assert sorted(message.status for message in listener.results) == [Status.OK] + 4 * [Status.ERROR]
    reasons = {message.reason for message in listener.results if message.status == Status.ERROR}
    assert reasons == {"the stamp 0 was used by an image before; the camera must stamp each image anew"}
    assert len({message.arrival for message in listener.results}) == 5
    assert len(listener.commands) == len({command.part_id for command in listener.commands}) == 5
    passed = [command.part_id for command in listener.commands if not command.reject]
    assert len(passed) == 1
    if parts:
        assert passed == ["part 0"]


def test_a_bag_that_is_replayed_again_is_judged_again(tmp_path, monkeypatch):
    stamps = [START + index * 10**8 for index in range(4)]
    with running(monkeypatch, {"product": "fake"}) as listener:
        driver = Driver(listener)
        driver.wait()
        for codes in ((GOOD, GOOD, GOOD, GOOD), (GOOD, BAD, GOOD, GOOD)):
            before = len(listener.results)
            for index, (code, stamp) in enumerate(zip(codes, stamps, strict=True)):
                driver.send(picture(code), stamp, part=f"part {index // 2}", view=index % 2, count=2)
            assert listener.until(lambda before=before: len(listener.results) >= before + 4)
        assert listener.until(lambda: len(listener.commands) >= 4, 5)
    assert {message.status for message in listener.results} == {Status.OK}
    assert verdicts(listener) == [("part 0", False), ("part 1", False), ("part 0", True), ("part 1", False)]
    assert [command.sequence for command in listener.commands] == [1, 2, 3, 4]


def test_nodes_whose_clock_is_ahead_of_the_cameras_judge_all_the_same(monkeypatch):
    monkeypatch.setenv("FAKE_NODE_CLOCK_AHEAD_S", "600")
    with running(monkeypatch, {"product": "fake"}) as listener:
        driver = Driver(listener)
        driver.wait()
        for index, stamp in enumerate((100, 101, 30, 31)):  # a step back on the way
            driver.send(picture(GOOD), START + stamp * 10**9, part="p", view=index, count=4)
        assert listener.until(lambda: len(listener.results) >= 4 and listener.commands, 30)
    assert {message.status for message in listener.results} == {Status.OK}
    assert verdicts(listener) == [("p", False)]


@pytest.mark.parametrize("victim", ["localization", "background", "anomaly", "conveyor"])
def test_a_node_that_is_killed_costs_neither_a_result_nor_a_command(victim, monkeypatch):
    overrides = {name: {"join_timeout": 3.0} for name in ("background", "anomaly")}
    overrides["conveyor"] = {"part_timeout": 12.0}
    with running(monkeypatch, {"product": "fake"}, overrides) as listener:
        listener.restarts = True
        driver = Driver(listener)
        driver.wait()
        stamps, parts = [], 0
        deadline = time.monotonic() + 90.0
        # Eight parts of three views, the third and the sixth defective; then good ones until one passes again.
        while parts < 8 or not any(part >= 7 for part in passed_parts(listener)):
            assert time.monotonic() < deadline, verdicts(listener)
            for view in range(3):
                stamps.append(START + len(stamps) * 10**8)
                code = BAD if parts in (2, 5) and view == 1 else GOOD
                driver.send(picture(code), stamps[-1], part=f"part {parts}", view=view, count=3)
                if len(stamps) == 8:
                    os.kill(listener.processes.process(victim).pid, signal.SIGKILL)
                listener.for_a_while(0.25)
            parts += 1
            if parts >= 8:
                listener.for_a_while(2.0)
        heard = listener.until(lambda: len(listener.commands) >= parts and len(listener.results) >= len(stamps), 40)
        assert heard, (parts, verdicts(listener), len(stamps), len(listener.results))
        listener.for_a_while(3.0)  # a second result or command would come now
    assert sorted(stamp_of(message.header) for message in listener.results) == stamps
    assert sorted(part_of(command) for command in listener.commands) == list(range(parts))
    assert {2, 5} <= {part_of(command) for command in listener.commands if command.reject}
    assert 0 in passed_parts(listener)
    assert len({command.sequence for command in listener.commands}) == parts


def part_of(command):
    return int(command.part_id.split()[1])


def passed_parts(listener):
    return {part_of(command) for command in listener.commands if not command.reject}


def test_a_conveyor_that_is_activated_again_reaches_its_plc(tmp_path, monkeypatch):
    overrides = {"conveyor": {"plc_log": str(tmp_path / "plc.jsonl")}}
    with running(monkeypatch, {"product": "fake"}, overrides) as listener:
        change = listener.node.create_client(ChangeState, "conveyor/change_state")
        driver = Driver(listener)
        driver.wait()
        driver.send(picture(GOOD), START, part="before")
        assert listener.until(lambda: len(listener.commands) == 1)
        for transition in (Transition.TRANSITION_DEACTIVATE, Transition.TRANSITION_ACTIVATE):
            future = change.call_async(ChangeState.Request(transition=Transition(id=transition)))
            assert listener.until(future.done) and future.result().success
        driver.send(picture(BAD), START + 10**9, part="after")
        assert listener.until(lambda: len(listener.commands) == 2)
        taken = tmp_path / "plc.jsonl"
        assert listener.until(lambda: len(taken.read_text().splitlines()) == 2, 5)
    assert verdicts(listener) == [("before", False), ("after", True)]
    assert [json.loads(line)["part_id"] for line in taken.read_text().splitlines()] == ["before", "after"]


def test_the_end_of_the_graph_decides_the_open_parts(monkeypatch):
    with running(monkeypatch, {"product": "fake"}) as listener:
        driver = Driver(listener)
        driver.wait()
        driver.send(picture(GOOD), START, part="p", view=0, count=2)
        assert listener.until(lambda: len(listener.results) == 1)
        driver.send(picture(fake_node.UNTIL_THE_END), START + 10**9, part="q", view=0, count=1)
        driver.send(picture(GOOD), START + 2 * 10**9, part="r", view=0, count=1)
        listener.for_a_while(0.5)
        listener.processes.stop()  # as Ctrl-C does
        assert listener.until(lambda: len(listener.commands) >= 3 and len(listener.results) >= 3, 10)
    # q was being judged when the end came, and good; r waited, and p lacks a view.
    assert sorted(verdicts(listener)) == [("p", True), ("q", False), ("r", True)]
    assert "1 never came; the conveyor node was stopped" in listener.commands[-1].reason


def test_the_end_of_a_source_waits_for_the_results(tmp_path, monkeypatch):
    bag = write_messages(tmp_path / "bag", [raw(picture(GOOD)) for _ in range(6)])
    recording = bag / "bag.mcap"
    recording.write_bytes(recording.read_bytes()[:-200])  # its end is missing
    with running(monkeypatch, {"product": "fake", "bag": bag, "rate": 1000}) as listener:
        assert listener.until(lambda: listener.processes.watch() != "", 60)
        assert listener.processes.watch() == "bag_player ended with exit code 1"
        sent = len(listener.results)
        listener.for_a_while(1.0)
    assert len(listener.results) == sent


def test_what_the_graph_says_itself_is_not_replayed(tmp_path, monkeypatch):
    images = [raw(picture(GOOD)) for _ in range(3)]
    bag = write_messages(tmp_path / "bag", images, also=("/object_mask", "/anomaly/overlay", "/camera/other"))
    with (
        open(tmp_path / "log", "wb") as log,
        running(monkeypatch, {"product": "fake", "bag": bag}, log=log) as listener,
    ):
        assert listener.until(lambda: len(listener.results) >= 3 and len(listener.masks) >= 3)
        listener.for_a_while(1.0)
    assert {message.status for message in listener.results} == {Status.OK}
    assert len(listener.results) == len(listener.masks) == 3
    said = (tmp_path / "log").read_text()
    assert "/object_mask is left out: the graph publishes it itself" in said
    assert "/anomaly/overlay is left out" in said and "/camera/other is left out" not in said
