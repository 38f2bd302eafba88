"""Asks Stripe for what no event says of a price: discounts known by their id alone, coupons' limits, prices' tiers."""

from datetime import datetime
from typing import Any

from core.db import Database
from core.errors import Refused
from core.events import projections
from core.events.registry import Projection, Records, Snapshot
from core.events.repair.backfill import FETCHED
from core.periods import Clock
from core.stripe_gateway import StripeGateway

BATCH = 20
# By the kind of object: where it is asked for, what is to be shown with it, and what is mirrored of the answer.
_ASKED: dict[str, tuple[str, list[str], Projection]] = {
    "subscription": (
        "subscriptions",
        ["discounts.source.coupon", "items.data.discounts"],
        projections.subscriptions.subscription,
    ),
    "coupon": ("coupons", ["applies_to"], projections.discounts.coupon),
    "price": ("prices", ["tiers"], projections.discounts.price),
}


def fetch_missing_terms(db: Database, stripe: StripeGateway, *, clock: Clock, livemode: bool) -> int:
    """Mirror the terms of up to `BATCH` objects that the history of subscriptions waits for; how many were asked about.

    What Stripe does not show is asked for again a day later. Raises `Unavailable` where Stripe or the database does not
    answer, `Refused` where Stripe refuses our key; what was mirrored stays.
    """
    missing = db.call("missing_terms", now=clock(), most=BATCH)
    for each in missing:
        as_of = clock().replace(microsecond=0)
        records = _records(stripe, each["kind"], each["id"], as_of, livemode)
        db.call("record_terms", id=each["id"], records=records, now=clock())
    return len(missing)


def _records(stripe: StripeGateway, kind: str, object_id: str, as_of: datetime, livemode: bool) -> Records | None:
    """None where Stripe does not show the object."""
    path, expand, projection = _ASKED[kind]
    try:
        found = _shown(stripe, f"{path}/{object_id}", expand)
    except Refused as error:
        if error.code == "stripe_key_refused":
            raise
        return None
    return None if found.get("deleted") else projection(Snapshot(found, as_of, FETCHED, livemode))


def _shown(stripe: StripeGateway, path: str, expand: list[str]) -> dict[str, Any]:
    """The object with what was asked for, or without it where that cannot be shown."""
    try:
        return stripe.retrieve(path, expand=expand)
    except Refused as error:
        if error.facts.get("param") != "expand":
            raise
        return stripe.retrieve(path)
