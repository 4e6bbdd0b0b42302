"""The `pad` command, one small module a command.

In: arguments. Out: calls of the core, files, a few lines. A module has `add_arguments(parser)` and `run(arguments)`.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module
from io import TextIOWrapper

import pad_ros
from pad_ros.common.files import shown
from pad_ros.common.quiet import quiet_opencv
from pad_ros.common.threads import single_threaded_products
from pad_ros.errors import PadError

# Name → what it does; the modules are loaded only when called, so that `pad --help` is there at once.
COMMANDS = {
    "synth": "render a data set in Blender",
    "capture": "make a class from photos or a film of one good part: poses and cut-outs",
    "train": "train a product from photos of the good part with poses",
    "calibrate": "set the threshold from images of good parts alone",
    "inspect": "inspect images without ROS",
    "records": "list, show, export, report, replay and send what was inspected and decided",
    "retarget": "make a product fit another camera",
    "evaluate": "print the paper's metrics for a data set",
    "bag": "write a class's test set as a rosbag2 (MCAP)",
    "up": "start the ROS graph where `ros2 launch` is not installed",
    "demo": "replay the sample bag through the ROS nodes and write a report",
    "render": "look at the twin",
    "weights": "list, fetch and verify the weights that do not ship with the package",
    "doctor": "say what of the environment works",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Runs `pad`; returns the exit status: 0, 1 for an error said in one line, 130 when interrupted."""
    quiet_opencv()
    single_threaded_products()
    for stream in (sys.stdout, sys.stderr):  # a file's name that is no UTF-8 must not end a command
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    arguments = _parse(sys.argv[1:] if argv is None else argv)
    try:
        return arguments.run(arguments) or 0
    except PadError as error:
        print(f"pad {arguments.command}: {error}", file=sys.stderr)
        return 1
    except OSError as error:  # what no function has made a typed error of
        place = f"{shown(error.filename)}: " if error.filename else ""
        print(f"pad {arguments.command}: {place}{error.strerror or error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"\npad {arguments.command}: interrupted", file=sys.stderr)
        return 130


def _parse(words: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="pad", description=pad_ros.__doc__)
    parser.add_argument("--version", action="version", version=pad_ros.__version__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    called = next((word for word in words if not word.startswith("-")), None)
    for name, text in COMMANDS.items():
        sub = commands.add_parser(name, help=text, description=text)
        if name == called:
            module = import_module(f"pad_ros.cli.{name}")
            module.add_arguments(sub)
            sub.set_defaults(run=module.run)
    arguments, rest = parser.parse_known_args(words)
    # argparse takes only one run of NAME:=VALUE: those after an option are left over.
    if rest and (arguments.command != "up" or any(word.startswith("-") for word in rest)):
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    if rest:
        arguments.overrides += rest
    return arguments
