"""Fetches terms from Stripe that no event contains: discounts known only by id, coupons' limits, prices' tiers."""

from datetime import datetime

from core.db import Database
from core.errors import Refused
from core.events import projections
from core.events.registry import Projection, Records, Snapshot
from core.events.repair.backfill import FETCHED
from core.periods import Clock
from core.stripe_gateway import Json, StripeGateway

BATCH = 20
# For each kind of object: its path at Stripe, the fields to expand, and the projection of the answer.
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
    """Mirror the terms of up to `BATCH` objects that the subscription history needs; returns how many were asked for.

    What Stripe does not show is asked for again a day later. Raises `Unavailable` if Stripe or the database does not
    answer, and `Refused` if Stripe refuses our key; what was mirrored until then stays.
    """
    missing = db.call("missing_terms", now=clock(), most=BATCH)
    for each in missing:
        as_of = clock().replace(microsecond=0)
        records = _records(stripe, each["kind"], each["id"], as_of, livemode)
        db.call("record_terms", id=each["id"], records=records, now=clock())
    return len(missing)


def _records(stripe: StripeGateway, kind: str, object_id: str, as_of: datetime, livemode: bool) -> Records | None:
    """The object's rows for the mirror; None if Stripe does not show the object."""
    path, expand, projection = _ASKED[kind]
    try:
        found = _retrieved(stripe, f"{path}/{object_id}", expand)
    except Refused as error:
        if error.code == "stripe_key_refused":
            raise
        return None
    return None if found.get("deleted") else projection(Snapshot(found, as_of, FETCHED, livemode))


def _retrieved(stripe: StripeGateway, path: str, expand: list[str]) -> Json:
    """The object with these fields expanded, or without them if Stripe cannot expand them."""
    try:
        return stripe.retrieve(path, expand=expand)
    except Refused as error:
        if error.facts.get("param") != "expand":
            raise
        return stripe.retrieve(path)
