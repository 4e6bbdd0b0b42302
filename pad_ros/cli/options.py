"""What several commands share: the default profile, and files of images from the command line."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from pad_ros.conveyor.policy import IMPLEMENTATIONS as POLICIES
from pad_ros.conveyor.policy import PolicyChoice
from pad_ros.errors import ConfigError
from pad_ros.images import list_images

DEFAULT_PROFILE = "cpu"


def add_policy_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares when a part is rejected, as the conveyor node's parameters do."""
    parser.add_argument(
        "--policy",
        choices=tuple(POLICIES),
        default=PolicyChoice.name,
        help=f"rule for rejecting a part ({PolicyChoice.name})",
    )
    parser.add_argument("--votes", type=int, default=2, help="anomalous views that reject a part, for votes (2)")
    parser.add_argument(
        "--max-unjudged", type=int, default=0, help="views without result that do not count against a part (0)"
    )


def policy_from(arguments: argparse.Namespace) -> PolicyChoice:
    """The reject policy that the arguments name."""
    return PolicyChoice(arguments.policy, arguments.votes, arguments.max_unjudged)


def image_paths(names: Sequence[Path]) -> list[Path]:
    """The image files that are named, and those below the folders that are named.

    Raises:
        ConfigError: one is not there, or there are no images at all.
    """
    paths: list[Path] = []
    for name in names:
        if name.is_dir():
            paths += list_images(name)
        elif name.exists():
            paths.append(name)
        else:
            raise ConfigError(f"{name}: no such file or folder")
    if not paths:
        raise ConfigError(f"no images in {', '.join(map(str, names))}")
    return paths
