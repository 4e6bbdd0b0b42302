"""The conveyor node with an encoder before it and a PLC behind it; the rest of the graph is played."""

import json
import os
import signal
import sys
import time
from pathlib import Path

import pytest

pytestmark = [pytest.mark.ros, pytest.mark.slow, pytest.mark.usefixtures("fake_product")]
pytest.importorskip("pad_ros.nodes.watcher", reason="needs rclpy and the built messages")
sys.path.insert(0, str(Path(__file__).parent.parent / "conveyor"))

from builtin_interfaces.msg import Time  # noqa: E402
from diagnostic_msgs.msg import DiagnosticStatus  # noqa: E402
from graph_harness import running  # noqa: E402
from pad_ros.msg import AnomalyResult, PartView  # noqa: E402
from plc_servers import ModbusServer  # noqa: E402
from sensor_msgs.msg import CameraInfo, JointState  # noqa: E402
from std_msgs.msg import Float64, Header, Int64  # noqa: E402

from pad_ros.nodes.qos import QOS  # noqa: E402

START_S = 1_700_000_000
ALONE = ("localization", "background", "anomaly")
KINDS = {
    "ticks": (Int64, "belt/ticks"),
    "speed": (Float64, "belt/speed"),
    "joint_state": (JointState, "belt/joint_states"),
}


class Plant:
    """Plays an encoder, a camera and the nodes that judge its images."""

    def __init__(self, listener, belt="ticks", metres_per_tick=0.0005, announced_by="part_view"):
        self.listener, self.kind, self.metres_per_tick = listener, belt, metres_per_tick
        self.speed, self.metres, self.at, self.silent = 0.2, 1.0, time.monotonic(), False
        self.images = 0
        node = listener.node
        kind, topic = KINDS[belt]
        self._encoder = node.create_publisher(kind, topic, QOS["sensor_data"])
        self._by_info = announced_by == "camera_info"
        kind, topic = (CameraInfo, "camera_info") if self._by_info else (PartView, "part_view")
        self._announce = node.create_publisher(kind, topic, QOS["reliable"])
        self._results = node.create_publisher(AnomalyResult, "anomaly", QOS["results"])
        node.create_timer(0.02, self._count)
        publishers = (self._encoder, self._announce, self._results)
        assert listener.until(lambda: all(made.get_subscription_count() for made in publishers))
        listener.for_a_while(0.5)

    def _count(self):
        now = time.monotonic()
        self.metres, self.at = self.metres + self.speed * (now - self.at), now
        if self.silent:
            return
        if self.kind == "speed":
            self._encoder.publish(Float64(data=self.speed))
        elif self.kind == "ticks":
            self._encoder.publish(Int64(data=round(self.metres / self.metres_per_tick)))
        else:
            position = [0.0, self.metres / self.metres_per_tick]
            self._encoder.publish(JointState(name=["arm", "roller"], position=position))

    def image(self, part):
        """Announces an image now; returns its header."""
        self.images += 1
        header = Header(stamp=Time(sec=START_S + self.images))
        if self._by_info:
            self._announce.publish(CameraInfo(header=header))
        else:
            self._announce.publish(PartView(header=header, part_id=part, view_index=0, view_count=1))
        return header

    def verdict(self, header, part, bad=False):
        score = 0.9 if bad else 0.1
        index = header.stamp.sec - START_S
        self._results.publish(
            AnomalyResult(
                header=header, part_id=part, view_count=1, score=score, anomalous=bad, arrival=1000 + index, run=1
            )
        )

    def faults(self):
        statuses = [status for array in self.listener.diagnostics[-3:] for status in array.status]
        return {status.message for status in statuses if status.level == DiagnosticStatus.ERROR}


def rows(path):
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


