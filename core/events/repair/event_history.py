"""The event history of a backfill: facts that only events contain, listed as far back as Stripe keeps events."""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial

from core.db import Database
from core.events.registry import Records, Snapshot, projection_of
from core.events.repair.listing import PAGES_OF_A_HEAD, Bounds, Listing, created, sliced
from core.events.repair.skipping import BACKFILL, readable_records
from core.periods import Clock
from core.stripe_gateway import Json

SLICES = 30
# The events with facts that no object contains: a failure that left no charge, when a charge was captured or a dispute
# was closed, and the earlier states of a subscription and its discounts.
HISTORY_TYPES = (
    "charge.captured",
    "charge.dispute.closed",
    "payment_intent.payment_failed",
    "customer.subscription.created",
    "customer.subscription.updated",
    "customer.subscription.deleted",
    "customer.subscription.paused",
    "customer.subscription.resumed",
    "customer.discount.created",
    "customer.discount.updated",
    "customer.discount.deleted",
)
FROM_EVENTS_ALONE = (
    "charge_captures",
    "coupon_products",
    "coupons",
    "discounts",
    "dispute_closings",
    "failed_confirmations",
    "subscription_snapshots",
)


class EventHistory:
    """The events from `earliest` on, as a part of a backfill: the first pages, then the rest in slices of time."""

    def __init__(self, db: Database, listing: Listing, earliest: datetime, *, clock: Clock, livemode: bool):
        self._db, self._listing, self._clock, self._livemode = db, listing, clock, livemode
        self._earliest, self._after_all = int(earliest.timestamp()), int(clock().timestamp()) + 86_400

    def head(self) -> list[Bounds]:
        """Mirror the first pages; returns the slices of time that are left."""
        before = self.mirror_slice((self._earliest, self._after_all), pages=PAGES_OF_A_HEAD)
        return sliced(self._earliest, before, SLICES) if before else []

    def mirror_slice(self, bounds: Bounds, *, pages: int | None = None) -> int | None:
        """Mirror a slice, or its first `pages`; returns the Unix second before which the rest was created, or None."""
        created_in = {"gte": bounds[0] or self._earliest, "lt": bounds[1]}
        after: Json = {}
        while True:
            some, more = self._listing.page("events", types=HISTORY_TYPES, created=created_in, **after)
            read = partial(records_of_event_alone, livemode=self._livemode, completed=self._listing.completed)
            records = readable_records(self._db, BACKFILL, some, read, now=self._clock())
            self._listing.persistently("load_records", records=records)
            if some:
                self._listing.tell("events", len(some), created(some[-1]), done=False)
            if not more or not some:
                return None
            after, pages = {"starting_after": some[-1]["id"]}, pages and pages - 1
            if pages == 0:
                return int(some[-1]["created"]) + 1


def records_of_event_alone(
    event: Json, *, livemode: bool, completed: Callable[[Json], Json] = lambda found: found
) -> Records:
    if event.get("account"):  # about a connected account, not our own
        return {}
    projection = projection_of(event["type"])
    assert projection is not None  # each of HISTORY_TYPES has one
    as_of = datetime.fromtimestamp(event["created"], UTC)
    told = event["data"]
    records = projection(
        Snapshot(completed(told["object"]), as_of, event["id"], livemode, told.get("previous_attributes") or {})
    )
    return {table: rows for table, rows in records.items() if table in FROM_EVENTS_ALONE}
