"""Worker, flow, health and warm-up: what the nodes stand on, without ROS."""

import threading
import time
from types import SimpleNamespace

import pytest

from pad_ros.errors import NoObjectError
from pad_ros.nodes.flow import Flow
from pad_ros.nodes.health import Health
from pad_ros.nodes.ledger import Ledger
from pad_ros.nodes.warm_up import warm_up
from pad_ros.nodes.worker import Worker


def test_worker_works_in_order_and_refuses_what_has_no_room():
    begun, go, done = threading.Event(), threading.Event(), []

    def process(item):
        begun.set()
        go.wait(5)
        done.append(item)

    worker = Worker(process, capacity=2)
    assert worker.submit(0)
    begun.wait(5)
    assert [worker.submit(item) for item in (1, 2, 3)] == [True, True, False]
    assert len(worker) == 2
    go.set()
    deadline = time.monotonic() + 5
    while len(done) < 3 and time.monotonic() < deadline:
        time.sleep(0.01)
    worker.stop()
    assert done == [0, 1, 2]


def test_worker_acts_between_two_items_and_not_once_it_is_stopped():
    begun, go, order = threading.Event(), threading.Event(), []

    def process(item):
        begun.set()
        go.wait(5)
        order.append(item)

    worker = Worker(process, capacity=5)
    worker.submit("first")
    begun.wait(5)
    worker.submit("second")
    changed = worker.between(lambda: order.append("change"))
    failed = worker.between(lambda: 1 / 0)
    go.set()
    assert changed.result(5) is None
    with pytest.raises(ZeroDivisionError):
        failed.result(5)
    idle = worker.between(lambda: order.append("idle"))
    assert idle.result(5) is None
    assert order == ["first", "change", "second", "idle"]
    worker.stop()
    late = worker.between(lambda: order.append("late"))
    worker.stop()
    assert late.cancelled() and "late" not in order


def test_flow_holds_back_until_a_result_comes():
    flow, never, passed = Flow(2), threading.Event(), threading.Event()
    flow.sent(1)
    flow.wait(never)  # one outstanding of two: at once
    flow.sent(2)
    waiter = threading.Thread(target=lambda: (flow.wait(never), passed.set()))
    waiter.start()
    assert not passed.wait(0.3)
    flow.received(1)
    assert passed.wait(5)


def test_flow_writes_off_what_never_comes():
    flow = Flow(1, timeout=0.3)
    flow.sent(1)
    flow.wait(threading.Event())
    assert flow.written_off == 1


def test_flow_without_limit_never_waits():
    flow = Flow(0)
    for stamp in range(100):
        flow.sent(stamp)
        flow.wait(threading.Event())


def test_flow_ends_when_asked():
    flow, stopping = Flow(1), threading.Event()
    flow.sent(1)
    stopping.set()
    flow.wait(stopping)
    assert flow.written_off == 0


def test_flow_drains_all_that_is_out_also_without_a_limit():
    flow, drained = Flow(0), threading.Event()
    for stamp in (1, 1, 2):  # a stamp may repeat
        flow.sent(stamp)
    waiter = threading.Thread(target=lambda: (flow.drain(threading.Event()), drained.set()))
    waiter.start()
    for stamp in (1, 2, 7):
        flow.received(stamp)
    assert not drained.wait(0.3)
    flow.received(1)
    assert drained.wait(5)
    assert flow.written_off == 0


def test_worker_hands_back_what_it_did_not_do():
    begun, go = threading.Event(), threading.Event()
    worker = Worker(lambda item: (begun.set(), go.wait(5)), capacity=5)
    for item in range(3):
        worker.submit(item)
    begun.wait(5)
    threading.Timer(0.1, go.set).start()
    assert worker.stop() == [1, 2]


def test_a_warning_is_counted_and_fades():
    now = [0.0]
    health = Health(clock=lambda: now[0])
    assert health.warning == ""
    health.warn("late views", "views came late")
    health.warn("late views", "views came late")
    assert (health.warning, health.summary()["late views"]) == ("views came late", "2")
    now[0] = 61.0
    assert (health.warning, health.summary()["late views"]) == ("", "2")
    health.dropped()
    assert (health.warning, health.summary()["drops"]) == ("messages were dropped", "1")


def test_ledger_knows_the_last_run_and_what_was_perhaps_not_said(tmp_path):
    path = str(tmp_path / "journal")
    ledger = Ledger(path)
    assert (ledger.answered, ledger.unsaid, ledger.run) == ([], [], 0)  # all that waits is owed an answer
    for run, stamp in ((0, 5), (0, 6), (1, 5)):
        ledger.begin(run, stamp, f"verdict on {stamp}".encode())
        ledger.done(run, stamp)
    ledger.begin(1, 6, b"verdict on 6")
    again = Ledger(path)
    assert (again.answered, again.unsaid, again.run) == ([5, 6], [b"verdict on 6"], 1)
    assert Ledger("").answered is None


def test_health_in_numbers():
    now = [0.0]
    health = Health(window=10.0, clock=lambda: now[0])
    assert health.summary()["latency p50 (ms)"] == "nan"
    for index in range(20):
        now[0] = float(index)
        health.done(float(index))
    health.failed("no evidence")
    health.dropped()
    summary = health.summary()
    assert summary["rate (Hz)"] == "1.10"  # at 9, 10, … 19
    assert (summary["latency p50 (ms)"], summary["latency p95 (ms)"]) == ("9.5", "18.1")
    assert (summary["processed"], summary["failures"], summary["drops"]) == ("20", "1", "1")
    assert summary["last failure"] == "no evidence"


def test_warm_up_calls_the_stage_once_on_the_twin_and_bears_its_refusal():
    calls = []

    def stage(pose, reference):
        calls.append((pose, reference))
        raise NoObjectError("no part is visible")

    sfm_map = SimpleNamespace(view_poses=["first", "second"])
    inspector = SimpleNamespace(product=SimpleNamespace(sfm_map=sfm_map), render=lambda pose: f"twin from {pose}")
    warm_up(inspector, stage)
    assert calls == [("first", "twin from first")]
    warm_up(SimpleNamespace(product=SimpleNamespace()), stage)
    assert len(calls) == 1
