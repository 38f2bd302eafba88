"""Stripe's webhook: verified over the raw body, recorded once, applied, answered after the commit."""

import time

import orjson
from starlette.datastructures import State
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from core.api.problems import problem, problem_of
from core.errors import PayopsError, Refused, Unavailable
from core.events import inbox
from core.events.group_commit import GroupCommit
from core.events.signature import read_signed_event
from core.events.tally import sender
from core.periods import wall_clock
from core.services import Services

STRIPE_PATH = "/api/webhooks/stripe"


class StripeWebhook:
    """A bare ASGI app, since it is asked far more often than anything else; `state` holds the running parts."""

    def __init__(self, state: State):
        self._state = state

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        if scope["method"] != "POST":
            answer: Response = problem(request, 405, "method_not_allowed", "Stripe posts its events here.")
            answer.headers["Allow"] = "POST"
        else:
            answer = await self._answer(request)
        await answer(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        """400 for what Stripe did not sign, 503 for what could not be recorded, else 200 with the outcome."""
        address = sender(request.client.host if request.client else None)
        try:
            event, outcome = await self._received(request, address)
        except Refused as error:
            self._state.tally.rejected(address, error.code)
            return problem_of(request, error, refused_status=400)
        except Unavailable as error:
            return problem_of(request, error)
        except PayopsError:
            return problem_of(
                request, Unavailable("not_recorded", "The event could not be recorded. Send it again.")
            )
        body = orjson.dumps({"received": True, "event": event, "outcome": outcome})
        return Response(body, media_type="application/json")

    async def _received(self, request: Request, address: str) -> tuple[str, str]:
        arrived = time.monotonic()
        services: Services = self._state.services
        group_commit: GroupCommit = self._state.group_commit
        if not services.webhook_secrets:
            raise Unavailable("not_configured", "STRIPE_WEBHOOK_SECRETS is not set.", retry_after_seconds=60)
        body, header = await request.body(), request.headers.get("stripe-signature", "")
        signed = read_signed_event(body, header, services.webhook_secrets, now=wall_clock())
        self._state.tally.verified[signed.secret_index] += 1
        received = inbox.prepare(
            signed.event, body, livemode=services.livemode, arrived=arrived, address=address
        )
        return signed.event["id"], await group_commit.outcome(received)
