"""Payments: finding them by what people know about them, and everything about one of them."""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from core.db import Database
from core.errors import Refused
from core.logs import redacted
from core.money import Money
from core.payments import declines
from core.payments.context import PaymentContext
from core.payments.limits import CURRENCIES
from core.staff import audit, roles
from core.staff.audit_words import actor_name
from core.staff.roles import Actor, Right

PAGE = "payments"
STATUSES = {
    "succeeded": "Succeeded",
    "failed": "Failed",
    "incomplete": "Incomplete",
    "requires_action": "Waiting for the customer",
    "processing": "Processing",
    "requires_capture": "Uncaptured",
    "canceled": "Canceled",
    "refunded": "Refunded",
    "disputed": "Disputed",
}
DISPUTED = {
    "won": "Dispute won",
    "lost": "Dispute lost",
    "needs_response": "Disputed",
    "under_review": "Disputed",
    "appeal_needs_response": "Dispute appealed",
    "appeal_under_review": "Dispute appealed",
    "warning_needs_response": "Inquiry",
    "warning_under_review": "Inquiry",
    "warning_closed": "Inquiry closed",
    "prevented": "Dispute prevented",
}
EXPORT_MAX_PAYMENTS = 20_000
COUNTED_AT_MOST = 10_000
_PAGE = 1000
_AMOUNT = re.compile(r"[A-Za-z]{0,3}[$€£¥₹]?\s?(\d{1,3}(?:,\d{3})+|\d{1,12})(?:\.(\d{1,3}))?", re.ASCII)
_EMAIL = re.compile(r"[^\s@]{1,64}@[^\s@]{1,255}")

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Sought:
    """Which payments to find; None means all. `name` is any id or reference that belongs to a payment."""

    name: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    currency: str | None = None
    amounts: Mapping[str, int] | None = None
    last4: str | None = None
    status: str | None = None

    @property
    def everywhere(self) -> bool:
        """Whether the search is by something that few payments share, so that the period does not limit it."""
        return bool(self.name or self.amounts or self.last4)


@dataclass(frozen=True)
class Found:
    """One page of payments, newest first; where the next begins, None on the last; per currency the count and the sum.

    `fresh_at` is when the last event arrived, None before the first.
    """

    items: list[Row]
    next: dict[str, str] | None
    sums: list[dict[str, Any]]
    fresh_at: datetime | None

    @property
    def count(self) -> int:
        return sum(each["payments"] for each in self.sums)


@dataclass(frozen=True)
class Customer:
    """A customer with the e-mail address that was looked up at Stripe."""

    id: str
    payments: int


def sought(
    *,
    name: str = "",
    amount: str = "",
    last4: str = "",
    status: str | None = None,
    currency: str | None = None,
    bounds: tuple[datetime, datetime] | None = None,
) -> Sought:
    """The search that was typed; the period counts only where nothing else narrows it. Raises `Refused`."""
    if last4 and not re.fullmatch(r"\d{4}", last4, re.ASCII):
        raise Refused("bad_last4", "Enter the last four digits of the card.")
    if status is not None and status not in STATUSES:
        raise Refused("bad_status", "Choose one of the statuses.")
    wanted = Sought(
        name=_one_word(name),
        currency=currency,
        amounts=amounts_of(amount) if amount else None,
        last4=last4 or None,
        status=status,
    )
    if bounds is None or wanted.everywhere:
        return wanted
    return Sought(**vars(wanted) | {"since": bounds[0], "until": bounds[1]})


def amounts_of(typed: str) -> dict[str, int]:
    """What `49`, `49.00` or `$1,049.50` is in each currency's minor units. Raises `Refused`."""
    matched = _AMOUNT.fullmatch(typed.strip())
    if matched is None:
        raise Refused("bad_amount", "Enter an amount such as 49 or 1,049.50.")
    try:
        major = Decimal(f"{matched[1].replace(',', '')}.{matched[2] or 0}")
        found = {each: Money.from_major(major, each) for each in CURRENCIES}
    except (InvalidOperation, ValueError) as error:
        raise Refused("bad_amount", "Enter an amount such as 49 or 1,049.50.") from error
    return {each: money.minor for each, money in found.items() if money.major == major}


def place_in_words(place: Mapping[str, str] | None) -> str:
    """The place where the next page begins, as text for the address."""
    return f"{place['created']} {place['id']}" if place else ""


def place_of(words: str | None) -> dict[str, str] | None:
    """The place that `place_in_words` wrote; None for any other text."""
    created, _, payment = (words or "").partition(" ")
    try:
        datetime.fromisoformat(created)
    except ValueError:
        return None
    return {"created": created, "id": payment}


def find(
    db: Database, actor: Actor, wanted: Sought, *, before: Mapping[str, str] | None = None, limit: int = 50
) -> Found:
    """One page of the payments found, `limit` of them (at most 1,000); sums cover the first `COUNTED_AT_MOST`."""
    roles.require(actor, PAGE, Right.SEE)
    found = db.call("find_payments", sought=asdict(wanted) | {"before": before}, limit=limit)
    fresh = found["fresh_at"] and datetime.fromisoformat(found["fresh_at"])
    return Found(found["items"], found["next"], found["sums"], fresh)


