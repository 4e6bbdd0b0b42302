"""Turns arguments into the processes to start, for `launch/*.launch.py` and `pad up` alike. Imports no ROS."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pad_ros.common.resources import share_folder
from pad_ros.errors import ConfigError
from pad_ros.graph.description import ARGUMENTS, NODES, SOURCES, SPARE, STARTED_BY, WAIT_SUBSCRIBERS
from pad_ros.graph.parameters import Node, Value
from pad_ros.graph.params_file import check_params_file
from pad_ros.sources.bag_metadata import find_image_topic


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
    spare: bool = False  # when that is of no use, the others go on

    def with_journal(self, folder: Path) -> dict[str, Value]:
        """The parameters, with a journal in `folder` for a node that takes one and was given none."""
        takes_one = any(parameter.name == "journal" for parameter in self.node.parameters)
        journal = {"journal": str(folder / f"{self.node.name}.journal")} if takes_one else {}
        return {**journal, **self.parameters}


@dataclass(frozen=True)
class Graph:
    """What to start."""

    processes: tuple[Process, ...]
    arguments: dict[str, str] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()  # for whoever starts it


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
    values.update({name: _text(value) for name, value in arguments.items()})
    overrides = overrides or {}
    unknown = set(overrides) - set(NODES)
    if unknown:
        raise ConfigError(f"unknown nodes {', '.join(sorted(unknown))}; there are {', '.join(NODES)}")
    for argument in ARGUMENTS:
        if values[argument.name]:
            argument.check(values[argument.name])
        if argument.path:
            values[argument.name] = os.path.expanduser(values[argument.name])
    names = _node_names(values)
    _refuse_without_effect(names, values, overrides)
    params_file = Path(values["params_file"] or share_folder() / "config" / "inspection.yaml")
    remarks = check_params_file(params_file, tuple(NODES.values()), values["namespace"])
    return Graph(
        tuple(
            Process(
                node=NODES[name],
                namespace=values["namespace"],
                parameters=_parameters(NODES[name], values, overrides.get(name, {})),
                params_file=params_file,
                remappings=_remappings(values),
                log_level=values["log_level"] or "info",
                required=name not in SOURCES,
                spare=name in SPARE,
            )
            for name in names
        ),
        values,
        tuple(remarks),
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


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else str(value)


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
    started = [node for node, argument in STARTED_BY.items() if values[argument] not in ("", "false")]
    names = ["localization", "background", "anomaly", "conveyor", *started]
    return _chosen(values["nodes"].split(","), names) if values["nodes"] else names


def _chosen(wanted: list[str], names: list[str]) -> list[str]:
    """Those of the nodes that are wanted here."""
    for name in wanted:
        if name not in NODES:
            raise ConfigError(f"nodes: no node {name!r}; there are {', '.join(NODES)}")
        if name not in names:
            raise ConfigError(f"nodes: {name} does not start without {STARTED_BY[name]}")
    return [name for name in names if name in wanted]


def _refuse_without_effect(names: list[str], values: Mapping[str, str], overrides: Mapping[str, Any]) -> None:
    """Refuses what is said to nodes that do not start: whoever says it expects something of it."""
    for argument in ARGUMENTS:
        targets = [node for node, _ in argument.sets]
        if targets and values[argument.name] and not set(targets) & set(names):
            needed = " or ".join(_what_starts(node) for node in targets)
            raise ConfigError(f"{argument.name}: has no effect without {needed}")
    for node in overrides:
        if node not in names:
            needed = _what_starts(node)
            raise ConfigError(f"{node}: does not start without {needed}, so its parameters have no effect")


def _what_starts(node: str) -> str:
    return STARTED_BY.get(node, f"{node} among nodes")


def _parameters(node: Node, values: Mapping[str, str], overrides: Mapping[str, Any]) -> dict[str, Value]:
    given: dict[str, Any] = {}
    known = {parameter.name for parameter in node.parameters}
    for name in {"product", "image_topic", "camera_info_topic"} & known:
        if values[name]:
            given[name] = values[name]
    if "image_transport" in known:
        given["image_transport"] = _transport(values)
    if "wait_for_subscribers" in known and values["records"]:
        given["wait_for_subscribers"] = int(WAIT_SUBSCRIBERS.default) + 1  # the records node too
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
    if not values["bag"]:
        return "raw"
    return find_image_topic(values["bag"], values["image_topic"], values["namespace"]).transport


def _remappings(values: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    image, info = values["image_topic"], values["camera_info_topic"]
    remappings = []
    if image:
        remappings += [("image_raw", image), ("image_raw/compressed", f"{image}/compressed")]
    if info:
        remappings.append(("camera_info", info))
    return tuple(remappings)
