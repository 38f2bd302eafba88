"""Payments: searching, listing and exporting them."""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from core.db import Database
from core.errors import Refused
from core.money import Money
from core.payments import declines
from core.payments.amount_limits import CURRENCIES
from core.payments.context import PaymentContext
from core.payments.rows import FoundPayments, PaymentRow, PaymentSum, Place
from core.periods import Period
from core.staff import audit, roles
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
# What figures count, by the word in an address.
COUNTED = {
    "decided": "payments that succeeded or failed, by the day of their first attempt",
    "succeeded": "payments that succeeded, by the day of their first attempt",
    "failed": "payments that failed, by the day of their first attempt",
    "abandoned": "payments set up and not attempted within 24 hours",
}
COUNTED_AT_MOST = 10_000
_AMOUNT = re.compile(r"[A-Za-z]{0,3}[$€£¥₹]?\s?(\d{1,3}(?:,\d{3})+|\d{1,12})(?:\.(\d{1,3}))?", re.ASCII)
_EMAIL = re.compile(r"[^\s@]{1,64}@[^\s@]{1,255}")

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Sought:
    """Filters for payments; None means any. `name` is any ID or reference of a payment or of an object on it.

    `counted` are the payments that a figure counts, see `counted_in`.
    """

    name: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    currency: str | None = None
    amounts: Mapping[str, int] | None = None
    last4: str | None = None
    status: str | None = None
    counted: Mapping[str, Any] | None = None

    @property
    def everywhere(self) -> bool:
        """Whether the search covers all time, because few payments share what is searched for."""
        return bool(self.name or self.amounts or self.last4)


@dataclass(frozen=True)
class Found:
    """One page of payments, newest first, where the next begins (None on the last), and totals by currency.

    `fresh_at` is when the last event arrived, None before the first.
    """

    items: list[PaymentRow]
    next: Place | None
    sums: list[PaymentSum]
    fresh_at: datetime | None

    @property
    def count(self) -> int:
        return sum(each["payments"] for each in self.sums)


@dataclass(frozen=True)
class Customer:
    """A customer at Stripe with the e-mail address, and how many payments they made."""

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
    """The filters that were typed; the period applies unless the search covers all time. Raises `Refused`."""
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


def counted_in(what: str, period: Period, currency: str | None, now: datetime) -> Sought:
    """Exactly the payments that a figure counts in a period. Raises `Refused` for what no figure counts."""
    if what not in COUNTED:
        raise Refused("bad_count", "No figure counts these payments.")
    days = {"since": period.since.isoformat(), "until": period.until.isoformat(), "now": now.isoformat()}
    return Sought(currency=currency, counted={"what": what} | days)


def failed_for(db: Database, cause: str, period: Period, currency: str | None, now: datetime) -> Sought:
    """Exactly the payments that the chart of causes counts for one of them. Raises `Refused` for an unknown cause."""
    if cause not in set(declines.Category):
        raise Refused("unknown_cause", "There is no such cause of failure.")
    reasons = [
        each
        for each in db.call("failure_reasons", since=period.since, until=period.until)
        if declines.advice(
            each["code"], advice_code=each["advice_code"] or None, method=each["method_type"] or None
        ).category
        == cause
    ]
    counted = counted_in("failed", period, currency, now).counted or {}
    return Sought(currency=currency, counted={**counted, "reasons": reasons})


def amounts_of(typed: str) -> dict[str, int]:
    """`49`, `49.00` or `$1,049.50` in each currency's minor units. Raises `Refused`."""
    try:
        matched = _AMOUNT.fullmatch(typed.strip())
        major = Decimal(f"{matched[1].replace(',', '')}.{matched[2] or 0}" if matched else "")
        found = {each: Money.from_major(major, each) for each in CURRENCIES}
    except (InvalidOperation, ValueError) as error:
        raise Refused("bad_amount", "Enter an amount such as 49 or 1,049.50.") from error
    return {each: money.minor for each, money in found.items() if money.major == major}


def place_in_words(place: Place | None) -> str:
    """Where the next page begins, as a query parameter."""
    return f"{place['created']} {place['id']}" if place else ""


def place_of(words: str | None) -> Place | None:
    """The place in a query parameter that `place_in_words` wrote; None for any other text."""
    created, _, payment = (words or "").partition(" ")
    try:
        datetime.fromisoformat(created)
    except ValueError:
        return None
    return {"created": created, "id": payment}


def find(db: Database, actor: Actor, wanted: Sought, *, before: Place | None = None, limit: int = 50) -> Found:
    """One page of payments, `limit` of them (at most 1,000); totals cover the first `COUNTED_AT_MOST`."""
    roles.require(actor, PAGE, Right.SEE)
    found: FoundPayments = db.call("find_payments", sought=asdict(wanted) | {"before": before}, limit=limit)
    fresh = datetime.fromisoformat(found["fresh_at"]) if found["fresh_at"] else None
    return Found(found["items"], found["next"], found["sums"], fresh)


def page_after(
    db: Database, actor: Actor, wanted: Sought, before: Place | None
) -> tuple[list[PaymentRow], Place | None]:
    """1,000 of the payments found, newest first, and the place of the next 1,000, for an export of them all."""
    roles.require(actor, PAGE, Right.SEE)
    found: FoundPayments = db.call(
        "find_payments", sought=asdict(wanted) | {"before": before}, limit=1000, with_sums=False
    )
    return found["items"], found["next"]


def customers_of_email(context: PaymentContext, actor: Actor, email: str) -> list[Customer]:
    """Look up the customers with this e-mail address at Stripe. The address is not stored; the lookup is audited."""
    roles.require(actor, PAGE, Right.SEE)
    given = email.strip()
    if not _EMAIL.fullmatch(given):
        raise Refused("bad_email", "Enter a complete e-mail address.")
    # Stripe's filter is case-sensitive, and most addresses are stored in lower case.
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


def sentence(found: Found, span: str) -> str:
    """How many payments were found, how many succeeded and failed, and what was collected."""
    if not found.count:
        return f"No payments found {span}."
    many = found.count >= COUNTED_AT_MOST
    succeeded, failed = sum(each["succeeded"] for each in found.sums), sum(each["failed"] for each in found.sums)
    came = [str(Money(each["received_minor"], each["currency"])) for each in found.sums if each["received_minor"]]
    total = "more than " if many else ""
    payments = "1 payment" if found.count == 1 else f"{total}{found.count:,} payments"
    together = " and ".join(part for part in (", ".join(came[:-1]), *came[-1:]) if part)
    brought = f"; {together} collected" if came and not many else ""
    went = f"{succeeded:,} succeeded, {failed:,} failed" if not many else f"of the first, {succeeded:,} succeeded"
    return f"{payments} {span}: {went}{brought}."


def span(period: Period) -> str:
    """`from 1 Nov 2026 to 3 Nov 2026`, `on 1 Nov 2026`."""
    if period.since == period.until:
        return f"on {period.since:%-d %b %Y}"
    return f"from {period.since:%-d %b %Y} to {period.until:%-d %b %Y}"


def _payments_of(context: PaymentContext, actor: Actor, customer_id: str) -> int:
    return find(context.db, actor, Sought(name=customer_id), limit=1).count


def _one_word(name: str) -> str | None:
    """The text without spaces; a character that cannot be stored becomes a question mark, which matches nothing."""
    signs = (sign if sign.isprintable() else "?" for sign in name if not sign.isspace())
    return "".join(signs)[:200] or None
