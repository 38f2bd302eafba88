"""The overview of a period: its figures and days beside the previous period's, action items and incidents."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TypedDict

from core.db import Database
from core.figures.days import Day, days_of
from core.figures.definitions import FAILED_PAYMENTS, OF_THE_OVERVIEW
from core.figures.wording import FEW, Reading, counted, interval, percent, points, read
from core.money import Money
from core.monitoring import action_items
from core.monitoring.metrics import Entry, Figures, figures_of
from core.payments.declines import Category
from core.payments.recovery import retry_advice
from core.periods import Period
from core.staff.flags import WORDS as FLOWS
from core.staff.flags import Flow

CAUSES = {
    Category.NEW_CARD: "cards that must be replaced",
    Category.BLOCKED: "payments blocked before the network",
    Category.NEW_BANK_DETAILS: "bank accounts that cannot be debited",
    Category.CUSTOMER_CHOICE: "customers who declined the payment",
    Category.STOP: "cards that cannot be used",
    Category.REVIEW: "suspected fraud",
    Category.AUTHENTICATE: "customers who did not authenticate",
    Category.FIX_ENTRY: "mistyped card details",
    Category.RETRY_LATER: "insufficient funds, or a card limit reached",
    Category.RETRY_SPACED: "declines without a reason from the issuer",
    Category.RETRY_SOON: "issuer or network outages",
    Category.CHECK_FIRST: "possible duplicate payments",
    Category.TERMINAL_ONLY: "card terminal errors",
    Category.CONFIGURATION: "our own configuration",
    Category.UNKNOWN: "unknown decline codes",
}
EXPLAINS_SHARE = 0.4
# The figures whose daily values are not part of the overview's own days.
COUNTED_BY_DAY = ("authorization_rate", "net", "mrr", "assignment_success_rate")


class Mark(TypedDict):
    """What happened on a day: an `incident` with its title, a flow `paused` or `resumed`, a version `deployed`."""

    day: str
    at: str
    kind: str
    title: str


@dataclass(frozen=True)
class Overview:
    """Everything the overview shows for `period`, read at one moment."""

    period: Period
    currency: str
    fresh_at: datetime | None
    figures: Figures
    previous: Figures
    daily: list[Day]
    previous_daily: list[Day]
    known_since: date | None
    action_items: list[action_items.Row]
    marks: list[Mark]
    other_movements: list[Entry]

    def readings(self) -> list[Reading]:
        """The overview's figures in words and in order; after the first, those without data are left out."""
        now, before = _with_failures(self.figures), _with_failures(self.previous)
        found = (read(each, now.get(each.name), before.get(each.name), self.currency) for each in OF_THE_OVERVIEW)
        first, *others = [reading for reading in found if reading]
        return [first, *(reading for reading in others if reading.says_something)]


def load(db: Database, period: Period, *, currency: str, now: datetime) -> Overview:
    """Everything the overview shows, in one call."""
    previous = period.previous()
    found = db.call(
        "overview",
        since=period.since,
        until=period.until,
        previous_since=previous.since,
        previous_until=previous.until,
        currency=currency,
        now=now,
        retry_rules=retry_advice.rules(),
    )
    return Overview(
        period=period,
        currency=currency,
        fresh_at=datetime.fromisoformat(found["fresh_at"]) if found["fresh_at"] else None,
        figures=figures_of(found["metrics"]),
        previous=figures_of(found["previous_metrics"]),
        daily=days_of(found["daily"]),
        previous_daily=days_of(found["previous_daily"]),
        known_since=date.fromisoformat(found["known_since"]) if found["known_since"] else None,
        action_items=found["action_items"],
        marks=found["marks"],
        other_movements=found["other_movements"],
    )


def count_ahead(db: Database, now: datetime) -> None:
    """Count in advance what takes long for the overview and some lists, unless that was done recently."""
    db.call("count_retryable", now=now, retry_rules=retry_advice.rules())
    db.call("count_licence_impacts", now=now)
    db.call("count_warnings", now=now)
    db.call("count_to_collect", now=now)


def mark_in_words(mark: Mark) -> str:
    """`Refunds paused`, `New version deployed`, or the incident's title."""
    if mark["kind"] == "incident":
        return mark["title"]
    if mark["kind"] == "deployed":
        return "New version deployed"
    return f"{FLOWS[Flow(mark['title'])][0]} {mark['kind']}"


