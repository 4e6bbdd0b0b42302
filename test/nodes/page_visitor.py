"""Looks at the operator's page of a running graph. Not a test itself."""

import json
import socket
import threading
import time
from http.client import HTTPConnection


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
