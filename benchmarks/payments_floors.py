"""The floors of `benchmarks.payments`: a server that reads a payment,
asks Stripe once and answers; one that also writes
the payment down before, and what came of it after."""

import os
import time
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from psycopg_pool import ConnectionPool
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from core.payments.operations.schemas import PaymentRequest
from core.stripe_gateway import StripeCall, StripeGateway

stripe = StripeGateway(os.environ["BENCH_KEY"], api_base=os.environ["BENCH_STRIPE"], record=lambda _: None)
pool = ConnectionPool(os.environ["BENCH_CONNINFO"], kwargs={"autocommit": True}, open=False)


def asked(payment: PaymentRequest, key: str) -> tuple[dict, float]:
    """Stripe's answer and how long it took."""
    calls: list[StripeCall] = []
    made = stripe.recording_with(calls.append).write(
        "payment_intents",
        key=key,
        amount=payment.amount,
        currency=payment.currency,
        payment_method=payment.paymentMethodId,
        confirm=True,
        automatic_payment_methods={"enabled": True, "allow_redirects": "never"},
    )
    return made, calls[0].duration_ms


def answered(body: bytes) -> tuple[dict, float]:
    return asked(PaymentRequest.model_validate_json(body), uuid.uuid4().hex)


def written_down(body: bytes) -> tuple[dict, float]:
    key = uuid.uuid4().hex
    with pool.connection() as connection:
        connection.execute("insert into floor_payments (id) values (%s)", (key,))
    made, stripe_ms = asked(PaymentRequest.model_validate_json(body), key)
    with pool.connection() as connection:
        connection.execute("update floor_payments set result = %s where id = %s", (made["id"], key))
    return made, stripe_ms


def server(work: Callable[[bytes], tuple[dict, float]]) -> Starlette:
    async def pay(request: Request) -> JSONResponse:
        body = await request.body()
        started = time.perf_counter()
        made, stripe_ms = await run_in_threadpool(work, body)
        own_ms = (time.perf_counter() - started) * 1000 - stripe_ms
        answer = {"paymentIntentId": made["id"], "status": made["status"]}
        return JSONResponse(answer, headers={"X-Own-Ms": f"{own_ms:.3f}"})

    @asynccontextmanager
    async def opened(app: Starlette) -> AsyncIterator[None]:
        pool.open(wait=True)
        yield
        pool.close()

    return Starlette(routes=[Route("/api/payments/process-payment", pay, methods=["POST"])], lifespan=opened)


asking, writing = server(answered), server(written_down)
