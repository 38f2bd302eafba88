"""Fetches the trace ids of payouts that arrived; Stripe provides them up to ten days after the arrival."""

from datetime import timedelta
from functools import partial

from core.db import Database
from core.errors import Refused
from core.events.repair.backfill import SOURCES
from core.events.repair.refetch import refetch
from core.events.repair.skipping import FETCH_TRACE_IDS, done_or_skipped
from core.periods import Clock
from core.stripe_gateway import StripeGateway

PAYOUTS_A_ROUND = 20
ASKED_AGAIN = timedelta(hours=6)
(_PAYOUTS,) = (source for source in SOURCES if source.table == "payouts")


def ask_for_trace_ids(db: Database, stripe: StripeGateway, *, clock: Clock, livemode: bool) -> int:
    """Refetch arrived payouts without a trace id, or from before trace ids were mirrored; returns how many.

    A payout whose trace id is still pending is fetched again every six hours, until 14 days after its arrival.
    """
    now = clock()
    found = db.call("payouts_without_trace_id", most=PAYOUTS_A_ROUND, asked_before=now - ASKED_AGAIN, now=now)
    for payout_id in found:
        ask = partial(_ask, db, stripe, payout_id, clock=clock, livemode=livemode)
        done_or_skipped(db, FETCH_TRACE_IDS, payout_id, ask, now=now)
    return len(found)


def _ask(db: Database, stripe: StripeGateway, payout_id: str, *, clock: Clock, livemode: bool) -> None:
    if not refetch(db, stripe, _PAYOUTS, payout_id, clock=clock, livemode=livemode):
        raise Refused("payout_not_shown", "Stripe does not show this payout.")
