"""The vehicles: own designs of parametric parts, one module and one class of the data set each."""

from __future__ import annotations

from importlib import import_module

from pad_ros.errors import ConfigError
from pad_ros.synthesis.assembly import Assembly

# A class is one line here and one module of the same name with one function of the same name.
VEHICLES = (
    "coupe",
    "amphibious_car",
    "tank",
    "truck",
    "loader",
    "off_road_car",
    "racing_car",
    "desert_car",
    "police_car",
)


def build_vehicle(name: str) -> Assembly:
    """The intact assembly of a class.

    Raises:
        ConfigError: no such class.
    """
    if name not in VEHICLES:
        raise ConfigError(f"unknown vehicle class {name!r}; choose one of {', '.join(VEHICLES)}")
    build = getattr(import_module(f"{__name__}.{name}"), name)
    assembly: Assembly = build()
    return assembly
