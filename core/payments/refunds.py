"""Refunds: how much can still be refunded, who may refund it, and whose approval it needs."""

import re
import secrets
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, Any, cast

from core.errors import Refused, Unavailable
from core.money import Money
from core.payments import actions, ids, limits, private_text
from core.payments.actions import Action
from core.payments.context import PaymentContext
from core.payments.disputes.dispute_statuses import TO_ANSWER, WITH_BANK, is_inquiry
from core.staff import roles
from core.staff.flags import Flow
from core.staff.roles import Actor, Right

if TYPE_CHECKING:
    from core.stripe_gateway import RefundCreateParams

PAGE = "refunds"
NOT_THERE = ("not_mirrored", "not_captured")  # the mirror may be behind: Stripe is asked before anybody is told
_AMOUNT = re.compile(r"[A-Za-z]{0,3}\s?[$€£¥₹]?\s?(\d{1,3}(?:,\d{3})+|\d{1,12})(?:\.(\d{1,3}))?", re.ASCII)
OPEN = (*TO_ANSWER, *WITH_BANK)
STATUSES = {
    "awaiting_approval": "Awaiting approval",
    "sending": "Being sent",
    "unknown": "No answer from Stripe yet",
    "pending": "Pending",
    "requires_action": "Waiting for the customer",
    "succeeded": "Refunded",
    "failed": "Failed, money not returned",
    "canceled": "Canceled",
    "refused": "Refused by Stripe",
    "rejected": "Rejected",
}


class StripeReason(StrEnum):
    """The reason that Stripe is told; `FRAUDULENT` also trains its fraud filter."""

    REQUESTED = "requested_by_customer"
    DUPLICATE = "duplicate"
    FRAUDULENT = "fraudulent"


REASONS = {
    StripeReason.REQUESTED: "Requested by the customer",
    StripeReason.DUPLICATE: "Duplicate",
    StripeReason.FRAUDULENT: "Fraudulent",
}
EXPIRED_UNCAPTURED = "expired_uncaptured_charge"  # Stripe's own reason: an authorization that was never captured


def reason_in_words(reason: str | None) -> str:
    """A refund's reason as tables and details show it: Stripe's in words, a person's as written."""
    if reason == EXPIRED_UNCAPTURED:
        return "Authorization expired"
    return REASONS.get(StripeReason(reason), "") if reason in set(StripeReason) else reason or ""


@dataclass(frozen=True)
class Preview:
    """What a refund of this payment affects.

    `why_not` says why nothing can be refunded, and is empty where something can. `alone_minor` is what support has
    refunded without approval. `balance` is what is available at Stripe, in the currency that the payment was settled
    in, and None where Stripe did not say. `fee_kept` is in that currency too.
    """

    payment_intent_id: str
    captured: Money
    refunded: Money
    in_flight: Money
    left: Money
    awaiting: Money
    fee_kept: Money | None
    balance: Money | None
    fraud_warning: bool
    disputes: list[dict[str, Any]]
    subscription_id: str | None
    consultation: dict[str, Any] | None
    alone_minor: int
    why_not: str

    @property
    def refundable(self) -> bool:
        return not self.why_not


def new_id() -> str:
    """An id for a form when it is drawn: however often the form is sent, it is one refund."""
    return "ref_" + secrets.token_hex(12)


def preview(context: PaymentContext, payment_intent_id: str) -> Preview:
    """Raises `Refused` for a payment that collected no money, and for one whose charge is not mirrored yet."""
    ids.require(payment_intent_id, ids.PAYMENT_INTENT, "The payment")
    row = context.db.call("refund_preview", payment_intent_id=payment_intent_id)
    if row.get("code") in NOT_THERE and _mirrored(context, payment_intent_id):
        row = context.db.call("refund_preview", payment_intent_id=payment_intent_id)
    if row.get("code") in NOT_THERE:
        raise Refused(row["code"], row["sentence"])

    def money(name: str) -> Money:
        return Money(row[name], row["currency"])

    settled_in = row["settlement_currency"]
    return Preview(
        payment_intent_id,
        captured=money("captured_minor"),
        refunded=money("refunded_minor"),
        in_flight=money("in_flight_minor"),
        left=money("left_minor"),
        awaiting=money("awaiting_minor"),
        fee_kept=Money(row["fee_minor"], settled_in) if row["fee_minor"] is not None else None,
        balance=_available(context, settled_in),
        fraud_warning=row["fraud_warning"],
        disputes=row["disputes"],
        subscription_id=row["subscription_id"],
        consultation=row["consultation"],
        alone_minor=row["alone_minor"],
        why_not=row.get("sentence") or "",
    )


