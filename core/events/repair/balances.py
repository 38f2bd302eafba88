"""Pulls Stripe's balance transactions, and which of them each payout contains."""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from functools import partial
from itertools import islice
from typing import TypeVar

from core.db import Database
from core.events.projections.balances import balance_transaction
from core.events.registry import Snapshot
from core.events.repair.backfill import FETCHED, SOURCES
from core.events.repair.refetch import refetch
from core.events.repair.skipping import (
    FETCH_BOOKINGS,
    FETCH_PAYOUT_CONTENTS,
    PULL_BALANCE,
    done_or_skipped,
    readable_records,
)
from core.periods import Clock
from core.stripe_gateway import Json, StripeGateway

Some = TypeVar("Some")

OVERLAP_SECONDS = 120  # a transaction may be listed a little late; payouts and late charges are also fetched by id
LONGEST, SHORTEST = timedelta(days=1), timedelta(seconds=1)
OBJECTS_A_LOAD = 100
PAYOUTS_A_ROUND = 20
PAYOUTS_A_LOAD = 200
FIRST_LOOK_DAYS = 30
UNBOOKED_A_ROUND = 50
BOOKED_LATE_SECONDS = 600  # a charge or refund that is older than this should have its balance transaction
ASKED_AGAIN_SECONDS = 3_600
_UNBOOKED = {source.table: source for source in SOURCES if source.name in ("charges", "refunds")}


def pull_balance_transactions(db: Database, stripe: StripeGateway, *, clock: Clock, livemode: bool) -> int:
    """Mirror the balance transactions since the newest known one, oldest first; returns how many were listed.

    Stripe lists the newest first, so the time is divided into intervals of about a page each: an interruption leaves
    no gap, and memory holds little more than a page. Raises `Unavailable` if Stripe or the database does not answer;
    the next call begins at the same place.
    """
    now, newest = clock(), db.call("newest_balance_transaction")
    known_until = datetime.fromisoformat(newest) if newest else now - timedelta(days=FIRST_LOOK_DAYS)
    since = known_until.replace(microsecond=0) - timedelta(seconds=OVERLAP_SECONDS)
    length, count = LONGEST, 0
    while since <= now:
        until = since + length
        created = {"gte": int(since.timestamp()), "lt": int(until.timestamp())}
        if until > now:
            del created["lt"]  # Stripe's clock may be ahead of ours
        found, more = stripe.page("balance_transactions", created=created)
        if more and length > SHORTEST:
            length = length // (2 * SHORTEST) * SHORTEST
            continue
        every = stripe.each("balance_transactions", created=created) if more else found
        for some in _in_batches(every, OBJECTS_A_LOAD):
            _mirror(db, some, clock=clock, livemode=livemode)
            count += len(some)
        since, length = until, min(2 * length, LONGEST)
    return count


def open_payouts(db: Database, stripe: StripeGateway, *, clock: Clock, livemode: bool) -> int:
    """Mirror the contents of reconciled payouts where they are not known yet, newest first; returns how many payouts.

    A payout that Stripe refuses to list is skipped, with an incident.
    """
    now = clock()
    payouts = db.call("payouts_to_open", most=PAYOUTS_A_ROUND, now=now)
    for payout_id in payouts:
        fetch = partial(_open_payout, db, stripe, payout_id, clock=clock, livemode=livemode)
        done_or_skipped(db, FETCH_PAYOUT_CONTENTS, payout_id, fetch, now=now)
    return len(payouts)


def load_payout_contents(db: Database, contents: Iterable[tuple[str, list[str]]]) -> None:
    """Record the contents of many payouts in bulk, given as (payout id, balance transaction ids)."""
    for some in _in_batches(contents, PAYOUTS_A_LOAD):
        db.call("record_contents_of_payouts", contents=[{"payout": payout, "ids": ids} for payout, ids in some])


def _open_payout(db: Database, stripe: StripeGateway, payout_id: str, *, clock: Clock, livemode: bool) -> None:
    ids = []
    for some in _in_batches(stripe.each("balance_transactions", payout=payout_id), OBJECTS_A_LOAD):
        _mirror(db, some, clock=clock, livemode=livemode)
        ids += [each["id"] for each in some]
    db.call("record_payout_contents", payout_id=payout_id, balance_transaction_ids=ids or [payout_id])


def ask_for_bookings(db: Database, stripe: StripeGateway, *, clock: Clock, livemode: bool) -> int:
    """Refetch charges and refunds that should have a balance transaction and do not; returns how many.

    An object that still has none is fetched again every hour, for 30 days.
    """
    now = clock()
    found = db.call(
        "unbooked_objects",
        most=UNBOOKED_A_ROUND,
        now=now,
        created_before=now - timedelta(seconds=BOOKED_LATE_SECONDS),
        told_before=now - timedelta(seconds=ASKED_AGAIN_SECONDS),
    )
    for each in found:
        source = _UNBOOKED[each["table"]]
        ask = partial(refetch, db, stripe, source, each["id"], clock=clock, livemode=livemode)
        done_or_skipped(db, FETCH_BOOKINGS, each["id"], ask, now=now)
    return len(found)


def _mirror(db: Database, found: list[Json], *, clock: Clock, livemode: bool) -> None:
    as_of = clock()
    records = readable_records(
        db, PULL_BALANCE, found, lambda each: balance_transaction(Snapshot(each, as_of, FETCHED, livemode)), now=as_of
    )
    if records:
        db.call("load_records", records=records)


def _in_batches(everything: Iterable[Some], size: int) -> Iterator[list[Some]]:
    remaining = iter(everything)
    while some := list(islice(remaining, size)):
        yield some
