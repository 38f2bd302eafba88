"""Refunds: how much may still go back, who may send it, and who has to agree."""

import secrets
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, cast

from core.errors import Refused, Unavailable
from core.money import Money
from core.payments import actions
from core.payments.actions import Action
from core.payments.context import PaymentContext
from core.staff import roles
from core.staff.flags import Flow
from core.staff.roles import Actor, Right

PAGE = "refunds"
STATUSES = {
    "awaiting_approval": "Awaits approval",
    "sending": "Being sent",
    "unknown": "Stripe has not answered",
    "pending": "Pending at the bank",
    "requires_action": "Waits for the customer",
    "succeeded": "Refunded",
    "failed": "Failed: the customer has nothing",
    "canceled": "Canceled",
    "refused": "Refused by Stripe",
    "rejected": "Rejected",
}


class StripeReason(StrEnum):
    """Why, in Stripe's words; `FRAUDULENT` also teaches its fraud filter."""

    REQUESTED = "requested_by_customer"
    DUPLICATE = "duplicate"
    FRAUDULENT = "fraudulent"


REASONS = {
    StripeReason.REQUESTED: "The customer asked for it",
    StripeReason.DUPLICATE: "Charged twice",
    StripeReason.FRAUDULENT: "Fraud",
}


@dataclass(frozen=True)
class Preview:
    """What a refund of this payment would touch; `alone_minor` is what support sent back of it alone so far.

    `balance` is what is there at Stripe to pay it from; None where Stripe did not say.
    """

    payment_intent_id: str
    captured: Money
    refunded: Money
    in_flight: Money
    left: Money
    awaiting: Money
    fee_kept: Money | None
    balance: Money | None
    charged_back: bool
    fraud_warning: bool
    disputes: list[dict[str, Any]]
    subscription_id: str | None
    consultation: dict[str, Any] | None
    alone_minor: int

    @property
    def refundable(self) -> bool:
        return self.left.minor > 0 and not self.charged_back

    @property
    def why_not(self) -> str:
        """Why nothing can be sent back, in a sentence; empty where something can."""
        if self.charged_back:
            return "The customer disputes this payment: answer or accept the dispute instead."
        return "" if self.left.minor > 0 else "All of this payment was refunded already."


def new_id() -> str:
    """For a form when it is drawn: sent twice, it is one refund."""
    return "ref_" + secrets.token_hex(12)


def preview(context: PaymentContext, payment_intent_id: str) -> Preview:
    """Raises `Refused` for a payment that took no money."""
    row = context.db.call("refund_preview", payment_intent_id=payment_intent_id)
    if row is None:
        raise Refused("not_captured", "No money was taken for this payment, so none can be refunded.")

    def money(name: str) -> Money:
        return Money(row[name], row["currency"])

    return Preview(
        payment_intent_id,
        captured=money("captured_minor"),
        refunded=money("refunded_minor"),
        in_flight=money("in_flight_minor"),
        left=money("left_minor"),
        awaiting=money("awaiting_minor"),
        fee_kept=money("fee_minor") if row["fee_minor"] is not None else None,
        balance=_available(context, row["currency"]),
        charged_back=row["charged_back"],
        fraud_warning=row["fraud_warning"],
        disputes=row["disputes"],
        subscription_id=row["subscription_id"],
        consultation=row["consultation"],
        alone_minor=row["alone_minor"],
    )


def consequences(found: Preview, amount: Money, *, deciding: bool = False) -> list[str]:
    """What a refund of this much brings with it, the most important first, a sentence each.

    `deciding` is for the person who approves it, to whom it is not news that it awaits approval.
    """
    told = []
    if found.balance is not None and found.balance < amount:
        told.append(f"{found.balance} is available at Stripe: the refund may stay pending until enough has come in.")
    awaiting = found.awaiting - amount if deciding else found.awaiting
    if awaiting.minor:
        told.append(f"Another refund of {awaiting} of this payment awaits approval.")
    if any(dispute["status"].startswith("warning_") for dispute in found.disputes):
        told.append("The bank has asked about this payment: only a refund of all of it ends the inquiry.")
    if found.fraud_warning:
        told.append("The bank reported this payment as fraud: a refund now avoids most disputes.")
    if found.fee_kept is not None and found.fee_kept.minor:
        told.append(f"Stripe keeps its fee of {found.fee_kept}.")
    if found.subscription_id:
        told.append("The subscription goes on: whoever wants it to end has to cancel it as well.")
    if found.consultation:
        told.append(_about(found.consultation))
    rest = found.left - amount
    told.append(f"{rest} can still be refunded afterwards." if rest.minor else "Nothing is left to refund afterwards.")
    return told


