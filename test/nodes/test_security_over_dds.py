"""The security policy against what the nodes of running graphs say, hear, offer and call: neither more nor less."""

import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

pytestmark = [pytest.mark.ros, pytest.mark.slow]
pytest.importorskip("pad_ros.nodes.watcher", reason="needs rclpy and the built messages")
pytest.importorskip("starlette", reason="needs requirements/dashboard.txt")

import fake_node  # noqa: E402
from graph_harness import running  # noqa: E402
from page_visitor import Visitor, free_port  # noqa: E402

sys.path.insert(0, str(Path(__file__).parents[1] / "graph"))
from test_security_policy import policy  # noqa: E402

from pad_ros.dataset.classes import write_transforms  # noqa: E402
from pad_ros.graph.description import NODES  # noqa: E402
from pad_ros.graph.line import BELTS  # noqa: E402
from pad_ros.images import write_image  # noqa: E402

# What the policy allows for the sake of settings that the two graphs below do not have.
PUBLISH, SUBSCRIBE = ("topics", "publish"), ("topics", "subscribe")
UNSEEN = {
    ("camera", PUBLISH): {"/image_raw/compressed"},  # it publishes raw images here
    ("camera", SUBSCRIBE): {"/clock"},  # has no simulated time here
    ("bag_player", PUBLISH): {"/image_raw"},  # the sample's are compressed
    ("conveyor", SUBSCRIBE): {f"/{BELTS['joint_state']}"},
}
if find_spec("vision_msgs") is None:
    UNSEEN["anomaly", PUBLISH] = {"/anomaly/detections"}
if find_spec("tf2_ros") is None:
    UNSEEN["localization", PUBLISH] = {"/tf"}


def endpoints(node, name):
    """What a node of the graph has now: {(kind, access): names}."""
    found = {
        PUBLISH: node.get_publisher_names_and_types_by_node,
        SUBSCRIBE: node.get_subscriber_names_and_types_by_node,
        ("services", "reply"): node.get_service_names_and_types_by_node,
        ("services", "request"): node.get_client_names_and_types_by_node,
    }
    return {access: {topic for topic, _ in ask(name, "/")} for access, ask in found.items()}


def gather(seen, monkeypatch, arguments, overrides):
    """Adds to `seen` all that the nodes of a graph have until its page shows all pictures to somebody."""
    port = free_port()
    arguments = {"product": "fake", "dashboard": True, "dashboard_port": port, "loop": True, **arguments}
    with running(monkeypatch, arguments, overrides) as listener:

        def look():
            for name, namespace in listener.node.get_node_names_and_namespaces():
                if name in NODES and namespace == "/":
                    for access, names in endpoints(listener.node, name).items():
                        seen.setdefault((name, access), set()).update(names)

        def looked_at():
            look()
            return "/anomaly/reference" in endpoints(listener.node, "dashboard")[SUBSCRIBE]

        def there():
            return "dashboard" in {name for name, _ in listener.node.get_node_names_and_namespaces()}

        assert listener.until(there)
        visitor = Visitor(port)
        try:
            assert listener.until(looked_at)
            listener.for_a_while(2.0)
            look()
            assert listener.processes.watch() == ""
        finally:
            visitor.close()


@pytest.mark.usefixtures("fake_product")
def test_the_policy_allows_what_the_nodes_do_and_nothing_else(sample_bag, tmp_path, monkeypatch):
    seen = {}
    simulated = tmp_path / "simulated.yaml"
    simulated.write_text("/**:\n  ros__parameters:\n    use_sim_time: true\n")
    gather(
        seen,
        monkeypatch,
        {"bag": sample_bag, "params_file": simulated, "records": tmp_path / "records", "wait_for_results": 1},
        {"bag_player": {"publish_clock": True}, "conveyor": {"belt": "ticks"}},
    )
    grey = np.full((fake_node.HEIGHT, fake_node.WIDTH, 3), 50, np.uint8)
    for folder in ("train/good", "test/good"):
        write_image(tmp_path / "class" / folder / "0.png", grey)
    write_transforms(tmp_path / "class" / "transforms.json", fake_node.CAMERA, [("train/good/0.png", np.eye(4))])
    gather(
        seen,
        monkeypatch,
        {"source": tmp_path / "class", "records": tmp_path / "records"},
        {
            "camera": {"product": "", "wait_for_results": 1},
            "conveyor": {"belt": "speed", "announced_by": "camera_info"},
            "records": {"keep_heatmaps": True},
        },
    )
    allowed = policy()
    missing = {key: found - allowed[key[0]].get(key[1], set()) for key, found in seen.items()}
    assert not {key: names for key, names in missing.items() if names}
    granted = {(name, access): names for name, rules in allowed.items() for access, names in rules.items()}
    superfluous = {key: names - seen.get(key, set()) - UNSEEN.get(key, set()) for key, names in granted.items()}
    assert not {key: names for key, names in superfluous.items() if names}
    assert not {key: names & seen[key] for key, names in UNSEEN.items() if names & seen[key]}  # else take it off there
