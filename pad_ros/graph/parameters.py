"""How the parameters of a node, and the arguments at start, are described and checked. Imports no ROS."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import Any

from pad_ros.errors import ConfigError

Value = bool | int | float | str


@dataclass(frozen=True)
class Parameter:
    """A node's parameter: its type is its default's; `low` and `high` bound numbers, `choices` text.

    A `path` may begin with `~`, the user's home. A `live` one may be changed while its node runs.
    """

    name: str
    default: Value
    text: str
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()
    path: bool = False
    live: bool = False

    def parse(self, value: Any) -> Value:
        """Checks a value, or its text, and returns it in the parameter's type.

        Raises:
            ConfigError: wrong type, out of range, or not one of the choices.
        """
        wanted = type(self.default)
        try:
            parsed = _parse(wanted, value)
        except ValueError:
            raise ConfigError(f"{self.name}: expected {wanted.__name__}, got {value!r} ({self.text})") from None
        problem = self.problem(parsed)
        if problem:
            raise ConfigError(problem)
        return self.expanded(parsed)

    def expanded(self, value: Value) -> Value:
        """The value with `~` replaced, when it is a path."""
        return os.path.expanduser(value) if self.path and isinstance(value, str) else value

    def problem(self, value: Value) -> str:
        """What is wrong with a value of the right type; empty when nothing is."""
        if self.choices and value not in self.choices:
            return f"{self.name}: {value!r} is not one of {', '.join(map(repr, self.choices))}"
        if isinstance(value, int | float) and not isinstance(value, bool):
            low, high = self.bounds
            if not low <= value <= high:  # also refuses NaN
                return f"{self.name}: {value} is not in {low}…{high} ({self.text})"
        return ""

    @property
    def bounds(self) -> tuple[float, float]:
        """The smallest and the largest number allowed."""
        return (
            float("-inf") if self.low is None else self.low,
            float("inf") if self.high is None else self.high,
        )


@dataclass(frozen=True)
class Node:
    """A kind of node; `name` is also its executable and its module in `pad_ros.nodes`.

    `publishes` are the topics of what the node finds out, not those of a source.
    """

    name: str
    text: str
    parameters: tuple[Parameter, ...]
    publishes: tuple[str, ...] = ()

    def parameter(self, name: str) -> Parameter:
        """The parameter of that name.

        Raises:
            ConfigError: there is none.
        """
        for parameter in self.parameters:
            if parameter.name == name:
                return parameter
        names = ", ".join(parameter.name for parameter in self.parameters)
        raise ConfigError(f"{self.name}: no parameter {name!r}; it has {names}")

    def parse(self, name: str, value: Any) -> Value:
        """Checks a value of a parameter, or its text, and returns it in the parameter's type.

        Raises:
            ConfigError: no such parameter, or a value that it must not have; names node and parameter.
        """
        parameter = self.parameter(name)
        try:
            return parameter.parse(value)
        except ConfigError as error:
            raise ConfigError(f"{self.name}.{error}") from None


@dataclass(frozen=True)
class Argument:
    """An argument at start; empty text leaves the parameters it sets as they are in the parameter file.

    A `path` may begin with `~`.
    `choices` or `pattern` (a regular expression, `example` a text that fits it) say which other text it takes.
    """

    name: str
    default: str
    text: str
    sets: tuple[tuple[str, str], ...] = ()  # (node, parameter)
    choices: tuple[str, ...] = ()
    pattern: str = ""
    example: str = ""
    path: bool = False

    def check(self, value: str) -> None:
        """Checks a text that is not empty.

        Raises:
            ConfigError: it is not among the choices, or does not fit the pattern.
        """
        if self.choices and value not in self.choices:
            raise ConfigError(f"{self.name}: {value!r} is not one of {', '.join(map(repr, self.choices))}")
        if self.pattern and not re.fullmatch(self.pattern, value, re.ASCII):
            raise ConfigError(f"{self.name}: {value!r} is no name that ROS takes; write it as in {self.example}")


def _parse(wanted: type, value: Any) -> Value:
    if wanted is bool:
        text = str(value).strip().lower()
        if text not in ("true", "false"):
            raise ValueError
        return text == "true"
    if wanted is str:
        return str(value)
    if isinstance(value, bool):
        raise ValueError
    if wanted is int and isinstance(value, float):
        raise ValueError
    return wanted(value)
