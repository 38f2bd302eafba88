"""Payouts as they were last reconciled: what each took along of Stripe's balance, and what of it arrived."""

from typing import TypedDict

from core.db import Database
from core.finance.reconciliation import Category
from core.periods import Period


class Payout(TypedDict):
    """A payout. `remainder_minor` is the payout less its transactions; None where these are not known."""

    payout_id: str
    day: str
    currency: str
    amount_minor: int
    kind: str
    status: str
    transactions: int
    contents_state: str
    remainder_minor: int | None
    expected_on: str | None
    deposit_state: str
    deposited_minor: int
    deposited_on: str | None


class Movement(TypedDict):
    id: str
    created: str
    reporting_category: str
    source_id: str | None
    currency: str
    amount_minor: int
    fee_minor: int
    net_minor: int
    payment_intent_id: str | None


class Deposit(TypedDict):
    booked_on: str
    amount_minor: int
    currency: str
    reference: str | None
    status: str
    is_return: bool
    matched_by: str


class PayoutDetails(Payout):
    """A payout with what it took along, by category and one by one, and its entries at the bank."""

    trace_id: str | None
    arrival_date: str | None
    categories: list[Category]
    movements: list[Movement]
    deposits: list[Deposit]


def listed(db: Database, period: Period, currency: str, *, most: int = 2000) -> list[Payout]:
    """The payouts of the period, the newest first, `most` of them (100,000 at most)."""
    found: list[Payout] = db.call(
        "reconciled_payouts", since=period.since, until=period.until, currency=currency, most=most
    )
    return found


def one(db: Database, payout_id: str) -> PayoutDetails | None:
    found: PayoutDetails | None = db.call("reconciled_payout", id=payout_id)
    return found
