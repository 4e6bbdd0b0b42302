import os
import signal
import socket
import subprocess
import sys
import time

import pytest

from pad_ros.common.resources import share_folder
from pad_ros.errors import ConfigError
from pad_ros.graph import up
from pad_ros.graph.build import Graph, Process, build
from pad_ros.graph.description import NODES
from pad_ros.graph.restarts import RestartPolicy

CONFIG = share_folder() / "config" / "inspection.yaml"


def test_command_line_of_a_node(tmp_path):
    process = Process(NODES["anomaly"], "line/1", {"join_timeout": 2.0}, CONFIG, (("image_raw", "/cam"),), "warn")
    words = up.command(process, tmp_path)
    assert words[:3] == [sys.executable, "-m", "pad_ros.nodes.anomaly"]
    for part in (["-r", "__ns:=/line/1"], ["-r", "image_raw:=/cam"], ["--log-level", "warn"]):
        index = words.index(part[1])
        assert words[index - 1] == part[0]
    assert "/line/1/anomaly" in (tmp_path / "anomaly.yaml").read_text()


def test_isolated_environment_has_a_domain_and_stays_on_this_machine(monkeypatch):
    for name in ("ROS_DOMAIN_ID", "ROS_AUTOMATIC_DISCOVERY_RANGE", "ROS_LOCALHOST_ONLY"):
        monkeypatch.delenv(name, raising=False)
    environment = up.ros_environment(isolated=True)
    assert 1 <= int(environment["ROS_DOMAIN_ID"]) <= 101
    assert environment["ROS_AUTOMATIC_DISCOVERY_RANGE"] == "LOCALHOST"
    assert "ROS_DOMAIN_ID" not in up.ros_environment()


def test_a_domain_in_use_is_not_given(monkeypatch):
    monkeypatch.setattr(up.random.SystemRandom, "sample", lambda self, population, k: [3, 4])
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("", 7410 + 250 * 3))
        assert up._free_domain() == 4


def test_the_users_environment_is_kept(monkeypatch):
    monkeypatch.setenv("ROS_DOMAIN_ID", "7")
    monkeypatch.setenv("ROS_AUTOMATIC_DISCOVERY_RANGE", "SUBNET")
    environment = up.ros_environment(isolated=True)
    assert (environment["ROS_DOMAIN_ID"], environment["ROS_AUTOMATIC_DISCOVERY_RANGE"]) == ("7", "SUBNET")


def _graph(*names, required=True):
    return Graph(tuple(Process(NODES[name], "", {}, CONFIG, required=required) for name in names))


def _scripts(monkeypatch, **scripts):
    monkeypatch.setattr(up, "command", lambda process, scratch: [sys.executable, "-c", scripts[process.node.name]])


def _wait_for(condition):
    deadline = time.monotonic() + 20
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.05)
    return condition()


def test_a_node_that_cannot_start_is_a_problem_and_the_others_are_ended(monkeypatch):
    _scripts(monkeypatch, localization="raise SystemExit(3)", anomaly="import time; time.sleep(60)")
    with up.Processes(_graph("localization", "anomaly"), os.environ) as processes:
        assert _wait_for(processes.watch)
        assert processes.watch() == "localization cannot start (exit code 3); its log says why"
        running = processes.process("anomaly")
    assert running.returncode == -signal.SIGTERM


def test_a_node_that_is_killed_is_started_again_and_given_up_in_the_end(monkeypatch, capsys):
    _scripts(monkeypatch, localization="import time; time.sleep(60)", anomaly="import time; time.sleep(60)")
    policy = RestartPolicy(first_delay_s=0.01)
    with up.Processes(_graph("localization", "anomaly"), os.environ, policy=policy) as processes:
        other = processes.process("anomaly").pid
        for count in range(6):
            killed = processes.process("localization")
            killed.kill()
            killed.wait()
            if count < 5:
                assert _wait_for(lambda old=killed: not processes.watch() and processes.process("localization") != old)
        assert processes.watch() == "localization ended 6 times in a row (exit code -9): given up"
        assert processes.process("anomaly").pid == other and processes.process("anomaly").poll() is None
    assert capsys.readouterr().err.count("pad up: localization died (exit code -9); started again in") == 5


def test_the_line_goes_on_without_a_page_that_cannot_be_served(monkeypatch, capsys):
    _scripts(monkeypatch, dashboard="raise SystemExit(2)", anomaly="import time; time.sleep(60)")
    graph = Graph(tuple(Process(NODES[n], "", {}, CONFIG, spare=n == "dashboard") for n in ("dashboard", "anomaly")))
    with up.Processes(graph, os.environ) as processes:
        assert processes.process("dashboard").wait(20) == 2
        assert processes.watch() == "" and processes.watch() == ""
        assert processes.process("anomaly").poll() is None
    said = capsys.readouterr().err
    assert said == "pad up: dashboard cannot start (exit code 2); its log says why; the line goes on without it\n"


