"""One subscription: what it is now, and its life as phases and as moments in order."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any
from zoneinfo import ZoneInfo

from core.billing.plans import Catalogue, item_in_words
from core.billing.subscription_figures import reason_in_words
from core.db import Database
from core.figures.wording import percent
from core.money import Money
from core.payments.timeline import Moment, Side, Tone
from core.staff.audit_words import actor_name

Row = Mapping[str, Any]
PAUSES = {
    "keep_as_draft": "invoices are kept as drafts",
    "void": "invoices are voided",
    "mark_uncollectible": "invoices are marked uncollectible",
}
STATUSES = {
    "incomplete": "Waiting for the first payment",
    "incomplete_expired": "Never paid",
    "trialing": "On trial",
    "active": "Active",
    "past_due": "Past due",
    "unpaid": "Unpaid",
    "paused": "Paused",
    "canceled": "Canceled",
}
TONES: dict[str, Tone] = {"active": "good", "past_due": "bad", "unpaid": "bad", "paused": "bad"}
DONE = {"done": "done", "refused": "refused", "unknown": "no answer yet", "sending": "in progress"}
ASKED = {
    "cancel_subscription": "Cancellation",
    "resume_subscription": "Withdrawal of the cancellation",
    "pause_collection": "Pause of collection",
    "resume_collection": "Resumption of collection",
    "change_plan": "Change of plan",
}
# Stripe's `billing_reason` of an invoice.
INVOICED_FOR = {
    "subscription_create": "first invoice",
    "subscription_cycle": "renewal",
    "subscription_update": "change of plan",
    "subscription_threshold": "usage threshold reached",
    "manual": "made by hand",
}
FINISHED = ("canceled", "incomplete_expired")


@dataclass(frozen=True)
class Phase:
    """What a subscription was in [starts_at, ends_at); `ends_at` is None for the present phase."""

    starts_at: datetime
    ends_at: datetime | None
    status: str
    pause: str | None
    scheduled: bool
    items: Sequence[Row]
    discounts: Sequence[Row]
    price_minor: int
    monthly_minor: int


@dataclass(frozen=True)
class Life:
    """Everything known about one subscription; its times are in `zone`."""

    zone: ZoneInfo
    subscription: Row
    patient_id: str | None
    currency: str
    monthly_minor: int
    phases: list[Phase]
    invoices: Sequence[Row]
    actions: Sequence[Row]

    @property
    def id(self) -> str:
        return str(self.subscription["id"])

    @property
    def status(self) -> str:
        return str(self.subscription["status"])

    @property
    def ends_at(self) -> datetime | None:
        """When it is set to end; None if it continues."""
        one = self.subscription
        when = one["cancel_at"] or (one["current_period_end"] if one["cancel_at_period_end"] else None)
        return datetime.fromisoformat(when).astimezone(self.zone) if when else None

    @property
    def period_ends_at(self) -> datetime | None:
        when = self.subscription["current_period_end"]
        return datetime.fromisoformat(when).astimezone(self.zone) if when else None

    @property
    def over(self) -> bool:
        return self.status in FINISHED

    @property
    def in_progress(self) -> bool:
        """Whether a change of it was sent to Stripe and its answer has not come."""
        return any(each["state"] in ("sending", "unknown") for each in self.actions)

    @property
    def seen(self) -> dict[str, Any]:
        """What the user sees before a change, which is refused if this has changed since."""
        one = self.subscription
        return {
            "status": one["status"],
            "ends": bool(one["cancel_at_period_end"] or one["cancel_at"]),
            "pause": one["pause_behavior"],
            "items": [[each["id"], each["price_id"], each["quantity"]] for each in one["items"]],
        }


def load(db: Database, subscription_id: str, *, zone: ZoneInfo) -> Life | None:
    """The subscription's life; None if there is no such subscription."""
    found = db.call("subscription_life", id=subscription_id)
    if found is None:
        return None
    one = found["subscription"]
    return Life(
        zone=zone,
        subscription=one,
        patient_id=found["patient_id"],
        currency=one["currency"] or "usd",
        monthly_minor=found["monthly_minor"],
        phases=phases_of(found["history"], zone),
        invoices=found["invoices"],
        actions=found["actions"],
    )


def phases_of(history: Sequence[Row], zone: ZoneInfo) -> list[Phase]:
    """The items of each phase together, its times in `zone`; the rows are in order of time and place."""
    return [_phase(list(rows), zone) for _, rows in groupby(history, key=lambda row: row["starts_at"])]


def sentence(life: Life) -> str:
    """`Active: $29.00 a month, set to end on 3 Dec 2026.`"""
    said = STATUSES.get(life.status, life.status.replace("_", " ").capitalize())
    if life.over:
        why = reason_in_words(life.subscription["cancellation_reason"], life.subscription["cancellation_feedback"])
        return f"{said}{': ' + why[0].lower() + why[1:] if why else ''}. It brought {_monthly(life)} a month."
    parts = [f"{said}: {_monthly(life)} a month"]
    if pause := life.subscription["pause_behavior"]:
        parts.append(f"collection is paused, {PAUSES.get(pause, pause)}")
    if life.ends_at:
        parts.append(f"set to end on {life.ends_at:%-d %b %Y}")
    return f"{', '.join(parts)}."


def moments(life: Life, names: Catalogue) -> list[Moment]:
    """Its life in order, oldest first."""
    told = [*_changes(life, names), *_invoices(life), *_asked(life)]
    return sorted(told, key=lambda moment: moment.at)


