"""The ROS graph, described once: `launch/*.launch.py` and `pad up` are both made from it. Imports no ROS.

`NODES` says what each node takes and means; `ARGUMENTS` what a user may say at start; `build` turns the
arguments into the processes to start.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from pad_ros.common.resources import share_folder
from pad_ros.conveyor.plc import IMPLEMENTATIONS as PLC_DRIVERS
from pad_ros.errors import ConfigError
from pad_ros.graph.parameters import Argument, Node, Parameter, Value
from pad_ros.sources.bag_metadata import bag_transport

PACKAGE = "pad_ros"


@dataclass(frozen=True)
class Process:
    """One node to start."""

    node: Node
    namespace: str
    parameters: dict[str, Value]
    params_file: Path
    remappings: tuple[tuple[str, str], ...] = ()
    log_level: str = "info"
    required: bool = True  # when it ends, it is started again

    def with_journal(self, folder: Path) -> dict[str, Value]:
        """The parameters, with a journal in `folder` for a node that takes one and was given none."""
        takes_one = any(parameter.name == "journal" for parameter in self.node.parameters)
        journal = {"journal": str(folder / f"{self.node.name}.journal")} if takes_one else {}
        return {**journal, **self.parameters}


# Several nodes share the cores: threads that wait must not keep them busy, and small matrix products need only one.
ENVIRONMENT = {"OMP_WAIT_POLICY": "PASSIVE", "OPENBLAS_NUM_THREADS": "1"}

_AUTOSTART = Parameter("autostart", True, "configure and activate by itself; false leaves it to a lifecycle manager")
_TRANSPORT = Parameter(
    "image_transport",
    "raw",
    "image_raw as Image, or image_raw/compressed as CompressedImage",
    choices=("raw", "compressed"),
)
_QOS = Parameter(
    "image_qos",
    "reliable",
    "of the image subscription; sensor_data for a camera driver that publishes best effort",
    choices=("reliable", "sensor_data"),
)
_PRODUCT = Parameter("product", "", "folder of the product to inspect, made by `pad train`")
_QUEUE = Parameter("queue_size", 100, "images kept waiting; each one more leaves an ERROR result at once", 1, 10_000)
_JOIN = Parameter(
    "join_timeout", 30.0, "seconds without progress upstream until an image is given up with TIMEOUT", 0.1, 3600.0
)
_JOURNAL = Parameter(
    "journal", "", "file by which the node goes on when it is started again after a crash; empty: the launcher's own"
)
_RATE = Parameter("rate", 2.0, "images per second", 0.01, 1000.0)
_LOOP = Parameter("loop", False, "start again at the end, with new stamps")
_WAIT_RESULTS = Parameter(
    "wait_for_results", 0, "publish no more while so many results are outstanding; 0: never wait", 0, 1000
)
_WAIT_SUBSCRIBERS = Parameter("wait_for_subscribers", 3, "begin once so many subscribe to the images", 0, 100)
_FRAME = Parameter("frame_id", "camera_optical_frame", "frame of the images' header")

_SOURCES = {"camera": "source", "bag_player": "bag"}  # started by this argument; may come to their end
_NAMES = r"[A-Za-z_]\w*(/[A-Za-z_]\w*)*"  # as ROS takes them
_TOPIC = rf"(~?/)?{_NAMES}"
_STAGE = (_AUTOSTART, _PRODUCT, _TRANSPORT, _QOS, _QUEUE)

NODES: dict[str, Node] = {
    node.name: node
    for node in (
        Node(
            "camera",
            "publishes a folder, a data-set class, a video device or a video file",
            (
                _AUTOSTART,
                Parameter("source", "", "folder of images, data-set class, video file, or number of a video device"),
                Parameter(
                    "product", "", "folder of the product whose intrinsics go to camera_info; empty: the class's"
                ),
                Parameter(
                    "image_transport", "raw", "publish image_raw or image_raw/compressed", choices=("raw", "compressed")
                ),
                _RATE,
                _LOOP,
                _WAIT_RESULTS,
                _WAIT_SUBSCRIBERS,
                _FRAME,
            ),
        ),
        Node(
            "bag_player",
            "publishes the topics of a rosbag2",
            (
                _AUTOSTART,
                Parameter("bag", "", "folder of the rosbag2"),
                Parameter("rate", 1.0, "factor on the recorded speed", 0.001, 10_000.0),
                _LOOP,
                _WAIT_RESULTS,
                _WAIT_SUBSCRIBERS,
                Parameter("publish_clock", False, "publish /clock, for nodes with use_sim_time"),
            ),
        ),
        Node("localization", "finds the camera-to-object pose of each image", _STAGE),
        Node("background", "separates part and background", (*_STAGE, _JOIN)),
        Node(
            "anomaly",
            "compares each image with the twin and judges it",
            (*_STAGE, _JOIN, _JOURNAL, Parameter("publish_images", True, "publish heatmap, overlay and reference too")),
        ),
        Node(
            "conveyor",
            "turns the results into one reject command per part",
            (
                _AUTOSTART,
                Parameter("policy", "any", "rule for rejecting a part", choices=("any", "votes")),
                Parameter("votes", 2, "anomalous views that reject a part, for the policy votes", 1, 1000),
                Parameter("max_unjudged", 0, "views without result that do not count against a part", 0, 1000),
                Parameter(
                    "part_timeout", 60.0, "seconds until a part is decided without its missing views", 0.1, 3600.0
                ),
                Parameter("gate_distance", 1.0, "metres from the camera to the reject gate", 0.0, 1000.0),
                Parameter("belt_speed", 0.2, "metres per second", 0.001, 100.0),
                Parameter("plc", "log", "driver of the conveyor's PLC", choices=tuple(PLC_DRIVERS)),
                Parameter("plc_log", "", "file to which the driver log appends; empty: standard output"),
                Parameter(
                    "plc_timeout", 5.0, "seconds for which a command is offered to a PLC that fails", 0.0, 3600.0
                ),
                _JOURNAL,
            ),
        ),
    )
}

ARGUMENTS: tuple[Argument, ...] = (
    Argument("product", "", "folder of the product to inspect (required)"),
    Argument("bag", "", "rosbag2 to replay", (("bag_player", "bag"),)),
    Argument("source", "", "folder, data-set class or video to publish as a camera", (("camera", "source"),)),
    Argument(
        "rate",
        "",
        "of the bag: factor on its speed; of the camera: images per second",
        (("bag_player", "rate"), ("camera", "rate")),
    ),
    Argument("loop", "", "replay for ever", (("bag_player", "loop"), ("camera", "loop"))),
    Argument(
        "wait_for_results",
        "",
        "replay no faster than results come: most images in flight",
        (("bag_player", "wait_for_results"), ("camera", "wait_for_results")),
    ),
    Argument(
        "image_transport",
        "auto",
        "raw, compressed, or auto: what the bag holds, else raw",
        choices=("auto", "raw", "compressed"),
    ),
    Argument(
        "image_qos",
        "",
        "reliable or sensor_data",
        tuple((n, "image_qos") for n in ("localization", "background", "anomaly")),
    ),
    Argument(
        "image_topic",
        "",
        "image topic of a camera driver, in place of image_raw",
        pattern=_TOPIC,
        example="/camera/image_raw",
    ),
    Argument(
        "camera_info_topic",
        "",
        "camera_info topic of a camera driver",
        pattern=_TOPIC,
        example="/camera/camera_info",
    ),
    Argument("plc", "", "driver of the conveyor's PLC", (("conveyor", "plc"),)),
    Argument(
        "namespace", "", "namespace of the graph: one per camera", pattern=rf"/|/?{_NAMES}", example="line_1/camera_2"
    ),
    Argument("params_file", "", "parameters; empty: config/inspection.yaml of this package"),
    Argument(
        "autostart", "", "false leaves the nodes to a lifecycle manager", tuple((name, "autostart") for name in NODES)
    ),
    Argument(
        "log_level",
        "info",
        "of all nodes: debug, info, warn, error or fatal",
        choices=("debug", "info", "warn", "error", "fatal"),
    ),
)


@dataclass(frozen=True)
class Graph:
    """What to start."""

    processes: tuple[Process, ...]
    arguments: dict[str, str] = field(default_factory=dict)


def build(arguments: Mapping[str, Any], overrides: Mapping[str, Mapping[str, Any]] | None = None) -> Graph:
    """Decides what to start.

    Args:
        arguments: values, or their text, by argument name; what is missing has its default.
        overrides: node name to parameter name to value; beats arguments and parameter file.

    Raises:
        ConfigError: unknown argument, node or parameter, a bad value or one without effect, or no product.
        BagError: `bag` is no rosbag2 with images.
        DatasetError: `source` is a broken data-set class.
    """
    values = {argument.name: argument.default for argument in ARGUMENTS}
    unknown = set(arguments) - set(values)
    if unknown:
        raise ConfigError(f"unknown arguments {', '.join(sorted(unknown))}; there are {', '.join(values)}")
    values.update({name: "" if value is None else str(value) for name, value in arguments.items()})
    overrides = overrides or {}
    unknown = set(overrides) - set(NODES)
    if unknown:
        raise ConfigError(f"unknown nodes {', '.join(sorted(unknown))}; there are {', '.join(NODES)}")
    for argument in ARGUMENTS:
        if values[argument.name]:
            argument.check(values[argument.name])
    names = _node_names(values)
    _refuse_without_effect(names, values, overrides)
    params_file = Path(values["params_file"] or share_folder() / "config" / "inspection.yaml")
    _check_params_file(params_file)
    return Graph(
        tuple(
            Process(
                node=NODES[name],
                namespace=values["namespace"],
                parameters=_parameters(NODES[name], values, overrides.get(name, {})),
                params_file=params_file,
                remappings=_remappings(values),
                log_level=values["log_level"] or "info",
                required=name not in _SOURCES,
            )
            for name in names
        ),
        values,
    )


def parse_settings(texts: Iterable[str]) -> tuple[dict[str, str], dict[str, dict[str, str]]]:
    """Reads `argument:=value` and `node.parameter:=value` into what `build` takes.

    Raises:
        ConfigError: written in another way.
    """
    arguments: dict[str, str] = {}
    overrides: dict[str, dict[str, str]] = {}
    for text in texts:
        name, assigned, value = text.partition(":=")
        if not assigned or not name:
            raise ConfigError(
                f"{text!r}: write argument:=value or node.parameter:=value, as in anomaly.join_timeout:=10"
            )
        node, dot, parameter = name.partition(".")
        if dot:
            overrides.setdefault(node, {})[parameter] = value
        else:
            arguments[name] = value
    return arguments, overrides


def _node_names(values: Mapping[str, str]) -> list[str]:
    if not values["product"]:
        raise ConfigError("no product: give the folder that `pad train` made, as in product:=sample/product")
    if not Path(values["product"], "product.yaml").is_file():
        raise ConfigError(f"product: {values['product']} has no product.yaml; give the folder that `pad train` made")
    if values["bag"] and values["source"]:
        raise ConfigError("give a bag or a source of images, not both")
    if values["source"]:
        from pad_ros.sources.frames import open_source  # brings OpenCV, and no ROS

        open_source(values["source"])
    started = [node for node, argument in _SOURCES.items() if values[argument]]
    return ["localization", "background", "anomaly", "conveyor", *started]


def _refuse_without_effect(names: list[str], values: Mapping[str, str], overrides: Mapping[str, Any]) -> None:
    """Refuses what is said to nodes that do not start: whoever says it expects something of it."""
    for argument in ARGUMENTS:
        targets = [node for node, _ in argument.sets]
        if targets and values[argument.name] and not set(targets) & set(names):
            needed = " or ".join(_SOURCES[node] for node in targets)
            raise ConfigError(f"{argument.name}: has no effect without {needed}")
    for node in overrides:
        if node not in names:
            raise ConfigError(f"{node}: does not start without {_SOURCES[node]}, so its parameters have no effect")


def _check_params_file(path: Path) -> None:
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"params_file: {path} cannot be read ({error.strerror})") from None
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigError(f"params_file: {path} is not YAML ({' '.join(str(error).split())})") from None
    if not isinstance(content, dict) or not all(isinstance(entry, dict) for entry in content.values()):
        raise ConfigError(
            f"params_file: {path} holds no parameters of nodes; write it like config/inspection.yaml of this package"
        )


def _parameters(node: Node, values: Mapping[str, str], overrides: Mapping[str, Any]) -> dict[str, Value]:
    given: dict[str, Any] = {}
    known = {parameter.name for parameter in node.parameters}
    if "product" in known:
        given["product"] = values["product"]
    if "image_transport" in known:
        given["image_transport"] = _transport(values)
    for argument in ARGUMENTS:
        for target, parameter in argument.sets:
            if target == node.name and values[argument.name] != "":
                given[parameter] = values[argument.name]
    given.update(overrides)
    return {name: node.parse(name, value) for name, value in given.items()}


def _transport(values: Mapping[str, str]) -> str:
    transport = values["image_transport"] or "auto"
    if transport != "auto":
        return transport
    return bag_transport(values["bag"]) if values["bag"] else "raw"


def _remappings(values: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    image, info = values["image_topic"], values["camera_info_topic"]
    remappings = []
    if image:
        remappings += [("image_raw", image), ("image_raw/compressed", f"{image}/compressed")]
    if info:
        remappings.append(("camera_info", info))
    return tuple(remappings)