def test_the_conveyor_ends_last(monkeypatch, tmp_path):
    script = (
        "import signal, sys, time, pathlib\n"
        "def end(*_): time.sleep(0.2); open({log!r}, 'a').write({name!r} + ' '); sys.exit()\n"
        "signal.signal(15, end); pathlib.Path({log!r} + {name!r}).touch(); time.sleep(60)"
    )
    log = str(tmp_path / "log")
    names = ("conveyor", "anomaly", "localization")
    _scripts(monkeypatch, **{name: script.format(log=log, name=name) for name in names})
    with up.Processes(_graph(*names), os.environ):
        assert _wait_for(lambda: all((tmp_path / f"log{name}").exists() for name in names))
    assert (tmp_path / "log").read_text().split() == ["localization", "anomaly", "conveyor"]


def test_nodes_that_keep_a_journal_get_a_place_for_it(tmp_path):
    for name in ("anomaly", "conveyor", "camera"):
        up.command(_graph(name).processes[0], tmp_path)
    assert str(tmp_path / "anomaly.journal") in (tmp_path / "anomaly.yaml").read_text()
    assert not (tmp_path / "camera.yaml").exists()
    given = Process(NODES["anomaly"], "", {"journal": "mine"}, CONFIG)
    assert given.with_journal(tmp_path) == {"journal": "mine"}


@pytest.mark.parametrize(("code", "problem"), [(0, ""), (1, "bag_player ended with exit code 1")])
def test_the_end_of_a_bag_is_no_problem_unless_it_failed(monkeypatch, code, problem):
    _scripts(monkeypatch, bag_player=f"raise SystemExit({code})")
    with up.Processes(_graph("bag_player", required=False), os.environ) as processes:
        processes.process("bag_player").wait(20)
        assert processes.watch() == problem


def test_a_node_that_does_not_listen_is_killed(monkeypatch):
    script = "import signal,time; signal.signal(15, signal.SIG_IGN); print('x', flush=True); time.sleep(60)"
    _scripts(monkeypatch, anomaly=script)
    monkeypatch.setattr(up, "_PATIENCE_S", 0.3)
    read, write = os.pipe()
    with up.Processes(_graph("anomaly"), os.environ, os.fdopen(write, "wb")) as processes:
        os.read(read, 1)
    assert processes.process("anomaly").returncode == -signal.SIGKILL
    os.close(read)


def test_unknown_override_is_refused_before_anything_starts():
    with pytest.raises(ConfigError, match="unknown arguments"):
        up.run_graph(overrides=["prodct:=x"])


def _run_node(name, *words):
    command = [sys.executable, "-m", f"pad_ros.nodes.{name}", "--ros-args", *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, env=up.ros_environment(isolated=True))


@pytest.mark.ros
@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "words", "code", "reason"),
    [
        ("conveyor", ["-p", "policy:=coin"], 2, "policy: 'coin' is not one of 'any', 'votes'"),
        ("conveyor", ["-p", "part_timeout:=-1.0"], 2, "part_timeout"),
        ("conveyor", ["-p", "part_timeout:=soon"], 2, "part_timeout"),
        ("conveyor", ["-p", "plc:=telepathy"], 2, "plc: 'telepathy' is not one of 'log', 'none'"),
        ("conveyor", ["--log-level", "foo"], 2, "'--log-level foo'"),
        ("bag_player", ["-p", "bag:=/nowhere"], 1, "/nowhere: not a rosbag2"),
        ("camera", ["-p", "source:=/nowhere"], 1, "'/nowhere': neither a folder"),
        ("localization", ["-p", "product:=/nowhere"], 1, "/nowhere: no product.yaml"),
        ("dashboard", ["-p", "host:=0.0.0.0"], 1, "anybody in the network could stop the line; give token_file"),
    ],
)
def test_a_node_that_cannot_start_says_why_and_ends(name, words, code, reason):
    ended = _run_node(name, *words)
    assert ended.returncode == code, ended.stderr
    assert reason in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.ros
@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_pad_up_ends_cleanly_on_a_signal(number, sample_product):
    script = """
import sys
sys.path.insert(0, "test/nodes")
import graph_harness
from pad_ros.graph import up
up.command = graph_harness.fake_command
sys.exit(up.run_graph(overrides=sys.argv[1:]))
"""
    process = subprocess.Popen(
        [sys.executable, "-c", script, f"product:={sample_product}", "plc:=none"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=share_folder(),
        env=up.ros_environment(isolated=True),
    )
    assert "localization, background, anomaly, conveyor" in process.stdout.readline()
    ready = {next(line for line in process.stdout if "ready" in line) for _ in range(4)}
    assert len(ready) == 4
    process.send_signal(number)
    output, _ = process.communicate(timeout=30)
    assert process.returncode == 0, output
    assert output == ""


def test_graph_is_the_one_that_launch_files_start(sample_product):
    described = build({"product": sample_product})
    assert [process.node.name for process in described.processes if process.required] == [
        "localization",
        "background",
        "anomaly",
        "conveyor",
    ]
