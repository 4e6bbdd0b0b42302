"""Serves the page from a thread of its own."""

from __future__ import annotations

import socket
import threading

import uvicorn

from pad_ros.dashboard.page import Page
from pad_ros.errors import ConfigError

_STOP_S = 3.0


def listen(host: str, port: int) -> socket.socket:
    """Takes the port; 0 takes any.

    Raises:
        ConfigError: it is taken, or the host is none of this machine.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except OSError as error:
        reason = error.strerror or str(error)
        raise ConfigError(f"the page cannot be served on {host}:{port} ({reason}); give another host or port") from None


class PageServer:
    """A running server; `close` ends it."""

    def __init__(self, page: Page, listener: socket.socket) -> None:
        self._page, self._listener = page, listener
        config = uvicorn.Config(
            page.app,
            access_log=False,  # of no use, and the place where secrets leak
            log_config=None,
            log_level="warning",
            lifespan="off",
            ws="none",
            server_header=False,
            limit_concurrency=128,
            timeout_graceful_shutdown=1,
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, args=([listener],), name="page", daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        """Where the page is."""
        return int(self._listener.getsockname()[1])

    @property
    def alive(self) -> bool:
        """Whether it serves."""
        return self._thread.is_alive()

    def close(self) -> None:
        """Ends the page's streams, and the server."""
        self._page.closing = True
        self._server.should_exit = True
        self._thread.join(_STOP_S)
        self._listener.close()
