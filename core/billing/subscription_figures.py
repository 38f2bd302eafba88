"""The figures of subscriptions: movements of recurring revenue, the lists, and why customers left."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from core.db import Database
from core.figures.definition import Better, Definition
from core.figures.definitions import METRICS
from core.figures.intervals import with_intervals
from core.figures.wording import Reading, counted, percent, read
from core.money import Money
from core.periods import Period

Row = Mapping[str, Any]
PAST_DUE = Definition(
    "past_due",
    "Past due",
    Better.LESS,
    "Subscriptions whose latest invoice failed and is still retried, and their monthly revenue, as of now.",
    "subscriptions",
    as_of_now=True,
    view={"list": "past due"},
    exact=True,
    amount_is="a month",
)
GROSS = "gross_mrr_churn_rate"
NET = (
    " Net of expansion and reactivated MRR it is (churned + contraction − expansion − reactivated) ÷ MRR at the start; "
    "below 0, expansion exceeded the losses."
)
# The figures of the page, each with the list of its rows.
VIEWS = {
    "mrr": {"list": "customers: end"},
    "active_subscribers": {"list": "customers: end"},
    "trialing_subscribers": {"list": "on trial"},
    "scheduled_to_cancel": {"list": "scheduled to cancel"},
    "subscriber_churn_rate": {"list": "customers: churned"},
    "subscriber_churn_rate_classic": {"list": "customers: churned"},
    "gross_mrr_churn_rate": {"list": "customers: churned"},
}


class Movement(StrEnum):
    """What a customer's change of monthly revenue is called, in the order of the waterfall."""

    NEW = "new"
    REACTIVATED = "reactivated"
    EXPANSION = "expansion"
    CONTRACTION = "contraction"
    CHURNED = "churned"


TITLES = {
    Movement.NEW: "New",
    Movement.REACTIVATED: "Reactivated",
    Movement.EXPANSION: "Expansion",
    Movement.CONTRACTION: "Contraction",
    Movement.CHURNED: "Churned",
}


class Kind(StrEnum):
    """Who ended it: the customer, or a payment that failed."""

    VOLUNTARY = "Voluntary"
    INVOLUNTARY = "Involuntary"
    OTHER = "Other"


REASONS = {
    "cancellation_requested": (Kind.VOLUNTARY, "Canceled by request"),
    "payment_failed": (Kind.INVOLUNTARY, "Payment failed"),
    "payment_disputed": (Kind.INVOLUNTARY, "Payment disputed"),
    "unpaid": (Kind.INVOLUNTARY, "Unpaid"),
    "paused": (Kind.OTHER, "Paused"),
    "free": (Kind.OTHER, "Moved to a free plan or trial"),
    "not_said": (Kind.OTHER, "Reason not known"),
}
FEEDBACK = {
    "customer_service": "customer service",
    "low_quality": "low quality",
    "missing_features": "missing features",
    "other": "another reason",
    "switched_service": "switched to another service",
    "too_complex": "too complex",
    "too_expensive": "too expensive",
    "unused": "no longer used",
}


@dataclass(frozen=True)
class Step:
    """A bar of the waterfall: its change in minor units (its level for start and end), and its customers."""

    name: str
    title: str
    amount_minor: int
    customers: int


@dataclass(frozen=True)
class Loss:
    """Customers who left in the period for one reason, and the monthly revenue lost."""

    reason: str
    feedback: str | None
    customers: int
    amount_minor: int

    @property
    def key(self) -> str:
        """The reason and the customer's feedback, as one word for a URL."""
        return f"{self.reason}:{self.feedback}" if self.feedback else self.reason

    @property
    def kind(self) -> Kind:
        return REASONS.get(self.reason, REASONS["not_said"])[0]

    @property
    def title(self) -> str:
        return reason_in_words(self.reason, self.feedback)


@dataclass(frozen=True)
class SubscriptionFigures:
    """A period in one currency, beside the period before it."""

    period: Period
    currency: str
    fresh_at: datetime | None
    metrics: dict[str, Any]
    previous: dict[str, Any]
    steps: list[Step]
    losses: list[Loss]
    lists: dict[str, Row]

    @property
    def adds_up(self) -> bool:
        """Whether the movements lead from the start to the end, which they do to the minor unit."""
        return sum(each.amount_minor for each in self.steps[:-1]) == self.steps[-1].amount_minor


