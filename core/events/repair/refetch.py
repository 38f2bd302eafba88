"""Fetches tied objects from Stripe: two events of one second changed them, so their latest state is unknown."""

from datetime import timedelta
from functools import partial

from core.db import Database
from core.errors import Refused
from core.events.registry import Snapshot
from core.events.repair.backfill import FETCHED, SOURCES, Source
from core.events.repair.partial_lists import completed
from core.events.repair.skipping import REFETCH, done_or_skipped
from core.periods import Clock
from core.stripe_gateway import StripeGateway

SETTLED_AFTER_SECONDS = 2
BATCH = 100
_BY_TABLE = {source.table: source for source in SOURCES}


def refetch_tied(db: Database, stripe: StripeGateway, *, clock: Clock, livemode: bool) -> int:
    """Mirror the current state of up to `BATCH` tied rows whose second is over; returns how many were refetched.

    Raises `Unavailable` if Stripe or the database does not answer; what was refetched stays. An object that cannot be
    read is skipped.
    """
    now = clock()
    before = now - timedelta(seconds=SETTLED_AFTER_SECONDS)
    tied = db.call("tied_objects", tables=list(_BY_TABLE), before=before, most=BATCH, now=now)
    for each in tied:
        settle = partial(_settle_tie, db, stripe, _BY_TABLE[each["table"]], each["id"], clock=clock, livemode=livemode)
        done_or_skipped(db, REFETCH, each["id"], settle, now=now)
    return len(tied)


def _settle_tie(
    db: Database, stripe: StripeGateway, source: Source, object_id: str, *, clock: Clock, livemode: bool
) -> None:
    if not refetch(db, stripe, source, object_id, clock=clock, livemode=livemode):
        db.call("settle_tie", table=source.table, id=object_id)  # the row of the greater event stays


def refetch(
    db: Database, stripe: StripeGateway, source: Source, object_id: str, *, clock: Clock, livemode: bool
) -> bool:
    """Mirror one object as Stripe has it now; False if Stripe does not have it, or says only that it was deleted.

    Raises `Unavailable` if Stripe or the database does not answer, and `Refused` if Stripe refuses our key.
    """
    as_of = clock().replace(microsecond=0)
    try:
        found = stripe.retrieve(f"{source.path}/{object_id}")
    except Refused as error:
        if error.code == "stripe_key_refused":
            raise
        return False
    if found.get("deleted") and source.name != "customers":  # of a customer, the mirror knows that it was deleted
        return False
    found = completed(stripe, found)
    db.call("load_records", records=source.projection(Snapshot(found, as_of, FETCHED, livemode)))
    return True
