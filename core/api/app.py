"""The ASGI app; it builds itself when its lifespan starts."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from functools import cache, partial

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from core import logs, services
from core.api import description, health, incident_reports, intake, payments
from core.api.gate import Gate, refusal
from core.api.middleware import BodyTooLarge, BodyTooSlow, Edge, Rules, said_of
from core.api.problems import problem
from core.api.tokens import Tokens
from core.api.webhooks import STRIPE_PATH, StripeWebhook
from core.db import Database
from core.errors import PayopsError
from core.events import inbox
from core.events.group_commit import GroupCommit
from core.events.webhook_counters import CounterFlusher, Tally
from core.monitoring.incidents import Incident
from core.periods import wall_clock
from core.settings import load_settings


@asynccontextmanager
async def lifespan(api: FastAPI) -> AsyncIterator[None]:
    settings = load_settings()
    logs.configure(settings)
    running = services.start(settings)
    inbox_db = services.inbox_database(settings)
    write = partial(_record, running, inbox_db)
    api.state.rules = Rules(settings.allowed_hosts, settings.cors_origins, settings.api_base_url.startswith("https:"))
    api.state.services = running
    api.state.gate = cache(partial(_gate, running))
    api.state.group_commit = GroupCommit(write)
    api.state.tally = Tally()
    teller = CounterFlusher(api.state.tally, running.db, running.webhook_secrets, running.clock)
    yield
    await teller.close()
    await api.state.group_commit.close()
    inbox_db.close()
    running.close()


def build() -> Edge:
    """The whole app without its parts, which the lifespan opens from the environment's settings."""
    api = FastAPI(title="payops", lifespan=lifespan, openapi_url=None, docs_url=None, redoc_url=None)
    api.add_route("/api/webhooks/form-submission", intake.form_submission, methods=["POST"])
    api.add_route("/api/webhooks/consultation-status", intake.consultation_status, methods=["POST"])
    api.add_route("/livez", health.livez)
    api.add_route("/readyz", health.readyz)
    api.add_route("/metrics", health.metrics)
    payments.install(api)
    api.add_route("/api/openapi.json", _outside_production(description.openapi))
    api.add_route("/api/docs", _outside_production(description.docs))
    api.add_exception_handler(HTTPException, _http_problem)
    api.add_exception_handler(PayopsError, _ours)
    api.add_exception_handler(Exception, _defect)
    return Edge(api, api.state, direct={STRIPE_PATH: StripeWebhook(api.state)})


def _gate(running: services.Services) -> Gate:
    """Opened at the first call of the payment API, since it is what needs Stripe."""
    settings = running.settings
    issuer = settings.supabase_jwt_issuer
    return Gate(
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


def _record(running: services.Services, db: Database, batch: Sequence[inbox.Received]) -> list[str]:
    return inbox.receive(db, batch, now=running.clock())


async def _http_problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if isinstance(error, BodyTooLarge | BodyTooSlow):
        answer = problem(request, *said_of(error))
        answer.headers["Connection"] = "close"
        return answer
    codes = {400: "malformed_body", 404: "not_found", 405: "method_not_allowed"}
    answer = problem(request, error.status_code, codes.get(error.status_code, "refused"), error.detail + ".")
    answer.headers.update(error.headers or {})
    return answer


async def _ours(request: Request, error: Exception) -> Response:
    assert isinstance(error, PayopsError)
    return refusal(request, error)


async def _defect(request: Request, error: Exception) -> Response:
    """What we did not think of: an incident, and nothing of its insides for the caller."""
    running: services.Services = request.app.state.services
    kind, request_id = type(error).__name__, request.scope["payops.request_id"]
    route = getattr(request.scope.get("route"), "path", "unknown")
    incident = Incident(
        kind="api_failed",
        fingerprint=f"{route} {kind}",
        title=f"A request to {route} failed.",
        seen_at=wall_clock(),
        sample={"route": route, "error": kind},
        request_id=request_id,
    )
    await incident_reports.report(running, incident)
    sentence = f"Something went wrong on our side. It is recorded as {request_id}."
    return problem(request, 500, "internal_error", sentence)


app = build()