def _changes(life: Life, names: Catalogue) -> Iterator[Moment]:
    before: Phase | None = None
    for phase in life.phases:
        if before is None:
            plan = ", ".join(item_in_words(each, life.currency, names) for each in phase.items)
            yield _moment(phase.starts_at, f"Started: {STATUSES.get(phase.status, phase.status).lower()}", plan, "good")
        else:
            yield from _between(before, phase, life, names)
        before = phase
    if before is not None and before.ends_at is not None:
        why = reason_in_words(life.subscription["cancellation_reason"], life.subscription["cancellation_feedback"])
        lost = f"{Money(before.monthly_minor, life.currency)} a month lost" if before.monthly_minor else ""
        yield _moment(before.ends_at, "Ended", "; ".join(each for each in (why, lost) if each), "bad")


def _between(before: Phase, after: Phase, life: Life, names: Catalogue) -> Iterator[Moment]:
    """What changed from one phase to the next, each in a line of its own."""
    at, currency = after.starts_at, life.currency
    if before.status != after.status:
        yield _moment(at, STATUSES.get(after.status, after.status), "", TONES.get(after.status, "plain"))
    if _terms(before) != _terms(after):
        was, now = (", ".join(item_in_words(i, currency, names) for i in phase.items) for phase in (before, after))
        more = after.price_minor >= before.price_minor
        yield _moment(at, "Plan changed", f"{was} → {now}", "good" if more else "plain")
    if [each.get("id") for each in before.discounts] != [each.get("id") for each in after.discounts]:
        now = ", ".join(_discount(each, currency) for each in after.discounts)
        yield _moment(at, "Discount changed", now or "no discount any more")
    if before.pause != after.pause:
        if after.pause:
            yield _moment(at, "Collection paused", PAUSES.get(after.pause, after.pause), "bad")
        else:
            yield _moment(at, "Collection resumed", tone="good")
    if before.scheduled != after.scheduled:
        yield _moment(at, "Set to cancel" if after.scheduled else "Cancellation withdrawn", tone="plain")
    if before.monthly_minor != after.monthly_minor:
        was, now = (str(Money(each.monthly_minor, currency)) for each in (before, after))
        yield _moment(at, f"MRR {was} → {now}")


def _terms(phase: Phase) -> list[tuple[Any, Any]]:
    return [(each.get("price_id"), each.get("quantity")) for each in phase.items]


def _discount(discount: Row, currency: str) -> str:
    if discount.get("percent") is not None:
        return f"{percent(float(discount['percent']) / 100)} off"
    amount = (discount.get("amounts") or {}).get(currency)
    return f"{Money(int(amount), currency)} off" if amount is not None else "a discount"


def _invoices(life: Life) -> Iterator[Moment]:
    for invoice in life.invoices:
        due = Money(invoice["amount_due_minor"], invoice["currency"])
        reason = invoice["billing_reason"] or ""
        why = INVOICED_FOR.get(reason, reason.replace("_", " "))
        at = invoice["finalized_at"] or invoice["created"]
        tries = f", {invoice['attempt_count']} attempts" if (invoice["attempt_count"] or 0) > 1 else ""
        yield _invoice(at, f"Invoice of {due}", f"{why}{tries}", invoice["id"])
        if invoice["paid_at"] and invoice["amount_due_minor"]:
            paid = Money(invoice["amount_paid_minor"], invoice["currency"])
            yield _invoice(invoice["paid_at"], f"{paid} paid", "", invoice["id"], "good")
        if invoice["voided_at"]:
            yield _invoice(invoice["voided_at"], "Invoice voided", "", invoice["id"])
        if invoice["marked_uncollectible_at"]:
            yield _invoice(invoice["marked_uncollectible_at"], "Invoice uncollectible", "", invoice["id"], "bad")


def _asked(life: Life) -> Iterator[Moment]:
    for action in life.actions:
        what = ASKED.get(action["kind"], action["kind"].replace("_", " ").capitalize())
        said = DONE.get(action["state"], action["state"])
        more = " ".join(str(each) for each in (action["reason"], action["problem"]) if each)
        tone: Tone = "bad" if action["state"] == "refused" else "plain"
        at = datetime.fromisoformat(action["requested_at"])
        yield Moment(at, Side.STAFF, f"{what} by {actor_name(action['requested_by'])}: {said}", more, "", tone)


def _moment(at: datetime, title: str, details: str = "", tone: Tone = "plain") -> Moment:
    return Moment(at, Side.SUBSCRIPTION, title, details, "", tone)


def _invoice(at: str, title: str, details: str, invoice_id: str, tone: Tone = "plain") -> Moment:
    return Moment(datetime.fromisoformat(at), Side.PAYMENT, title, details, invoice_id, tone)


def _phase(rows: list[Row], zone: ZoneInfo) -> Phase:
    first = rows[0]
    ends = None if first["ends_at"] == "infinity" else datetime.fromisoformat(first["ends_at"]).astimezone(zone)
    return Phase(
        starts_at=datetime.fromisoformat(first["starts_at"]).astimezone(zone),
        ends_at=ends,
        status=first["status"],
        pause=first["pause_behavior"],
        scheduled=first["scheduled_to_cancel"],
        items=[each["item"] for each in rows],
        discounts=first["discounts"],
        price_minor=sum(each["price_minor"] for each in rows),
        monthly_minor=sum(each["monthly_minor"] for each in rows),
    )


def _monthly(life: Life) -> str:
    return str(Money(life.monthly_minor, life.currency))
