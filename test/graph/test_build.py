import ast
import json
import re
import subprocess
import sys

import pytest
import yaml

from pad_ros.common.resources import share_folder
from pad_ros.errors import BagError, ConfigError
from pad_ros.graph.build import build, parse_settings
from pad_ros.graph.description import ARGUMENTS, NODES, Parameter


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """A folder with a product `p`, a source of images `folder`, and a file that is no parameter file."""
    (tmp_path / "p").mkdir()
    (tmp_path / "p" / "product.yaml").write_text("")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "a.png").write_bytes(b"")
    (tmp_path / "words.md").write_text("Words: more words: no YAML\n")
    (tmp_path / "list.yaml").write_text("[1, 2]\n")
    monkeypatch.chdir(tmp_path)


def _names(described):
    return [process.node.name for process in described.processes]


def _process(described, name):
    return next(process for process in described.processes if process.node.name == name)


def test_camera_driver_needs_no_source_node():
    assert _names(build({"product": "p"})) == ["localization", "background", "anomaly", "conveyor"]


def test_source_starts_the_camera_that_may_end():
    camera = _process(build({"product": "p", "source": "folder", "rate": "5"}), "camera")
    assert camera.parameters == {"image_transport": "raw", "product": "p", "source": "folder", "rate": 5.0}
    assert not camera.required


def test_bag_starts_the_player_and_sets_the_transport_everywhere(tmp_path):
    recorded = {"name": "/image_raw/compressed", "type": "sensor_msgs/msg/CompressedImage"}
    topic = {"topic_metadata": recorded, "message_count": 3}
    metadata = {"rosbag2_bagfile_information": {"topics_with_message_count": [topic]}}
    (tmp_path / "metadata.yaml").write_text(yaml.safe_dump(metadata))
    described = build({"product": "p", "bag": tmp_path, "wait_for_results": 2})
    assert _process(described, "bag_player").parameters == {"bag": str(tmp_path), "wait_for_results": 2}
    for name in ("localization", "background", "anomaly"):
        assert _process(described, name).parameters["image_transport"] == "compressed"


def test_bag_that_is_none_is_refused_before_anything_starts(tmp_path):
    with pytest.raises(BagError, match="not a rosbag2"):
        build({"product": "p", "bag": tmp_path})


def test_only_some_nodes_start_where_a_graph_spans_hosts():
    described = build({"product": "p", "source": "folder", "nodes": "conveyor,camera"})
    assert _names(described) == ["conveyor", "camera"]


def test_every_process_has_the_namespace():
    assert {process.namespace for process in build({"product": "p", "namespace": "cam1"}).processes} == {"cam1"}


def test_image_topic_is_remapped_in_both_transports():
    remappings = dict(_process(build({"product": "p", "image_topic": "/cam/image"}), "localization").remappings)
    assert remappings == {"image_raw": "/cam/image", "image_raw/compressed": "/cam/image/compressed"}


def test_override_beats_argument():
    described = build({"product": "p", "plc": "log"}, {"conveyor": {"plc": "none", "votes": "3"}})
    assert _process(described, "conveyor").parameters == {"product": "p", "plc": "none", "votes": 3}


@pytest.mark.parametrize(
    ("arguments", "overrides", "message"),
    [
        ({}, {}, "no product"),
        ({"product": "p", "bag": "b", "source": "s"}, {}, "not both"),
        ({"product": "p", "prodct": "q"}, {}, "unknown arguments prodct"),
        ({"product": "p"}, {"anomly": {}}, "unknown nodes anomly"),
        ({"product": "p"}, {"anomaly": {"timeout": 1}}, "no parameter 'timeout'"),
        ({"product": "p"}, {"anomaly": {"join_timeout": "soon"}}, "expected float"),
        ({"product": "p"}, {"anomaly": {"join_timeout": "nan"}}, "not in"),
        ({"product": "p"}, {"anomaly": {"queue_size": 0}}, "not in 1"),
        ({"product": "p", "image_transport": "theora"}, {}, "image_transport: .* not one of 'auto', 'raw'"),
        ({"product": "p", "params_file": "/none.yaml"}, {}, "params_file: /none.yaml cannot be read"),
        ({"product": "p", "params_file": "words.md"}, {}, "params_file: words.md is not YAML"),
        ({"product": "p", "params_file": "list.yaml"}, {}, "holds no parameters"),
        ({"product": "nothere"}, {}, "product: nothere has no product.yaml"),
        ({"product": "p", "source": "nothere"}, {}, "source 'nothere': neither"),
        ({"product": "p", "source": "p"}, {}, "no images"),
        ({"product": "p", "plc": "telepathy"}, {}, r"conveyor\.plc: 'telepathy' is not one of 'log', 'none'"),
        ({"product": "p", "log_level": "foo"}, {}, "log_level: 'foo' is not one of 'debug'"),
        ({"product": "p", "namespace": "1 bad"}, {}, "namespace: '1 bad'"),
        ({"product": "p", "image_topic": "a b"}, {}, "image_topic: 'a b'"),
        ({"product": "p", "camera_info_topic": "/a//b"}, {}, "camera_info_topic: '/a//b'"),
        ({"product": "p"}, {"conveyor": {"votes": 0}}, r"^conveyor\.votes: 0 is not in 1…1000"),
        ({"product": "p", "wait_for_results": 3}, {}, "wait_for_results: has no effect without bag or source"),
        ({"product": "p", "rate": "fast"}, {}, "rate: has no effect"),
        ({"product": "p", "source": "folder", "rate": "fast"}, {}, r"camera\.rate: expected float"),
        ({"product": "p", "nodes": "anomly"}, {}, "nodes: no node 'anomly'; there are"),
        ({"product": "p", "nodes": "camera"}, {}, "nodes: camera does not start without source"),
        ({"product": "p", "nodes": "anomaly, conveyor"}, {}, "nodes: 'anomaly, conveyor'"),
        ({"product": "p", "nodes": "anomaly", "plc": "none"}, {}, "plc: has no effect without conveyor among nodes"),
        ({"product": "p", "nodes": "anomaly"}, {"conveyor": {}}, "conveyor: does not start without conveyor among"),
        ({"product": "p"}, {"bag_player": {"rate": 1}}, "bag_player: does not start without bag"),
    ],
)
def test_bad_settings_are_refused_with_the_reason(arguments, overrides, message):
    with pytest.raises(ConfigError, match=message):
        build(arguments, overrides)


