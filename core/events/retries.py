"""Failed events are tried again, later each time, and after the last attempt wait for a person."""

import random
from datetime import datetime, timedelta

from core.db import Database
from core.errors import Refused
from core.events import inbox
from core.periods import Clock
from core.stripe_gateway import StripeGateway

MAX_ATTEMPTS = 8
FIRST_WAIT_SECONDS = 10
BATCH = 50


def retry_failed_events(db: Database, stripe: StripeGateway, *, clock: Clock, livemode: bool) -> int:
    """Try what is due: the records at hand, else the event as Stripe still has it; how many were tried.

    Raises `Unavailable` where Stripe or the database does not answer; what was claimed is due again in a minute.
    """
    due = db.call("claim_failed_events", most=BATCH, now=clock())
    for event in due:
        received = _again(stripe, event, livemode=livemode)
        now = clock()
        db.call(
            "settle_event",
            event_id=event["id"],
            outcome=received.outcome,
            records=received.records,
            error=received.error,
            next_attempt_at=next_attempt_at(event["attempts"] + 1, now),
            now=now,
        )
    return len(due)


def next_attempt_at(attempts: int, now: datetime) -> datetime | None:
    """Twice as long each time, give or take a quarter so that not all come at once; None after the last attempt."""
    if attempts >= MAX_ATTEMPTS:
        return None
    return now + timedelta(seconds=FIRST_WAIT_SECONDS * 2.0**attempts * random.uniform(0.75, 1.25))


def _again(stripe: StripeGateway, event: dict[str, object], *, livemode: bool) -> inbox.Received:
    if records := event["records"]:
        return inbox.Received({}, records, "applied")  # type: ignore[arg-type]
    try:
        found = stripe.retrieve(f"events/{event['id']}")
    except Refused as error:
        return inbox.Received({}, {}, "failed", f"Stripe has it no more: {error.code}")
    return inbox.prepare(found, b"", livemode=livemode)
