import pytest
import yaml

from pad_ros.common.resources import share_folder
from pad_ros.errors import ConfigError
from pad_ros.graph.build import build
from pad_ros.graph.description import NODES
from pad_ros.graph.params_file import check_params_file

ALL = tuple(NODES.values())


@pytest.fixture
def check(tmp_path):
    def run(content, namespace=""):
        path = tmp_path / "mine.yaml"
        path.write_text(content if isinstance(content, str) else yaml.safe_dump(content))
        return check_params_file(path, ALL, namespace)

    return run


def entry(**parameters):
    return {"ros__parameters": parameters}


@pytest.mark.parametrize("namespace", ["", "/", "cell_1", "/line/cell_1"])
def test_the_packages_own_file_fits_everywhere(namespace):
    assert check_params_file(share_folder() / "config" / "inspection.yaml", ALL, namespace) == []


@pytest.mark.parametrize(
    ("key", "namespace"),
    [
        ("conveyor", ""),
        ("/conveyor", ""),
        ("/cell_1/conveyor", "cell_1"),
        ("cell_1/conveyor", "/cell_1"),
        ("/*/conveyor", "cell_1"),
        ("/**/conveyor", "a/b"),
        ("/**/conveyor", ""),
        ("/**", "a/b"),
        ("/*", ""),
        ("/a/*/conveyor", "a/b"),
    ],
)
def test_keys_that_match_a_node(check, key, namespace):
    assert check({key: entry(policy="votes")}, namespace) == []


@pytest.mark.parametrize(
    ("key", "namespace", "right"),
    [
        ("conveyor", "cell_1", "/cell_1/conveyor"),
        ("/*/conveyor", "", "/conveyor"),
        ("/*/conveyor", "a/b", "/a/b/conveyor"),
        ("/**/conveyer", "", "/conveyor"),
        ("/cell_2/conveyor", "cell_1", "/cell_1/conveyor"),
        ("localisation", "", "/localization"),
    ],
)
def test_keys_that_match_none_are_refused_with_the_nearest(check, key, namespace, right):
    with pytest.raises(ConfigError, match=f"matches no node; do you mean '{right}'") as error:
        check({key: entry()}, namespace)
    assert "mine.yaml" in str(error.value)


def test_namespaces_may_be_mappings_and_parameters_nested(check):
    assert check({"cell_1": {"conveyor": entry(policy="votes"), "anomaly": entry()}}, "cell_1") == []
    assert check({"conveyor": entry(use_sim_time=True, qos_overrides={"/x": {"depth": 3}})}) == []


def test_the_nodes_of_others_are_left_alone_with_a_remark(check):
    (remark,) = check({"usb_cam": entry(framerate=30), "conveyor": entry()})
    assert "usb_cam is no node of this graph" in remark


@pytest.mark.parametrize(
    ("parameters", "reason"),
    [
        ({"polcy": "votes"}, "has no parameter 'polcy'; do you mean 'policy'"),
        ({"vote": 3}, "do you mean 'votes'"),
        ({"telepathy": 3}, "has no parameter 'telepathy'; it has autostart, policy"),
        ({"votes": "many"}, "conveyor.votes: expected int, got 'many'"),
        ({"votes": 0}, "conveyor.votes: 0 is not in"),
        ({"policy": "coin"}, "'coin' is not one of 'any', 'votes'"),
    ],
)
def test_parameters_that_no_node_takes(check, parameters, reason):
    with pytest.raises(ConfigError, match=reason):
        check({"/**/conveyor": entry(**parameters)})


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("a: b: c", "is not YAML"),
        ("[1, 2]", "holds no parameters of nodes"),
        ("conveyor: {policy: votes}", "conveyor holds no ros__parameters"),
        ("conveyor: {}", "conveyor holds no ros__parameters"),
    ],
)
def test_files_that_are_none(check, content, reason):
    with pytest.raises(ConfigError, match=reason):
        check(content)


def test_a_wrong_file_is_refused_before_anything_starts(tmp_path, monkeypatch):
    (tmp_path / "product.yaml").write_text("")
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump({"conveyor": entry(policy="votes")}))
    arguments = {"product": str(tmp_path), "params_file": str(tmp_path / "mine.yaml")}
    assert build(arguments).remarks == ()
    with pytest.raises(ConfigError, match="do you mean '/line/conveyor'"):
        build({**arguments, "namespace": "line"})
