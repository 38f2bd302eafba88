"""How each operation of the payment API is called: authenticated, rate-limited, idempotent, and timed."""

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

from core.api import rate_limits
from core.api.authentication import Tokens
from core.api.idempotency import Answer, Refill, Work, answer_of, answer_once, checked_key, fingerprint
from core.api.problems import answer_to, is_answer
from core.errors import PayopsError
from core.payments.context import PaymentContext
from core.payments.operations.callers import Caller
from core.payments.operations.requests import Request
from core.stripe_gateway import StripeCall

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class OperationCalls:
    """What the payment API's operations need, opened once per process."""

    context: PaymentContext
    tokens: Tokens
    limit_per_minute: int
    return_origins: tuple[str, ...]

    def read(self, http: HttpRequest, work: Callable[[PaymentContext, Caller], BaseModel]) -> Response:
        """Answer a request that changes nothing."""
        return self._passed(http, lambda context, caller: answer_of(lambda: work(context, caller)))

    def once(self, http: HttpRequest, asked: BaseModel, work: Work, refill: Refill | None = None) -> Response:
        """Answer a request. A repeat with the same `Idempotency-Key` gets the same answer and has no further effect.

        Secrets are not stored: for a repeat, `refill` fetches the secrets that the stored answer lacks from Stripe.
        """

        def answer(context: PaymentContext, caller: Caller) -> Answer:
            key = http.headers.get("idempotency-key")
            if key is None:
                return answer_of(lambda: work(context, Request(caller, f"payops-{uuid.uuid4().hex}")))
            return answer_once(context, caller, checked_key(key), fingerprint(http, asked), work, refill)

        return self._passed(http, answer)

    def enter(self, http: HttpRequest) -> Caller:
        """The caller of this request; raises `Unauthorised`, or `Unavailable` (`too_many_requests`)."""
        caller = self.tokens.caller(http.headers.get("authorization"))
        rate_limits.take_turn(self.context.db, caller, self.limit_per_minute)
        return caller

    def _passed(self, http: HttpRequest, answer: Callable[[PaymentContext, Caller], Answer]) -> Response:
        """The answer or the problem. Once it is sent, its duration is recorded, with the time spent at Stripe apart."""
        calls: list[StripeCall] = []
        watched = replace(self.context, stripe=self.context.stripe.recording_with(calls.append))
        code = None
        try:
            response: Response = JSONResponse(answer(watched, http.state.caller))
        except PayopsError as error:
            if not is_answer(error):
                raise
            response, code = answer_to(http, error), error.code
        since_read_ms = (time.perf_counter() - http.scope["payops.read_at"]) * 1000
        total_ms = http.state.enter_ms + since_read_ms
        response.background = BackgroundTask(
            self._record, http.scope["route"].name, response.status_code, total_ms, calls, code
        )
        return response

    def _record(self, operation: str, status: int, total_ms: float, calls: list[StripeCall], code: str | None) -> None:
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
                code=code,
            )
        except PayopsError as error:
            log.warning("a call of the payment API could not be recorded", code=error.code)


class AuthenticatedRoute(APIRoute):
    """A route that checks the caller before it reads the body."""

    def get_route_handler(self) -> Callable[[HttpRequest], Coroutine[Any, Any, Response]]:
        handler = super().get_route_handler()

        async def authenticated(http: HttpRequest) -> Response:
            started = time.perf_counter()
            http.state.caller = await run_in_threadpool(lambda: calls_of(http).enter(http))
            http.state.enter_ms = (time.perf_counter() - started) * 1000
            http.scope["payops.read_at"] = time.perf_counter()
            return await handler(http)

        return authenticated


def calls_of(http: HttpRequest) -> OperationCalls:
    calls: OperationCalls = http.app.state.operation_calls()
    return calls
