"""The hourly sweep: lists Stripe's events, and receives those that never arrived as the webhook would have."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from core.db import Database
from core.errors import Refused
from core.events import inbox
from core.events.repair.backfill import EVENTS_KEPT_DAYS
from core.periods import Clock
from core.stripe_gateway import Json, StripeGateway

STILL_COMING_SECONDS = 300  # an event younger than this may still be delivered
OVERLAP_SECONDS = 3_600


@dataclass(frozen=True)
class Swept:
    """How many events a sweep listed, and how many of those had not arrived."""

    listed: int
    found: int


def sweep_events(
    db: Database,
    stripe: StripeGateway,
    *,
    clock: Clock,
    livemode: bool,
    still_coming_seconds: int = STILL_COMING_SECONDS,
    heartbeat: Callable[[], None] = lambda: None,
) -> Swept:
    """Receive the events since the last sweep (the first time: of the last 30 days) that did not arrive.

    `heartbeat` is called for each page; an interrupted sweep resumes at its page. Raises `Unavailable` if Stripe or the
    database does not answer.
    """
    now = clock()
    sweep = db.call(
        "begin_event_sweep",
        now=now,
        until=now - timedelta(seconds=still_coming_seconds),
        earliest=now - timedelta(days=EVENTS_KEPT_DAYS),
        overlap_seconds=OVERLAP_SECONDS,
    )
    after, listed, found, more = sweep["last_id"], sweep["listed"], sweep["found"], True
    while more:
        heartbeat()
        events, more = _page(stripe, sweep, after)
        found += _take_in(db, events, livemode=livemode, now=clock())
        listed += len(events)
        after = events[-1]["id"] if events else after
        db.call(
            "record_event_sweep_page",
            id=sweep["id"],
            last_id=after,
            listed=listed,
            found=found,
            done=not more,
            now=clock(),
        )
    return Swept(listed, found)


def _page(stripe: StripeGateway, sweep: Json, after: str | None) -> tuple[list[Json], bool]:
    created = {name: _epoch(sweep[bound]) for name, bound in (("gte", "since"), ("lte", "until"))}
    if after is None:
        return stripe.page("events", created=created)
    try:
        return stripe.page("events", created=created, starting_after=after)
    except Refused as error:
        if error.facts.get("param") != "starting_after":
            raise
        return stripe.page("events", created=created)  # interrupted for so long that Stripe no longer has that event


def _take_in(db: Database, events: list[Json], *, livemode: bool, now: datetime) -> int:
    missing = set(db.call("missing_events", ids=[event["id"] for event in events])) if events else set()
    # Oldest first, as they would have arrived.
    batch = [_received(event, livemode=livemode) for event in reversed(events) if event["id"] in missing]
    outcomes = inbox.receive(db, batch, now=now) if batch else []
    return sum(outcome != "duplicate" for outcome in outcomes)


def _received(event: Json, *, livemode: bool) -> inbox.Received:
    """The event as the sweep records it: without a body, so that a late delivery is not taken for a changed event."""
    received = inbox.prepare(event, b"", livemode=livemode)
    return replace(received, event={**received.event, "came_by": "sweep"})


def _epoch(moment: str) -> int:
    return int(datetime.fromisoformat(moment).astimezone(UTC).timestamp())