@pytest.mark.parametrize("belt", list(KINDS))
def test_commands_leave_with_their_part_and_the_fail_safe_decides_the_rest(belt, tmp_path, monkeypatch):
    taken = tmp_path / "plc.jsonl"
    settings = {"gate": "timed", "gate_distance": 0.6, "actuator_lead": 0.2, "belt": belt, "plc_log": str(taken)}
    settings["metres_per_tick"] = 0.05 if belt == "joint_state" else 0.0005
    if belt == "joint_state":
        settings["belt_joint"] = "roller"
    with (
        (tmp_path / "log").open("wb") as log,
        running(monkeypatch, {"product": "fake"}, {"conveyor": settings}, without=ALONE, log=log) as listener,
    ):
        plant = Plant(listener, belt, settings["metres_per_tick"])
        placed, headers = {}, {}
        for part in ("good", "bad", "silent"):
            headers[part], placed[part] = plant.image(part), plant.metres
            listener.for_a_while(0.5)
        plant.verdict(headers["bad"], "bad", bad=True)
        plant.verdict(headers["good"], "good")
        assert listener.until(lambda: len(listener.commands) == 2, 5)
        plant.speed = 0.0
        listener.for_a_while(1.5)
        assert rows(taken) == []  # the belt stands
        plant.speed = 0.2
        left = {}
        while len(left) < 3:
            assert listener.until(lambda: len(rows(taken)) > len(left), 15)
            for row in rows(taken)[len(left) :]:
                left[row["part_id"]] = 0.6 - (plant.metres - placed[row["part_id"]])
        plant.silent = True
        assert listener.until(lambda: any("nothing is heard of the belt" in fault for fault in plant.faults()), 10)
        plant.silent = False
        assert listener.until(lambda: not plant.faults(), 10)
    said = (tmp_path / "log").read_text()
    assert "[conveyor]: nothing is heard of the belt" in said
    assert said.count("[conveyor]: nothing") == said.count("no fault any more")  # one may be of the start
    assert [(row["part_id"], row["reject"]) for row in rows(taken)] == [
        ("good", False),
        ("bad", True),
        ("silent", True),
    ]
    assert "rejected by the fail-safe" in rows(taken)[2]["reason"]
    assert all(0.05 < row["to_gate_s"] < 0.25 for row in rows(taken))
    assert [command.sequence for command in listener.commands] == [1, 2, 3]


def test_a_conveyor_that_is_killed_between_camera_and_gate_gives_each_command_once(tmp_path, monkeypatch):
    pytest.importorskip("pymodbus")
    with ModbusServer() as plc:
        settings = {"gate": "timed", "gate_distance": 2.0, "belt": "ticks", "metres_per_tick": 0.0005, "plc": "modbus"}
        settings.update({f"plc_{name}": value for name, value in plc.settings.items()})
        settings["plc_heartbeat"] = 0.1
        settings["announced_by"] = "camera_info"
        with running(monkeypatch, {"product": "fake"}, {"conveyor": settings}, without=ALONE) as listener:
            listener.restarts = True
            plant = Plant(listener, announced_by="camera_info")
            for number in range(4):
                header = plant.image("")
                if number != 2:
                    plant.verdict(header, f"image {(START_S + number + 1) * 10**9}", bad=number == 1)
                listener.for_a_while(0.3)
            assert listener.until(lambda: len(listener.commands) == 3, 5)
            assert listener.until(lambda: plc.program.heartbeat > 10, 5) and not plc.program.parts
            os.kill(listener.processes.process("conveyor").pid, signal.SIGKILL)
            plant.speed = 0.01  # however long it takes
            listener.for_a_while(0.5)
            before = plc.program.heartbeat
            assert listener.until(lambda: 0 < plc.program.heartbeat < before, 60)  # another counts
            plant.speed = 0.3
            assert listener.until(lambda: len(plc.program.parts) == 4, 30)
            listener.for_a_while(1.0)
    assert [part[2] for part in plc.program.parts] == [False, True, True, False]  # the third by the fail-safe
    assert sorted({command.sequence for command in listener.commands}) == [1, 2, 3, 4]


def test_a_dry_run_publishes_a_reject_and_tells_the_plc_a_pass(tmp_path, monkeypatch):
    taken = tmp_path / "plc.jsonl"
    settings = {"gate": "early", "belt": "speed", "dry_run": True, "plc_log": str(taken)}
    with running(monkeypatch, {"product": "fake"}, {"conveyor": settings}, without=ALONE) as listener:
        plant = Plant(listener, "speed")
        plant.verdict(plant.image("bad"), "bad", bad=True)
        assert listener.until(lambda: rows(taken) and listener.commands, 10)
    assert listener.commands[0].reject and not rows(taken)[0]["reject"]
    assert rows(taken)[0]["to_gate_m"] == pytest.approx(1.0, abs=0.2)