def load(db: Database, period: Period, *, currency: str, now: datetime) -> SubscriptionFigures:
    """Everything at the top of the page, in one call, from the history of subscriptions."""
    previous = period.previous()
    found = db.call(
        "subscription_figures",
        since=period.since,
        until=period.until,
        previous_since=previous.since,
        previous_until=previous.until,
        currency=currency,
        now=now,
    )
    return SubscriptionFigures(
        period=period,
        currency=currency,
        fresh_at=datetime.fromisoformat(found["fresh_at"]) if found["fresh_at"] else None,
        metrics=with_intervals(found["metrics"]),
        previous=with_intervals(found["previous_metrics"]),
        steps=steps_of(found["waterfall"]),
        losses=[Loss(**each) for each in found["losses"]],
        lists=found["lists"],
    )


def steps_of(found: Row) -> list[Step]:
    """Start, each movement, end."""
    moved = found["movements"]
    nothing = {"amount_minor": 0, "customers": 0}
    return [
        Step("start", "Start", **found["start"]),
        *(Step(each, TITLES[each], **moved.get(each, nothing)) for each in Movement),
        Step("end", "End", **found["end"]),
    ]


def currencies(db: Database) -> list[str]:
    """The currencies of all subscriptions, the most frequent first."""
    found: list[str] = db.call("subscription_currencies")
    return found


def readings(figures: SubscriptionFigures) -> list[Reading]:
    """The cards of the page."""
    defined = [
        (replace(METRICS[name], view=VIEWS[name]), figures.metrics.get(name), figures.previous.get(name))
        for name in VIEWS
    ]
    defined.insert(3, (PAST_DUE, _past_due(figures), None))
    found = [read(definition, now, before, figures.currency) for definition, now, before in defined]
    return [_with_net(each, figures) if each.definition.name == GROSS else each for each in found if each is not None]


def sentence(figures: SubscriptionFigures) -> str:
    """`Monthly recurring revenue is $58,102.00, up 4.1% from …: $6,020.00 new and $3,210.00 lost.`"""
    mrr = read(METRICS["mrr"], figures.metrics["mrr"], figures.previous["mrr"], figures.currency)
    by_name = {each.name: each for each in figures.steps}
    start, end = by_name["start"], by_name["end"]
    if mrr is None or not (start.amount_minor or end.amount_minor):
        return f"No subscription in {figures.currency.upper()} has monthly revenue."
    moved = Money(end.amount_minor - start.amount_minor, figures.currency)
    way = "up" if moved.minor > 0 else "down"
    change = (
        f", {way} {Money(abs(moved.minor), figures.currency)} in this period" if moved.minor else ", as at the start"
    )
    lost, came = by_name["churned"], by_name["new"]
    return (
        f"Monthly recurring revenue is {mrr.value}{change}: "
        f"{counted(came.customers, 'customer')} joined for {Money(came.amount_minor, figures.currency)}, "
        f"{counted(lost.customers, 'customer')} left with {Money(-lost.amount_minor, figures.currency)}."
    )


def losses_in_words(figures: SubscriptionFigures) -> str:
    """`12 voluntary ($480.00), 5 involuntary ($210.00)`."""
    parts = []
    for kind in Kind:
        these = [each for each in figures.losses if each.kind is kind]
        if these:
            amount = Money(sum(each.amount_minor for each in these), figures.currency)
            parts.append(f"{sum(each.customers for each in these):,} {kind.lower()} ({amount})")
    return ", ".join(parts)


def reason_in_words(reason: str | None, feedback: str | None = None) -> str:
    """`Canceled by request: too expensive`."""
    if reason is None:
        return ""
    said = REASONS.get(reason, (Kind.OTHER, reason.replace("_", " ").capitalize()))[1]
    return f"{said}: {FEEDBACK.get(feedback, feedback.replace('_', ' '))}" if feedback else said


def _past_due(figures: SubscriptionFigures) -> dict[str, Any]:
    found = figures.lists.get("past_due")
    return {"value": found["subscriptions"] if found else 0, "amount": found["monthly_minor"] if found else 0}


def _with_net(gross: Reading, figures: SubscriptionFigures) -> Reading:
    """Gross churn with the net one beside it."""
    metrics = figures.metrics
    start, lost = metrics[GROSS]["denominator"], metrics[GROSS]["numerator"]
    net = lost - metrics["mrr_expansion"]["value"] - metrics["mrr_reactivated"]["value"]
    if not start:
        return gross
    said = f"{'−' if net < 0 else ''}{percent(abs(net) / start)}"
    definition = replace(gross.definition, meaning=gross.definition.meaning + NET)
    return replace(gross, definition=definition, rests_on=f"{gross.rests_on}; net {said}")