@pytest.mark.parametrize("name", ["/", "cell_1", "/line/cell_1"])
def test_names_that_ros_takes(name):
    assert build({"product": "p", "namespace": name}).processes[0].namespace == name


def test_settings_from_the_command_line():
    arguments, overrides = parse_settings(["product:=a/b", "anomaly.join_timeout:=3", "source:="])
    assert arguments == {"product": "a/b", "source": ""}
    assert overrides == {"anomaly": {"join_timeout": "3"}}
    with pytest.raises(ConfigError, match=":="):
        parse_settings(["product=a"])


@pytest.mark.parametrize(("text", "value"), [("true", True), ("False", False), (True, True)])
def test_booleans(text, value):
    assert Parameter("loop", False, "").parse(text) is value


@pytest.mark.parametrize("text", ["yes", "1", ""])
def test_what_is_no_boolean(text):
    with pytest.raises(ConfigError):
        Parameter("loop", False, "").parse(text)


def test_defaults_obey_their_own_limits():
    for node in NODES.values():
        for parameter in node.parameters:
            assert parameter.problem(parameter.default) == "", (node.name, parameter.name)
            assert parameter.text


def test_config_file_has_every_parameter_with_its_default():
    content = yaml.safe_load((share_folder() / "config" / "inspection.yaml").read_text())
    given_at_start = {"product", "bag", "source", "journal", "records"}
    for node in NODES.values():
        described = {p.name: p.default for p in node.parameters if p.name not in given_at_start}
        assert content.pop(f"/**/{node.name}") == {"ros__parameters": described}
    assert not content


def test_arguments_set_parameters_that_exist():
    for argument in ARGUMENTS:
        for node, parameter in argument.sets:
            NODES[node].parameter(parameter)


def test_rviz_shows_topics_of_the_graph():
    content = yaml.safe_load((share_folder() / "config" / "inspection.rviz").read_text())
    topics = {d["Topic"]["Value"] for d in content["Visualization Manager"]["Displays"] if "Topic" in d}
    assert topics >= {
        "image_raw",
        "anomaly/overlay",
        "anomaly/heatmap/colour",
        "camera_pose/stamped",
        "map_points",
        "twin",
    }


def _published():
    """Topics with their type and QoS, as the nodes make their publishers."""
    published = {"image_raw": ("Image", "reliable")}
    for path in (share_folder() / "pad_ros" / "nodes").glob("*.py"):
        found = re.findall(r'publisher\((\w+), "([^"]+)"(?:, "(\w+)")?', path.read_text())
        published |= {topic: (kind, qos or "reliable") for kind, topic, qos in found}
    for topic in NODES["anomaly"].publishes:
        published.setdefault(topic, ("Image", "pictures"))
    return published


def test_foxglove_shows_topics_of_the_graph_by_panels_that_can():
    layout = json.loads((share_folder() / "config" / "foxglove.json").read_text())
    shown = set()

    def panels(place):
        return [place] if isinstance(place, str) else [*panels(place["first"]), *panels(place["second"])]

    assert sorted(panels(layout["layout"])) == sorted(layout["configById"])
    types = {"/diagnostics": "DiagnosticArray"} | {f"/{topic}": kind for topic, (kind, _) in _published().items()}
    for name, panel in layout["configById"].items():
        kind = name.partition("!")[0]
        if kind == "Image":
            assert types[panel["imageMode"]["imageTopic"]] == "Image"
            shown.add(panel["imageMode"]["imageTopic"])
        elif kind == "3D":
            wanted = {"/twin": "PointCloud2", "/map_points": "PointCloud2", "/camera_pose/stamped": "PoseStamped"}
            assert set(panel["topics"]) == set(wanted)
            assert all(types[topic] == wanted[topic] for topic in panel["topics"])
        elif kind in ("Plot", "StateTransitions"):
            for path in panel["paths"]:
                topic, _, field = path["value"].partition(".")
                definition = (share_folder() / "msg" / f"{types[topic]}.msg").read_text()
                assert re.search(rf"^(float32|uint8|bool) {field}\b", definition, re.MULTILINE), path
        elif kind == "DiagnosticSummary":
            assert types[panel["topicToRender"]] == "DiagnosticArray"
        else:
            assert kind == "RawMessages" and panel["topicPath"] in types
    assert shown == {"/image_raw", "/anomaly/overlay", "/anomaly/heatmap/colour"}


