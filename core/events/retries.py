"""Retries failed events, waiting longer each time; after the last attempt an event is dead and needs attention."""

import random
from datetime import datetime, timedelta

from core.db import Database
from core.errors import Refused, Unavailable
from core.events import inbox
from core.events.event_rows import FailedEvent
from core.events.registry import Records
from core.events.repair.partial_lists import AWAITS_LIST, completed
from core.periods import Clock
from core.stripe_gateway import StripeGateway

MAX_ATTEMPTS = 8
FIRST_WAIT_SECONDS = 10
BATCH = 50
Tried = tuple[Records, str, str | None]


def retry_failed_events(db: Database, stripe: StripeGateway, *, clock: Clock, livemode: bool) -> int:
    """Retry the events that are due: from the stored event, or else from the event as Stripe has it.

    Returns how many were retried. An event that needs Stripe while Stripe does not answer is due again in a minute,
    which does not count as an attempt. Raises `Unavailable` if the database does not answer; claimed events are then
    due again too.
    """
    due: list[FailedEvent] = db.call("claim_failed_events", most=BATCH, now=clock())
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


def _with_stripe(stripe: StripeGateway, event: FailedEvent, tried: Tried, *, livemode: bool) -> Tried:
    """The stored event with its lists completed, if only those were missing; otherwise the event as Stripe has it."""
    if tried[2] != AWAITS_LIST:
        return refetched(stripe, event["id"], livemode=livemode)
    try:
        subject = completed(stripe, event["payload"]["object"])
    except Refused as error:
        return {}, "failed", f"Stripe refused the rest of a list ({error.code})"
    whole: FailedEvent = {**event, "payload": {**event["payload"], "object": subject}}
    return inbox.projected(whole, livemode=livemode)


def next_attempt_at(attempts: int, now: datetime) -> datetime | None:
    """When to retry: the wait doubles each time, varied by a quarter to spread the load; None after the last one."""
    if attempts >= MAX_ATTEMPTS:
        return None
    return now + timedelta(seconds=FIRST_WAIT_SECONDS * 2.0**attempts * random.uniform(0.75, 1.25))


def refetched(stripe: StripeGateway, event_id: str, *, livemode: bool) -> Tried:
    """The event as Stripe has it, read by the current code; raises `Unavailable` if Stripe does not answer."""
    try:
        found = stripe.retrieve(f"events/{event_id}")
    except Refused as error:
        if error.code == "stripe_key_refused":  # not caused by the event
            raise Unavailable(error.code, error.detail) from error
        return {}, "failed", f"Stripe no longer has this event ({error.code})"
    if found.get("id") != event_id or not isinstance(found.get("type"), str):
        return {}, "failed", "Stripe answered with another object"
    data = found.get("data")
    if isinstance(data, dict) and isinstance(data.get("object"), dict):
        found = found | {"data": data | {"object": completed(stripe, data["object"])}}
    received = inbox.prepare(found, b"", livemode=livemode)
    return received.records, received.outcome, received.reason


def _settle(db: Database, event: FailedEvent, tried: Tried, now: datetime) -> None:
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
