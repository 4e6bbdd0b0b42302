"""What an operator may change while the graph runs: product, threshold, whether inspection decides, counts."""

import math
import os
import signal
import time

import fake_node
import numpy as np
import pytest

pytestmark = [pytest.mark.ros, pytest.mark.slow, pytest.mark.usefixtures("fake_product")]
pytest.importorskip("pad_ros.nodes.watcher", reason="needs rclpy and the built messages")

from diagnostic_msgs.msg import DiagnosticStatus  # noqa: E402
from graph_harness import Driver, running  # noqa: E402
from pad_ros.srv import ReloadProduct, SetThreshold  # noqa: E402
from rcl_interfaces.srv import GetParameters, SetParameters  # noqa: E402
from rclpy.parameter import Parameter  # noqa: E402
from std_srvs.srv import SetBool, Trigger  # noqa: E402

from pad_ros.results import Status  # noqa: E402

GOOD, BAD = 50, 200
START = 1_700_000_000 * 10**9
INSPECTING = ("localization", "background", "anomaly")


@pytest.fixture
def other_product(fake_product, tmp_path):
    folder = tmp_path / "other"
    folder.mkdir()
    (folder / "product.yaml").write_text("name: other\n")
    return folder


class Line:
    """A graph with a camera before it and an operator beside it."""

    def __init__(self, listener):
        self.listener, self.driver, self.stamp = listener, Driver(listener), START

    def judge(self, code, part=None):
        """Sends an image; returns its result."""
        self.stamp += 10**9
        before = len(self.listener.results)
        pixels = np.full((fake_node.HEIGHT, fake_node.WIDTH, 3), code, np.uint8)
        self.driver.send(pixels, self.stamp, part=part or f"part {self.stamp}")
        assert self.listener.until(lambda: len(self.listener.results) > before, 20)
        return self.listener.results[-1]

    def decide(self, code):
        """The same; returns the command."""
        before = len(self.listener.commands)
        self.judge(code)
        assert self.listener.until(lambda: len(self.listener.commands) > before, 10)
        return self.listener.commands[-1]

    def call(self, kind, name, **request):
        node = self.listener.node
        client = node.create_client(kind, name)
        assert self.listener.until(client.service_is_ready, 20), name
        future = client.call_async(kind.Request(**request))
        assert self.listener.until(future.done, 20), name
        node.destroy_client(client)
        return future.result()

    def reload(self, folder, nodes=(*INSPECTING, "conveyor")):
        return [self.call(ReloadProduct, f"{node}/reload_product", product=str(folder)) for node in nodes]

    def set_parameter(self, node, name, value):
        wanted = [Parameter(name, value=value).to_parameter_msg()]
        return self.call(SetParameters, f"{node}/set_parameters", parameters=wanted).results[0]

    def says(self, node, level=None, message="", seconds=5, **values):
        """Whether the node says that soon, from now on."""
        self.listener.diagnostics.clear()

        def said():
            statuses = [s for array in self.listener.diagnostics for s in array.status if f"/{node}:" in s.name]
            return any(
                (level is None or status.level == level)
                and message in status.message
                and values.items() <= {pair.key.replace(" ", "_"): pair.value for pair in status.values}.items()
                for status in statuses
            )

        return self.listener.until(said, seconds)

    def kill(self, node):
        """Kills a node, and waits until the next process of it is ready for work."""
        process = self.listener.processes.process(node)
        self.listener.restarts = True
        os.kill(process.pid, signal.SIGKILL)
        assert self.listener.until(lambda: self.listener.processes.process(node) is not process, 20)
        assert self.says(node, seconds=40)
        self.driver.wait()


