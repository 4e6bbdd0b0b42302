from types import SimpleNamespace

import pytest

pytestmark = pytest.mark.ros
hearing = pytest.importorskip("pad_ros.nodes.hearing", reason="needs the ROS messages")

from pad_ros.graph.restarts import RETRY  # noqa: E402


class StandIn:
    """As much of a node as hearing asks for."""

    def __init__(self, *others):
        self.exit_code, self.others, self.said = None, others, []
        self.received, self.subscribed = 0, ["camera_pose"]

    def create_subscription(self, kind, topic, callback, qos):
        self.hear = callback

    def create_timer(self, seconds, callback):
        self.check = callback

    def get_publishers_info_by_topic(self, topic):
        names = ("anomaly", *self.others)
        return [SimpleNamespace(node_name=name, node_namespace="/line") for name in names]

    def get_namespace(self):
        return "/line"

    def get_name(self):
        return "anomaly"

    def get_fully_qualified_name(self):
        return "/line/anomaly"

    def get_logger(self):
        return SimpleNamespace(error=self.said.append)


@pytest.fixture
def clock(monkeypatch):
    now = SimpleNamespace(value=100.0)
    monkeypatch.setattr(hearing.time, "monotonic", lambda: now.value)
    return now


def array(name, processed=0):
    values = [SimpleNamespace(key="processed", value=str(processed)), SimpleNamespace(key="queue", value="7")]
    return SimpleNamespace(status=[SimpleNamespace(name=f"{name}: inspection", values=values)])


def listen(node, clock, seconds, *voices):
    for _ in range(seconds):
        clock.value += 1.0
        for voice in voices:
            node.hear(array(voice))
        node.check()


def test_a_node_that_hears_only_itself_though_others_are_there_wants_to_be_started_again(clock):
    node = StandIn("localization", "some_driver")
    hearing.Hearing(node)
    listen(node, clock, 30, "/line/anomaly", "/line/localization")
    assert node.exit_code is None
    listen(node, clock, 15, "/line/anomaly")
    assert node.exit_code is None
    listen(node, clock, 1, "/line/anomaly")
    assert node.exit_code == RETRY and "hears nothing of the other nodes" in node.said[0]


def test_a_node_that_is_alone_may_hear_nobody(clock):
    node = StandIn("some_driver")
    hearing.Hearing(node)
    listen(node, clock, 100, "/line/anomaly")
    assert node.exit_code is None


def work(node, clock, seconds, received):
    """The others work on an image a second."""
    for second in range(seconds):
        clock.value += 1.0
        node.received += received
        node.hear(array("/line/localization", second))
        node.check()


def test_a_stage_that_gets_nothing_while_the_others_work_wants_to_be_started_again(clock):
    node = StandIn("localization")
    hearing.Hearing(node)
    work(node, clock, 60, received=1)
    assert node.exit_code is None
    work(node, clock, 20, received=0)
    assert node.exit_code == RETRY


@pytest.mark.parametrize("case", ["nobody works", "inactive", "another line works"])
def test_a_stage_that_has_nothing_to_get_is_not_deaf(clock, case):
    node = StandIn("localization")
    hearing.Hearing(node)
    if case == "inactive":
        node.subscribed = []
        work(node, clock, 60, received=0)
    elif case == "nobody works":
        listen(node, clock, 60, "/line/localization")
    else:
        for second in range(60):
            clock.value += 1.0
            node.hear(array("/line/localization", 5))
            node.hear(array("/other/localization", second))
            node.check()
    assert node.exit_code is None
