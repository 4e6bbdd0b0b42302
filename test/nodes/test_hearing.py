from types import SimpleNamespace

import pytest

pytestmark = pytest.mark.ros
hearing = pytest.importorskip("pad_ros.nodes.hearing", reason="needs the ROS messages")

from pad_ros.graph.restarts import RETRY  # noqa: E402


class StandIn:
    """As much of a node as hearing asks for."""

    def __init__(self, *others):
        self.exit_code, self.others, self.said = None, others, []

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


def array(name):
    return SimpleNamespace(status=[SimpleNamespace(name=f"{name}: inspection")])


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
    assert node.exit_code == RETRY and "hears none of the other nodes" in node.said[0]


def test_a_node_that_is_alone_may_hear_nobody(clock):
    node = StandIn("some_driver")
    hearing.Hearing(node)
    listen(node, clock, 100, "/line/anomaly")
    assert node.exit_code is None
