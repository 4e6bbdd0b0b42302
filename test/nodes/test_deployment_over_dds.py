"""Two cameras with two products side by side; one camera's graph over two hosts with clocks apart."""

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import fake_node
import numpy as np
import pytest

pytestmark = [pytest.mark.ros, pytest.mark.slow, pytest.mark.usefixtures("fake_product")]
pytest.importorskip("pad_ros.nodes.watcher", reason="needs rclpy and the built messages")

import rclpy  # noqa: E402
from graph_harness import Driver, Listener, running  # noqa: E402

from pad_ros.graph import up  # noqa: E402
from pad_ros.graph.build import build  # noqa: E402
from pad_ros.images import encode_png  # noqa: E402
from pad_ros.results import Status  # noqa: E402

GOOD, BAD = 50, 200
START = 1_700_000_000 * 10**9
HOST = """
import sys
sys.path.insert(0, {tests!r})
from graph_harness import fake_command
from pad_ros.graph import up
up.command = fake_command
sys.exit(up.run_graph(overrides=sys.argv[1:]))
"""


def picture(code):
    return np.full((fake_node.HEIGHT, fake_node.WIDTH, 3), code, np.uint8)


def test_two_cameras_with_two_products_do_not_mix(tmp_path, monkeypatch):
    other = tmp_path / "other"
    other.mkdir()
    (other / "product.yaml").write_text("name: other\n")
    with running(monkeypatch, {"product": "fake", "namespace": "left"}) as left:
        node = rclpy.create_node("listener", namespace="right", context=left.node.context)
        left._executor.add_node(node)
        graph = build({"product": other, "namespace": "right"})
        right = Listener(node, left._executor, graph)
        with up.Processes(graph, up.ros_environment()):
            drivers = Driver(left), Driver(right)
            for driver in drivers:
                driver.wait()
            for index in range(4):  # the same stamps and parts, opposite verdicts
                for driver, code in zip(drivers, (GOOD, BAD) if index % 2 else (BAD, GOOD), strict=True):
                    driver.send(picture(code), START + index * 10**9, part=f"part {index}")
            both = (left, right)
            assert left.until(lambda: all(len(side.commands) >= 4 for side in both), 30)
            left.for_a_while(0.5)
        node.destroy_node()
    for side, product, rejected in ((left, "fake", [0, 2]), (right, "other", [1, 3])):
        assert {(m.status, m.product) for m in side.results} == {(Status.OK, product)} and len(side.results) == 4
        assert [c.part_id for c in side.commands if c.reject] == [f"part {index}" for index in rejected]
        assert len(side.commands) == 4


@pytest.fixture
def hosts():
    """Names of two network namespaces with a cable between them."""
    if os.geteuid() or not shutil.which("ip"):
        pytest.skip("network namespaces need root and `ip`")
    names = [f"pad{os.getpid() % 100_000}{side}" for side in "ab"]
    made = []
    try:
        for name in names:
            if subprocess.run(["ip", "netns", "add", name], capture_output=True).returncode:
                pytest.skip("network namespaces are not allowed here")
            made.append(name)
        cable = ["ip", "-n", names[0], "link", "add", "line0", "type", "veth", "peer", "name", "line0"]
        if subprocess.run([*cable, "netns", names[1]], capture_output=True).returncode:
            pytest.skip("virtual cables are not allowed here")
        for number, name in enumerate(names, 1):
            for words in (
                ["addr", "add", f"10.77.0.{number}/24", "dev", "line0"],
                ["link", "set", "lo", "up"],
                ["link", "set", "line0", "up"],
            ):
                subprocess.run(["ip", "-n", name, *words], check=True)
        yield names
    finally:
        for name in made:
            subprocess.run(["ip", "netns", "del", name], check=False)


def test_a_graph_over_two_hosts_whose_clocks_are_apart(hosts, tmp_path):
    images = tmp_path / "images"
    images.mkdir()
    codes = (GOOD, BAD, GOOD, BAD, BAD, GOOD)
    for index, code in enumerate(codes):
        (images / f"{index}.png").write_bytes(encode_png(picture(code)))
    taken, log = tmp_path / "plc.jsonl", tmp_path / "log"
    host = tmp_path / "host.py"
    host.write_text(HOST.format(tests=str(Path(__file__).parent)))
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("ROS_")},
        "ROS_AUTOMATIC_DISCOVERY_RANGE": "SUBNET",
        "PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")]),
    }
    line = ["nodes:=camera,conveyor", f"source:={images}", f"conveyor.plc_log:={taken}", "wait_for_results:=2"]
    line += ["camera.rate:=20", "camera.product:="]  # the fake one has no camera
    # The other host's wall clock is ten minutes ahead, and it was started days before.
    apart = ["unshare", "--time", "--monotonic", "500000"]  # for the children: the nodes
    if subprocess.run([*apart, "true"], capture_output=True).returncode:
        apart = []
    rest = ["nodes:=localization,background,anomaly"]
    running = []
    with open(log, "wb") as output:
        try:
            for name, words, prefix, ahead in ((hosts[1], rest, apart, "600"), (hosts[0], line, [], "0")):
                running.append(
                    subprocess.Popen(
                        ["ip", "netns", "exec", name, *prefix, sys.executable, str(host), "product:=fake", *words],
                        env={**environment, "FAKE_NODE_CLOCK_AHEAD_S": ahead},
                        stdout=output,
                        stderr=subprocess.STDOUT,
                    )
                )
            deadline = time.monotonic() + 60
            while time.monotonic() < deadline and not (taken.exists() and taken.read_text().count("\n") >= len(codes)):
                assert all(process.poll() in (None, 0) for process in running), log.read_text()
                time.sleep(0.2)
        finally:
            for process in running:
                process.terminate()
            for process in running:
                process.wait(20)
    rows = [json.loads(row) for row in taken.read_text().splitlines()]
    assert [row["reject"] for row in rows] == [code == BAD for code in codes], log.read_text()
    assert [row["score"] for row in rows] == [float(code) for code in codes]
