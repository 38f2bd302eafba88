"""Asks Stripe for the objects of which two events of one second spoke, so that nobody has to guess which came last."""

from datetime import timedelta

from core.db import Database
from core.errors import Refused
from core.events.backfill import FETCHED, SOURCES
from core.events.registry import Snapshot
from core.periods import Clock
from core.stripe_gateway import Json, StripeGateway

SETTLED_AFTER_SECONDS = 2
BATCH = 100
_BY_TABLE = {source.table: source for source in SOURCES}


def refetch_tied(db: Database, stripe: StripeGateway, *, clock: Clock, livemode: bool) -> int:
    """Mirror the present state of up to `BATCH` tied rows whose second is over; how many were refetched.

    Raises `Unavailable` where Stripe or the database does not answer; what was refetched stays.
    """
    before = clock() - timedelta(seconds=SETTLED_AFTER_SECONDS)
    tied = db.call("tied_objects", tables=list(_BY_TABLE), before=before, most=BATCH)
    for each in tied:
        source, as_of = _BY_TABLE[each["table"]], clock().replace(microsecond=0)
        found = _found(stripe, f"{source.path}/{each['id']}")
        if found is None:  # the greater of the two stays
            db.call("settle_tie", table=source.table, id=each["id"])
            continue
        db.call("load_records", records=source.projection(Snapshot(found, as_of, FETCHED, livemode)))
    return len(tied)


def _found(stripe: StripeGateway, path: str) -> Json | None:
    """The object as it is now; None where Stripe has it no more, or says of it only that it was deleted."""
    try:
        found = stripe.retrieve(path)
    except Refused:
        return None
    return None if found.get("deleted") else found
