"""Protects Streamlit's own addresses: those that serve or accept data need a session."""

import asyncio
from collections.abc import MutableMapping
from typing import Any
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.requests import HTTPConnection
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from core.errors import Unavailable
from core.ui import exports, session

CLOSED = ("/_stcore/metrics", "/_stcore/agent/")
UPLOADS, FILES = "/_stcore/upload_file/", "/media/"
AS_STORED = (b"range", b"accept-encoding")  # removed from the request, so that the whole file comes uncompressed
NOT_SIGNED_IN = "Sign in first."
NOT_YOURS = "This file opens only for the user who made it. Export it again."


class AccessGuard:
    """Allows websockets only from our own pages and files only for the user who made them; unused addresses are 404.

    Streamlit itself accepts a websocket from any page on the machine, and asks another host for allowed origins.
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
        # Behind a proxy, the host may differ from the browser's. Streamlit
        # compares the origin with the host, so they are
        # made equal after the check above.
        rest = [(name, value) for name, value in scope["headers"] if name != b"origin"]
        scheme = "https" if scope["scheme"] == "wss" else "http"
        origin = (b"origin", f"{scheme}://{host}".encode("latin-1"))
        await self._app({**scope, "headers": [*rest, origin]}, receive, send)

    async def _request(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"]
        if path.startswith(CLOSED):
            await PlainTextResponse("Not found.", 404)(scope, receive, send)
        elif path.startswith(UPLOADS) and scope["method"] != "OPTIONS" and not await user_of_request(scope):
            await PlainTextResponse(NOT_SIGNED_IN, 403)(scope, receive, send)
        elif path.startswith(FILES):
            await self._file(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _file(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a download only to the user who made it, other files to everybody: the sign-in page has pictures too.

        A download is recognized by its whole content, so it is requested whole and uncompressed.
        """
        whole = {**scope, "headers": [(name, value) for name, value in scope["headers"] if name not in AS_STORED]}
        held: list[MutableMapping[str, Any]] = []
        content = bytearray()

        async def hold_downloads(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start" and _is_download(message):
                held.append(message)
            elif not held:
                await send(message)
            elif message["type"] == "http.response.body":
                content.extend(message.get("body", b""))
                if not message.get("more_body"):
                    await _finish(bytes(content))

        async def _finish(content: bytes) -> None:
            user = await user_of_request(scope)
            if user is None:
                await PlainTextResponse(NOT_SIGNED_IN, 403)(scope, receive, send)
            elif not exports.owners().owns(user, content):
                await PlainTextResponse(NOT_YOURS, 403)(scope, receive, send)
            else:
                await send(held[0])
                await send({"type": "http.response.body", "body": content})

        await self._app(whole, receive, hold_downloads)


def _is_download(start: MutableMapping[str, Any]) -> bool:
    return Headers(raw=start["headers"]).get("content-disposition", "").startswith("attachment")


async def user_of_request(scope: Scope) -> str | None:
    """The user of the request's session cookie, if the session is open and its sign-in is complete; else None."""
    token = HTTPConnection(scope).cookies.get(session.COOKIE)
    try:
        return await asyncio.to_thread(_user_of, token) if token else None
    except Unavailable:
        return None


def _user_of(token: str) -> str | None:
    store = session.sessions()
    found = store.of_cookie(token)
    return found.name if found is not None and store.next_step(found) is None else None
