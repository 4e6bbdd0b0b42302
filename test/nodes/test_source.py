import threading
import time
from types import SimpleNamespace

import pytest

pytestmark = pytest.mark.ros
source = pytest.importorskip("pad_ros.nodes.source", reason="needs the ROS messages")


def waited(publishers, subscribers):
    """Seconds that a source waits; each look finds the next number of subscribers, and in the end the last."""
    found = iter(subscribers)
    node = SimpleNamespace(stopping=threading.Event(), count_publishers=lambda topic: publishers)
    node.count_subscribers = lambda topic: next(found, subscribers[-1])
    begin = time.monotonic()
    source.SourceNode._wait_for_who_is_told_of_parts(node)
    assert next(found, None) is None or not publishers
    return time.monotonic() - begin


def test_parts_are_announced_once_the_conveyor_is_there(monkeypatch):
    monkeypatch.setattr(source, "_TOLD_WITHIN_S", 60.0)
    assert 0.2 <= waited(1, [0, 1, 1, 1, 2]) < 30.0
    assert waited(0, [0]) < 30.0  # which part an image shows is not known here


def test_a_graph_without_conveyor_begins_all_the_same(monkeypatch):
    monkeypatch.setattr(source, "_TOLD_WITHIN_S", 0.3)
    assert waited(1, [1]) >= 0.3
