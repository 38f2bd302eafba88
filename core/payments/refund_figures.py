"""The figures of refunds, and their summary in a sentence."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import TypedDict

from core.db import Database
from core.figures.definition import Better, Definition
from core.figures.definitions import METRICS
from core.figures.wording import Figure, Reading, read
from core.money import Money, total
from core.payments.actions import Action
from core.payments.refunds import GROUPS
from core.periods import Period

REFUNDED = METRICS["refunded"]
ON_ITS_WAY = Definition(
    "refunds_out",
    "Pending",
    Better.NEITHER,
    "Refunds of the period that Stripe or the bank has not completed yet.",
    "refunds",
    view={"status": "on_the_way"},
    exact=True,
)
FAILED = Definition(
    "refunds_failed",
    "Failed",
    Better.LESS,
    "Refunds of the period that the bank returned. The customer did not get the money, which can be refunded again.",
    "refunds",
    view={"status": "failed"},
    exact=True,
)
NOT_MADE = Definition(
    "refunds_not_made",
    "Refused or rejected",
    Better.NEITHER,
    "Refunds requested here in the period that Stripe refused or that were not approved.",
    "refunds",
    view={"status": "not_made"},
    exact=True,
)


class DayRow(TypedDict):
    """What SQL counted of one business day."""

    day: str
    refunds: int
    amount_minor: int


class StatusCount(TypedDict):
    """How many refunds of a period have the status `key` now, and their total in minor units."""

    key: str
    count: int
    amount: int


class Counted(TypedDict):
    """What SQL counted of a period."""

    refunded: Figure
    by_status: list[StatusCount]
    daily: list[DayRow]


class CountedBeside(Counted):
    """The same beside the period before it."""

    previous: Counted


@dataclass(frozen=True)
class RefundDay:
    """The refunds of one business day."""

    day: date
    refunds: int
    amount_minor: int
    days: int = 1


@dataclass(frozen=True)
class RefundFigures:
    """A period's refunds in one currency beside those of the period before it."""

    period: Period
    currency: str
    refunded: Figure
    refunded_before: Figure
    by_status: dict[str, tuple[int, Money]]
    daily: list[RefundDay]
    previous_daily: list[RefundDay]

    @property
    def reading(self) -> Reading:
        """The amount refunded, in words."""
        now = {"value": self.refunded["value"] or None}
        found = read(REFUNDED, now, {"value": self.refunded_before["value"] or None}, self.currency)
        assert found is not None
        return found

    @property
    def count(self) -> int:
        return sum(each.refunds for each in self.daily)

    def with_status(self, *statuses: str) -> tuple[int, Money]:
        """How many refunds of the period now have one of these statuses, and their total."""
        found = [self.by_status[status] for status in statuses if status in self.by_status]
        return sum(count for count, _ in found), total((amount for _, amount in found), self.currency)


def load(db: Database, period: Period, *, currency: str) -> RefundFigures:
    previous = period.previous()
    found: CountedBeside = db.call(
        "refund_figures",
        since=period.since,
        until=period.until,
        previous_since=previous.since,
        previous_until=previous.until,
        currency=currency,
    )
    return RefundFigures(
        period=period,
        currency=currency,
        refunded=found["refunded"],
        refunded_before=found["previous"]["refunded"],
        by_status={each["key"]: (each["count"], Money(each["amount"], currency)) for each in found["by_status"]},
        daily=[_day(each) for each in found["daily"]],
        previous_daily=[_day(each) for each in found["previous"]["daily"]],
    )


def readings(figures: RefundFigures) -> list[Reading]:
    """The cards of the refunds page."""
    others = ((ON_ITS_WAY, GROUPS["on_the_way"]), (FAILED, ("failed",)), (NOT_MADE, GROUPS["not_made"]))
    found = [(each, *figures.with_status(*statuses)) for each, statuses in others]
    return [
        replace(figures.reading, rests_on=refunds_counted(figures.count)),
        *(Reading(each, str(amount), refunds_counted(count), None) for each, count, amount in found),
    ]


def sentence(figures: RefundFigures, awaiting: Sequence[Action]) -> str:
    """`$4,210.00 refunded in these 30 days, up 12.0% from …. 2 refunds are awaiting approval.`"""
    reading, days = figures.reading, figures.period.days
    span = "this one day" if days == 1 else f"these {days} days"
    if figures.count == 0:
        said = f"Nothing was refunded in {span}."
    else:
        said = f"{reading.value} refunded in {span}" + (f", {reading.change}." if reading.change else ".")
    failed, lost = figures.with_status("failed")
    if failed:
        who = "the customer" if failed == 1 else "the customers"
        said += f" {refunds_counted(failed)} totalling {lost} failed, so {who} did not get the money."
    if awaiting:
        said += f" {refunds_counted(len(awaiting))} {'is' if len(awaiting) == 1 else 'are'} awaiting approval."
    return said


def refunds_counted(count: int) -> str:
    """`no refunds`, `1 refund`, `1,204 refunds`."""
    if count == 0:
        return "no refunds"
    return "1 refund" if count == 1 else f"{count:,} refunds"


def _day(found: DayRow) -> RefundDay:
    return RefundDay(date.fromisoformat(found["day"]), found["refunds"], found["amount_minor"])
