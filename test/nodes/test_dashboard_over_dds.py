"""The operator's page of a running graph: what is replayed, what falls silent, and buttons that reach the nodes."""

import json
import os
import signal
import threading
from functools import partial

import pytest

pytestmark = [pytest.mark.ros, pytest.mark.slow]
pytest.importorskip("pad_ros.nodes.watcher", reason="needs rclpy and the built messages")
pytest.importorskip("starlette", reason="needs requirements/dashboard.txt")

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus  # noqa: E402
from graph_harness import raw, running, write_messages  # noqa: E402
from pad_ros.srv import ReloadProduct  # noqa: E402
from page_visitor import Visitor, free_port  # noqa: E402
from std_srvs.srv import SetBool, Trigger  # noqa: E402

from pad_ros.images import decode_image  # noqa: E402
from pad_ros.nodes.convert import image_from_message  # noqa: E402
from pad_ros.nodes.qos import QOS  # noqa: E402
from pad_ros.sources import bag  # noqa: E402

STAGES = ("localization", "background", "anomaly", "conveyor")


def test_the_page_shows_the_replayed_sample(sample_product, sample_bag, tmp_path, monkeypatch):
    images = [image_from_message(message) for _, message in bag.read_images(sample_bag)]
    views = [("good", 0, 1), ("bad", 0, 1), ("black", 0, 1)]
    chosen = [images[0], images[-5], images[0] * 0]
    replayed = write_messages(tmp_path / "bag", [raw(image) for image in chosen], views, rate_hz=1.0)
    port = free_port()
    arguments = {"product": sample_product, "bag": replayed, "loop": True, "dashboard": True, "dashboard_port": port}
    with running(monkeypatch, arguments, {"conveyor": {"plc": "none"}}, fake=False) as listener:
        visitor = Visitor(port)
        try:
            assert listener.until(
                lambda: set(visitor.now.get("pictures", ())) == {"live", "overlay", "reference", "heat"}
            )
            assert listener.until(lambda: visitor.now["counters"]["parts"] >= 3)
            now = visitor.now
            assert now["product"] == "off_road_car" and now["faults"] == []
            rejects = {part["part"]: part for part in now["rejects"]}
            assert {name.partition(" ")[0] for name in rejects} == {"bad", "black"}
            assert rejects["black"]["unjudged"] and not rejects["bad"]["unjudged"]
            for number in (visitor.now["pictures"]["live"], rejects["bad"]["picture"]):
                assert decode_image(visitor.ask("GET", f"/picture/{number}")).shape == images[0].shape
            points = visitor.ask("GET", f"/twin/{now['checksum']}")
            heat = visitor.ask("GET", f"/heat/{rejects['bad']['sequence']}")
            assert len(points) == 20 * len(heat) and max(heat) > 200
            os.kill(listener.processes.process("background").pid, signal.SIGSTOP)
            try:
                assert listener.until(lambda: visitor.now["faults"], 15)
                fault = visitor.now["faults"][0]
                assert (fault["level"], fault["text"], fault["about"]["node"]) == ("red", "fault.silent", "background")
            finally:
                os.kill(listener.processes.process("background").pid, signal.SIGCONT)
        finally:
            visitor.close()


class StandIn:
    """All nodes of a line in one: they say that they are well, and answer what they are asked; `fails` names one."""

    def __init__(self, node):
        self.calls, self.fails, self._node = [], "", node
        self._say = node.create_publisher(DiagnosticArray, "/diagnostics", QOS["reliable"])
        services = {"conveyor/enable": SetBool, "conveyor/reset": Trigger, "conveyor/acknowledge": Trigger}
        services |= {f"{name}/reload_product": ReloadProduct for name in STAGES}
        self.services = [
            node.create_service(kind, service, partial(self._answer, service)) for service, kind in services.items()
        ]

    def speak(self):
        names = [f"/line/{name}: inspection" for name in STAGES]
        self._say.publish(DiagnosticArray(status=[DiagnosticStatus(name=name, message="running") for name in names]))

    def _answer(self, service, request, response):
        self.calls.append((service, getattr(request, "data", getattr(request, "product", None))))
        response.success = service != self.fails
        response.message = "" if response.success else "truncated; copy the product again"
        return response


@pytest.mark.usefixtures("fake_product")
def test_buttons_reach_the_nodes(tmp_path, monkeypatch):
    (tmp_path / "sphere").mkdir()
    (tmp_path / "sphere" / "product.yaml").write_text("")
    port = free_port()
    arguments = {"product": "fake", "namespace": "line", "products": tmp_path}
    arguments |= {"dashboard": True, "dashboard_port": port}
    with running(monkeypatch, arguments, without=STAGES) as listener:
        stand_in, visitor = StandIn(listener.node), Visitor(port)
        timer = listener.node.create_timer(0.5, stand_in.speak)

        def press(button, body=b"{}"):
            said = []
            threading.Thread(target=lambda: said.append(visitor.ask("POST", f"/press/{button}", body))).start()
            assert listener.until(lambda: said, 30)
            return json.loads(said[0])

        try:
            assert listener.until(lambda: visitor.now and not visitor.now["faults"])
            for button in ("acknowledge", "reset", "disable", "enable"):
                assert press(button) == {"success": True, "message": ""}
            assert stand_in.calls == [
                ("conveyor/acknowledge", None),
                ("conveyor/reset", None),
                ("conveyor/enable", False),
                ("conveyor/enable", True),
            ]
            stand_in.calls.clear()
            stand_in.fails = "anomaly/reload_product"
            assert not press("change", b'{"product": "sphere"}')["success"]
            assert [service for service, _ in stand_in.calls] == [
                "conveyor/enable",
                *(f"{name}/reload_product" for name in STAGES[:3]),
            ]
            assert listener.until(lambda: visitor.now["operation"].get("state") == "failed")
            assert visitor.now["operation"]["steps"][3]["message"] == "truncated; copy the product again"
            stand_in.calls.clear()
            stand_in.fails = ""
            assert press("change", b'{"product": "sphere"}')["success"]
            folder = str(tmp_path / "sphere")
            assert stand_in.calls[1:-1] == [(f"{name}/reload_product", folder) for name in STAGES]
            assert stand_in.calls[-1] == ("conveyor/enable", True)
        finally:
            visitor.close()
            listener.node.destroy_timer(timer)
