"""Creates the webhook endpoint at Stripe, instead of in Stripe's dashboard."""

import secrets
from dataclasses import dataclass
from urllib.parse import urlsplit

from core.checklist.installation import Installation
from core.checklist.stripe_checks import webhook_address
from core.errors import Refused
from core.events.registry import projected_types
from core.services import Services
from core.staff import audit
from core.staff.roles import Actor, require
from core.stripe_gateway import API_VERSION


@dataclass(frozen=True)
class Endpoint:
    """A new endpoint. Stripe shows `secret` only once; it must be added to STRIPE_WEBHOOK_SECRETS."""

    id: str
    address: str
    secret: str


def event_types() -> list[str]:
    """The types of event that payops works with, as an endpoint's `enabled_events`."""
    return sorted(projected_types())


def create_endpoint(running: Services, actor: Actor) -> Endpoint:
    """Create the endpoint at Stripe with our URL, event types and API version, and record it in the audit log.

    Raises `Refused` if Stripe has one with this URL already, a live one would not use https, or the key lacks the
    right; `Unavailable` if Stripe does not answer.
    """
    require(actor, "settings")
    here = Installation(running)
    address = webhook_address(here)
    if running.livemode and urlsplit(address).scheme != "https":
        raise Refused("address_not_https", f"Stripe sends live events to https alone, and the address is {address}.")
    if any(found["url"] == address for found in here.webhook_endpoints):
        raise Refused("endpoint_exists", f"Stripe has a webhook endpoint with the address {address} already.")
    made = running.stripe.write(
        "webhook_endpoints",
        key=f"webhook-endpoint-{secrets.token_hex(12)}",
        url=address,
        enabled_events=event_types(),
        api_version=API_VERSION,
        description="payops",
    )
    audit.record(
        running.db,
        actor,
        "checklist:webhook-endpoint:created",
        f"webhook endpoint:{made['id']}",
        running.clock(),
        after={"url": address, "api_version": API_VERSION, "event_types": len(event_types())},
    )
    return Endpoint(made["id"], address, made["secret"])
