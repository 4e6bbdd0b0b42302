"""The dashboard node: hears what the line says, serves the operator's page, and calls what its buttons ask for."""

from __future__ import annotations

import importlib.util
import sys
import threading
from pathlib import Path
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from sensor_msgs.msg import CompressedImage, Image
from std_srvs.srv import SetBool, Trigger

from pad_ros.dashboard.access import Access, read_token
from pad_ros.dashboard.operations import RELOADED, Answer, Operations
from pad_ros.dashboard.parts import View
from pad_ros.dashboard.pictures import LIVE, Picture
from pad_ros.dashboard.state import LineState
from pad_ros.dashboard.twin import Twins
from pad_ros.errors import ConfigError
from pad_ros.graph.description import NODES
from pad_ros.msg import AnomalyResult, RejectCommand
from pad_ros.nodes import convert
from pad_ros.nodes.common import PadNode
from pad_ros.nodes.runner import run
from pad_ros.nodes.verdicts import decision_from_message, inspection_from_message
from pad_ros.srv import ReloadProduct

_LEVELS = {DiagnosticStatus.OK: "ok", DiagnosticStatus.WARN: "warn"}  # all others are errors
_THERE_S, _ANSWER_S, _RELOAD_S = 2.0, 5.0, 180.0  # until a service is found; has answered; a product is loaded
_LOOK_S = 0.5
_WATCHED = {"reference": "anomaly/reference", "heat": "anomaly/heatmap/colour"}  # only while somebody looks


class DashboardNode(PadNode):
    """Serves the page. Pictures beside the overlay are subscribed to only while somebody looks."""

    kind = "dashboard"
    _server: Any = None

    def configure(self) -> None:
        """Reads what the page needs."""
        if importlib.util.find_spec("starlette") is None or importlib.util.find_spec("uvicorn") is None:
            raise ConfigError("the page needs starlette and uvicorn: pip install -r requirements/dashboard.txt")
        host, port = self.value("host"), self.value("port")
        self._access = Access(host, port, read_token(host, self.value("token_file")))
        self._folder = Path(self.value("products")) if self.value("products") else None
        if self._folder is not None and not self._folder.is_dir():
            raise ConfigError(f"products: {self._folder} is no folder")
        self._buttons = {
            "conveyor/enable": self.create_client(SetBool, "conveyor/enable"),
            "conveyor/reset": self.create_client(Trigger, "conveyor/reset"),
            "conveyor/acknowledge": self.create_client(Trigger, "conveyor/acknowledge"),
            **{f"{n}/reload_product": self.create_client(ReloadProduct, f"{n}/reload_product") for n in RELOADED},
        }

    def activate(self) -> None:
        """Listens to the line, and serves."""
        from pad_ros.dashboard.page import Page
        from pad_ros.dashboard.serve import PageServer, listen

        self._state = LineState(self.value("station") or self.get_namespace().strip("/"))
        self._looking: list[Any] = []
        operations = Operations(self._call, self._state, self._folder)
        twins = Twins(lambda: [Path(self.value("product")), *operations.folders()])
        period_s = 1.0 / self.value("update_rate")
        self._page = Page(self._state, operations, twins, self._access, self.value("language"), period_s)
        self.subscribe(DiagnosticArray, "/diagnostics", self._on_diagnostics)
        self.subscribe(AnomalyResult, "anomaly", self._on_result, "results")
        self.subscribe(RejectCommand, "reject", lambda m: self._state.decided(decision_from_message(m)), "results")
        self.subscribe(Image, "anomaly/overlay", self._taker("overlay"), "pictures")
        self.every(_LOOK_S, self._look)
        self._server = PageServer(self._page, listen(self.value("host"), self.value("port")))
        self.get_logger().info(f"the operator's page: {self._url()}")

    def deactivate(self) -> None:
        """Ends the page."""
        if self._server is not None:
            self._server.close()
            self._server = None

    def diagnostics(self) -> dict[str, str]:
        """Where the page is, and how many look."""
        return {"page": self._url(), "viewers": str(self._page.viewers)} if self._server is not None else {}

    def fault(self) -> str:
        """What is wrong with the server."""
        ended = self._server is not None and not self._server.alive
        return "the page's server has ended" if ended else ""

    def _url(self) -> str:
        host = self.value("host")
        return f"http://{f'[{host}]' if ':' in host else host}:{self.value('port')}/"

    def _on_diagnostics(self, message: DiagnosticArray) -> None:
        for status in message.status:
            namespace, _, name = status.name.partition(":")[0].rpartition("/")
            if (namespace or "/") == self.get_namespace() and name in NODES and name != self.kind:
                values = {pair.key: pair.value for pair in status.values}
                self._state.heard(name, _LEVELS.get(status.level, "error"), status.message, values)

    def _on_result(self, message: AnomalyResult) -> None:
        view = View(
            message.part_id,
            message.view_index,
            message.view_count,
            convert.stamp_of(message.header),
            message.arrival,
            message.product_checksum,
            inspection_from_message(message),
        )
        self._state.judged(message.product, view)

    def _taker(self, kind: str) -> Any:
        def take(message: Any) -> None:
            # Converted when somebody looks, or when the part is not passed.
            picture = Picture(lambda: convert.image_from_message(message))
            self._state.pictured(kind, convert.stamp_of(message.header), picture)

        return take

    def _look(self) -> None:
        """Subscribes to what somebody looks at; not before a result came, for the camera counts who hears it."""
        watched = self._page.viewers > 0 and self._state.spoken
        if watched and not self._looking:
            compressed = self.value("image_transport") == "compressed"
            live = (CompressedImage, "image_raw/compressed") if compressed else (Image, "image_raw")
            self._looking.append(self.subscribe(*live, self._taker(LIVE), f"newest_{self.value('image_qos')}"))
            for kind, topic in _WATCHED.items():
                self._looking.append(self.subscribe(Image, topic, self._taker(kind), "newest_reliable"))
        elif not watched:
            while self._looking:
                self.unsubscribe(self._looking.pop())

    def _call(self, service: str, argument: bool | str | None) -> Answer:
        """Calls a service from one of the page's threads; this node's own thread takes the answer."""
        client = self._buttons[service]
        if not client.wait_for_service(timeout_sec=_THERE_S):
            return Answer(False, f"{service} is not there")
        if isinstance(argument, bool):
            request: Any = SetBool.Request(data=argument)
        else:
            request = Trigger.Request() if argument is None else ReloadProduct.Request(product=argument)
        future, come = client.call_async(request), threading.Event()
        future.add_done_callback(lambda _: come.set())
        if not come.wait(_RELOAD_S if isinstance(argument, str) else _ANSWER_S):
            client.remove_pending_request(future)
            return Answer(False, f"{service} did not answer")
        response = future.result()
        return Answer(response.success, response.message)


def main() -> int:
    """Runs the node."""
    return run(DashboardNode)


if __name__ == "__main__":
    sys.exit(main())
