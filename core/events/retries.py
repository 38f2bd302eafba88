"""Failed events are retried, later each time; after the last attempt somebody has to look at them."""

import random
from datetime import datetime, timedelta
from typing import Any

from core.db import Database
from core.errors import Refused, Unavailable
from core.events import inbox
from core.events.registry import Records
from core.events.repair.partial_lists import AWAITS_LIST, completed
from core.periods import Clock
from core.stripe_gateway import StripeGateway

MAX_ATTEMPTS = 8
FIRST_WAIT_SECONDS = 10
BATCH = 50
Tried = tuple[Records, str, str | None]


def retry_failed_events(db: Database, stripe: StripeGateway, *, clock: Clock, livemode: bool) -> int:
    """Retry the events that are due: with today's code over the stored event, else over the event fetched from Stripe.

    Returns how many were retried. While Stripe does not answer, events that need it are due again in a minute and this
    does not count as an attempt. Raises `Unavailable` where the database does not answer; what was claimed is due
    again as well.
    """
    due = db.call("claim_failed_events", most=BATCH, now=clock())
    away = False
    settled = 0
    for event in due:
        tried = inbox.projected(event, livemode=livemode)
        if tried[1] == "failed":
            if away:
                continue
            try:
                tried = _with_stripe(stripe, event, tried, livemode=livemode)
            except Unavailable:
                away = True
                continue
        _settle(db, event, tried, clock())
        settled += 1
    return settled


def _with_stripe(stripe: StripeGateway, event: dict[str, Any], tried: Tried, *, livemode: bool) -> Tried:
    """The stored event with its lists whole, where only a part of one was missing, else the event as Stripe has it."""
    if tried[2] != AWAITS_LIST:
        return refetched(stripe, event["id"], livemode=livemode)
    try:
        subject = completed(stripe, event["payload"]["object"])
    except Refused as error:
        return {}, "failed", f"Stripe refused the rest of a list ({error.code})"
    return inbox.projected(event | {"payload": event["payload"] | {"object": subject}}, livemode=livemode)


def next_attempt_at(attempts: int, now: datetime) -> datetime | None:
    """Twice as long each time, give or take a quarter so that not all come at once; None after the last attempt."""
    if attempts >= MAX_ATTEMPTS:
        return None
    return now + timedelta(seconds=FIRST_WAIT_SECONDS * 2.0**attempts * random.uniform(0.75, 1.25))


def refetched(stripe: StripeGateway, event_id: str, *, livemode: bool) -> Tried:
    """What today's code makes of the event as Stripe still has it; raises `Unavailable` where it does not answer."""
    try:
        found = stripe.retrieve(f"events/{event_id}")
    except Refused as error:
        if error.code == "stripe_key_refused":  # no fault of the event's
            raise Unavailable(error.code, error.detail) from error
        return {}, "failed", f"Stripe no longer has this event ({error.code})"
    if found.get("id") != event_id or not isinstance(found.get("type"), str):
        return {}, "failed", "Stripe answered with something else"
    told = found.get("data")
    if isinstance(told, dict) and isinstance(told.get("object"), dict):
        found = found | {"data": told | {"object": completed(stripe, told["object"])}}
    received = inbox.prepare(found, b"", livemode=livemode)
    return received.records, received.outcome, received.reason


def _settle(db: Database, event: dict[str, Any], tried: Tried, now: datetime) -> None:
    records, outcome, reason = tried
    db.call(
        "settle_event",
        event_id=event["id"],
        outcome=outcome,
        records=records,
        reason=reason,
        next_attempt_at=next_attempt_at(event["attempts"] + 1, now),
        now=now,
    )
