"""The page on HTTP: its files, what it shows as it comes, and what its buttons ask for."""

from __future__ import annotations

import asyncio
import html
import json
import logging
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from pad_ros.dashboard.access import SESSION_S, Access
from pad_ros.dashboard.guard import Guard
from pad_ros.dashboard.operations import Answer, Operations
from pad_ros.dashboard.state import LineState
from pad_ros.dashboard.texts import LANGUAGES, choose_language, texts
from pad_ros.dashboard.twin import Twins
from pad_ros.errors import ConfigError

logger = logging.getLogger(__name__)

STATIC = Path(__file__).with_name("static")
_PERIOD_S, _BEAT_S = 0.2, 1.0  # the page hears of what changed so often; and so often in any case, to know it is heard
_VIEWERS = 16
_WRONG_TOKEN_S = 1.0  # until the next try


class Page:
    """The page of one line.

    Args:
        state: what it shows.
        operations: what its buttons do.
        twins: the products' twins.
        access: who may look.
        language: one of LANGUAGES, or "auto": the browser's.
        period_s: seconds from one update to the next, at least.
    """

    def __init__(
        self,
        state: LineState,
        operations: Operations,
        twins: Twins,
        access: Access,
        language: str = "auto",
        period_s: float = _PERIOD_S,
    ) -> None:
        self._state, self._operations, self._twins, self._access = state, operations, twins, access
        self._language, self._period_s = language, period_s
        self._one_try = asyncio.Lock()
        self.viewers = 0
        self.closing = False
        self.app = Starlette(
            routes=[
                Route("/", self._page),
                Route("/login", self._login_page),
                Route("/login", self._login, methods=["POST"]),
                Route("/events", self._events),
                Route("/picture/{number:int}", self._picture),
                Route("/twin/{checksum}", self._twin),
                Route("/heat/{sequence:int}", self._heat),
                Route("/press/{button}", self._press, methods=["POST"]),
                Mount("/static", StaticFiles(directory=STATIC)),
            ],
            middleware=[Middleware(Guard, access=access)],
        )

    def _chosen(self, request: Request) -> str:
        asked = request.query_params.get("language", self._language)
        return choose_language(asked, request.headers.get("accept-language", ""))

    def _filled(self, name: str, language: str, more: dict[str, Any] | None = None, note: str = "") -> Response:
        """A page's file with its texts: `[[key]]` is replaced, `[[*]]` by all of them as JSON; `note` is a key."""
        words = texts(language)
        page = (STATIC / name).read_text(encoding="utf-8")
        for key, text in {**words, "note": words.get(note, ""), "language": language}.items():
            page = page.replace(f"[[{key}]]", html.escape(text))
        given = json.dumps({"texts": words, **(more or {})}).replace("<", "\\u003c")
        return Response(page.replace("[[*]]", given), media_type="text/html")

    async def _page(self, request: Request) -> Response:
        language = self._chosen(request)
        other = LANGUAGES[(LANGUAGES.index(language) + 1) % len(LANGUAGES)]
        products = await run_in_threadpool(self._operations.products)
        return self._filled("page.html", language, {"products": products, "other": other})

    async def _login_page(self, request: Request) -> Response:
        return self._filled("login.html", self._chosen(request))

    async def _login(self, request: Request) -> Response:
        form = parse_qs((await request.body()).decode("utf-8", "replace"))
        async with self._one_try:  # guesses cost time, however many come at once
            if not self._access.token_fits(form.get("token", [""])[0]):
                await asyncio.sleep(_WRONG_TOKEN_S)
                response = self._filled("login.html", self._chosen(request), note="login.wrong")
                response.status_code = 403
                return response
        response = RedirectResponse("/", status_code=303)
        response.set_cookie(
            self._access.cookie, self._access.new_session(), max_age=SESSION_S, httponly=True, samesite="strict"
        )
        return response

    async def _events(self, request: Request) -> Response:
        if self.viewers >= _VIEWERS:
            return Response("too many look already", status_code=503)
        return StreamingResponse(self._said(), media_type="text/event-stream")

    async def _said(self) -> AsyncIterator[str]:
        self.viewers += 1
        try:
            last, waited = "", 0.0
            while not self.closing:
                said = self._state.snapshot()
                if said != last or waited >= _BEAT_S:
                    yield f"data: {said}\n\n"
                    last, waited = said, 0.0
                await asyncio.sleep(self._period_s)
                waited += self._period_s
        finally:
            self.viewers -= 1

    async def _picture(self, request: Request) -> Response:
        picture = self._state.picture(request.path_params["number"])
        jpeg = None if picture is None else await run_in_threadpool(picture.jpeg)
        return _gone() if jpeg is None else _kept(jpeg, "image/jpeg")

    async def _twin(self, request: Request) -> Response:
        twin = await run_in_threadpool(self._twins.find, request.path_params["checksum"])
        return _gone() if twin is None else _kept(twin.data, "application/octet-stream")

    async def _heat(self, request: Request) -> Response:
        part = self._state.reject(request.path_params["sequence"])
        views = [] if part is None else [view for view in part.views.values() if view.inspection.evidence]
        twin = await run_in_threadpool(self._twins.find, views[-1].checksum) if views else None
        if twin is None:
            return _gone()
        evidences, anomalous = [view.inspection.evidence for view in views], any(view.speaks_against for view in views)
        try:
            heat = await run_in_threadpool(twin.heat, evidences, anomalous)
        except ConfigError:
            return _gone()
        return Response(heat, media_type="application/octet-stream", headers={"Cache-Control": "no-store"})

    async def _press(self, request: Request) -> Response:
        buttons: dict[str, Callable[[], Answer]] = {
            "enable": lambda: self._operations.enable(True),
            "disable": lambda: self._operations.enable(False),
            "acknowledge": self._operations.acknowledge,
            "reset": self._operations.reset,
        }
        name = request.path_params["button"]
        if name == "change":
            try:
                product = str((await request.json())["product"])
            except (ValueError, KeyError, TypeError):
                return Response("the body must be JSON that names a product", status_code=400)
            buttons["change"] = lambda: self._operations.change(product)
        if name not in buttons:
            return _gone()
        answer = await run_in_threadpool(buttons[name])
        return JSONResponse({"success": answer.success, "message": answer.message})


def _gone() -> Response:
    return Response("not here", status_code=404, headers={"Cache-Control": "no-store"})


def _kept(content: bytes, kind: str) -> Response:
    """What never changes under its number."""
    return Response(content, media_type=kind, headers={"Cache-Control": "private, max-age=3600, immutable"})
