"""Stripe's webhook: verified over the raw body, recorded once, applied, answered after the commit."""

import time
from functools import partial

import orjson
import structlog
from starlette.datastructures import State
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from core.api import incident_reports
from core.api.problems import problem, problem_of
from core.errors import Refused, Unavailable
from core.events.group_commit import GroupCommit
from core.events.inbox import Received, prepare
from core.events.signature import read_signed_event
from core.events.webhook_counters import sender
from core.monitoring.incidents import Incident
from core.periods import wall_clock
from core.services import Services

STRIPE_PATH = "/api/webhooks/stripe"
log = structlog.get_logger(__name__)


class StripeWebhook:
    """A bare ASGI app, since it is asked far more often than anything else; `state` holds the running parts."""

    def __init__(self, state: State):
        self._state = state

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] != "POST":
            answer = problem(Request(scope), 405, "method_not_allowed", "Stripe posts its events here.")
            answer.headers["Allow"] = "POST"
            await answer(scope, receive, send)
            return
        client = scope["client"]
        address = sender(client[0] if client else None)
        try:
            said = await self._said(scope, receive, address)
        except HTTPException:
            raise  # too large or too slow, which the edge answers
        except Exception as error:
            refusal = await self._refusal(Request(scope), error, address)
            await refusal(scope, receive, send)
            return
        headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(said))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": said})

    async def _said(self, scope: Scope, receive: Receive, address: str) -> bytes:
        """What became of the event, once that is committed."""
        arrived = time.monotonic()
        services: Services = self._state.services
        group_commit: GroupCommit[Received] = self._state.group_commit
        if not services.webhook_secrets:
            raise Unavailable("not_configured", "STRIPE_WEBHOOK_SECRETS is not set.", retry_after_seconds=60)
        body = await _whole(receive)
        header = dict(scope["headers"]).get(b"stripe-signature", b"")
        signed = read_signed_event(body, header.decode("latin-1"), services.webhook_secrets, now=wall_clock())
        self._state.tally.verified[signed.secret_index] += 1
        received = partial(prepare, signed.event, body, livemode=services.livemode, arrived=arrived, address=address)
        outcome = await group_commit.outcome(received)
        return orjson.dumps({"received": True, "event": signed.event["id"], "outcome": outcome})

    async def _refusal(self, request: Request, error: Exception, address: str) -> Response:
        """400 for what Stripe did not sign, 503 for what could not be recorded, whatever the reason."""
        if isinstance(error, Refused):
            self._state.tally.rejected(address, error.code)
            return problem_of(request, error, refused_status=400)
        if not isinstance(error, Unavailable):
            await self._report(error, request.scope["payops.request_id"])
            error = Unavailable("not_recorded", "The event could not be recorded. Send it again.")
        return problem_of(request, error)

    async def _report(self, error: Exception, request_id: str) -> None:
        """A defect of ours, which Stripe alone would notice otherwise."""
        kind = type(error).__name__
        log.error("an event could not be recorded", exc_info=error)
        incident = Incident(
            kind="webhook_failed",
            fingerprint=kind,
            title="An event could not be recorded. Stripe sends it again.",
            seen_at=wall_clock(),
            sample={"error": kind},
            request_id=request_id,
        )
        await incident_reports.report(self._state.services, incident)


async def _whole(receive: Receive) -> bytes:
    """The body; its size and time are bounded by the edge."""
    message = await receive()
    body: bytes = message.get("body", b"")
    while message.get("more_body", False):
        message = await receive()
        body += message.get("body", b"")
    if message["type"] == "http.disconnect":
        raise Refused("malformed_body", "The body did not arrive whole.")
    return body
