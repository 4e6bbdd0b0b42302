"""Checks a ROS parameter file before anything starts: what matches no node would be left out without a word."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import yaml

from pad_ros.errors import ConfigError
from pad_ros.graph.parameters import Node

# What every ROS node takes beside its own parameters.
_OF_ROS = re.compile(r"use_sim_time|qos_overrides\..*|start_type_description_service|diagnostic_updater\..*")


def check_params_file(path: Path, nodes: Sequence[Node], namespace: str) -> list[str]:
    """Checks that all that a parameter file says is heard by a node of the graph.

    Args:
        path: the file.
        nodes: all nodes of the graph, also those that do not start this time.
        namespace: theirs.

    Returns:
        Remarks: nodes in the file that are not the graph's, and not meant to be.

    Raises:
        ConfigError: unreadable, or a node, parameter or value that is wrong; says which, and the nearest right one.
    """
    remarks = []
    for name, parameters in _entries(_read(path), path):
        matching = [node for node in nodes if _pattern(name).fullmatch(_full_name(node.name, namespace))]
        if not matching:
            remarks.append(_refuse_or_remark(name, nodes, namespace, path))
        for parameter, value in _flat(parameters):
            _check_parameter(parameter, value, matching, name, path)
    return remarks


def _read(path: Path) -> dict[str, Any]:
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
    return content


def _entries(content: Mapping[str, Any], path: Path, above: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """The nodes' names with their parameters; namespaces may be mappings around them."""
    for key, entry in content.items():
        name = f"{above}/{str(key).strip('/')}"
        if not isinstance(entry, Mapping):
            raise ConfigError(f"params_file: {path}: {name[1:]} holds no ros__parameters")
        if "ros__parameters" in entry:
            yield name, entry["ros__parameters"] or {}
        rest = {key: value for key, value in entry.items() if key != "ros__parameters"}
        if rest or not entry:
            if not rest or not all(isinstance(value, Mapping) for value in rest.values()):
                raise ConfigError(f"params_file: {path}: {name[1:]} holds no ros__parameters")
            yield from _entries(rest, path, name)


def _pattern(name: str) -> re.Pattern[str]:
    """The full names that a key matches: `*` is any one token, `**` any number of them, as in rcl."""
    tokens = {"*": r"/[^/]+", "**": r"(?:/[^/]+)*"}
    return re.compile("".join(tokens.get(token, "/" + re.escape(token)) for token in name.strip("/").split("/")))


def _full_name(node: str, namespace: str) -> str:
    return "/".join(["", *filter(None, namespace.split("/")), node])


def _refuse_or_remark(name: str, nodes: Sequence[Node], namespace: str, path: Path) -> str:
    """A name that is nearly one of the graph's is a mistake; another may be of another program."""
    last = name.rpartition("/")[2]
    near = get_close_matches(last, [node.name for node in nodes], n=1, cutoff=0.7)
    if near:
        right = _full_name(near[0], namespace)
        raise ConfigError(f"params_file: {path}: {name.strip('/')!r} matches no node; do you mean {right!r}?")
    return f"params_file: {path}: {name.strip('/')} is no node of this graph, and left alone"


def _flat(parameters: Any, above: str = "") -> Iterator[tuple[str, Any]]:
    """Parameters by their full name: nested mappings are joined with dots."""
    for key, value in parameters.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{above}{key}.")
        else:
            yield f"{above}{key}", value


def _check_parameter(name: str, value: Any, nodes: Sequence[Node], key: str, path: Path) -> None:
    """A key with wildcards may stand for several nodes: one of them must take the parameter, and its value."""
    if not nodes or _OF_ROS.fullmatch(name):
        return
    taking = [node for node in nodes if any(parameter.name == name for parameter in node.parameters)]
    if not taking:
        known = [parameter.name for node in nodes for parameter in node.parameters]
        near = get_close_matches(name, known, n=1)
        hint = f"do you mean {near[0]!r}?" if near else f"it has {', '.join(dict.fromkeys(known))}"
        raise ConfigError(f"params_file: {path}: {key.strip('/')} has no parameter {name!r}; {hint}")
    for node in taking:
        try:
            node.parse(name, value)
        except ConfigError as error:
            raise ConfigError(f"params_file: {path}: {error}") from None