def exported(db: Database, actor: Actor, wanted: Sought, now: datetime) -> list[Row]:
    """All payments found, at most `EXPORT_MAX_PAYMENTS`; the export is in the audit log."""
    page = find(db, actor, wanted, limit=_PAGE)
    taken = list(page.items)
    while page.next is not None and len(taken) < EXPORT_MAX_PAYMENTS:
        page = find(db, actor, wanted, before=page.next, limit=_PAGE)
        taken += page.items
    audit.record(db, actor, "payments:list:exported", "payments:list", now, after={"payments": len(taken)})
    return taken


def customers_of_email(context: PaymentContext, actor: Actor, email: str) -> list[Customer]:
    """Ask Stripe for the customers with this address. The address is not stored; who asked and what was found is."""
    roles.require(actor, PAGE, Right.SEE)
    given = email.strip()
    if not _EMAIL.fullmatch(given):
        raise Refused("bad_email", "Enter a complete e-mail address.")
    # Stripe's list is case-sensitive, and most addresses are stored in lower case.
    ids = [
        str(one["id"])
        for form in dict.fromkeys((given, given.lower()))
        for one in context.stripe.each("customers", email=form)
    ]
    found = list(dict.fromkeys(ids))
    audit.record(
        context.db, actor, "payments:email:looked-up", "customers:by-email", context.clock(), after={"customers": found}
    )
    return [Customer(each, _payments_of(context, actor, each)) for each in found]


def life(db: Database, actor: Actor, payment_intent_id: str) -> dict[str, Any] | None:
    """Everything known about one payment, by kind; None where there is no such payment."""
    roles.require(actor, PAGE, Right.SEE)
    found: dict[str, Any] | None = db.call("payment_life", payment_intent_id=payment_intent_id)
    return found


def add_note(db: Database, actor: Actor, payment_intent_id: str, note: str, now: datetime) -> None:
    """Add a note to the payment. Raises `Refused` for an empty or overlong one, and for private data."""
    roles.require(actor, PAGE, Right.SEE)
    if redacted(note) != note:
        raise Refused("note_private", "Leave out card numbers, e-mail addresses, phone numbers and keys.")
    db.call(
        "add_payment_note",
        payment_intent_id=payment_intent_id,
        note=note,
        actor=actor.name,
        role=str(actor.role),
        now=now,
    )


def withdraw_note(db: Database, actor: Actor, note_id: int, now: datetime) -> None:
    """Remove the text of a note: one's own, or anybody's as an admin. That there was a note stays recorded."""
    roles.require(actor, PAGE, Right.SEE)
    db.call(
        "withdraw_payment_note",
        note_id=note_id,
        any=actor.role is roles.Role.ADMIN,
        actor=actor.name,
        role=str(actor.role),
        now=now,
    )


def status_in_words(payment: Row) -> str:
    """`Succeeded`, `Refunded`, `Partially refunded`, `Dispute lost`, `Failed: insufficient funds`."""
    if dispute := payment.get("dispute_status"):
        return DISPUTED.get(dispute, "Disputed")
    refunded, captured = payment.get("refunded_minor") or 0, payment.get("captured_minor") or 0
    if refunded:
        return "Refunded" if refunded >= captured else "Partially refunded"
    said = STATUSES.get(payment["status"], str(payment["status"]).replace("_", " "))
    reason = payment.get("decline_code")
    return f"{said}: {_lower(declines.in_words(reason))}" if reason and payment["status"] == "failed" else said


def _lower(words: str) -> str:
    return words[:1].lower() + words[1:]


def may_withdraw(actor: Actor, note: Row) -> bool:
    """Whether `actor` may remove the text of this note."""
    return note["written_by"] == actor.name or actor.role is roles.Role.ADMIN


def open_actions(life: Mapping[str, Any]) -> list[str]:
    """What was started on this payment and is not finished, one sentence each."""
    told = []
    for one in life["actions"]:
        what = one["kind"].replace("_", " ")
        amount = f" of {Money(one['amount_minor'], one['currency'])}" if one["amount_minor"] else ""
        if one["state"] == "awaiting_approval":
            told.append(f"A {what}{amount}, requested by {actor_name(one['requested_by'])}, is awaiting approval.")
        elif one["state"] in ("sending", "unknown"):
            told.append(f"Stripe has not answered about a {what}{amount} yet. This is settled automatically, once.")
    return told


def sentence(found: Found, span: str) -> str:
    """How many payments were found, how they went, and what was collected."""
    if not found.count:
        return f"No payments found {span}."
    many = found.count >= COUNTED_AT_MOST
    succeeded, failed = (sum(each[name] for each in found.sums) for name in ("succeeded", "failed"))
    came = [str(Money(each["received_minor"], each["currency"])) for each in found.sums if each["received_minor"]]
    total = "more than " if many else ""
    payments = "1 payment" if found.count == 1 else f"{total}{found.count:,} payments"
    together = " and ".join(part for part in (", ".join(came[:-1]), *came[-1:]) if part)
    brought = f"; {together} collected" if came and not many else ""
    went = f"{succeeded:,} succeeded, {failed:,} failed" if not many else f"of the first, {succeeded:,} succeeded"
    return f"{payments} {span}: {went}{brought}."


def _payments_of(context: PaymentContext, actor: Actor, customer_id: str) -> int:
    return find(context.db, actor, Sought(name=customer_id), limit=1).count


def _one_word(name: str) -> str | None:
    """Without blanks; a character that no database stores becomes a question mark, which finds nothing."""
    signs = (sign if sign.isprintable() else "?" for sign in name if not sign.isspace())
    return "".join(signs)[:200] or None
