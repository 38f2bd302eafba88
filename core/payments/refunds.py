"""Refunds: how much may still go back, who may send it, and who has to agree."""

import secrets
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, cast

from core.errors import Refused
from core.money import Money
from core.payments import actions
from core.payments.actions import Action
from core.payments.desk import Desk
from core.staff import roles
from core.staff.flags import Flow
from core.staff.roles import Actor, Right

PAGE = "refunds"


class StripeReason(StrEnum):
    """Why, in Stripe's words; `FRAUDULENT` also teaches its fraud filter."""

    REQUESTED = "requested_by_customer"
    DUPLICATE = "duplicate"
    FRAUDULENT = "fraudulent"


@dataclass(frozen=True)
class Preview:
    """What a refund of this payment would touch; `alone_minor` is what support sent back of it alone so far."""

    payment_intent_id: str
    captured: Money
    refunded: Money
    in_flight: Money
    left: Money
    fee_kept: Money | None
    charged_back: bool
    disputes: list[dict[str, Any]]
    consultation: dict[str, Any] | None
    alone_minor: int

    @property
    def refundable(self) -> bool:
        return self.left.minor > 0 and not self.charged_back


def new_id() -> str:
    """For a form when it is drawn: sent twice, it is one refund."""
    return "ref_" + secrets.token_hex(12)


def preview(desk: Desk, payment_intent_id: str) -> Preview:
    """Raises `Refused` for a payment that took no money."""
    row = desk.db.call("refund_preview", payment_intent_id=payment_intent_id)
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
        fee_kept=money("fee_minor") if row["fee_minor"] is not None else None,
        charged_back=row["charged_back"],
        disputes=row["disputes"],
        consultation=row["consultation"],
        alone_minor=row["alone_minor"],
    )


def issue(
    desk: Desk,
    actor: Actor,
    refund_id: str,
    payment_intent_id: str,
    amount_minor: int,
    *,
    reason: str,
    stripe_reason: StripeReason = StripeReason.REQUESTED,
) -> Action:
    """Send money back, or ask another person to where `actor` may not alone; the same `refund_id` is one refund.

    `state` says what became of it: done, refused by Stripe, awaiting_approval, or unknown until Stripe answers.
    Raises `Refused` in the operator's words where it is too much, `Unauthorised` for a role that only sees.
    """
    roles.require(actor, PAGE, Right.ACT_LIMITED)
    desk.flags.require(Flow.REFUNDS)
    alone = roles.right(actor.role, PAGE) >= Right.ACT
    return actions.begun(
        desk,
        "begin_refund",
        id=refund_id,
        payment_intent_id=payment_intent_id,
        amount_minor=amount_minor,
        stripe_reason=str(stripe_reason),
        reason=reason,
        actor=actor.name,
        role=str(actor.role),
        limit_minor=None if alone else desk.refund_limit_minor,
    )


def decide(desk: Desk, actor: Actor, refund_id: str, *, approved: bool) -> Action:
    """Approve or reject what somebody else asked for; twice is once. Raises `Refused` for one's own."""
    roles.require(actor, PAGE, Right.APPROVE)
    if approved:
        desk.flags.require(Flow.REFUNDS)
    return actions.begun(
        desk, "decide_refund", id=refund_id, approved=approved, actor=actor.name, role=str(actor.role)
    )


def awaiting(desk: Desk) -> list[Action]:
    """What waits for another person, the oldest first."""
    return [Action.of(row) for row in desk.db.call("refunds_awaiting")]


def newest(
    desk: Desk, *, status: str | None = None, before: str | None = None, limit: int = 200
) -> list[dict[str, Any]]:
    """Refunds newest first, at Stripe and here, with who asked for each."""
    found = desk.db.call("list_refunds", status=status, before=before, limit=limit)
    return cast(list[dict[str, Any]], found)


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