def test_image_topics_are_those_of_image_transport():
    """A camera's image, its compressed sibling, and camera_info beside it."""
    text = (share_folder() / "pad_ros" / "nodes" / "camera.py").read_text()
    assert '(CompressedImage, "image_raw/compressed")' in text and '(Image, "image_raw")' in text
    assert '(CameraInfo, "camera_info")' in text
    remappings = dict(_process(build({"product": "p", "image_topic": "/cam/image"}), "anomaly").remappings)
    assert remappings["image_raw/compressed"] == remappings["image_raw"] + "/compressed"


def test_rviz_asks_for_the_topics_as_they_are_published():
    """Type and QoS: a viewer that asks for more than the publisher gives shows nothing, and hardly says so."""
    published = _published()
    content = yaml.safe_load((share_folder() / "config" / "inspection.rviz").read_text())
    displays = [d for d in content["Visualization Manager"]["Displays"] if "Topic" in d]
    kinds = {"Image": "Image", "PointCloud2": "PointCloud2", "Pose": "PoseStamped"}
    for display in displays:
        kind, qos = published[display["Topic"]["Value"]]
        assert kinds[display["Class"].split("/")[1]] == kind
        if display["Topic"]["Durability Policy"] == "Transient Local":
            assert qos in ("results", "pictures", "latched"), display["Name"]
        assert display["Topic"]["Reliability Policy"] in ("Reliable", "Best Effort")
        if display["Class"].endswith("Image") and display["Topic"]["Value"] != "image_raw":
            assert display["Topic"]["Reliability Policy"] == "Reliable"  # large: parts of a picture that get lost


def test_launch_files_need_only_what_the_systems_python_has():
    """`ros2 launch` runs in the system's Python, where only YAML and NumPy are sure to be."""
    code = (
        "import sys\n"
        "for name in ('rosbags', 'cv2', 'pycolmap', 'onnxruntime', 'tqdm', 'rclpy'): sys.modules[name] = None\n"
        "from pad_ros.common.resources import share_folder; from pad_ros.graph.build import build\n"
        "sample = share_folder() / 'sample'\n"
        "build({'product': str(sample / 'product'), 'bag': str(sample / 'bag')})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_a_path_may_begin_with_the_users_home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    described = build({"product": "~/p", "source": "~/folder"}, {"conveyor": {"plc_log": "~/log"}})
    assert _process(described, "anomaly").parameters["product"] == str(tmp_path / "p")
    assert _process(described, "camera").parameters["source"] == str(tmp_path / "folder")
    assert _process(described, "conveyor").parameters["plc_log"] == str(tmp_path / "log")
    assert NODES["conveyor"].parameter("policy").expanded("~") == "~"


def test_the_outputs_are_those_that_the_nodes_publish():
    folder = share_folder() / "pad_ros" / "nodes"
    for name in ("localization", "background", "anomaly", "conveyor"):
        text = (folder / f"{name}.py").read_text()
        found = set(re.findall(r'publisher\(\w+, "([^"]+)"', text))
        if name == "anomaly":
            (pictures,) = re.findall(r"names = (\(.*\))", (folder / "pictures.py").read_text())
            found |= {f"anomaly/{picture}" for picture in ast.literal_eval(pictures)}
            found |= set(re.findall(r'publisher\(\w+, "([^"]+)"', (folder / "detections.py").read_text()))
        assert found == set(NODES[name].publishes), name


def test_the_page_is_served_when_asked_for():
    assert "dashboard" not in {process.node.name for process in build({"product": "p"}).processes}
    assert "dashboard" not in {process.node.name for process in build({"product": "p", "dashboard": False}).processes}
    for said in ("true", True):
        described = build({"product": "p", "dashboard": said, "dashboard_port": "8081", "station": "line 3"})
        process = _process(described, "dashboard")
        assert process.parameters == {"product": "p", "image_transport": "raw", "port": 8081, "station": "line 3"}
        assert process.spare and not _process(described, "anomaly").spare
    with pytest.raises(ConfigError, match="dashboard_port: has no effect without dashboard"):
        build({"product": "p", "dashboard_port": "8081"})
    with pytest.raises(ConfigError, match="'yes' is not one of"):
        build({"product": "p", "dashboard": "yes"})
