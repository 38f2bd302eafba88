"""Action items: what staff have to do, the money at stake, the deadline, and the page to act on."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NotRequired, TypedDict

from core.figures.wording import counted
from core.money import Money
from core.periods import EARLIEST, span_in_words


class AmountRow(TypedDict):
    currency: str
    minor: int
    items: int


class CurrencyCount(TypedDict):
    """How many items are in a currency."""

    currency: str
    items: int


@dataclass(frozen=True)
class Kind:
    """A kind of item: its singular and plural, what its deadline means, and the page to act on, filtered by `view`.

    The page lists exactly these items: where it lists one currency at a time, the item has a link `by_currency`, and
    where it lists a period, the period is `ever`. Without `act` there is nothing to do and no list.
    """

    one: str
    several: str
    deadline: str
    page: str
    act: str
    view: Mapping[str, str] = field(default_factory=dict)
    by_currency: bool = False
    ever: bool = False


def _unanswered(one: str, several: str, page: str) -> Kind:
    """A request to Stripe without an answer yet: the worker asks again, and staff have nothing to do."""
    unanswered = "without an answer from Stripe, which is asked again"
    return Kind(f"{one} {unanswered}", f"{several} {unanswered}", "", page, "")


KINDS = {
    "disputes_to_answer": Kind(
        "dispute needs evidence",
        "disputes need evidence",
        "first evidence due",
        "disputes",
        "Answer disputes",
        {"show": "to answer"},
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
        "subscription is past due",
        "subscriptions are past due",
        "next retry by Stripe",
        "subscriptions",
        "Review subscriptions",
        {"list": "past due"},
        by_currency=True,
    ),
    "retryable_failures": Kind(
        "failed payment can be retried now",
        "failed payments can be retried now",
        "",
        "recovery",
        "Retry payments",
        {"next": "retry now"},
        by_currency=True,
    ),
    "refunds_awaiting": Kind("refund awaits approval", "refunds await approval", "", "refunds", "Approve refunds"),
    "unknown_refund": Kind(
        "refund without an answer from Stripe",
        "refunds without an answer from Stripe",
        "",
        "refunds",
        "Review refunds",
        {"status": "unknown"},
        by_currency=True,
        ever=True,
    ),
    "unknown_retry": _unanswered("retry", "retries", "recovery"),
    "unknown_recovery_link": _unanswered("payment link", "payment links", "recovery"),
    "unknown_stop_collection": _unanswered(
        "stop of an invoice's collection", "stops of invoices' collection", "recovery"
    ),
    "unknown_payment": _unanswered("customer's payment", "customers' payments", "payments"),
    "unknown_create_subscription": _unanswered("new subscription", "new subscriptions", "subscriptions"),
    "unknown_cancel_subscription": _unanswered("cancellation", "cancellations", "subscriptions"),
    "unknown_resume_subscription": _unanswered("withdrawn cancellation", "withdrawn cancellations", "subscriptions"),
    "unknown_pause_collection": _unanswered(
        "pause of a subscription's collection", "pauses of subscriptions' collection", "subscriptions"
    ),
    "unknown_resume_collection": _unanswered(
        "resumption of a subscription's collection", "resumptions of subscriptions' collection", "subscriptions"
    ),
    "unknown_change_plan": _unanswered("change of plan", "changes of plan", "subscriptions"),
    "unknown_accept_dispute": _unanswered("accepted dispute", "accepted disputes", "disputes"),
    "unknown_submit_evidence": _unanswered("submission of evidence", "submissions of evidence", "disputes"),
    "failed_events": Kind(
        "event could not be applied",
        "events could not be applied",
        "next attempt",
        "events",
        "Review events",
        {"outcome": "not applied"},
        ever=True,
    ),
    "waiting_consultations": Kind(
        "patient has waited too long for a provider",
        "patients have waited too long for a provider",
        "",
        "assignments",
        "Assign providers",
        {"show": "waiting too long"},
    ),
    "misplaced_consultations": Kind(  # to be reassigned; the version before knows them by this name
        "consultation is with a provider who may not see the patient",
        "consultations are with providers who may not see the patient",
        "",
        "assignments",
        "Reassign consultations",
        {"show": "to reassign"},
    ),
    "expiring_licences": Kind(
        "licence ends within 30 days or has ended",
        "licences end within 30 days or have ended",
        "first ends",
        "providers",
        "Renew licences",
        {"licences": "ending", "days": "30"},
    ),
    "mismatches": Kind(
        "mismatch in the reconciliation",
        "mismatches in the reconciliation",
        "",
        "reconciliation",
        "Review mismatches",
    ),
    "open_incidents": Kind("open incident", "open incidents", "", "errors", "Review incidents", {"show": "to act on"}),
}


class Row(TypedDict):
    """The counts of one kind, as SQL returns them."""

    kind: str
    items: int
    at_stake: list[AmountRow]
    deadline: str | None
    oldest: str | None
    by_currency: NotRequired[list[CurrencyCount]]


View = Mapping[str, str | list[str]]


@dataclass(frozen=True)
class ActionItem:
    """One line of the list: `7 disputes need evidence`, `$634.10`, its deadline or since when the oldest is open.

    `links` are what to click to act, each with the filters under which its page lists exactly these items.
    """

    what: str
    at_stake: str
    deadline: datetime | None
    when: str
    kind: Kind
    links: Sequence[tuple[str, View]] = ()


def in_words(rows: Iterable[Row], now: datetime) -> list[ActionItem]:
    """The rows as action items in words, in the same order."""
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
        links=_links(row, kind, now),
    )


def _links(row: Row, kind: Kind, now: datetime) -> list[tuple[str, View]]:
    if not kind.act:
        return []
    view: dict[str, str | list[str]] = dict(kind.view)
    if kind.ever:
        view |= {"period": "custom", "days": [EARLIEST.isoformat(), now.date().isoformat()]}
    currencies = [each["currency"] for each in row.get("by_currency") or row["at_stake"]] if kind.by_currency else []
    if not currencies:
        return [(kind.act, view)]
    several = len(currencies) > 1
    return [(f"{kind.act} ({each.upper()})" if several else kind.act, view | {"currency": each}) for each in currencies]
