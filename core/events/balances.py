"""Pulls what moved Stripe's balance, and what each payout took along."""

from datetime import datetime, timedelta

from core.db import Database
from core.events.backfill import FETCHED
from core.events.projections.balances import balance_transaction
from core.events.registry import Snapshot, merged
from core.periods import Clock
from core.stripe_gateway import StripeGateway

OVERLAP_SECONDS = 3_600  # a movement may show up a little after its time
PAYOUTS_A_ROUND = 20
FIRST_LOOK_DAYS = 30


def pull_balance_transactions(db: Database, stripe: StripeGateway, *, clock: Clock, livemode: bool) -> int:
    """Mirror the movements since the newest one known; how many were listed.

    Raises `Unavailable` where Stripe or the database does not answer; the next round begins at the same place.
    """
    newest = db.call("newest_balance_transaction")
    known_until = datetime.fromisoformat(newest) if newest else clock() - timedelta(days=FIRST_LOOK_DAYS)
    since = int(known_until.timestamp()) - OVERLAP_SECONDS
    found = list(stripe.each("balance_transactions", created={"gte": since}))
    if found:
        snapshots = (Snapshot(each, clock(), FETCHED, livemode) for each in found)
        db.call("load_records", records=merged(map(balance_transaction, snapshots)))
    return len(found)


def open_payouts(db: Database, stripe: StripeGateway) -> int:
    """List what the newest reconciled payouts took along, where that is not known yet; how many were opened."""
    payouts = db.call("payouts_to_open", most=PAYOUTS_A_ROUND)
    for payout_id in payouts:
        contents = [each["id"] for each in stripe.each("balance_transactions", payout=payout_id)]
        db.call(
            "record_payout_contents", payout_id=payout_id, balance_transaction_ids=contents or [payout_id]
        )
    return len(payouts)
