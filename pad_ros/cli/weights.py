"""`pad weights`: lists, gets and checks the networks' weights that do not ship with the package."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from pad_ros.common.progress import progress_bar
from pad_ros.common.tables import format_table
from pad_ros.weights.cache import State, examine, select_weights, weights_folder
from pad_ros.weights.fetch import fetch_weights


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the command's arguments."""
    parser.add_argument("what", choices=("list", "fetch", "verify"))
    parser.add_argument("names", nargs="*", metavar="NAME", help="of weights; all without any")
    parser.add_argument("--profile", default="", help="those that this profile needs")
    parser.add_argument("--from", dest="folder", type=Path, metavar="FOLDER", help="take them from here, not the net")


def run(arguments: argparse.Namespace) -> int:
    """Runs the command; 1 when weights that were asked for are missing or altered."""
    chosen = select_weights(arguments.names, arguments.profile)
    if arguments.what == "fetch":
        for weights in chosen:
            with progress_bar(weights.name) as progress:
                fetch_weights(weights, arguments.folder, progress)
    states = [examine(weights) for weights in chosen]
    print(format_table(("name", "MB", "state", "for", "licence"), [_row(state) for state in states], left=(0, 2, 3, 4)))
    print(f"in {weights_folder()}")
    if arguments.what == "list":
        return 0
    for state in states:
        if state.problem:
            print(f"pad weights: {state.problem}", file=sys.stderr)
    return int(any(state.problem for state in states))


def _row(state: State) -> tuple[str, ...]:
    size = state.bytes or sum(file.bytes for file in state.weights.files)
    said = "missing" if state.missing else "altered" if state.problem else "here"
    return state.weights.name, f"{size / 1e6:.0f}" if size else "?", said, state.weights.purpose, state.weights.licence
