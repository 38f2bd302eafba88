"""The weekly review: the success rate, how evenly work is distributed, and whether revenue reconciles."""

from datetime import datetime

from core.db import Database
from core.figures.wording import counted, percent
from core.finance import mismatches, reconciliation
from core.money import Money
from core.monitoring import overview
from core.periods import Period
from core.providers import assignment
from core.providers.assignment_figures import spread_in_words
from core.reviews.check import Bars, Check, State
from core.reviews.daily import TARGET, UNEVEN

MOST_SHOWN = 10
OVERLOADED = 1.5  # times the fair share of consultations


def checks(db: Database, period: Period, *, currency: str, now: datetime) -> tuple[Check, ...]:
    """The three checks of a week."""
    return (
        success_rate(db, period, currency=currency, now=now),
        workload(db, period),
        revenue(db, period, now=now),
    )


def success_rate(db: Database, period: Period, *, currency: str, now: datetime) -> Check:
    """The share of payments that succeeded, compared with the week before, and the cause that explains the change."""
    found = overview.load(db, period, currency=currency, now=now)
    rate, before = found.figures["payment_success_rate"], found.previous["payment_success_rate"]
    title = "Success-rate analysis"
    link = f"overview?period=custom&days={period.since}&days={period.until}"
    if rate["value"] is None:
        return Check("success_rate", title, State.UNKNOWN, "There were no payments.", link=link)
    below = rate["high"] is not None and rate["high"] < TARGET
    worse = before["value"] is not None and rate["high"] is not None and rate["high"] < before["value"]
    facts = [("Payments", f"{rate['denominator']:,}"), ("Succeeded", percent(rate["value"]))]
    if before["value"] is not None:
        facts.append(("The week before", percent(before["value"])))
    return Check(
        "success_rate",
        title,
        State.LOOK if below or worse else State.GOOD,
        overview.sentence(found),
        tuple(facts),
        Bars(
            "Payments that succeeded, by day",
            "%",
            [f"{day.day:%a %-d %b}" for day in found.daily],
            [round(100 * (day.success_rate or 0), 1) for day in found.daily],
            [round(100 * (day.success_rate or 0), 1) for day in found.previous_daily],
            "The week before",
            "This week",
        ),
        link,
    )


def workload(db: Database, period: Period) -> Check:
    """How evenly the week's consultations were spread over the providers."""
    _, end = period.bounds()
    spread = assignment.distribution(db, end, days=period.days)
    title, link = "Workload balance", "assignments"
    if not spread["assigned"]:
        return Check("workload", title, State.UNKNOWN, "No consultation was assigned.", link=link)
    over = [
        each for each in spread["items"] if each["fair_share"] and each["assigned"] > OVERLOADED * each["fair_share"]
    ]
    over = sorted((each for each in over if each["assigned"] >= 3), key=lambda one: -one["assigned"])
    said = spread_in_words(spread)
    if over:
        said += f" {counted(len(over), 'provider')} had more than 1.5 times their fair share."
    busiest = sorted(spread["items"], key=lambda one: -one["assigned"])[:MOST_SHOWN]
    return Check(
        "workload",
        title,
        State.LOOK if (spread["gini"] or 0) >= UNEVEN else State.GOOD,
        said,
        tuple(
            (each["name"], f"{each['assigned']:,}, fair share {each['fair_share']:.1f}") for each in over[:MOST_SHOWN]
        ),
        Bars(
            "Consultations of the busiest providers, beside their fair share",
            "consultations",
            [each["name"] for each in busiest],
            [each["assigned"] for each in busiest],
            [round(each["fair_share"], 1) for each in busiest],
            "Fair share",
            "Assigned",
        ),
        link,
    )


def revenue(db: Database, period: Period, *, now: datetime) -> Check:
    """Whether our ledger, Stripe's balance, the payouts and the bank agree about the week."""
    found = reconciliation.load(db, period)
    title = "Revenue reconciliation"
    link = f"reconciliation?period=custom&days={period.since}&days={period.until}"
    if not found.currencies:
        return Check("revenue", title, State.UNKNOWN, reconciliation.headline(found), link=link)
    open_ones = mismatches.listed(db, period, now=now, states=("open",))[:MOST_SHOWN]
    first = found.currencies[0]
    lines = first["lines"]
    return Check(
        "revenue",
        title,
        State.GOOD if found.reconciles else State.LOOK,
        reconciliation.headline(found),
        (
            *(
                (f"{one['currency'].upper()} closing balance", str(Money(one["closing_minor"], one["currency"])))
                for one in found.currencies
            ),
            *((f"{one['day']}, {one['subject']}", mismatches.sentence(one)) for one in open_ones),
        ),
        Bars(
            f"What moved Stripe's balance, {first['currency'].upper()}",
            first["currency"].upper(),
            [reconciliation.LINES.get(line["line"], line["line"].capitalize()) for line in lines],
            [float(Money(line["stripe_minor"], first["currency"]).major) for line in lines],
        ),
        link,
    )
