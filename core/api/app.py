"""The ASGI app; its services start with its lifespan."""

import asyncio
import gc
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import cache, partial

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from core import logs, services, telemetry
from core.api import description, health, intake, payments
from core.api.authentication import Tokens
from core.api.defects import INTAKE_WEBHOOKS, STRIPE_WEBHOOK, answer_to_defect
from core.api.middleware import Edge, Rules
from core.api.operation_calls import OperationCalls
from core.api.problems import answer_to, is_answer
from core.api.webhooks import StripeWebhook
from core.db.deploy import fingerprint
from core.db.time_limits import API
from core.errors import PayopsError
from core.events.group_commit import GroupCommit
from core.events.recorded import Applier, InboxWriter
from core.events.webhook_counters import CounterFlusher, Tally
from core.forwarded_headers import ForwardedHeaderWarning
from core.heartbeats import Heartbeat
from core.settings import load_settings


@asynccontextmanager
async def lifespan(api: FastAPI) -> AsyncIterator[None]:
    settings = load_settings()
    logs.configure(settings)
    fingerprint()  # computed now and cached, so that it stays that of the running code if a deploy replaces the files
    telemetry.configure(settings, "api")
    running = services.start(settings, API)
    inbox_db = services.inbox_database(settings)
    api.state.health_db = services.health_database(settings)
    applier_db = services.applier_database(settings)
    applier = Applier(applier_db, running.clock)
    api.state.rules = Rules(settings.allowed_hosts, settings.cors_origins, settings.api_base_url.startswith("https:"))
    api.state.services = running
    api.state.operation_calls = cache(partial(_operation_calls, running))
    api.state.group_commit = GroupCommit(InboxWriter(inbox_db, applier, running.clock))
    api.state.tally = Tally()
    teller = CounterFlusher(api.state.tally, running.db, running.webhook_secrets, running.clock)
    heartbeat = Heartbeat(running, "api").start()
    gc.collect()
    gc.freeze()  # objects made until now live as long as the process; garbage collection can skip them
    yield
    await teller.close()
    await api.state.group_commit.close()
    await asyncio.to_thread(heartbeat.close)
    await asyncio.to_thread(applier.close)
    inbox_db.close()
    applier_db.close()
    api.state.health_db.close()
    running.close()


def build() -> Edge:
    """The app with its routes; the lifespan starts the services from the environment's settings."""
    api = FastAPI(title="payops", lifespan=lifespan, openapi_url=None, docs_url=None, redoc_url=None)
    for path, route in zip(INTAKE_WEBHOOKS, (intake.form_submission, intake.consultation_status), strict=True):
        api.add_route(path, route, methods=["POST"])
    api.add_route("/livez", health.livez)
    api.add_route("/readyz", health.readyz)
    api.add_route("/metrics", health.metrics)
    payments.install(api)
    api.add_route("/api/openapi.json", _outside_production(description.openapi))
    api.add_route("/api/docs", _outside_production(description.docs))
    for kind in (HTTPException, PayopsError, Exception):
        api.add_exception_handler(kind, _answer)
    return Edge(api, api.state, direct={STRIPE_WEBHOOK: StripeWebhook(api.state)})


def _operation_calls(running: services.Services) -> OperationCalls:
    """What the payment API's operations need. Called at its first request, because nothing else here needs Stripe."""
    settings = running.settings
    issuer = settings.supabase_jwt_issuer
    return OperationCalls(
        context=running.payment_context,
        tokens=Tokens(services.api_tokens(settings), issuer),
        limit_per_minute=settings.rate_limit_per_minute,
        return_origins=settings.checkout_return_origins,
    )


def _outside_production(route: Callable[[Request], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
    async def guarded(request: Request) -> Response:
        if request.app.state.services.livemode:
            raise HTTPException(404)
        return await route(request)

    return guarded


async def _answer(request: Request, error: Exception) -> Response:
    """The answer to any error of any route; a bug is also reported."""
    if is_answer(error):
        return answer_to(request, error)
    return await answer_to_defect(request, error, request.app.state.services)


app = ForwardedHeaderWarning(build())