def needs_approval(context: PaymentContext, actor: Actor, found: Preview, amount: Money) -> bool:
    """Whether another person has to agree before this much goes back."""
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
    """Send money back, or ask another person to where `actor` may not alone; the same `refund_id` is one refund.

    With `seen_left_minor` it is refused where something else than that is left by now.
    `state` says what became of it: done, refused by Stripe, awaiting_approval, or unknown until Stripe answers.
    Raises `Refused` in the operator's words where it is too much, `Unauthorised` for a role that only sees.
    """
    roles.require(actor, PAGE, Right.ACT_LIMITED)
    roles.require_confirmed(actor)
    context.flags.require(Flow.REFUNDS)
    alone = roles.right(actor.role, PAGE) >= Right.ACT
    return actions.begun(
        context,
        "begin_refund",
        id=refund_id,
        payment_intent_id=payment_intent_id,
        amount_minor=amount_minor,
        stripe_reason=str(stripe_reason),
        reason=reason,
        actor=actor.name,
        role=str(actor.role),
        limit_minor=None if alone else context.refund_limit_minor,
        seen_left_minor=seen_left_minor,
    )


def decide(context: PaymentContext, actor: Actor, refund_id: str, *, approved: bool) -> Action:
    """Approve or reject what somebody else asked for; twice is once. Raises `Refused` for one's own."""
    roles.require(actor, PAGE, Right.APPROVE)
    if approved:
        roles.require_confirmed(actor)
        context.flags.require(Flow.REFUNDS)
    return actions.begun(
        context, "decide_refund", id=refund_id, approved=approved, actor=actor.name, role=str(actor.role)
    )


def awaiting(context: PaymentContext) -> list[Action]:
    """What waits for another person, the oldest first."""
    return [Action.of(row) for row in context.db.call("refunds_awaiting")]


@dataclass(frozen=True)
class Sought:
    """Which refunds are wanted; None wants all."""

    since: datetime | None = None
    until: datetime | None = None
    status: str | None = None
    currency: str | None = None
    payment_intent_id: str | None = None


@dataclass(frozen=True)
class Page:
    """Some refunds, newest first, and the id to go on after; None where nothing older fits."""

    rows: list[dict[str, Any]]
    next_after_id: str | None


def newest(
    context: PaymentContext, sought: Sought | None = None, *, after_id: str | None = None, limit: int = 200
) -> Page:
    """Refunds newest first, at Stripe and here, with who asked for each."""
    wanted = {name: value for name, value in vars(sought or Sought()).items() if value is not None}
    found = context.db.call("list_refunds", **wanted, after_id=after_id, limit=limit)
    return Page(found["items"], found["next"])


def one(context: PaymentContext, refund_id: str) -> dict[str, Any] | None:
    """A refund by Stripe's id or ours, with what was written down about it here under `action`."""
    return cast(dict[str, Any] | None, context.db.call("refund", id=refund_id))


def in_words(action: Action) -> str:
    """What became of it, in a sentence for whoever clicked."""
    amount = Money(action.amount_minor or 0, action.currency or "usd")
    return {
        "done": f"{amount} goes back to the customer ({action.result_id}).",
        "refused": f"Not refunded: {action.problem}",
        "awaiting_approval": f"{amount} is above what support refunds alone: another person has to approve it.",
        "rejected": f"The refund of {amount} was rejected; nothing was sent.",
    }.get(
        action.state,
        f"Stripe has not answered about {amount} yet. It will be settled by itself, once; do not send it again.",
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
        return f"It paid for consultation {consultation['id']}, which stays {state}: cancel it there if it is off."
    return f"It paid for consultation {consultation['id']}, which is {consultation['status']}{seen_by}."
