"""The security policy against what the nodes of a running graph really say, hear and offer."""

import sys
from pathlib import Path

import pytest

pytest.importorskip("pad_ros.nodes.watcher", reason="needs rclpy and the built messages")

from graph_harness import running

sys.path.insert(0, str(Path(__file__).parents[1] / "graph"))
from test_security_policy import policy

pytestmark = [pytest.mark.ros, pytest.mark.slow]

NODES = ("localization", "background", "anomaly", "conveyor", "records")


@pytest.mark.usefixtures("fake_product")
@pytest.mark.parametrize("transport", ["raw", "compressed"])
def test_the_policy_allows_what_the_nodes_do_and_no_other_service(tmp_path, monkeypatch, transport):
    allowed = policy()
    arguments = {"product": "fake", "records": tmp_path / "records", "image_transport": transport}
    with running(monkeypatch, arguments) as listener:
        ask = listener.node

        def asked(name):
            found = {
                ("topics", "publish"): ask.get_publisher_names_and_types_by_node(name, "/"),
                ("topics", "subscribe"): ask.get_subscriber_names_and_types_by_node(name, "/"),
                ("services", "reply"): ask.get_service_names_and_types_by_node(name, "/"),
                ("services", "request"): ask.get_client_names_and_types_by_node(name, "/"),
            }
            return {access: {topic for topic, _ in names} for access, names in found.items()}

        def active():
            names = {name for name, _ in ask.get_node_names_and_namespaces()}
            return names >= set(NODES) and all(
                len(asked(name)["topics", "subscribe"]) >= 2 and asked(name)["services", "reply"] for name in NODES
            )

        assert listener.until(active)
        listener.for_a_while(2.0)
        for name in NODES:
            for access, used in asked(name).items():
                assert used <= allowed[name].get(access, set()), (name, access)
            assert asked(name)["services", "reply"] == allowed[name]["services", "reply"], name
