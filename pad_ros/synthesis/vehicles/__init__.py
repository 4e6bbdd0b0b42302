"""The vehicles: own designs of parametric parts, one module and one class of the data set each."""

from __future__ import annotations

from collections.abc import Callable

from pad_ros.errors import ConfigError
from pad_ros.synthesis.assembly import Assembly
from pad_ros.synthesis.vehicles.off_road_car import off_road_car

VEHICLES: dict[str, Callable[[], Assembly]] = {"off_road_car": off_road_car}


def build_vehicle(name: str) -> Assembly:
    """The intact assembly of a class.

    Raises:
        ConfigError: no such class.
    """
    if name not in VEHICLES:
        raise ConfigError(f"unknown vehicle class {name!r}; choose one of {', '.join(VEHICLES)}")
    return VEHICLES[name]()
