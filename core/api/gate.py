"""What a call of the payment API passes: who calls, how often, whether the same was asked before, and how long we took."""

import hashlib
import json
import time
import uuid
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, replace
from typing import Any

import structlog
from fastapi.routing import APIRoute
from pydantic import BaseModel
from starlette.background import BackgroundTask
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request as HttpRequest
from starlette.responses import JSONResponse, Response

from core.api.problems import answer_to, is_answer, status_of
from core.api.tokens import Tokens
from core.errors import PayopsError, Refused, Unavailable
from core.payments.context import PaymentContext
from core.payments.operations.callers import Caller
from core.payments.operations.requests import Request
from core.periods import wall_clock
from core.stripe_gateway import StripeCall

log = structlog.get_logger(__name__)

SECRET_FIELDS = ("clientSecret", "nextAction", "recoveryUrl")
Answer = dict[str, Any]
Work = Callable[[PaymentContext, Request], BaseModel]
Refill = Callable[[PaymentContext, Answer], BaseModel]


@dataclass(frozen=True)
class Gate:
    """The payment API's parts, opened once a process."""

    context: PaymentContext
    tokens: Tokens
    limit_per_minute: int
    return_origins: tuple[str, ...]

    def read(self, http: HttpRequest, work: Callable[[PaymentContext, Caller], BaseModel]) -> Response:
        """Answer a question that changes nothing."""
        return self._passed(http, lambda context, caller: _worked(lambda: work(context, caller)))

    def once(self, http: HttpRequest, asked: BaseModel, work: Work, refill: Refill | None = None) -> Response:
        """Answer a request; with an `Idempotency-Key` the same one again gets the same answer and one effect.

        Nothing secret is kept: `refill` asks Stripe again for what a kept answer left out.
        """

        def answer(context: PaymentContext, caller: Caller) -> Answer:
            key = http.headers.get("idempotency-key")
            if key is None:
                return _worked(lambda: work(context, Request(caller, f"payops-{uuid.uuid4().hex}")))
            return _once(context, caller, _checked(key), _fingerprint(http, asked), work, refill)

        return self._passed(http, answer)

    def enter(self, http: HttpRequest) -> Caller:
        """Who calls; raises `Unauthorised`, or `Unavailable` (`too_many_requests`)."""
        caller = self.tokens.caller(http.headers.get("authorization"))
        turn = self.context.db.call("take_api_turn", caller=caller.name, limit=self.limit_per_minute, now=wall_clock())
        if not turn["allowed"]:
            raise Unavailable(
                "too_many_requests",
                f"More than {self.limit_per_minute} requests in a minute.",
                retry_after_seconds=turn["retry_after_seconds"],
            )
        return caller

    def _passed(self, http: HttpRequest, answer: Callable[[PaymentContext, Caller], Answer]) -> Response:
        """The answer or the problem; once it is sent it is kept how long we took for it, Stripe's part apart."""
        calls: list[StripeCall] = []
        watched = replace(self.context, stripe=self.context.stripe.recording_with(calls.append))
        try:
            response: Response = JSONResponse(answer(watched, http.state.caller))
        except PayopsError as error:
            if not is_answer(error):
                raise
            response = answer_to(http, error)
        since_read_ms = (time.perf_counter() - http.scope["payops.read_at"]) * 1000
        total_ms = http.state.enter_ms + since_read_ms
        response.background = BackgroundTask(
            self._record, http.scope["route"].name, response.status_code, total_ms, calls
        )
        return response

    def _record(self, operation: str, status: int, total_ms: float, calls: list[StripeCall]) -> None:
        stripe_ms = sum(call.duration_ms for call in calls)
        self.context.stripe.record(calls)
        try:
            self.context.db.call(
                "record_api_call",
                operation=operation,
                status=status,
                own_ms=total_ms - stripe_ms,
                stripe_ms=stripe_ms,
                now=self.context.clock(),
            )
        except PayopsError as error:
            log.warning("a call of the payment API could not be recorded", code=error.code)


