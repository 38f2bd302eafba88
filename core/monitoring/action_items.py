"""What needs a person, in words: what it is, what is at stake, until when, and where to act."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from core.money import Money
from core.periods import span_in_words


@dataclass(frozen=True)
class Kind:
    """How one thing and several of them are called, what the deadline is of, and the page to act on, as set by `view`."""

    one: str
    several: str
    deadline: str
    page: str
    act: str
    view: Mapping[str, str] = field(default_factory=dict)


KINDS = {
    "disputes_to_answer": Kind(
        "dispute waits for evidence", "disputes wait for evidence", "first evidence due", "disputes", "Answer disputes"
    ),
    "fraud_warnings": Kind(
        "payment is reported as fraud and not refunded",
        "payments are reported as fraud and not refunded",
        "",
        "disputes",
        "Refund or watch",
        {"show": "fraud warnings"},
    ),
    "past_due_subscriptions": Kind(
        "subscription is overdue", "subscriptions are overdue", "next try by Stripe", "recovery", "Recover payments"
    ),
    "retryable_failures": Kind(
        "failed payment can be tried again now",
        "failed payments can be tried again now",
        "",
        "recovery",
        "Try again",
        {"next": "retry now"},
    ),
    "refunds_awaiting": Kind("refund awaits approval", "refunds await approval", "", "refunds", "Decide about refunds"),
    "unknown_refund": Kind(
        "refund without Stripe's answer",
        "refunds without Stripe's answer",
        "",
        "refunds",
        "Look at refunds",
        {"status": "unknown"},
    ),
    "unknown_retry": Kind(
        "retry without Stripe's answer", "retries without Stripe's answer", "", "recovery", "Look at retries"
    ),
    "unknown_recovery_link": Kind(
        "link to pay without Stripe's answer", "links to pay without Stripe's answer", "", "recovery", "Look at links"
    ),
    "unknown_stop_collection": Kind(
        "stop of an invoice without Stripe's answer",
        "stops of invoices without Stripe's answer",
        "",
        "recovery",
        "Look at failed payments",
    ),
    "unknown_payment": Kind(
        "customer's payment without Stripe's answer",
        "customers' payments without Stripe's answer",
        "",
        "payments",
        "Look at payments",
    ),
    "unknown_create_subscription": Kind(
        "new subscription without Stripe's answer",
        "new subscriptions without Stripe's answer",
        "",
        "subscriptions",
        "Look at subscriptions",
    ),
    "unknown_cancel_subscription": Kind(
        "cancellation without Stripe's answer",
        "cancellations without Stripe's answer",
        "",
        "subscriptions",
        "Look at subscriptions",
    ),
    "unknown_accept_dispute": Kind(
        "accepted dispute without Stripe's answer",
        "accepted disputes without Stripe's answer",
        "",
        "disputes",
        "Look at disputes",
    ),
    "unknown_submit_evidence": Kind(
        "evidence without Stripe's answer",
        "pieces of evidence without Stripe's answer",
        "",
        "disputes",
        "Look at disputes",
    ),
    "failed_events": Kind(
        "event could not be applied", "events could not be applied", "next try", "events", "Look at events"
    ),
    "waiting_consultations": Kind(
        "patient waits too long for a provider",
        "patients wait too long for a provider",
        "",
        "assignments",
        "Assign",
        {"show": "waiting"},
    ),
    "misplaced_consultations": Kind(
        "consultation is with a provider who may not see it",
        "consultations are with providers who may not see them",
        "",
        "assignments",
        "Move them",
        {"show": "to move"},
    ),
    "expiring_licences": Kind(
        "licence ends within 30 days or has ended",
        "licences end within 30 days or have ended",
        "next ends",
        "providers",
        "Renew licences",
    ),
    "open_incidents": Kind("incident is open", "incidents are open", "", "errors", "Look at incidents"),
}


@dataclass(frozen=True)
class Waiting:
    """One line of the list: `7 disputes wait for evidence`, `$634.10`, its deadline or how long it waits."""

    what: str
    at_stake: str
    deadline: datetime | None
    when: str
    kind: Kind


def waiting(rows: Iterable[dict[str, Any]], now: datetime) -> list[Waiting]:
    """The rows in words, in the order they come in."""
    return [_waiting(row, KINDS[row["kind"]], now) for row in rows]


def _waiting(row: dict[str, Any], kind: Kind, now: datetime) -> Waiting:
    deadline = datetime.fromisoformat(row["deadline"]) if row["deadline"] else None
    when = ""
    if deadline and kind.deadline:
        when = f"{kind.deadline} in {span_in_words(deadline - now)}"
    elif row["oldest"]:
        when = f"oldest for {span_in_words(now - datetime.fromisoformat(row['oldest']))}"
    return Waiting(
        what=f"{row['waiting']:,} {kind.one if row['waiting'] == 1 else kind.several}",
        at_stake=" and ".join(str(Money(each["minor"], each["currency"])) for each in row["at_stake"]),
        deadline=deadline if kind.deadline else None,
        when=when,
        kind=kind,
    )
