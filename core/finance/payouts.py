"""Payouts as they were last reconciled: the movements each contains, and how much of it arrived at the bank."""

from collections.abc import Callable, Iterator, Sequence
from typing import TypedDict, cast

from core.db import Database
from core.exports.table import Row, by_key
from core.finance.reconciliation import Amounts, Category, Figures, Stage
from core.periods import Period

MOVEMENTS_A_CALL = 5_000


class Payout(TypedDict):
    """A payout. `remainder_minor` is the payout minus its transactions; None if these are not known yet."""

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


class Movement(Amounts):
    id: str
    created: str
    reporting_category: str
    source_id: str | None
    currency: str
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
    """A payout with its movements (sums by category, and the first 1,000 of them) and its entries at the bank."""

    trace_id: str | None
    arrival_date: str | None
    categories: list[Category]
    movements: list[Movement]
    deposits: list[Deposit]


def listed(db: Database, period: Period, currency: str, *, most: int = 2000) -> list[Payout]:
    """At most `most` (100,000) payouts of the period, the newest first."""
    found: list[Payout] = db.call(
        "reconciled_payouts", since=period.since, until=period.until, currency=currency, most=most
    )
    return found


def one(db: Database, payout_id: str) -> PayoutDetails | None:
    found: PayoutDetails | None = db.call("reconciled_payout", id=payout_id)
    return found


def movements(db: Database, payout_id: str, *, most: int = MOVEMENTS_A_CALL) -> Callable[[], Iterator[Sequence[Row]]]:
    """All movements in the payout, oldest first, in batches of `most`."""

    def page(after: str | None) -> tuple[list[Movement], str | None]:
        found: list[Movement] = db.call("payout_movements", payout_id=payout_id, after_id=after, most=most)
        return found, found[-1]["id"] if len(found) == most else None

    return by_key(page)


def movements_of_stage(
    db: Database, stage: Stage, figures: Figures, period: Period, *, most: int = MOVEMENTS_A_CALL
) -> Iterator[Sequence[Row]]:
    """The movements that a stage of a reconciliation adds up, oldest first, in batches, each with the added amount."""
    counted_as = {each["category"]: each["counted_as"] for each in figures["categories"]}

    def page(after: str | None) -> tuple[list[Movement], str | None]:
        found: list[Movement] = db.call(
            "balance_movements",
            since=period.since,
            until=period.until,
            currency=figures["currency"],
            categories=list(stage.categories),
            after_id=after,
            most=most,
        )
        return found, found[-1]["id"] if len(found) == most else None

    for batch in by_key(page)():
        shares = [(each, stage.share_of(cast(Amounts, each), counted_as[each["reporting_category"]])) for each in batch]
        yield [{**each, "share_minor": share} for each, share in shares if share]


def movements_of(payout: PayoutDetails) -> int:
    """How many movements are in the payout."""
    return sum(each["transactions"] for each in payout["categories"])
