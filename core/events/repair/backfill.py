"""The backfill: lists every kind of object at Stripe into the mirror; it can be interrupted and resumed at any page."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import islice
from typing import Any

from core.db import Database, DatabaseFault
from core.events import projections
from core.events.registry import READING_ERRORS, Projection, Records, Snapshot, merged, projection_of
from core.events.repair.partial_lists import completed
from core.events.repair.skipping import BACKFILL, done_or_skipped, readable_records
from core.periods import Clock
from core.stripe_gateway import Json, StripeGateway

FETCHED = "fetch"
EVENTS_KEPT_DAYS = 30  # https://docs.stripe.com/api/events
ROWS_A_LOAD = 2_000


@dataclass(frozen=True)
class Source:
    """One kind of object: its name for `--only`, its table, its path and type at Stripe, and what is mirrored."""

    name: str
    table: str
    path: str
    object_type: str
    projection: Projection
    params: tuple[tuple[str, Any], ...] = ()
    expand: tuple[str, ...] = ()  # ids that Stripe is asked to give as whole objects
    mirrored: Callable[[Json], bool] = lambda _: True


def _told_by_events(session: Json) -> bool:
    """Whether the session has ended. Only then does Stripe send an event, so open sessions are mirrored later."""
    return bool(session.get("status") != "open")


SOURCES = (
    Source("customers", "customers", "customers", "customer", projections.customers.customer),
    Source("payments", "payment_intents", "payment_intents", "payment_intent", projections.payments.payment_intent),
    Source("charges", "charges", "charges", "charge", projections.payments.charge),
    Source("refunds", "refunds", "refunds", "refund", projections.payments.refund),
    Source("disputes", "disputes", "disputes", "dispute", projections.disputes.dispute),
    Source(
        "early_fraud_warnings",
        "early_fraud_warnings",
        "radar/early_fraud_warnings",
        "radar.early_fraud_warning",
        projections.disputes.early_fraud_warning,
    ),
    Source(
        "checkout_sessions",
        "checkout_sessions",
        "checkout/sessions",
        "checkout.session",
        projections.payments.checkout_session,
        mirrored=_told_by_events,
    ),
    Source(
        "subscriptions",
        "subscriptions",
        "subscriptions",
        "subscription",
        projections.subscriptions.subscription,
        (("status", "all"),),
        expand=("discounts.source.coupon", "items.data.discounts"),
    ),
    Source("invoices", "invoices", "invoices", "invoice", projections.billing.invoice),
    Source(
        "invoice_payments",
        "invoice_payments",
        "invoice_payments",
        "invoice_payment",
        projections.billing.invoice_payment,
        (("status", "paid"),),
        mirrored=lambda payment: bool(payment["status"] == "paid"),
    ),
    Source(
        "balance_transactions",
        "balance_transactions",
        "balance_transactions",
        "balance_transaction",
        projections.balances.balance_transaction,
    ),
    Source("payouts", "payouts", "payouts", "payout", projections.payouts.payout),
    Source(
        "promotion_codes", "promotion_codes", "promotion_codes", "promotion_code", projections.billing.promotion_code
    ),
)
NAMES = (*(source.name for source in SOURCES), "events")
# What no object tells of later: a failure that left no charge, when a charge was captured and a dispute closed, and
# what a subscription and its discounts once were.
TOLD_BY_EVENTS = (
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
ONLY_TOLD = (
    "charge_captures",
    "coupon_products",
    "coupons",
    "discounts",
    "dispute_closings",
    "failed_confirmations",
    "subscription_snapshots",
)


@dataclass(frozen=True)
class Progress:
    """Progress after each page: how many objects of `source` are mirrored, and the day that the listing has reached."""

    source: str
    objects: int
    reached: datetime
    done: bool


def run(
    db: Database,
    stripe: StripeGateway,
    *,
    clock: Clock,
    livemode: bool,
    since: datetime | None = None,
    only: Sequence[str] = NAMES,
    tell: Callable[[Progress], None] = lambda _: None,
) -> None:
    """Mirror every object created from `since` on; each page is committed with its place, so the next run continues.

    Raises `Unavailable` if Stripe or the database does not answer; what was mirrored stays.
    """
    started = clock()
    for source in SOURCES:
        if source.name in only:
            _list(db, stripe, source, clock=clock, livemode=livemode, since=since, tell=tell)
    if "events" in only:
        _list_events(db, stripe, clock=clock, livemode=livemode, since=since, tell=tell)
    if set(NAMES) <= set(only):
        db.call("record_complete_backfill", started=started)
    db.call("analyze_tables")


def load_history(
    db: Database,
    objects: Callable[[str], Iterable[Json]],
    events: Callable[[Sequence[str]], Iterable[Json]],
    *,
    now: datetime,
) -> Iterator[tuple[str, int]]:
    """Load a whole history in bulk through the same projections; yields each kind and how many were loaded."""
    for source in SOURCES:
        mirrored = filter(source.mirrored, objects(source.object_type))
        yield source.name, _load_all(db, mirrored, partial(_fetched, source.projection, now))
    # Stripe's coupons are asked for where a discount needs them.
    _load_all(db, objects("coupon"), partial(_fetched, projections.discounts.coupon, now))
    yield "events", _load_all(db, events(TOLD_BY_EVENTS), partial(_told_alone, livemode=False))


def _fetched(projection: Projection, now: datetime, each: Json) -> Records:
    return projection(Snapshot(each, now, FETCHED, livemode=False))


def _load_all(db: Database, objects: Iterable[Json], project: Callable[[Json], Records]) -> int:
    """Mirror these objects and answer how many they were: while the database takes some, the next are projected."""

    def prepared() -> Iterator[tuple[int, Records]]:
        for some in _chunks(objects, ROWS_A_LOAD):
            yield len(some), merged(map(project, some))

    coming, count = prepared(), 0
    with ThreadPoolExecutor(1) as one_ahead:
        ahead = one_ahead.submit(next, coming, None)
        while (ready := ahead.result()) is not None:
            ahead = one_ahead.submit(next, coming, None)
            db.call("load_records", records=ready[1])
            count += ready[0]
    return count


def _chunks(objects: Iterable[Json], size: int) -> Iterator[list[Json]]:
    remaining = iter(objects)
    while chunk := list(islice(remaining, size)):
        yield chunk


def _list(
    db: Database,
    stripe: StripeGateway,
    source: Source,
    *,
    clock: Clock,
    livemode: bool,
    since: datetime | None,
    tell: Callable[[Progress], None],
) -> None:
    place = db.call("backfill_place", source=source.name, since=since)
    after, count = place["last_id"], place["objects"]
    while not place["done"]:
        as_of = clock().replace(microsecond=0)
        objects, more = stripe.page(source.path, **_asked(source, since, after))
        read = partial(_fetched_records, stripe, source, as_of=as_of, livemode=livemode)
        records = readable_records(db, BACKFILL, objects, read, now=as_of)
        after, count, done = (objects[-1]["id"] if objects else after), count + len(objects), not more
        record = partial(
            db.call,
            "record_backfill_page",
            source=source.name,
            since=since,
            last_id=after,
            objects=count,
            done=done,
            now=clock(),
        )
        try:
            place = record(records=records)
        except DatabaseFault:
            _load_one_by_one(db, objects, read, now=as_of)
            place = record(records={})
        tell(Progress(source.name, count, _created(objects[-1]) if objects else as_of, done))


def _load_one_by_one(db: Database, objects: list[Json], read: Callable[[Json], Records], *, now: datetime) -> None:
    """Load each object of a page that the database refused; those that cannot be loaded are skipped."""
    for each in objects:
        load = partial(_load, db, each, read)
        done_or_skipped(db, BACKFILL, each.get("id"), load, now=now)


def _load(db: Database, found: Json, read: Callable[[Json], Records]) -> None:
    db.call("load_records", records=read(found))


def _created(found: Json) -> datetime:
    try:
        return datetime.fromtimestamp(found["created"], UTC)
    except READING_ERRORS:
        return datetime.now(UTC)


def _fetched_records(stripe: StripeGateway, source: Source, found: Json, *, as_of: datetime, livemode: bool) -> Records:
    if not source.mirrored(found):
        return {}
    return source.projection(Snapshot(completed(stripe, found), as_of, FETCHED, livemode))


def _asked(source: Source, since: datetime | None, after: str | None) -> Json:
    asked: Json = dict(source.params)
    if source.expand:
        asked["expand"] = [f"data.{each}" for each in source.expand]
    if since:
        asked["created"] = {"gte": int(since.timestamp())}
    if after:
        asked["starting_after"] = after
    return asked


def _list_events(
    db: Database,
    stripe: StripeGateway,
    *,
    clock: Clock,
    livemode: bool,
    since: datetime | None,
    tell: Callable[[Progress], None],
) -> None:
    """Mirror what only events contain, as far back as Stripe keeps them."""
    earliest = max(since or datetime.min.replace(tzinfo=UTC), clock() - timedelta(days=EVENTS_KEPT_DAYS))
    told, count = stripe.each("events", types=TOLD_BY_EVENTS, created={"gte": int(earliest.timestamp())}), 0
    for some in _chunks(told, ROWS_A_LOAD):
        records_of = partial(_told_alone, livemode=livemode, stripe=stripe)
        db.call("load_records", records=readable_records(db, BACKFILL, some, records_of, now=clock()))
        count += len(some)
        tell(Progress("events", count, datetime.fromtimestamp(some[-1]["created"], UTC), False))
    tell(Progress("events", count, earliest, True))


def _told_alone(event: Json, *, livemode: bool, stripe: StripeGateway | None = None) -> Records:
    if event.get("account"):  # about a connected account, not about ours
        return {}
    projection = projection_of(event["type"])
    assert projection is not None  # each of TOLD_BY_EVENTS has one
    as_of = datetime.fromtimestamp(event["created"], UTC)
    told = event["data"]
    subject = completed(stripe, told["object"]) if stripe else told["object"]
    records = projection(Snapshot(subject, as_of, event["id"], livemode, told.get("previous_attributes") or {}))
    return {table: rows for table, rows in records.items() if table in ONLY_TOLD}
