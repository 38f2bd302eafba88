"""What every request passes before a route sees it: an id, its host, bounds on its body, the safe headers."""

import asyncio
import random
import re
import time
from collections.abc import Callable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from starlette.datastructures import State
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from core.api.problems import answer_to
from core.errors import Refused, Unavailable
from core.http_protocol import BODY_IS_HERE

MAX_BODY_BYTES = 1024 * 1024
BODY_SECONDS = 7.0
ANSWER_SECONDS = 8.0
# In the scope of a request that came whole, for which no clock has to be started.
ANY_HOST_PATHS = frozenset({"/livez", "/readyz"})  # asked by whoever watches the process, at its bare address
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
    """More than `MAX_BODY_BYTES` were sent."""

    def __init__(self) -> None:
        super().__init__(413, "The body is larger than 1 MiB")


class BodyTooSlow(HTTPException):
    """The body was not there after `BODY_SECONDS`."""

    def __init__(self) -> None:
        super().__init__(408, f"The body did not arrive within {BODY_SECONDS:.0f} seconds")


@dataclass(frozen=True)
class Rules:
    """What the settings say of who may ask: the hosts we answer as, the origins of others, whether we are on https."""

    hosts: Sequence[str]
    origins: Sequence[str]
    https: bool

    @cached_property
    def headers(self) -> list[tuple[bytes, bytes]]:
        """What every answer carries beside its request's id."""
        return [*_HEADERS, _TRANSPORT] if self.https else [*_HEADERS]

    def answers_as(self, host: bytes) -> bool:
        """`*.example.com` in the settings stands for every host below it, `*` for all."""
        name = host.decode("latin-1").lower()
        name = name[: name.index("]") + 1] if name.startswith("[") and "]" in name else name.partition(":")[0]
        return any(
            allowed in ("*", name) or (allowed.startswith("*.") and name.endswith(allowed[1:]))
            for allowed in self.hosts
        )


class Edge:
    """Pure ASGI, so that a body is counted as it arrives and never read whole past the bound.

    A path in `direct` is answered by its own app, without the routing of the other. `state.rules` is there once the
    app's lifespan has started.
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
            refused = answer_to(Request(scope), Refused("wrong_host", "Nothing is served under this host."))
            await refused(scope, receive, answer)
            return
        declared = headers.get(b"content-length", b"0")
        if not declared.isdigit() or int(declared) > MAX_BODY_BYTES:
            await answer_to(Request(scope), BodyTooLarge())(scope, receive, answer)
            return
        once = AnswerInTime(scope, receive, answer)
        try:
            app = self._direct.get(scope["path"]) or self._open_to(rules)
            await app(scope, _bounded(scope, receive, once.start), once.send)
        except (BodyTooLarge, BodyTooSlow) as error:
            await answer_to(Request(scope), error)(scope, receive, once.send)
        except asyncio.CancelledError:
            if not once.gave_up:
                raise
        finally:
            once.close()

    def _open_to(self, rules: Rules) -> ASGIApp:
        """The app, with leave for the pages of other origins where the settings name some."""
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


class AnswerInTime:
    """Sends one answer: the app's, or after `ANSWER_SECONDS` one that says to try again.

    What waits is ended then. What runs in a thread cannot be stopped: it goes on to its end, and its answer is lost.
    The time counts from the whole body, or from the head where nobody reads a body.
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
        late = Unavailable("timed_out", "This took too long. What was begun goes on; send the same again.")
        await answer_to(Request(self._scope), late)(self._scope, self._receive, self._send)
        if self._app is not None and not self._app.done():
            self.gave_up = True
            self._app.cancel()


def _request_id(given: bytes | None) -> str:
    """The caller's where it is harmless, else one that tells requests apart; nobody is asked not to guess it."""
    if given and _REQUEST_ID.fullmatch(given):
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