def series(db: Database, period: Period, currency: str, names: Sequence[str]) -> dict[str, list[float | None]]:
    """These figures on each business day of the period, as far as they are counted by day."""
    found: dict[str, list[float | None]] = db.call(
        "figure_series",
        names=[name for name in names if name in COUNTED_BY_DAY],
        since=period.since,
        until=period.until,
        currency=currency,
    )
    return found


def of_days(daily: Sequence[Day]) -> dict[str, list[float | None]]:
    """The daily values of the figures that the overview's own days contain."""
    return {
        "payment_success_rate": [each.success_rate for each in daily],
        "failed_payments": [each.failed for each in daily],
        "dispute_activity": [each.disputes for each in daily],
    }


def currencies(db: Database) -> list[str]:
    """The currencies of the payments, the most frequent first."""
    found: list[str] = db.call("currencies")
    return found


def cause_title(category: str) -> str:
    """A failure category as a row's title."""
    words = CAUSES[Category(category)]
    return words[0].upper() + words[1:]


def sentence(overview: Overview) -> str:
    """The period in a sentence: how many payments succeeded, how that changed, and why payments failed."""
    now, before = overview.figures["payment_success_rate"], overview.previous["payment_success_rate"]
    if now["value"] is None:
        return f"There were no payments {_span(overview.period)}{_earlier(overview, before)}."
    said = f"{percent(now['value'])} of payments succeeded"
    if now["denominator"] < FEW:
        said = f"{now['numerator']} of {_payments(now['denominator'])} succeeded, {interval(now)}"
    if before["value"] is None:
        said += "; there were no payments before to compare with"
    else:
        said += f", {points(now['value'], before['value'])} in {_span_before(overview.period)}"
    return f"{said}. {_why(overview)}"


def other_in_words(movements: Sequence[Entry], currency: str) -> str:
    """Balance movements that no figure includes: `other_adjustment -$0.20, moon_dust $2.90`; empty for none."""
    return ", ".join(f"{each['key']} {Money(each['amount'], currency)}" for each in movements)


def _why(overview: Overview) -> str:
    failures = overview.figures["failures_by_category"]
    if not failures:
        return "No payment failed."
    if cause := _what_grew(overview):
        return f"Most of the drop is due to {CAUSES[cause]}."
    total, top = sum(each["count"] for each in failures), failures[0]
    amount = Money(sum(each["amount"] for each in failures), overview.currency)
    return (
        f"The most frequent cause of failure was {CAUSES[Category(top['key'])]}: "
        f"{top['count']:,} of {total:,} failures. "
        f"All failures total {amount}."
    )


def _what_grew(overview: Overview) -> Category | None:
    """The cause of most of a drop that is more than chance; None if there is no single one."""
    now, before = overview.figures["payment_success_rate"], overview.previous["payment_success_rate"]
    if min(now["denominator"], before["denominator"]) < FEW or now["high"] >= before["value"]:
        return None
    shares = {each["key"]: each["count"] / now["denominator"] for each in overview.figures["failures_by_category"]}
    for each in overview.previous["failures_by_category"]:
        shares[each["key"]] = shares.get(each["key"], 0.0) - each["count"] / before["denominator"]
    cause = max(shares, key=lambda key: shares[key])
    return Category(cause) if shares[cause] >= EXPLAINS_SHARE * (before["value"] - now["value"]) else None


def _earlier(overview: Overview, before: Figures) -> str:
    if before["value"] is None:
        return ""
    rate, payments = percent(before["value"]), _payments(before["denominator"])
    return f"; in {_span_before(overview.period)} {rate} of {payments} succeeded"


def _payments(count: int) -> str:
    return counted(count, "payment")


def _span(period: Period) -> str:
    return "on this day" if period.days == 1 else f"in these {period.days} days"


def _span_before(period: Period) -> str:
    return "the day before" if period.days == 1 else f"the {period.days} days before"


def _with_failures(figures: Figures) -> Figures:
    rate, causes = figures["payment_success_rate"], figures["failures_by_category"]
    failed = rate["denominator"] - rate["numerator"] if rate["denominator"] else None
    return figures | {FAILED_PAYMENTS.name: {"value": failed, "amount": sum(each["amount"] for each in causes)}}
