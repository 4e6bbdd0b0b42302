"""Declares a node's parameters to ROS, from their description in the graph."""

from __future__ import annotations

from typing import Any

from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor

from pad_ros.errors import ConfigError
from pad_ros.graph.parameters import Node, Parameter


def declare_parameters(ros_node: Any, node: Node) -> None:
    """Declares all parameters, read-only: a node is configured by starting it.

    Raises:
        ConfigError: one was given a value that is not among its choices or in its range.
        InvalidParameterTypeException, InvalidParameterValueException: rclpy's, for a wrong type or range.
    """
    for parameter in node.parameters:
        value = ros_node.declare_parameter(parameter.name, parameter.default, _descriptor(parameter)).value
        problem = parameter.problem(value)
        if problem:
            raise ConfigError(problem)


def _descriptor(parameter: Parameter) -> ParameterDescriptor:
    descriptor = ParameterDescriptor(description=parameter.text, read_only=True)
    if parameter.choices:
        descriptor.additional_constraints = f"one of {', '.join(parameter.choices)}"
    if parameter.low is not None and parameter.high is not None:
        low, high = parameter.bounds
        if isinstance(parameter.default, float):
            descriptor.floating_point_range = [FloatingPointRange(from_value=float(low), to_value=float(high))]
        else:
            descriptor.integer_range = [IntegerRange(from_value=int(low), to_value=int(high), step=1)]
    return descriptor
