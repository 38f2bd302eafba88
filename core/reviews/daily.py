"""The daily checks: failed payments, the delivery of webhooks, and the assignment of consultations."""

from datetime import datetime

from core.db import Database
from core.events import lookup
from core.events.lookup import EventFilter
from core.figures.wording import counted, duration, percent
from core.monitoring import overview
from core.periods import Period
from core.providers import assignment
from core.providers.assignment_figures import spread_in_words, waited
from core.reviews.check import Bars, Check, State

TARGET = 0.95
SLOW_HANDLING_MS = 500
UNEVEN = 0.4
MOST_CAUSES = 6


def checks(db: Database, period: Period, *, currency: str, now: datetime) -> tuple[Check, ...]:
    """The three checks of one business day."""
    return (
        failure_log(db, period, currency=currency, now=now),
        webhook_delivery(db, period),
        assignment_distribution(db, period, now=now),
    )


def failure_log(db: Database, period: Period, *, currency: str, now: datetime) -> Check:
    """How many payments failed and why; needs a look if the success rate is below its target."""
    found = overview.load(db, period, currency=currency, now=now)
    rate = found.figures["payment_success_rate"]
    causes = [each for each in found.figures["failures_by_category"] or [] if each["count"]][:MOST_CAUSES]
    title = "Failure log"
    link = f"payments?period=custom&days={period.since}&days={period.until}&status=failed"
    if not rate["denominator"]:
        return Check("failure_log", title, State.UNKNOWN, "There were no payments.", link=link)
    failed = rate["denominator"] - rate["numerator"]
    said = f"{failed:,}" if failed else "None"
    said += f" of {counted(rate['denominator'], 'payment')} failed"
    said += f", most often {overview.cause_title(causes[0]['key']).lower()}." if causes else "."
    return Check(
        "failure_log",
        title,
        State.GOOD if rate["value"] >= TARGET else State.LOOK,
        f"{said} {percent(rate['value'])} succeeded; the target is {TARGET:.0%}.",
        tuple((overview.cause_title(each["key"]), f"{each['count']:,}") for each in causes),
        Bars(
            "Failed payments by cause",
            "payments",
            [overview.cause_title(each["key"]) for each in causes],
            [each["count"] for each in causes],
        )
        if causes
        else None,
        link,
    )


def webhook_delivery(db: Database, period: Period) -> Check:
    """Whether Stripe's events arrived and were applied in time."""
    since, until = period.bounds()
    found = lookup.figures(db, EventFilter(since=since, until=until))
    title, link = "Webhook delivery", f"events?period=custom&days={period.since}&days={period.until}"
    if not found["events"]:
        return Check(
            "webhook_delivery",
            title,
            State.LOOK,
            "No event came. Check the endpoint in Stripe's dashboard, under Developers, Webhooks.",
            link=link,
        )
    outcomes, handling, delay = found["outcomes"], found["handling"], found["delay"]
    waiting = found["unapplied"]["events"]
    slow = handling["p95_ms"] is not None and handling["p95_ms"] > SLOW_HANDLING_MS
    said = f"{counted(found['events'], 'event')} came"
    said += f", and {counted(waiting, 'event')} could not be applied yet." if waiting else ", and all were applied."
    facts = [(outcome, f"{count:,}") for outcome, count in sorted(outcomes.items(), key=lambda one: -one[1])]
    for name, spread in (("Delivered within", delay), ("Handled within", handling)):
        if spread["p95_ms"] is not None:
            facts.append((f"{name} (95%)", duration(spread["p95_ms"])))
    return Check(
        "webhook_delivery",
        title,
        State.LOOK if waiting or slow else State.GOOD,
        said + (f" Handling was slow: the limit is {duration(SLOW_HANDLING_MS)}." if slow else ""),
        tuple(facts),
        Bars("Events by outcome", "events", list(outcomes), list(outcomes.values())),
        link,
    )


def assignment_distribution(db: Database, period: Period, *, now: datetime) -> Check:
    """Whether consultations were assigned, and how evenly over the providers."""
    _, end = period.bounds()
    asked = assignment.days(db, end)["now"]
    summary = assignment.summary(db, now)
    spread = assignment.distribution(db, end, days=period.days)
    title, link = "Assignment distribution", "assignments"
    if not asked["asked"]:
        return Check("assignment_distribution", title, State.UNKNOWN, "No consultation was asked for.", link=link)
    uneven = (spread["gini"] or 0.0) >= UNEVEN and spread["assigned"] >= 2 * len(spread["items"])
    said = f"{asked['at_once']:,} of {counted(asked['asked'], 'consultation')} were assigned at once."
    if summary["waiting"]:
        said += f" {counted(summary['waiting'], 'patient waits', 'patients wait')} now"
        oldest = summary["oldest"]
        said += f", the longest for {waited(oldest['age_seconds'])}." if oldest else "."
    busiest = sorted(spread["items"], key=lambda one: -one["assigned"])[:10]
    return Check(
        "assignment_distribution",
        title,
        State.LOOK if summary["overdue"] or uneven else State.GOOD,
        f"{said} {spread_in_words(spread)}".strip(),
        (
            ("Assigned at once", f"{asked['at_once']:,} of {asked['asked']:,}"),
            ("To another specialty", f"{asked['fallback']:,}"),
            ("Waiting now", f"{summary['waiting']:,}"),
        ),
        Bars(
            "Consultations of the busiest providers, beside their fair share",
            "consultations",
            [each["name"] for each in busiest],
            [each["assigned"] for each in busiest],
            [round(each["fair_share"], 1) for each in busiest],
            "Fair share",
            "Assigned",
        )
        if busiest
        else None,
        link,
    )
