"""The operator's page of a running graph: what is replayed, what falls silent, and buttons that reach the nodes."""

import json
import os
import signal
import socket
import threading
import time
from http.client import HTTPConnection

import pytest

pytestmark = [pytest.mark.ros, pytest.mark.slow]
pytest.importorskip("pad_ros.nodes.watcher", reason="needs rclpy and the built messages")
pytest.importorskip("starlette", reason="needs requirements/dashboard.txt")

from graph_harness import raw, running, write_messages  # noqa: E402
from std_srvs.srv import Trigger  # noqa: E402

from pad_ros.images import decode_image  # noqa: E402
from pad_ros.nodes.convert import image_from_message  # noqa: E402
from pad_ros.sources import bag  # noqa: E402


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return taken.getsockname()[1]


class Visitor:
    """Looks at the page from a thread of its own, as a browser does; `now` is what it was told last."""

    def __init__(self, port):
        self._port, self.now, self._closing = port, {}, False
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def ask(self, method, path, body=None):
        connection = HTTPConnection("127.0.0.1", self._port, timeout=30)
        headers = {"Origin": f"http://127.0.0.1:{self._port}", "Content-Type": "application/json"}
        connection.request(method, path, body, headers)
        return connection.getresponse().read()

    def close(self):
        self._closing = True
        self._thread.join(10)

    def _listen(self):
        while not self._closing:
            try:
                connection = HTTPConnection("127.0.0.1", self._port, timeout=3)
                connection.request("GET", "/events")
                stream = connection.getresponse()
                while not self._closing and (line := stream.readline()):
                    if line.startswith(b"data: "):
                        self.now = json.loads(line[6:])
            except OSError:  # not there yet
                time.sleep(0.2)


def test_the_page_shows_the_replayed_sample(sample_product, sample_bag, tmp_path, monkeypatch):
    images = [image_from_message(message) for _, message in bag.read_images(sample_bag)]
    views = [("good", 0, 1), ("bad", 0, 1), ("black", 0, 1)]
    chosen = [images[0], images[-5], images[0] * 0]
    replayed = write_messages(tmp_path / "bag", [raw(image) for image in chosen], views, rate_hz=1.0)
    port = free_port()
    arguments = {"product": sample_product, "bag": replayed, "loop": True, "dashboard": True, "dashboard_port": port}
    with running(monkeypatch, arguments, {"conveyor": {"plc": "none"}}, fake=False) as listener:
        pressed = []

        def answer(request, response):
            pressed.append(request)
            response.success = True
            return response

        service = listener.node.create_service(Trigger, "conveyor/acknowledge", answer)
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
            press = threading.Thread(target=visitor.ask, args=("POST", "/press/acknowledge", b"{}"))
            press.start()
            assert listener.until(lambda: pressed)
            press.join(10)
            os.kill(listener.processes.process("background").pid, signal.SIGSTOP)
            try:
                assert listener.until(lambda: visitor.now["faults"], 15)
                fault = visitor.now["faults"][0]
                assert (fault["level"], fault["text"], fault["about"]["node"]) == ("red", "fault.silent", "background")
            finally:
                os.kill(listener.processes.process("background").pid, signal.SIGCONT)
        finally:
            visitor.close()
            listener.node.destroy_service(service)
