"""Which of Streamlit's own addresses are open, and to whom: those that show or take something need a session."""

import asyncio
from collections.abc import MutableMapping
from typing import Any
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.requests import HTTPConnection
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from core.errors import Unavailable
from core.ui import session

CLOSED = ("/_stcore/metrics", "/_stcore/agent/")
UPLOADS, FILES = "/_stcore/upload_file/", "/media/"
NOT_SIGNED_IN = "Sign in first."


class Doors:
    """Sockets are for our own pages, files for who is signed in; what nobody needs is not there.

    Streamlit lets in a socket of any page on the machine, and asks a server elsewhere which addresses are its own.
    """

    def __init__(self, app: ASGIApp):
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await self._socket(scope, receive, send)
        elif scope["type"] == "http":
            await self._request(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _socket(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        own = {host, urlsplit(session.settings().public_base_url).netloc} - {""}
        if headers.get("origin") not in {f"{scheme}://{name}" for scheme in ("http", "https") for name in own}:
            await receive()
            await send({"type": "websocket.close", "code": 1008})
            return
        # A proxy may have given us another host than the browser's: what was looked at here is ours.
        rest = [(name, value) for name, value in scope["headers"] if name != b"origin"]
        scheme = "https" if scope["scheme"] == "wss" else "http"
        origin = (b"origin", f"{scheme}://{host}".encode("latin-1"))
        await self._app({**scope, "headers": [*rest, origin]}, receive, send)

    async def _request(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"]
        if path.startswith(CLOSED):
            await PlainTextResponse("Not found.", 404)(scope, receive, send)
        elif path.startswith(UPLOADS) and scope["method"] != "OPTIONS" and not await _may_work(scope):
            await PlainTextResponse(NOT_SIGNED_IN, 403)(scope, receive, send)
        elif path.startswith(FILES):
            await self._file(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _file(self, scope: Scope, receive: Receive, send: Send) -> None:
        """What is to be kept as a file is data; pictures belong to the page, the sign-in page too."""
        refused = False

        async def unless_data(message: MutableMapping[str, Any]) -> None:
            nonlocal refused
            if message["type"] == "http.response.start":
                kept = Headers(raw=message["headers"]).get("content-disposition", "")
                refused = kept.startswith("attachment") and not await _may_work(scope)
                if refused:
                    await PlainTextResponse(NOT_SIGNED_IN, 403)(scope, receive, send)
            if not refused:
                await send(message)

        await self._app(scope, receive, unless_data)


async def _may_work(scope: Scope) -> bool:
    """Whether the request's cookie is of an open session with every step of the sign-in behind it."""
    token = HTTPConnection(scope).cookies.get(session.COOKIE)
    try:
        return bool(token) and await asyncio.to_thread(_is_of_open_session, str(token))
    except Unavailable:
        return False


def _is_of_open_session(token: str) -> bool:
    store = session.sessions()
    found = store.of_cookie(token)
    return found is not None and store.next_step(found) is None
