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
from pad_ros.graph.build import Graph, Process, build, parse_settings
from pad_ros.graph.description import ENVIRONMENT
from pad_ros.graph.restarts import GaveUpError, RestartPolicy

_PATIENCE_S = 12.0  # from the request to end until a process is killed
# Who ends together; the conveyor hears the last verdicts, and decides the open parts; the records hear all.
_ORDER = (("camera", "bag_player", "localization", "background"), ("anomaly",), ("conveyor",), ("records", "dashboard"))


class Processes:
    """The running processes of a graph; a context manager that leaves none behind.

    A node that dies is started again; it goes on from its journal.
    """

    def __init__(
        self,
        graph: Graph,
        environment: Mapping[str, str],
        output: IO[bytes] | None = None,
        policy: RestartPolicy | None = None,
    ) -> None:
        """Starts them.

        Args:
            graph: what to start.
            environment: theirs.
            output: file for what they print; None: this process's own.
            policy: when they are started again.
        """
        self._scratch = tempfile.TemporaryDirectory(prefix="pad-up-")
        self._environment, self._output = dict(environment), output
        self._policy = policy or RestartPolicy()
        self._graph = {process.node.name: process for process in graph.processes}
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._begun: dict[str, float] = {}
        self._due: dict[str, float] = {}  # when a node that died is started again
        self._given_up: set[str] = set()
        try:
            for name in self._graph:
                self._start(name)
        except OSError:
            self.stop()
            raise

    def __enter__(self) -> Processes:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def watch(self) -> str:
        """Starts again what died, when its time has come; why the graph cannot go on, empty while it can."""
        for name, process in self._running.items():
            code = process.poll()
            if code is None or name in self._given_up:
                continue
            if not self._graph[name].required:
                if code:
                    return f"{name} ended with exit code {code}"
            elif name not in self._due:
                try:
                    delay = self._policy.delay(name, code, time.monotonic() - self._begun[name])
                except GaveUpError as error:
                    if not self._graph[name].spare:
                        return str(error)
                    self._given_up.add(name)
                    print(f"pad up: {error}; the line goes on without it", file=sys.stderr, flush=True)
                    continue
                self._due[name] = time.monotonic() + delay
                print(
                    f"pad up: {name} died (exit code {code}); started again in {delay:.1f} s",
                    file=sys.stderr,
                    flush=True,
                )
        for name in [name for name, due in self._due.items() if due <= time.monotonic()]:
            del self._due[name]
            self._start(name)
        return ""

    def process(self, name: str) -> subprocess.Popen[bytes]:
        """The process of a node."""
        return self._running[name]

    def stop(self) -> None:
        """Ends all processes in the way of an image, so that each hears what the one before had left to say."""
        deadline = time.monotonic() + _PATIENCE_S
        for names in _ORDER:
            ending = [self._running[name] for name in names if name in self._running]
            for process in ending:
                if process.poll() is None:
                    process.terminate()
            for process in ending:
                try:
                    process.wait(max(0.1, deadline - time.monotonic()))
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
        self._scratch.cleanup()

    def _start(self, name: str) -> None:
        # A session of its own: Ctrl-C reaches this process alone, which then ends them in order.
        self._running[name] = subprocess.Popen(
            command(self._graph[name], Path(self._scratch.name)),
            env=self._environment,
            stdout=self._output,
            stderr=None if self._output is None else subprocess.STDOUT,
            start_new_session=True,
        )
        self._begun[name] = time.monotonic()


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
        for remark in graph.remarks:
            print(f"pad up: {remark}", file=sys.stderr, flush=True)
        names = ", ".join(process.node.name for process in graph.processes)
        print(
            f"starting {names} on ROS_DOMAIN_ID {environment.get('ROS_DOMAIN_ID', '0')}; Ctrl-C ends them", flush=True
        )
        with Processes(graph, environment) as processes:
            while not stopping.wait(0.2):
                problem = processes.watch()
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
    given = process.with_journal(scratch)
    if given:
        parameters.write_text(yaml.safe_dump({full_name: {"ros__parameters": given}}))
    words = [sys.executable, "-m", f"pad_ros.nodes.{name}", "--ros-args"]
    words += ["-r", f"__node:={name}", "--log-level", process.log_level]
    if process.namespace:
        words += ["-r", f"__ns:=/{process.namespace.strip('/')}"]
    for source, target in process.remappings:
        words += ["-r", f"{source}:={target}"]
    words += ["--params-file", str(process.params_file)]
    if given:
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
