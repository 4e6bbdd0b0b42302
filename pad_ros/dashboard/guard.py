"""Stands before the page: refuses who may not look, and what another site's page asks for."""

from __future__ import annotations

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pad_ros.dashboard.access import Access

_LARGEST = 4096  # bytes of what a page may send
_FOR_ALL = ("/login", "/static/page.css")
_HEADERS = {
    "Content-Security-Policy": "default-src 'self'; img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'; "
    "form-action 'self'; object-src 'none'",
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}


class Guard:
    """Middleware around the page."""

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self._app, self._access = app, access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes a request on, or answers it."""
        if scope["type"] == "lifespan":
            return await self._app(scope, receive, send)
        if scope["type"] != "http":  # a websocket: the page has none
            return await send({"type": "websocket.close", "code": 1008})

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(_HEADERS)
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        refusal = self._refusal(scope)
        await (self._app if refusal is None else refusal)(scope, receive, send_with_headers)

    def _refusal(self, scope: Scope) -> Response | None:
        headers, method, path = Headers(scope=scope), scope["method"], scope["path"]
        host = headers.get("host", "")
        if not self._access.host_fits(host):
            return Response("this page is not served under that name", status_code=421)
        if method not in ("GET", "HEAD"):
            if method != "POST":
                return Response("no", status_code=405)
            if not self._access.origin_fits(headers.get("origin", ""), host):
                return Response("only the page itself may ask for that", status_code=403)
            if path != "/login" and headers.get("content-type", "").partition(";")[0] != "application/json":
                return Response("application/json expected", status_code=415)
            length = headers.get("content-length", "")
            if not length.isdigit() or int(length) > _LARGEST:
                return Response("too much", status_code=413)
        if self._access.open or path in _FOR_ALL:
            return None
        session = Request(scope).cookies.get(self._access.cookie, "")
        if self._access.session_fits(session):
            return None
        if path == "/" and method == "GET":
            return RedirectResponse("/login", status_code=303)
        return Response("log in first", status_code=401)
