"""Every route answers in time with 503 and Retry-After when the database does not answer, and again once it does."""

import asyncio
import json
import secrets
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import httpx
import psycopg
import pytest
from standardwebhooks import Webhook
from starlette.datastructures import State
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from core import services
from core.api import app, middleware
from core.db.time_limits import TimeLimits
from core.events.signature import sign
from tests.api.conftest import TOKEN
from tests.factories import body_of, charge, event
from tests.freezing_proxy import FreezingProxy, proxied
from tests.loops import run_apart

SHORT = TimeLimits(connection_seconds=0.5, statement_seconds=0.5, lock_seconds=0.3)
STRIPE_SECRET, FORM_SECRET = "whsec_of_the_tests", "whsec_" + "c2VjcmV0LW9mLXRoZS10ZXN0cw=="
ANSWER_SECONDS = 3.0


@pytest.fixture
def behind(server, owner, serve, monkeypatch) -> Iterator[tuple[FreezingProxy, httpx.Client]]:
    """An API with short limits whose database is behind a proxy that can freeze."""
    monkeypatch.setattr(app, "API", SHORT)
    monkeypatch.setattr(services, "WEBHOOK", SHORT)
    monkeypatch.setattr(services, "HEALTH", SHORT)
    monkeypatch.setattr(middleware, "ANSWER_SECONDS", ANSWER_SECONDS)
    with proxied(server.app_conninfo) as proxy:
        given = {"DATABASE_URL": proxy.conninfo, "STRIPE_WEBHOOK_SECRETS": STRIPE_SECRET}
        with serve(**given, INTAKE_WEBHOOK_SECRETS=FORM_SECRET) as http:
            yield proxy, http


def stripe_webhook(http: httpx.Client) -> httpx.Response:
    body = body_of(event(f"evt_{secrets.token_hex(4)}", "charge.succeeded", charge(id="ch_frozen")))
    signature = sign(body, STRIPE_SECRET, timestamp=int(time.time()))
    return http.post("/api/webhooks/stripe", content=body, headers={"Stripe-Signature": signature})


def form(http: httpx.Client) -> httpx.Response:
    given = {"submissionId": secrets.token_hex(4), "patientId": "patient-1", "patientState": "CA"}
    body, now = json.dumps(given | {"specialty": "dermatology"}), datetime.now(UTC)
    signature = Webhook(FORM_SECRET).sign("msg_1", now, body)
    signed = {"webhook-id": "msg_1", "webhook-timestamp": str(int(now.timestamp())), "webhook-signature": signature}
    return http.post("/api/webhooks/form-submission", content=body, headers=signed)


def payment(http: httpx.Client) -> httpx.Response:
    asked = {"code": "WELCOME", "amount": 4900, "currency": "usd"}
    return http.post("/api/payments/validate-discount", json=asked, headers={"Authorization": f"Bearer {TOKEN}"})


ROUTES: dict[str, Callable[[httpx.Client], httpx.Response]] = {
    "readyz": lambda http: http.get("/readyz"),
    "metrics": lambda http: http.get("/metrics"),
    "stripe webhook": stripe_webhook,
    "form": form,
    "payment API": payment,
}


def test_while_the_database_hangs_every_route_answers_in_time_and_recovers(behind):
    proxy, http = behind
    before = {name: ask(http).status_code for name, ask in ROUTES.items()}
    assert before == dict.fromkeys(ROUTES, 200)
    proxy.freeze()
    started = time.monotonic()
    with ThreadPoolExecutor(50) as callers:
        asked = [(name, callers.submit(ask, http)) for name, ask in ROUTES.items() for _ in range(10)]
        frozen = [(name, one.result()) for name, one in asked]
    assert time.monotonic() - started < ANSWER_SECONDS * 3  # hung requests would take a minute and more
    assert {(name, answer.status_code) for name, answer in frozen} == {(name, 503) for name in ROUTES}
    assert all(int(answer.headers["retry-after"]) > 0 for _, answer in frozen)
    proxy.thaw()
    for _ in range(40):
        after = {name: ask(http).status_code for name, ask in ROUTES.items()}
        if set(after.values()) == {200}:
            break
        time.sleep(0.1)
    assert after == dict.fromkeys(ROUTES, 200)


def test_an_event_blocked_by_a_lock_is_answered_with_a_retry_in_time(behind, server):
    _, http = behind
    with psycopg.connect(server.owner_conninfo) as holder:
        holder.execute("lock table payops.events")
        answer = stripe_webhook(http)
    assert (answer.status_code, answer.json()["code"]) == (503, "database_too_slow")
    assert int(answer.headers["retry-after"]) > 0
    assert stripe_webhook(http).json()["outcome"] == "applied"


@pytest.mark.parametrize("waits", ["in the loop", "in a thread"])
def test_a_request_over_its_time_limit_is_answered_once_and_its_late_answer_dropped(monkeypatch, waits):
    monkeypatch.setattr(middleware, "ANSWER_SECONDS", 0.2)
    said = []

    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await (asyncio.sleep(5) if waits == "in the loop" else asyncio.to_thread(time.sleep, 0.6))
        finally:
            said.append("ended")
            await Response("too late")(scope, receive, send)

    edge = middleware.Edge(slow, State({"rules": middleware.Rules(("testserver",), (), https=False)}), direct={})

    async def ask() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(edge), base_url="http://testserver") as http:
            return await http.get("/api/payments/payment-methods")

    answer = run_apart(ask())
    assert (answer.status_code, answer.json()["code"]) == (503, "timed_out")
    assert int(answer.headers["retry-after"]) > 0
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert said == ["ended"]