def test_another_product_comes_between_two_images_and_a_mixture_is_not_judged(other_product, tmp_path, monkeypatch):
    with running(monkeypatch, {"product": "fake"}) as listener:
        line = Line(listener)
        line.driver.wait()
        first = line.judge(GOOD)
        assert (first.status, first.product) == (Status.OK, "fake")
        for wrong in (tmp_path / "nothing", "/broken"):
            answers = line.reload(wrong)
            assert not any(answer.success for answer in answers)
            assert all("the product in use stays" in answer.message for answer in answers)
        assert line.judge(GOOD).product == "fake"

        for node, reason in zip(
            INSPECTING,
            ("found with another product", "found with another product", ""),
            strict=True,
        ):
            (answer,) = line.reload(other_product, [node])
            assert answer.success and "in use: other" in answer.message
            result = line.judge(GOOD)
            assert reason in result.reason
            assert (result.status == Status.OK) == (node == "anomaly")
        (answer,) = line.reload("", ["background"])  # read anew
        assert answer.success and "in use: other" in answer.message
        assert line.reload("fake", ["background"])[0].success
        assert "has another product" in line.judge(GOOD).reason
        assert line.reload(other_product, ["background"])[0].success
        # The conveyor node takes no verdict of a product that is not its own.
        assert line.decide(GOOD).reject
        assert line.says("conveyor", DiagnosticStatus.WARN, "another product")
        (answer,) = line.reload(other_product, ["conveyor"])
        assert answer.success
        assert not line.decide(GOOD).reject and line.decide(BAD).reject
        assert listener.results[-1].product == "other"

        for node in ("localization", "conveyor"):
            line.kill(node)
            value = line.call(GetParameters, f"{node}/get_parameters", names=["product"]).values[0].string_value
            assert value == str(other_product)
        assert not line.decide(GOOD).reject
        assert listener.results[-1].product == "other"


def test_threshold_enable_and_counts_hold_over_a_crash(other_product, monkeypatch):
    with running(monkeypatch, {"product": "fake"}, {"conveyor": {"fail_safe": "pass"}}) as listener:
        line = Line(listener)
        line.driver.wait()
        for wrong in (0.0, -1.0, math.inf):
            answer = line.call(SetThreshold, "anomaly/set_threshold", threshold=wrong)
            assert not answer.success and "finite and above 0" in answer.message
        assert line.call(SetThreshold, "anomaly/set_threshold", threshold=40.0).success
        assert line.says("anomaly", DiagnosticStatus.WARN, "set to 40; the product's is 100", threshold="40")
        assert line.decide(GOOD).reject and listener.results[-1].threshold == 40.0

        assert line.call(SetBool, "conveyor/enable", data=False).success
        command = line.decide(BAD)
        assert not command.reject and command.reason == "inspection is disabled: passed by the fail-safe"
        line.kill("anomaly")
        line.kill("conveyor")
        assert not line.decide(BAD).reject and listener.results[-1].threshold == 40.0
        assert line.says("conveyor", DiagnosticStatus.WARN, "disabled", enabled="false", parts="3", rejected="1")
        assert line.call(SetBool, "conveyor/enable", data=True).success

        assert line.call(SetThreshold, "anomaly/set_threshold", threshold=math.nan).success
        assert not line.decide(GOOD).reject and listener.results[-1].threshold == fake_node.THRESHOLD
        answer = line.call(Trigger, "conveyor/reset")
        assert answer.success and "4 parts, 1 rejected" in answer.message
        assert line.says("conveyor", DiagnosticStatus.OK, parts="0", rejected="0", enabled="true")
        sequence = line.decide(BAD).sequence
        assert sequence == 5  # goes on

        assert line.call(SetThreshold, "anomaly/set_threshold", threshold=250.0).success
        assert line.judge(BAD).anomalous is False
        assert all(answer.success for answer in line.reload(other_product))
        assert line.judge(BAD).threshold == fake_node.THRESHOLD

        refused = line.set_parameter("anomaly", "join_timeout", 3.0)
        assert not refused.successful and "join_timeout" in refused.reason
        refused = line.set_parameter("anomaly", "product", "elsewhere")
        assert not refused.successful and "anomaly/reload_product" in refused.reason
        before = len(listener.heatmaps)
        assert line.set_parameter("anomaly", "publish_images", False).successful
        line.judge(GOOD)
        listener.for_a_while(0.5)
        assert len(listener.heatmaps) == before


def test_a_lost_command_stays_a_fault_until_it_is_acknowledged(tmp_path, monkeypatch):
    settings = {"plc": "modbus", "plc_address": "127.0.0.1:1", "plc_timeout": 0.3}
    with running(monkeypatch, {"product": "fake"}, {"conveyor": settings}) as listener:
        line = Line(listener)
        line.driver.wait()
        line.decide(BAD)
        time.sleep(1.0)
        line.kill("conveyor")
        assert line.says("conveyor", DiagnosticStatus.ERROR)
        answer = line.call(Trigger, "conveyor/acknowledge")
        assert answer.success and "1 commands never reached the PLC" in answer.message
        assert "nothing to acknowledge" in line.call(Trigger, "conveyor/acknowledge").message