def consequences(found: Preview, amount: Money, *, deciding: bool = False) -> list[str]:
    """What a refund of this amount leads to, the most important first, one sentence each.

    `deciding` is for the person who approves it, who knows that it awaits approval.
    """
    told = []
    if found.balance is not None and found.balance.currency == amount.currency and found.balance < amount:
        told.append(f"Only {found.balance} is available at Stripe. The refund may stay pending until more comes in.")
    awaiting = found.awaiting - amount if deciding else found.awaiting
    if awaiting.minor:
        told.append(f"Another refund of {awaiting} for this payment is awaiting approval.")
    told += _about_disputes(found.disputes)
    if found.fraud_warning:
        told.append("The issuer reported this payment as fraud. A refund now avoids most disputes.")
    if found.fee_kept is not None and found.fee_kept.minor:
        told.append(f"Stripe keeps its fee of {found.fee_kept}.")
    if found.subscription_id:
        told.append("The subscription continues. Cancel it separately if it should end.")
    if found.consultation:
        told.append(_about(found.consultation))
    rest = found.left - amount
    told.append(f"{rest} can still be refunded afterwards." if rest.minor else "Nothing is left to refund afterwards.")
    return told


def _about_disputes(found: list[dict[str, Any]]) -> list[str]:
    told = []
    if any(is_inquiry(dispute["status"]) and dispute["status"] in OPEN for dispute in found):
        told.append("The bank has asked about this payment. Only a full refund ends the inquiry.")
    for dispute in found:
        if not is_inquiry(dispute["status"]) and dispute["status"] in OPEN:
            disputed = Money(dispute["amount_minor"], dispute["currency"])
            told.append(f"{disputed} of this payment is disputed. Do not refund the same amount twice.")
    return told


def amount_of(typed: str, currency: str) -> Money | None:
    """`40`, `40.5` or `$1,040.50` in this currency; None for what is not an amount in it."""
    matched = _AMOUNT.fullmatch(typed.strip())
    if matched is None:
        return None
    major = Decimal(f"{matched[1].replace(',', '')}.{matched[2] or 0}")
    money = Money.from_major(major, currency)
    return money if money.major == major else None


def problem_with(found: Preview, amount: Money | None) -> str:
    """Why this amount cannot be refunded, in a sentence for the form; empty where it can."""
    if amount is None:
        return "Enter an amount to refund, such as 40 or 40.50."
    if amount.minor < 1:
        return "Enter an amount above zero."
    if amount > found.left:
        return f"Only {found.left} is left to refund."
    return limits.problem_with_digits(amount) or ""


def needs_approval(context: PaymentContext, actor: Actor, found: Preview, amount: Money) -> bool:
    """Whether this refund needs another person's approval."""
    if roles.right(actor.role, PAGE) >= Right.ACT:
        return False
    return amount.currency != "usd" or found.alone_minor + amount.minor > context.refund_limit_minor


def issue(
    context: PaymentContext,
    actor: Actor,
    refund_id: str,
    payment_intent_id: str,
    amount_minor: int,
    *,
    reason: str,
    stripe_reason: StripeReason = StripeReason.REQUESTED,
    seen_left_minor: int | None = None,
) -> Action:
    """Refund this payment, or request approval where it is needed; the same `refund_id` is one refund.

    With `seen_left_minor` it is refused where another amount is left by now. The action's `state` is done, refused (by
    Stripe), awaiting_approval, or unknown until Stripe answers. Raises `Refused` in the operator's words, and
    `Unauthorised` for a role that may not refund.
    """
    roles.require(actor, PAGE, Right.ACT_LIMITED)
    roles.require_confirmed(actor)
    ids.require(payment_intent_id, ids.PAYMENT_INTENT, "The payment")
    private_text.refuse(reason, "The reason")
    context.flags.require(Flow.REFUNDS)
    alone = roles.right(actor.role, PAGE) >= Right.ACT
    arguments: dict[str, Any] = {
        "id": refund_id,
        "payment_intent_id": payment_intent_id,
        "amount_minor": amount_minor,
        "path": "refunds",
        "params": _params(refund_id, payment_intent_id, amount_minor, stripe_reason),
        "reason": reason,
        "actor": actor.name,
        "role": str(actor.role),
        "limit_minor": None if alone else context.refund_limit_minor,
        "seen_left_minor": seen_left_minor,
    }
    try:
        return actions.begun(context, "begin_refund", **arguments)
    except Refused as refused:
        if refused.code not in NOT_THERE or not _mirrored(context, payment_intent_id):
            raise
    return actions.begun(context, "begin_refund", **arguments)


