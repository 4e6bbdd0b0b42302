"""Named implementations: a profile names one per stage, `create` makes it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

from pad_ros.errors import ConfigError


def create(stage: str, implementations: Mapping[str, str], settings: Mapping[str, Any]) -> Any:
    """Makes the implementation that `settings["name"]` names.

    Args:
        stage: what is being made, for messages ("segmentation").
        implementations: name to "package.module:Class"; imported only when chosen.
        settings: the stage's part of a profile: `name`, and keyword arguments of the class.

    Raises:
        ConfigError: unknown name or setting, or a setting that the class refuses.
    """
    arguments = dict(settings)
    name = arguments.pop("name", None)
    if name not in implementations:
        raise ConfigError(f"{stage}: no implementation {name!r}; choose one of {', '.join(sorted(implementations))}")
    module_name, class_name = implementations[name].split(":")
    implementation = getattr(import_module(module_name), class_name)
    check_settings(f"{stage} {name!r}", implementation, arguments, complete=True)
    return implementation(**arguments)


def check_settings(
    what: str, function: Callable[..., Any], settings: Mapping[str, Any], complete: bool = False
) -> None:
    """Checks that a function or class takes these keyword arguments, before any work is done.

    Args:
        what: what the settings are of, for messages.
        function: that will be called with them.
        settings: its keyword arguments.
        complete: whether it needs no others.

    Raises:
        ConfigError: it does not take one, or needs another.
    """
    signature = inspect.signature(function)
    try:
        (signature.bind if complete else signature.bind_partial)(**settings)
    except TypeError as error:
        raise ConfigError(f"{what}: {error}") from None
