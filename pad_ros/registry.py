"""Named implementations: a profile names one per stage, `create` makes it."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
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
    try:
        inspect.signature(implementation).bind(**arguments)
    except TypeError as error:
        raise ConfigError(f"{stage} {name!r}: {error}") from None
    return implementation(**arguments)
