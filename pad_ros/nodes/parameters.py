"""Declares a node's parameters to ROS, from their description in the graph."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor

from pad_ros.errors import ConfigError
from pad_ros.graph.parameters import Node, Parameter


def declare_parameters(ros_node: Any, node: Node, set_by: Mapping[str, str]) -> None:
    """Declares all parameters; most are read-only: a node is configured by starting it.

    Args:
        ros_node: theirs.
        node: their description.
        set_by: see `change_problem`.

    Raises:
        ConfigError: one was given a value that is not among its choices or in its range.
        InvalidParameterTypeException, InvalidParameterValueException: rclpy's, for a wrong type or range.
    """
    for parameter in node.parameters:
        descriptor = _descriptor(parameter, parameter.name in set_by)
        value = ros_node.declare_parameter(parameter.name, parameter.default, descriptor).value
        problem = parameter.problem(value)
        if problem:
            raise ConfigError(problem)


def change_problem(node: Node, set_by: Mapping[str, str], parameters: Iterable[Any]) -> str:
    """Why parameters may not be changed while their node runs; empty when they may.

    Args:
        node: their description.
        set_by: names of those that one of the node's services changes, and of that.
        parameters: with `name` and `value`, as wanted.
    """
    for wanted in parameters:
        known = next((parameter for parameter in node.parameters if parameter.name == wanted.name), None)
        if known is None:
            continue  # ROS's own
        if known.name in set_by:
            return f"{known.name}: call {node.name}/{set_by[known.name]}, which changes it between two images"
        problem = known.problem(wanted.value) if known.live else f"{known.name}: start the node anew to change it"
        if problem:
            return problem
    return ""


def _descriptor(parameter: Parameter, set_by_service: bool) -> ParameterDescriptor:
    fixed = not (parameter.live or set_by_service)
    descriptor = ParameterDescriptor(description=parameter.text, read_only=fixed)
    if parameter.choices:
        descriptor.additional_constraints = f"one of {', '.join(parameter.choices)}"
    if parameter.low is not None and parameter.high is not None:
        low, high = parameter.bounds
        if isinstance(parameter.default, float):
            descriptor.floating_point_range = [FloatingPointRange(from_value=float(low), to_value=float(high))]
        else:
            descriptor.integer_range = [IntegerRange(from_value=int(low), to_value=int(high), step=1)]
    return descriptor
