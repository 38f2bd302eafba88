"""Customer retention by the month of the first payment, and recurring revenue by month."""

from dataclasses import dataclass
from datetime import date, datetime

from core.billing.subscription_figures import Step, steps_of
from core.db import Database

MONTHS = 12


@dataclass(frozen=True)
class Cohort:
    """The customers who first paid in `month`, and how many paid at its end and at the end of each month since."""

    month: date
    customers: int
    paying: list[int]

    @property
    def shares(self) -> list[float]:
        return [each / self.customers for each in self.paying]


@dataclass(frozen=True)
class CohortMonth:
    """A cell of the heat map: the month of the first payment, and the number of months after it."""

    joined: date
    later: int

    @property
    def month(self) -> date:
        """The first day of the month at whose end the cell counts them."""
        months = self.joined.year * 12 + self.joined.month - 1 + self.later
        return date(months // 12, months % 12 + 1, 1)

    def in_words(self) -> str:
        """`first paid in Jun 2026 and still paid at the end of Sep 2026`"""
        return f"first paid in {self.joined:%b %Y} and still paid at the end of {self.month:%b %Y}"


@dataclass(frozen=True)
class Month:
    """Recurring revenue of a month from start to end; the current month up to now."""

    month: date
    steps: list[Step]


def cohorts(db: Database, *, currency: str, now: datetime, months: int = MONTHS) -> list[Cohort]:
    """The oldest first."""
    found = db.call("cohort_retention", months=months, currency=currency, now=now)
    return [Cohort(date.fromisoformat(each["month"]), each["customers"], each["paying"]) for each in found]


def by_month(db: Database, *, currency: str, now: datetime, months: int = MONTHS) -> list[Month]:
    """The oldest first."""
    found = db.call("revenue_by_month", months=months, currency=currency, now=now)
    return [Month(date.fromisoformat(each["month"]), steps_of(each)) for each in found]


def in_words(found: list[Cohort]) -> str:
    """`Of the customers who first paid three months ago, 71.0% still pay.`"""
    grown = [each for each in found if len(each.paying) > 3]
    customers = sum(each.customers for each in grown)
    if not customers:
        return "There are no customers yet who first paid three months ago."
    kept = sum(each.paying[3] for each in grown)
    return f"Of {customers:,} customers, {kept / customers:.1%} still paid three months after the month they joined."
