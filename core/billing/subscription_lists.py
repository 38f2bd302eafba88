"""Lists of subscriptions and of the customers behind a movement, page by page from the database."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from core.billing.cohorts import CohortMonth
from core.billing.subscription_figures import Movement
from core.db import Database
from core.periods import Period

A_PAGE = 50
AN_EXPORT = 20_000


class Present(StrEnum):
    """Which running subscriptions to list."""

    ALL = "all"
    ACTIVE = "active"
    TRIALING = "trialing"
    PAST_DUE = "past_due"
    SCHEDULED = "scheduled"
    PAUSED = "paused"
    UNPAID = "unpaid"


COHORT = "cohort"
MOVED = ("start", *(str(each) for each in Movement), "end")
# What the lists are called, also in an address: so these words stay as they are.
LISTS = {
    "all running": str(Present.ALL),
    "active": str(Present.ACTIVE),
    "on trial": str(Present.TRIALING),
    "past due": str(Present.PAST_DUE),
    "scheduled to cancel": str(Present.SCHEDULED),
    "paused": str(Present.PAUSED),
    "unpaid": str(Present.UNPAID),
    **{f"customers: {name}": name for name in (*MOVED, COHORT)},
}


def title_of(name: str) -> str:
    """What a list is called."""
    return next(title for title, each in LISTS.items() if each == name)


@dataclass(frozen=True)
class Found:
    """One page of a list, and the list's total monthly revenue; for a movement, its total change."""

    name: str
    rows: list[Mapping[str, Any]]
    count: int
    amount_minor: int
    price_minor: int = 0
    customers: int = 0

    @property
    def is_of_customers(self) -> bool:
        return self.name in MOVED or self.name == COHORT


def listed(
    db: Database,
    name: str,
    period: Period,
    *,
    currency: str,
    now: datetime,
    find: str | None = None,
    after: int = 0,
    most: int = A_PAGE,
    why: str | None = None,
    cell: CohortMonth | None = None,
) -> Found:
    """The page after the first `after` rows; a movement's customers are exactly those its bar counts.

    `why` is the `key` of a loss: only the customers who left for this reason. The list of a cohort is that of `cell`,
    whatever the period.
    """
    if name == COHORT:
        if cell is None:
            return Found(name, [], 0, 0)
        found = db.call(
            "cohort_customers",
            cohort=cell.joined,
            month=cell.month,
            currency=currency,
            now=now,
            most=most,
            after=after,
        )
        return Found(name, found["rows"], found["count"], found["amount_minor"], customers=found["count"])
    if name in MOVED:
        found = db.call(
            "movement_customers",
            movement=name,
            since=period.since,
            until=period.until,
            currency=currency,
            now=now,
            most=most,
            after=after,
            why=why,
        )
        return Found(name, found["rows"], found["count"], found["amount_minor"], customers=found["count"])
    found = db.call(
        "subscriptions_listed", list=name, find=find or None, currency=currency, now=now, most=most, after=after
    )
    return Found(
        name, found["rows"], found["count"], found["monthly_minor"], found["price_minor"], customers=found["customers"]
    )


def pages(
    db: Database,
    name: str,
    period: Period,
    *,
    currency: str,
    now: datetime,
    find: str | None = None,
    why: str | None = None,
    cell: CohortMonth | None = None,
) -> Iterator[Sequence[Mapping[str, Any]]]:
    """All rows of a list in large pages, for a file."""
    after = 0
    while True:
        page = listed(
            db, name, period, currency=currency, now=now, find=find, after=after, most=AN_EXPORT, why=why, cell=cell
        )
        yield page.rows
        after += len(page.rows)
        if not page.rows or after >= page.count:
            return
