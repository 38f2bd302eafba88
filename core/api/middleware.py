"""What every request passes before its route: a request ID, the host check, limits of its body, security headers."""

import asyncio
import random
import re
import time
from collections.abc import Callable, Mapping, MutableMapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from starlette.datastructures import State
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from core import telemetry
from core.api.problems import WRONG_HOST, answer_to
from core.errors import Refused, Unavailable
from core.http_protocol import BODY_IS_HERE
from core.identifiers import private_kind

MAX_BODY_BYTES = 1024 * 1024
BODY_SECONDS = 7.0
ANSWER_SECONDS = 8.0
ANY_HOST_PATHS = frozenset({"/livez", "/readyz"})  # requested by health checks, by IP address
_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"cache-control", b"no-store"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
)
_POLICY = (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'")
_TRANSPORT = (b"strict-transport-security", b"max-age=31536000")


class BodyTooLarge(HTTPException):
    """The body is larger than `MAX_BODY_BYTES`."""

    def __init__(self) -> None:
        super().__init__(413, "The body is larger than 1 MiB")


class BodyTooSlow(HTTPException):
    """The body had not arrived after `BODY_SECONDS`."""

    def __init__(self) -> None:
        super().__init__(408, f"The body did not arrive within {BODY_SECONDS:.0f} seconds")


@dataclass(frozen=True)
class Rules:
    """The settings for requests: our host names, the allowed origins of other sites, and whether we use https."""

    hosts: Sequence[str]
    origins: Sequence[str]
    https: bool

    @cached_property
    def headers(self) -> list[tuple[bytes, bytes]]:
        """The headers of every answer, besides its request ID."""
        return [*_HEADERS, _TRANSPORT] if self.https else [*_HEADERS]

    def answers_as(self, host: bytes) -> bool:
        """Whether `host` is one of ours; `*.example.com` stands for every host below it, `*` for all."""
        name = host.decode("latin-1").lower()
        name = name[: name.index("]") + 1] if name.startswith("[") and "]" in name else name.partition(":")[0]
        return any(
            allowed in ("*", name) or (allowed.startswith("*.") and name.endswith(allowed[1:]))
            for allowed in self.hosts
        )


class Edge:
    """The middleware, as plain ASGI, so that a body is counted as it arrives and never read beyond the limit.

    A path in `direct` has an app of its own, which skips the routing. `state.rules` is set when the app's lifespan has
    started.
    """

    def __init__(self, app: ASGIApp, state: State, direct: Mapping[str, ASGIApp]):
        self._app = app
        self._state = state
        self._direct = direct
        self._shared: ASGIApp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
            return
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        rules: Rules = self._state.rules
        headers = dict(scope["headers"])
        request_id = _request_id(headers.get(b"x-request-id"))
        scope["payops.request_id"] = request_id
        answer = _with_headers(send, request_id, rules)
        if scope["path"] not in ANY_HOST_PATHS and not rules.answers_as(headers.get(b"host", b"")):
            refused = answer_to(Request(scope), Refused("wrong_host", WRONG_HOST))
            await refused(scope, receive, answer)
            return
        declared = headers.get(b"content-length", b"0")
        if not declared.isdigit() or int(declared) > MAX_BODY_BYTES:
            await answer_to(Request(scope), BodyTooLarge())(scope, receive, answer)
            return
        once = AnswerInTime(scope, receive, answer)
        try:
            app = self._direct.get(scope["path"]) or self._open_to(rules)
            with telemetry.request(request_id), _span(scope) as span:
                await app(scope, _bounded(scope, receive, once.start), once.send)
                if span is not None and (route := getattr(scope.get("route"), "path", None)):
                    span.set_attribute("http.route", route)
        except (BodyTooLarge, BodyTooSlow) as error:
            await answer_to(Request(scope), error)(scope, receive, once.send)
        except asyncio.CancelledError:
            if not once.gave_up:
                raise
        finally:
            once.close()

    def _open_to(self, rules: Rules) -> ASGIApp:
        """The app, with CORS headers if the settings allow any other origins."""
        if not rules.origins:
            return self._app
        if self._shared is None:
            self._shared = CORSMiddleware(
                self._app,
                allow_origins=rules.origins,
                allow_methods=("GET", "POST"),
                allow_headers=("Authorization", "Content-Type", "Idempotency-Key", "X-Request-Id"),
                expose_headers=("X-Request-Id", "Retry-After"),
            )
        return self._shared


def _span(scope: Scope) -> AbstractContextManager[Any]:
    """A span for the request, in the caller's trace if it sent one; the URL is left out, since it may contain an id."""
    if not telemetry.traced():
        return telemetry.NO_SPAN
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    return telemetry.span(f"HTTP {scope['method']}", headers)


class AnswerInTime:
    """Sends one answer: the app's, or after `ANSWER_SECONDS` one that says to try again.

    At the limit, async work is cancelled; work in a thread cannot be stopped, so it finishes and its answer is lost.
    The time starts when the whole body has arrived, or with the headers if the body is not read.
    """

    gave_up = False

    def __init__(self, scope: Scope, receive: Receive, send: Send):
        self._scope, self._receive, self._send = scope, receive, send
        self._app = asyncio.current_task()
        self._late: asyncio.Task[None] | None = None
        self._answered = False
        self._timer: asyncio.TimerHandle | None = None
        self.start()

    def start(self) -> None:
        self.close()
        self._timer = asyncio.get_running_loop().call_later(ANSWER_SECONDS, self._give_up)

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    async def send(self, message: MutableMapping[str, Any]) -> None:
        if self._late is None:
            self._answered = True
            await self._send(message)

    def _give_up(self) -> None:
        if not self._answered:
            self._late = asyncio.create_task(self._answer_late())

    async def _answer_late(self) -> None:
        late = Unavailable("timed_out", "This took too long. The work continues; send the same request again.")
        await answer_to(Request(self._scope), late)(self._scope, self._receive, self._send)
        if self._app is not None and not self._app.done():
            self.gave_up = True
            self._app.cancel()


def _request_id(given: bytes | None) -> str:
    """The caller's request ID if it is harmless, else a new one. It is unique but not secret."""
    if given and _REQUEST_ID.fullmatch(given) and private_kind(given.decode()) is None:
        return given.decode()
    return f"{random.getrandbits(128):032x}"


def _bounded(scope: Scope, receive: Receive, on_whole: Callable[[], None]) -> Receive:
    seen, whole = 0, False
    deadline = time.monotonic() + BODY_SECONDS

    async def in_time() -> Message:
        try:
            async with asyncio.timeout(deadline - time.monotonic()):
                return await receive()
        except TimeoutError:
            raise BodyTooSlow from None

    async def bounded() -> Message:
        nonlocal seen, whole
        if whole:
            return await receive()
        message = await (receive() if BODY_IS_HERE in scope else in_time())
        seen += len(message.get("body", b""))
        if seen > MAX_BODY_BYTES:
            raise BodyTooLarge
        whole = not message.get("more_body", False)
        if whole:
            scope["payops.read_at"] = time.perf_counter()
            if BODY_IS_HERE not in scope:
                on_whole()
        return message

    return bounded


def _with_headers(send: Send, request_id: str, rules: Rules) -> Send:
    async def with_headers(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            given = message.get("headers", [])
            own = [*rules.headers, (b"x-request-id", request_id.encode())]
            if _POLICY[0] not in dict(given):
                own.append(_POLICY)
            message["headers"] = [*given, *own]
        await send(message)

    return with_headers