def _params(
    refund_id: str, payment_intent_id: str, amount_minor: int, stripe_reason: StripeReason
) -> "RefundCreateParams":
    return {
        "payment_intent": payment_intent_id,
        "amount": amount_minor,
        "reason": stripe_reason.value,
        "metadata": {actions.MARK: refund_id},
    }


def _mirrored(context: PaymentContext, payment_intent_id: str) -> bool:
    """Mirror the payment and its charge as Stripe has them now; false where Stripe has no such payment or no answer."""
    try:
        intent = context.stripe.retrieve(f"payment_intents/{payment_intent_id}", expand=["latest_charge"])
    except (Refused, Unavailable):
        return False
    context.mirror(intent)
    charge = intent.get("latest_charge")
    if isinstance(charge, dict):
        context.mirror(charge)
    return True


def decide(context: PaymentContext, actor: Actor, refund_id: str, *, approved: bool) -> Action:
    """Approve or reject a refund that somebody else requested; twice is once. Raises `Refused` for one's own."""
    roles.require(actor, PAGE, Right.APPROVE)
    if approved:
        roles.require_confirmed(actor)
        context.flags.require(Flow.REFUNDS)
    return actions.begun(
        context, "decide_refund", id=refund_id, approved=approved, actor=actor.name, role=str(actor.role)
    )


def awaiting(context: PaymentContext) -> list[Action]:
    """The refunds that await approval, oldest first."""
    return [Action.of(row) for row in context.db.call("refunds_awaiting")]


@dataclass(frozen=True)
class Sought:
    """Which refunds to list; None means all."""

    since: datetime | None = None
    until: datetime | None = None
    status: str | None = None
    currency: str | None = None
    payment_intent_id: str | None = None


@dataclass(frozen=True)
class Page:
    """One page of refunds, newest first, and the id to continue after; None on the last page."""

    rows: list[dict[str, Any]]
    next_after_id: str | None


def newest(
    context: PaymentContext, sought: Sought | None = None, *, after_id: str | None = None, limit: int = 200
) -> Page:
    """Refunds newest first, those at Stripe and those requested here, with who requested each."""
    wanted = {name: value for name, value in vars(sought or Sought()).items() if value is not None}
    found = context.db.call("list_refunds", **wanted, after_id=after_id, limit=limit)
    return Page(found["items"], found["next"])


def one(context: PaymentContext, refund_id: str) -> dict[str, Any] | None:
    """A refund by Stripe's id or ours, with our own record of it under `action`."""
    return cast(dict[str, Any] | None, context.db.call("refund", id=refund_id))


def in_words(action: Action) -> str:
    """The result of a refund, in a sentence."""
    amount = Money(action.amount_minor or 0, action.currency or "usd")
    return {
        "done": f"{amount} is refunded to the customer ({action.result_id}).",
        "refused": f"Not refunded: {action.problem}",
        "awaiting_approval": f"The refund of {amount} needs approval. Finance or an admin has to approve it.",
        "rejected": f"The refund of {amount} was rejected. No money was sent.",
    }.get(
        action.state,
        f"Stripe has not answered about {amount} yet. This is settled automatically, once. Do not send it again.",
    )


def _available(context: PaymentContext, currency: str) -> Money | None:
    try:
        balance = context.stripe.retrieve("balance")
    except (Refused, Unavailable):
        return None
    return Money(sum(one["amount"] for one in balance["available"] if one["currency"] == currency), currency)


def _about(consultation: dict[str, Any]) -> str:
    seen_by = f" with {consultation['provider']}" if consultation["provider"] else ""
    if consultation["status"] in ("waiting", "assigned"):
        state = f"{consultation['status']}{seen_by}"
        return f"Consultation {consultation['id']} stays {state}. Cancel it separately if it should not take place."
    return f"It paid for consultation {consultation['id']}, which is {consultation['status']}{seen_by}."
