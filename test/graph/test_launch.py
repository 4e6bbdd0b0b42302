"""The launch file, with stand-ins for `launch` and `launch_ros`, which only a ROS installation has."""

import runpy
import sys
from types import ModuleType, SimpleNamespace

import pytest

from pad_ros.common.resources import share_folder


class Action:
    """Any action or substitution: remembers what it was made with."""

    def __init__(self, *arguments, **keywords):
        self.arguments = arguments
        self.__dict__.update(keywords)


@pytest.fixture
def launch_file(monkeypatch):
    names = {
        "launch": ("LaunchDescription",),
        "launch.actions": ("DeclareLaunchArgument", "LogInfo", "OpaqueFunction", "Shutdown", "TimerAction"),
        "launch.conditions": ("IfCondition",),
        "launch.substitutions": ("LaunchConfiguration",),
        "launch_ros": (),
        "launch_ros.actions": ("LifecycleNode", "Node"),
    }
    for module, classes in names.items():
        stand_in = ModuleType(module)
        for name in classes:
            setattr(stand_in, name, type(name, (Action,), {}))
        monkeypatch.setitem(sys.modules, module, stand_in)
    return runpy.run_path(str(share_folder() / "launch" / "inspection.launch.py"))


@pytest.fixture
def nodes(launch_file, sample_product, sample_bag):
    arguments = {"product": str(sample_product), "bag": str(sample_bag), "namespace": "line", "dashboard": "true"}
    return {node.name: node for node in launch_file["start"](SimpleNamespace(launch_configurations=arguments))}


RUNNING, ENDING = SimpleNamespace(is_shutdown=False), SimpleNamespace(is_shutdown=True)


def end(node, code, context=RUNNING):
    return node.on_exit(SimpleNamespace(returncode=code), context)


def test_it_starts_what_the_description_says(nodes):
    assert list(nodes) == ["localization", "background", "anomaly", "conveyor", "bag_player", "dashboard"]
    assert {node.namespace for node in nodes.values()} == {"line"}
    journals = [node.parameters[1].get("journal", "") for node in nodes.values()]
    assert [bool(journal) for journal in journals] == [True, True, True, True, False, False]


def test_the_users_environment_goes_before_ours(launch_file, sample_product, monkeypatch):
    monkeypatch.setenv("FASTDDS_BUILTIN_TRANSPORTS", "DEFAULT")
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    arguments = SimpleNamespace(launch_configurations={"product": str(sample_product)})
    environment = launch_file["start"](arguments)[0].additional_env
    assert "FASTDDS_BUILTIN_TRANSPORTS" not in environment and environment["OMP_WAIT_POLICY"] == "PASSIVE"


def test_every_argument_is_declared_with_its_text(launch_file):
    from pad_ros.graph.description import ARGUMENTS

    (entities,) = launch_file["generate_launch_description"]().arguments
    declared = [entity.arguments[0] for entity in entities if type(entity).__name__ == "DeclareLaunchArgument"]
    assert declared == [*(argument.name for argument in ARGUMENTS), "rviz"]


def test_a_node_that_is_killed_is_started_again_with_its_journal_until_it_is_given_up(nodes):
    node = nodes["anomaly"]
    for delay in (0.5, 1.0, 2.0, 4.0, 8.0):
        remark, timer = end(node, -9)
        assert f"anomaly died (exit code -9); started again in {delay}" in remark.msg and timer.period == delay
        (again,) = timer.actions[0].function(None)
        assert again.parameters == node.parameters
        node = again
    remark, shutdown = end(node, -9)
    assert "given up" in remark.msg and type(shutdown).__name__ == "Shutdown"


def test_the_graph_ends_with_a_node_that_cannot_start_and_with_a_source_that_failed(nodes):
    for name, code in (("background", 2), ("bag_player", 1)):
        remark, shutdown = end(nodes[name], code)
        assert f"the graph ends: {name}" in remark.msg and shutdown.reason in remark.msg
    assert end(nodes["bag_player"], 0) is None  # the bag came to its end
    (remark,) = end(nodes["dashboard"], 2)
    assert "the line goes on without it" in remark.msg
    assert end(nodes["anomaly"], -2, ENDING) is None
