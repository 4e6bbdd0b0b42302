from xml.etree import ElementTree

from pad_ros.common.resources import share_folder
from pad_ros.graph.description import NODES


def policy():
    """What each node may do: {node: {(kind, access): names}}."""
    root = ElementTree.parse(share_folder() / "config" / "sros2_policy.xml").getroot()
    allowed = {}
    for profile in root.iter("profile"):
        rules = allowed[profile.get("node")] = {}
        for rule in profile:
            for access in ("publish", "subscribe", "reply", "request"):
                if rule.get(access) == "ALLOW":
                    rules[rule.tag, access] = {"/" + name.text.lstrip("/") for name in rule}
    return allowed


def test_every_node_has_an_enclave_and_may_say_what_the_graph_describes():
    allowed = policy()
    assert set(allowed) == set(NODES)
    root = ElementTree.parse(share_folder() / "config" / "sros2_policy.xml").getroot()
    assert [enclave.get("path") for enclave in root.iter("enclave")] == [f"/pad_ros/{name}" for name in allowed]
    for name, node in NODES.items():
        assert {f"/{topic}" for topic in node.publishes} <= allowed[name]["topics", "publish"], name


def test_only_one_node_says_each_thing_and_somebody_offers_what_is_called():
    allowed = policy()
    for name, node in NODES.items():
        for other in set(NODES) - {name}:
            assert not {f"/{topic}" for topic in node.publishes} & allowed[other]["topics", "publish"]
    offered = set().union(*(rules["services", "reply"] for rules in allowed.values()))
    called = set().union(*(rules.get(("services", "request"), set()) for rules in allowed.values()))
    assert called <= offered
