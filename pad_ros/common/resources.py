"""Finds the files that ship beside the code: configuration, launch files, message definitions, the sample."""

from __future__ import annotations

from pathlib import Path

from pad_ros.errors import ConfigError


def share_folder() -> Path:
    """The folder that holds `config/`, `launch/`, `msg/` and `sample/`.

    It is the repository in a source checkout (also through a symlinked colcon install), and
    `share/pad_ros` of the prefix after `colcon build` or `pip install`.

    Raises:
        ConfigError: neither is there: the installation is incomplete.
    """
    here = Path(__file__)
    for folder in (here.resolve().parents[2], *(parent / "share" / "pad_ros" for parent in here.parents)):
        if (folder / "config" / "profiles").is_dir():
            return folder
    raise ConfigError(f"no config/profiles near {here}; the installation of pad_ros is incomplete, install it again")
