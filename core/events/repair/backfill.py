"""The backfill: lists every kind of object at Stripe into the mirror; it can be interrupted and resumed at any page."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import islice

from core.db import Database
from core.events import projections
from core.events.registry import Projection, Records, Snapshot, merged
from core.events.repair.event_history import FROM_EVENTS_ALONE, HISTORY_TYPES, EventHistory, records_of_event_alone
from core.events.repair.listing import Listing, Progress
from core.events.repair.partial_lists import completed
from core.events.repair.sources import FETCHED, SOURCES, Source
from core.periods import Clock
from core.stripe_gateway import Json, StripeGateway

__all__ = [
    "FETCHED",
    "NAMES",
    "FROM_EVENTS_ALONE",
    "SOURCES",
    "Progress",
    "Snapshot",
    "Source",
    "completed",
    "load_history",
    "run",
]

EVENTS_KEPT_DAYS = 30  # https://docs.stripe.com/api/events
ROWS_A_LOAD = 2_000
REQUESTS_PER_SECOND = 20.0  # Stripe takes 25 a second with test keys and 100 with live ones
NAMES = (*(source.name for source in SOURCES), "events")


def run(
    db: Database,
    stripe: StripeGateway,
    *,
    clock: Clock,
    livemode: bool,
    since: datetime | None = None,
    only: Sequence[str] = NAMES,
    tell: Callable[[Progress], None] = lambda _: None,
    requests_per_second: float = REQUESTS_PER_SECOND,
) -> None:
    """Mirror every object created from `since` on: several kinds at once, and long lists in slices of time.

    Each page is committed together with its place in the list, so an interrupted run continues there. Raises
    `Unavailable` if Stripe or the database does not answer; what was mirrored stays.
    """
    started = clock()
    with Listing(
        db, stripe, clock=clock, livemode=livemode, since=since, tell=tell, per_second=requests_per_second
    ) as listing:
        heads = [(each, listing.begin(partial(listing.head, each))) for each in SOURCES if each.name in only]
        slices: list[Future[None]] = []
        for source, begun in heads:
            told, goes_on = listing.result(begun) or ([], False)
            for progress in told:
                tell(progress)
            if goes_on:
                slices += listing.rest(source)
        if "events" in only:
            earliest = max(since or datetime.min.replace(tzinfo=UTC), started - timedelta(days=EVENTS_KEPT_DAYS))
            events = EventHistory(db, listing, earliest, clock=clock, livemode=livemode)
            rest = listing.result(listing.begin(events.head)) or []
            for part in [listing.begin(partial(events.mirror_slice, each)) for each in rest]:
                listing.result(part)
            listing.tell("events", 0, earliest, done=True)
        for each_slice in slices:
            listing.result(each_slice)
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
    # Coupons are no kind in SOURCES: at Stripe they are fetched only where a discount needs them.
    _load_all(db, objects("coupon"), partial(_fetched, projections.discounts.coupon, now))
    yield "events", _load_all(db, events(HISTORY_TYPES), partial(records_of_event_alone, livemode=False))


def _fetched(projection: Projection, now: datetime, each: Json) -> Records:
    return projection(Snapshot(each, now, FETCHED, livemode=False))


def _load_all(db: Database, objects: Iterable[Json], project: Callable[[Json], Records]) -> int:
    """Mirror these objects; returns how many. The next batch is projected while the database writes the one before."""

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