class GatedRoute(APIRoute):
    """A route whose body is not even read before it is known who calls."""

    def get_route_handler(self) -> Callable[[HttpRequest], Coroutine[Any, Any, Response]]:
        handler = super().get_route_handler()

        async def gated(http: HttpRequest) -> Response:
            started = time.perf_counter()
            http.state.caller = await run_in_threadpool(lambda: gate_of(http).enter(http))
            http.state.enter_ms = (time.perf_counter() - started) * 1000
            http.scope["payops.read_at"] = time.perf_counter()
            return await handler(http)

        return gated


def gate_of(http: HttpRequest) -> Gate:
    gate: Gate = http.app.state.gate()
    return gate


def _worked(work: Callable[[], BaseModel]) -> Answer:
    """The work's answer; where it is our key that Stripe refuses, the caller is not the one to mend it."""
    try:
        return work().model_dump(mode="json")
    except Refused as error:
        if error.code != "stripe_key_refused":
            raise
        sentence = "Payments are not set up here at the moment."
        raise Unavailable("not_configured", sentence, retry_after_seconds=60) from error


def _once(
    context: PaymentContext, caller: Caller, key: str, fingerprint: str, work: Work, refill: Refill | None
) -> Answer:
    kept = context.db.call("begin_api_request", caller=caller.name, key=key, fingerprint=fingerprint, now=wall_clock())
    if kept["state"] == "answered":
        return _again(context, kept, refill)
    _require_ours(kept["state"])
    own = hashlib.sha256(f"{caller.name}\n{key}".encode()).hexdigest()[:40]
    request = Request(caller, f"payops-{own}", kept["state"] == "again")
    status: int | None = None
    answer: Answer | None = None
    try:
        plain = _worked(lambda: work(context, request))
        status, answer = 200, {name: value for name, value in plain.items() if name not in SECRET_FIELDS}
        return plain
    except Refused as error:
        status, answer = (status_of(error), {"code": error.code, "detail": error.detail, "facts": _kept(error)})
        raise
    finally:
        _keep(context, caller, key, status, answer)


def _keep(context: PaymentContext, caller: Caller, key: str, status: int | None, answer: Answer | None) -> None:
    """The answer is the next one's too; with none, whoever asks next may try again.

    What was done is done: a caller learns of it though the answer cannot be kept, and the same again finds it at
    Stripe.
    """
    try:
        context.db.call(
            "answer_api_request", caller=caller.name, key=key, now=wall_clock(), status=status, answer=answer
        )
    except PayopsError as error:
        log.warning("an answer of the payment API could not be kept", code=error.code)


def _again(context: PaymentContext, kept: Answer, refill: Refill | None) -> Answer:
    answer: Answer = kept["answer"]
    if kept["status"] != 200:
        raise Refused(answer["code"], answer["detail"], facts=answer["facts"])
    return _worked(lambda: refill(context, answer)) if refill else answer


def _kept(error: Refused) -> Answer:
    return {name: error.facts[name] for name in ("body", "path") if name in error.facts}


def _fingerprint(http: HttpRequest, asked: BaseModel) -> str:
    body = json.dumps(asked.model_dump(mode="json"), sort_keys=True)
    return hashlib.sha256(f"{http.url.path}\n{body}".encode()).hexdigest()


def _checked(key: str) -> str:
    if not 0 < len(key) <= 255 or not key.isascii() or not key.isprintable():
        raise Refused("bad_idempotency_key", "An Idempotency-Key has 1 to 255 printable ASCII characters.")
    return key


def _require_ours(state: str) -> None:
    if state == "other_body":
        raise Refused("idempotency_key_reused", "This Idempotency-Key was used with another body.")
    if state == "in_progress":
        raise Refused("in_progress", "The request with this Idempotency-Key is still being worked on.")
