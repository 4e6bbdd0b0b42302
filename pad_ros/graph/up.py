"""Starts the graph as processes where `ros2 launch` is not installed. Imports no ROS."""

from __future__ import annotations

import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import FrameType, TracebackType
from typing import IO

import yaml

from pad_ros.errors import ConfigError
from pad_ros.graph.description import ENVIRONMENT, Graph, Process, build, parse_settings

_PATIENCE_S = 8.0  # from the request to end until a process is killed


class Processes:
    """The running processes of a graph; a context manager that leaves none behind."""

    def __init__(self, graph: Graph, environment: Mapping[str, str], output: IO[bytes] | None = None) -> None:
        """Starts them.

        Args:
            graph: what to start.
            environment: theirs.
            output: file for what they print; None: this process's own.
        """
        self._scratch = tempfile.TemporaryDirectory(prefix="pad-up-")
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._required = {process.node.name: process.required for process in graph.processes}
        try:
            for process in graph.processes:
                # A session of its own: Ctrl-C reaches this process alone, which then ends them in order.
                self._running[process.node.name] = subprocess.Popen(
                    command(process, Path(self._scratch.name)),
                    env=dict(environment),
                    stdout=output,
                    stderr=None if output is None else subprocess.STDOUT,
                    start_new_session=True,
                )
        except OSError:
            self.stop()
            raise

    def __enter__(self) -> Processes:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def problem(self) -> str:
        """Why the graph cannot go on; empty while it can."""
        for name, process in self._running.items():
            code = process.poll()
            if code is not None and (code != 0 or self._required[name]):
                return f"{name} ended with exit code {code}"
        return ""

    def stop(self) -> None:
        """Ends all processes: asks first, kills those that do not listen."""
        for process in self._running.values():
            if process.poll() is None:
                process.terminate()
        deadline = time.monotonic() + _PATIENCE_S
        for process in self._running.values():
            try:
                process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._scratch.cleanup()


def run_graph(bag: Path | str | None = None, overrides: Iterable[str] = ()) -> int:
    """Runs the graph until Ctrl-C or SIGTERM: `pad up`.

    Args:
        bag: rosbag2 to replay.
        overrides: `argument:=value` as for `ros2 launch`, and `node.parameter:=value`.

    Returns:
        0 when it was asked to end, 1 when a node ended by itself.

    Raises:
        ConfigError: an argument, node or parameter is unknown or has a bad value.
        BagError: the bag cannot be replayed.
    """
    arguments, parameters = parse_settings(overrides)
    if bag is not None:
        arguments["bag"] = str(bag)
    graph = build(arguments, parameters)
    stopping = threading.Event()

    def ask_to_stop(number: int, frame: FrameType | None) -> None:
        stopping.set()

    handlers = {number: signal.signal(number, ask_to_stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        environment = ros_environment()
        names = ", ".join(process.node.name for process in graph.processes)
        print(
            f"starting {names} on ROS_DOMAIN_ID {environment.get('ROS_DOMAIN_ID', '0')}; Ctrl-C ends them", flush=True
        )
        with Processes(graph, environment) as processes:
            while not stopping.wait(0.2):
                problem = processes.problem()
                if problem:
                    print(f"pad up: {problem}; ending the others", file=sys.stderr, flush=True)
                    return 1
        return 0
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)


def command(process: Process, scratch: Path) -> list[str]:
    """The command line of a node; its parameters go to a file in `scratch`."""
    name = process.node.name
    # Each file's entry has the node's full name: rcl lets a full name beat the wildcards of the parameter file.
    full_name = "/".join(["", *filter(None, process.namespace.split("/")), name])
    parameters = scratch / f"{name}.yaml"
    parameters.write_text(yaml.safe_dump({full_name: {"ros__parameters": dict(process.parameters)}}))
    words = [sys.executable, "-m", f"pad_ros.nodes.{name}", "--ros-args"]
    words += ["-r", f"__node:={name}", "--log-level", process.log_level]
    if process.namespace:
        words += ["-r", f"__ns:=/{process.namespace.strip('/')}"]
    for source, target in process.remappings:
        words += ["-r", f"{source}:={target}"]
    words += ["--params-file", str(process.params_file)]
    if process.parameters:
        words += ["--params-file", str(parameters)]
    return words


def ros_environment(isolated: bool = False) -> dict[str, str]:
    """The environment of the nodes.

    Unless the user's says otherwise, they are found on this machine only; `isolated` also gives them a
    domain of their own, so that graphs that run side by side do not mix.

    Raises:
        ConfigError: no domain is free.
    """
    environment = {**ENVIRONMENT, "PYTHONUNBUFFERED": "1", **os.environ}
    if not any(name in environment for name in ("ROS_AUTOMATIC_DISCOVERY_RANGE", "ROS_LOCALHOST_ONLY")):
        environment["ROS_AUTOMATIC_DISCOVERY_RANGE"] = "LOCALHOST"
    if isolated and "ROS_DOMAIN_ID" not in environment:
        environment["ROS_DOMAIN_ID"] = str(_free_domain())
    return environment


def _free_domain() -> int:
    # Above 101 the ports of a domain run into those that the system gives away.
    for domain in random.SystemRandom().sample(range(1, 102), 101):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            try:
                probe.bind(("", 7410 + 250 * domain))  # its first participant's discovery port (RTPS, 9.6.1)
            except OSError:
                continue
            return domain
    raise ConfigError("no free ROS domain: every discovery port is taken; set ROS_DOMAIN_ID")
