"""Profiles: one named implementation, with its settings, per stage of the method."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from pad_ros.common.resources import share_folder
from pad_ros.errors import ConfigError

# Stage group to the parts that a profile must name.
STRUCTURE = {
    "localization": ("features", "map", "localizer"),
    "splatting": ("rasterizer", "trainer"),
    "background": ("segmentation", "inpainting"),
    "anomaly": ("comparison", "score", "regions"),  # and a backbone, where features are compared
    "calibration": (),
}
# Parts that it may name too, and who stands in for them in profiles and products that do not.
OPTIONAL = {
    "localization": {"matcher": "nearest", "retrieval": "votes", "refinement": "as_found"},
    "anomaly": {"light": "as_trained"},
}


def list_profiles() -> list[str]:
    """The names of the profiles that ship with pad_ros."""
    return sorted(path.stem for path in (share_folder() / "config" / "profiles").glob("*.yaml"))


def load_profile(name_or_path: str) -> dict[str, Any]:
    """Loads a profile that ships with pad_ros by name, or any other by its path.

    Raises:
        ConfigError: no such profile, or it does not name every stage.
    """
    path = Path(name_or_path)
    if path.suffix not in (".yaml", ".yml"):
        path = share_folder() / "config" / "profiles" / f"{name_or_path}.yaml"
    try:
        profile = yaml.safe_load(path.read_text())
    except OSError:
        names = ", ".join(list_profiles())
        raise ConfigError(f"no profile {name_or_path!r}; choose one of {names}, or give a YAML file") from None
    except yaml.YAMLError as error:
        raise ConfigError(f"{path}: not valid YAML ({' '.join(str(error).split())})") from None
    check_profile(profile, str(path))
    return profile


def check_profile(profile: Any, source: str) -> None:
    """Checks that a profile has every stage.

    Raises:
        ConfigError: a stage is missing, unknown, or not a mapping; `source` says where.
    """
    if not isinstance(profile, dict) or not isinstance(profile.get("name"), str):
        raise ConfigError(f"{source}: a profile is a mapping with a name")
    unknown = set(profile) - set(STRUCTURE) - {"name"}
    if unknown:
        raise ConfigError(f"{source}: unknown stages {sorted(unknown)}; a profile has {sorted(STRUCTURE)}")
    for group, parts in STRUCTURE.items():
        named = profile.get(group)
        if not isinstance(named, dict):
            raise ConfigError(f"{source}: no settings for {group}{'.' + parts[0] if parts else ''}")
        for part in (*parts, *(set(named) & set(OPTIONAL.get(group, ())))):
            if not isinstance(named.get(part), dict):
                raise ConfigError(f"{source}: no settings for {group}.{part}")
