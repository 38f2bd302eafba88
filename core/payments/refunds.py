"""Refunds: refunding a payment, approving what needs approval, and the list."""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from core.errors import Refused
from core.money import Money
from core.payments import actions, ids, private_text
from core.payments.actions import Action
from core.payments.context import PaymentContext
from core.payments.refund_preview import NOT_THERE, Preview, mirrored
from core.payments.rows import FoundRefunds, RefundDetails, RefundRow
from core.staff import roles
from core.staff.flags import Flow
from core.staff.roles import Actor, Right

if TYPE_CHECKING:
    from core.stripe_gateway import RefundCreateParams

PAGE = "refunds"
TELL_OF_REJECTION_FOR = timedelta(days=7)
STATUSES = {
    "awaiting_approval": "Awaiting approval",
    "sending": "In progress",
    "unknown": "No answer from Stripe yet",
    "pending": "Pending",
    "requires_action": "Waiting for the customer",
    "succeeded": "Refunded",
    "failed": "Failed, money not returned",
    "canceled": "Canceled",
    "refused": "Refused by Stripe",
    "rejected": "Rejected",
}


# Statuses that a figure counts together, by the word in an address.
GROUPS = {
    "on_the_way": ("pending", "requires_action", "sending", "unknown"),
    "not_made": ("refused", "rejected"),
}


class StripeReason(StrEnum):
    """The reason sent to Stripe; `FRAUDULENT` also trains Stripe's fraud detection."""

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
    """A refund's reason as tables and details show it: Stripe's codes in words, staff's reasons as written."""
    if reason == EXPIRED_UNCAPTURED:
        return "Authorization expired"
    return REASONS.get(StripeReason(reason), "") if reason in set(StripeReason) else reason or ""


def new_id() -> str:
    """A new id for a form: submitting the same form several times makes one refund."""
    return "ref_" + secrets.token_hex(12)


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
    """Refund this payment, or request approval if it is needed; the same `refund_id` is one refund.

    With `seen_left_minor` it is refused if another amount is left by now. The action's `state` is done, refused (by
    Stripe), awaiting_approval, or unknown until Stripe answers. Raises `Refused` if it cannot be refunded, and
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
        if refused.code not in NOT_THERE or not mirrored(context, payment_intent_id):
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


def decide(
    context: PaymentContext, actor: Actor, refund_id: str, *, approved: bool, reason: str | None = None
) -> Action:
    """Approve or reject a refund; deciding again changes nothing.

    A rejection needs a `reason`, which the requester sees. Raises `Refused` for the user's own request.
    """
    roles.require(actor, PAGE, Right.APPROVE)
    if approved:
        roles.require_confirmed(actor)
        context.flags.require(Flow.REFUNDS)
    else:
        private_text.refuse(reason or "", "The reason")
    return actions.begun(
        context,
        "decide_refund",
        id=refund_id,
        approved=approved,
        actor=actor.name,
        role=str(actor.role),
        reason=reason,
    )


def rejected_of(context: PaymentContext, requester: str) -> list[RefundRow]:
    """The refunds that this user requested and that were rejected in the last days, newest first."""
    since = context.clock() - TELL_OF_REJECTION_FOR
    found = newest(context, Sought(since=since, status="rejected"), limit=1000).rows
    return [each for each in found if each["requested_by"] == requester]


def awaiting(context: PaymentContext) -> list[Action]:
    """The refunds that await approval, oldest first."""
    return [Action.of(row) for row in context.db.call("refunds_awaiting")]


@dataclass(frozen=True)
class Sought:
    """Filters for refunds; None means any. `status` is one of the statuses or of their groups."""

    since: datetime | None = None
    until: datetime | None = None
    status: str | None = None
    currency: str | None = None
    payment_intent_id: str | None = None


@dataclass(frozen=True)
class Page:
    """One page of refunds, newest first, and the id to continue after; None on the last page."""

    rows: list[RefundRow]
    next_after_id: str | None


def newest(
    context: PaymentContext, sought: Sought | None = None, *, after_id: str | None = None, limit: int = 200
) -> Page:
    """Refunds at Stripe and refunds requested here, newest first, with who requested each."""
    wanted: dict[str, Any] = {name: value for name, value in vars(sought or Sought()).items() if value is not None}
    if (status := wanted.pop("status", None)) is not None:
        wanted["statuses"] = list(GROUPS.get(status, (status,)))
    found: FoundRefunds = context.db.call("list_refunds", **wanted, after_id=after_id, limit=limit)
    return Page(found["items"], found["next"])


def page_after(context: PaymentContext, sought: Sought, after_id: str | None) -> tuple[list[RefundRow], str | None]:
    """1,000 refunds, newest first, and the id to continue after, for an export of them all."""
    page = newest(context, sought, after_id=after_id, limit=1000)
    return page.rows, page.next_after_id


def one(context: PaymentContext, refund_id: str) -> RefundDetails | None:
    """A refund by Stripe's id or ours, with our own record of it under `action`; None if there is none."""
    found: RefundDetails | None = context.db.call("refund", id=refund_id)
    return found


def in_words(action: Action) -> str:
    """The result of a refund, in a sentence."""
    amount = Money(action.amount_minor or 0, action.currency or "usd")
    return {
        "done": f"{amount} is refunded to the customer ({action.result_id}).",
        "refused": f"Not refunded: {action.problem}",
        "awaiting_approval": f"The refund of {amount} needs approval. Finance or an admin has to approve it.",
        "rejected": f"The refund of {amount} was rejected. No money was sent, and the requester sees why.",
    }.get(
        action.state,
        f"Stripe has not answered about {amount} yet. This is settled automatically, once. Do not send it again.",
    )
