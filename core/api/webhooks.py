"""Stripe's webhook: the signature is verified, the event recorded once and applied, and answered after the commit."""

import time
from functools import partial

import orjson
from starlette.datastructures import State
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from core.api.defects import answer_to_defect
from core.api.problems import answer_to, is_answer
from core.db import DatabaseFault
from core.errors import Refused, Unavailable
from core.events.group_commit import GroupCommit
from core.events.inbox import Received, prepare
from core.events.signature import read_signed_event
from core.events.webhook_counters import CHECK_TYPE, sender
from core.periods import wall_clock
from core.services import Services

NOT_POSTED = HTTPException(405, "Stripe posts its events here", {"Allow": "POST"})


class StripeWebhook:
    """A plain ASGI app, because it gets far more requests than any other route; `state` holds the running services."""

    def __init__(self, state: State):
        self._state = state

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] != "POST":
            await answer_to(Request(scope), NOT_POSTED)(scope, receive, send)
            return
        client = scope["client"]
        address = sender(client[0] if client else None)
        try:
            said = await self._said(scope, receive, address)
        except HTTPException:
            raise  # the body is too large or too slow; the middleware answers
        except Exception as error:
            refusal = await self._refusal(Request(scope), error, address)
            await refusal(scope, receive, send)
            return
        headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(said))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": said})

    async def _said(self, scope: Scope, receive: Receive, address: str) -> bytes:
        """Verify and record the event; returns the answer's JSON, with the outcome, after the commit."""
        arrived = time.monotonic()
        services: Services = self._state.services
        group_commit: GroupCommit[Received] = self._state.group_commit
        if not services.webhook_secrets:
            raise Unavailable(
                "not_configured",
                "STRIPE_WEBHOOK_SECRETS is not set, so no event can be verified.",
                retry_after_seconds=60,
            )
        body = await _whole(receive)
        header = dict(scope["headers"]).get(b"stripe-signature", b"")
        signed = read_signed_event(body, header.decode("latin-1"), services.webhook_secrets, now=wall_clock())
        if signed.event["type"] != CHECK_TYPE:
            self._state.tally.verified[signed.secret_index] += 1
        received = partial(prepare, signed.event, body, livemode=services.livemode, arrived=arrived, address=address)
        try:
            outcome = await group_commit.outcome(received)
        except Refused as error:  # Stripe signed the event, so that it cannot be refused is our defect
            raise DatabaseFault("database_fault", f"An event was refused: {error.code}.") from error
        return orjson.dumps({"received": True, "event": signed.event["id"], "outcome": outcome})

    async def _refusal(self, request: Request, error: Exception, address: str) -> Response:
        """A request that Stripe did not sign is refused and counted; for an event that was not recorded, answer 503."""
        if isinstance(error, Refused):
            self._state.tally.rejected(address, error.code)
        if is_answer(error):
            return answer_to(request, error)
        return await answer_to_defect(request, error, self._state.services)


async def _whole(receive: Receive) -> bytes:
    """The complete body; the middleware limits its size and how long it may take."""
    message = await receive()
    body: bytes = message.get("body", b"")
    while message.get("more_body", False):
        message = await receive()
        body += message.get("body", b"")
    if message["type"] == "http.disconnect":
        raise Refused("malformed_body", "The body did not arrive completely.")
    return body
