"""What every request passes before a route sees it: an id, a bound on its body, the safe headers."""

import re
import uuid
from collections.abc import Mapping, MutableMapping
from typing import Any

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from core.api.problems import problem

MAX_BODY_BYTES = 1024 * 1024
_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_HEADERS = [
    (b"x-content-type-options", b"nosniff"),
    (b"cache-control", b"no-store"),
    (b"referrer-policy", b"no-referrer"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
]


class BodyTooLarge(Exception):
    """More than `MAX_BODY_BYTES` were sent."""


class Edge:
    """Pure ASGI, so that a body is counted as it arrives and never read whole past the bound.

    A path in `direct` is answered by its own app, without the routing of the other.
    """

    def __init__(self, app: ASGIApp, direct: Mapping[str, ASGIApp]):
        self._app = app
        self._direct = direct

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        given = headers.get(b"x-request-id", b"")
        request_id = given.decode() if _REQUEST_ID.fullmatch(given) else uuid.uuid4().hex
        scope["payops.request_id"] = request_id
        answer = _with_headers(send, request_id)
        declared = headers.get(b"content-length", b"0")
        if not declared.isdigit() or int(declared) > MAX_BODY_BYTES:
            await _too_large(scope, receive, answer)
            return
        try:
            app = self._direct.get(scope["path"], self._app)
            await app(scope, _bounded(receive), answer)
        except BodyTooLarge:
            await _too_large(scope, receive, answer)


def _bounded(receive: Receive) -> Receive:
    seen = 0

    async def bounded() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > MAX_BODY_BYTES:
            raise BodyTooLarge
        return message

    return bounded


def _with_headers(send: Send, request_id: str) -> Send:
    async def with_headers(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            own = [*_HEADERS, (b"x-request-id", request_id.encode())]
            message["headers"] = [*message.get("headers", []), *own]
        await send(message)

    return with_headers


async def _too_large(scope: Scope, receive: Receive, send: Send) -> None:
    answer = problem(Request(scope), 413, "body_too_large", "The body is larger than 1 MiB.")
    answer.headers["Connection"] = "close"
    await answer(scope, receive, send)
