"""Stripe's webhook: verified over the raw body, recorded once, applied, answered after the commit."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from core.api.problems import problem_of
from core.errors import PayopsError, Refused, Unavailable
from core.events import inbox
from core.events.group_commit import GroupCommit
from core.events.signature import read_signed_event
from core.periods import wall_clock
from core.services import Services


async def stripe_webhook(request: Request) -> Response:
    """400 for what Stripe did not sign, 503 for what could not be recorded, else 200 with the outcome."""
    services: Services = request.app.state.services
    group_commit: GroupCommit = request.app.state.group_commit
    try:
        body = await request.body()
        if not services.webhook_secrets:
            raise Unavailable("not_configured", "STRIPE_WEBHOOK_SECRETS is not set.", retry_after_seconds=60)
        header = request.headers.get("stripe-signature", "")
        signed = read_signed_event(body, header, services.webhook_secrets, now=wall_clock())
        received = inbox.prepare(signed.event, body, livemode=services.livemode)
        outcome = await group_commit.outcome(received)
    except Refused as error:
        return problem_of(request, error, refused_status=400)
    except PayopsError as error:
        return (
            problem_of(
                request, Unavailable("not_recorded", "The event could not be recorded. Send it again.")
            )
            if not isinstance(error, Unavailable)
            else problem_of(request, error)
        )
    return JSONResponse({"received": True, "event": signed.event["id"], "outcome": outcome})
