"""Action items: what staff have to do, what is at stake, until when, and where to act."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypedDict

from core.figures.wording import counted
from core.money import Money
from core.periods import span_in_words


class AmountRow(TypedDict):
    currency: str
    minor: int


@dataclass(frozen=True)
class Kind:
    """What one item and several are called, what the deadline is of, and the page to act on, filtered by `view`."""

    one: str
    several: str
    deadline: str
    page: str
    act: str
    view: Mapping[str, str] = field(default_factory=dict)


def _unanswered(one: str, several: str, page: str, act: str, **view: str) -> Kind:
    """A request to Stripe that got no answer: what became of it is not known yet."""
    unanswered = "without an answer from Stripe"
    return Kind(f"{one} {unanswered}", f"{several} {unanswered}", "", page, act, view)


KINDS = {
    "disputes_to_answer": Kind(
        "dispute needs evidence", "disputes need evidence", "first evidence due", "disputes", "Answer disputes"
    ),
    "fraud_warnings": Kind(
        "payment is reported as fraud and not refunded",
        "payments are reported as fraud and not refunded",
        "",
        "disputes",
        "Review fraud warnings",
        {"show": "fraud warnings"},
    ),
    "past_due_subscriptions": Kind(
        "subscription is past due", "subscriptions are past due", "next retry by Stripe", "recovery", "Recover payments"
    ),
    "retryable_failures": Kind(
        "failed payment can be retried now",
        "failed payments can be retried now",
        "",
        "recovery",
        "Retry payments",
        {"next": "retry now"},
    ),
    "refunds_awaiting": Kind("refund awaits approval", "refunds await approval", "", "refunds", "Approve refunds"),
    "unknown_refund": _unanswered("refund", "refunds", "refunds", "Review refunds", status="unknown"),
    "unknown_retry": _unanswered("retry", "retries", "recovery", "Review retries"),
    "unknown_recovery_link": _unanswered("payment link", "payment links", "recovery", "Review payment links"),
    "unknown_stop_collection": _unanswered(
        "stop of an invoice's collection", "stops of invoices' collection", "recovery", "Review failed payments"
    ),
    "unknown_payment": _unanswered("customer's payment", "customers' payments", "payments", "Review payments"),
    "unknown_create_subscription": _unanswered(
        "new subscription", "new subscriptions", "subscriptions", "Review subscriptions"
    ),
    "unknown_cancel_subscription": _unanswered(
        "cancellation", "cancellations", "subscriptions", "Review subscriptions"
    ),
    "unknown_accept_dispute": _unanswered("accepted dispute", "accepted disputes", "disputes", "Review disputes"),
    "unknown_submit_evidence": _unanswered(
        "submission of evidence", "submissions of evidence", "disputes", "Review disputes"
    ),
    "failed_events": Kind(
        "event could not be applied", "events could not be applied", "next attempt", "events", "Review events"
    ),
    "waiting_consultations": Kind(
        "patient has waited too long for a provider",
        "patients have waited too long for a provider",
        "",
        "assignments",
        "Assign providers",
        {"show": "waiting"},
    ),
    "misplaced_consultations": Kind(
        "consultation is with a provider who may not see the patient",
        "consultations are with providers who may not see the patient",
        "",
        "assignments",
        "Reassign consultations",
        {"show": "to move"},
    ),
    "expiring_licences": Kind(
        "licence ends within 30 days or has ended",
        "licences end within 30 days or have ended",
        "first ends",
        "providers",
        "Renew licences",
    ),
    "open_incidents": Kind("open incident", "open incidents", "", "errors", "Review incidents"),
}


class Row(TypedDict):
    """What SQL counted of one kind."""

    kind: str
    items: int
    at_stake: list[AmountRow]
    deadline: str | None
    oldest: str | None


@dataclass(frozen=True)
class ActionItem:
    """One line of the list: `7 disputes need evidence`, `$634.10`, its deadline or since when the oldest is open."""

    what: str
    at_stake: str
    deadline: datetime | None
    when: str
    kind: Kind


def in_words(rows: Iterable[Row], now: datetime) -> list[ActionItem]:
    """The rows in words, in the order they come in."""
    return [_in_words(row, KINDS[row["kind"]], now) for row in rows]


def _in_words(row: Row, kind: Kind, now: datetime) -> ActionItem:
    deadline = datetime.fromisoformat(row["deadline"]) if row["deadline"] else None
    when = ""
    if deadline and kind.deadline:
        when = f"{kind.deadline} in {span_in_words(deadline - now)}"
    elif row["oldest"]:
        when = f"oldest for {span_in_words(now - datetime.fromisoformat(row['oldest']))}"
    return ActionItem(
        what=counted(row["items"], kind.one, kind.several),
        at_stake=" and ".join(str(Money(each["minor"], each["currency"])) for each in row["at_stake"]),
        deadline=deadline if kind.deadline else None,
        when=when,
        kind=kind,
    )
