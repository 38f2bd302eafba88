"""Collecting failed payments: retrying them now or later, and stopping their retries."""

import hashlib
import secrets
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, TypedDict

import structlog

from core.errors import PayopsError, Refused, Unavailable
from core.payments import actions, private_text
from core.payments.actions import Action
from core.payments.context import PaymentContext
from core.payments.recovery import recovery_links
from core.payments.recovery.recovery_cases import Case, case
from core.payments.recovery.retry_advice import MASTERCARD_DECLINES_24_HOURS, STOP_AT, Failed
from core.staff import roles
from core.staff.flags import Flow
from core.staff.roles import SYSTEM, Actor, Role

if TYPE_CHECKING:
    from core.stripe_gateway import InvoicePayParams, InvoiceUpdateParams, PaymentIntentConfirmParams

log = structlog.get_logger(__name__)

PAGE = "recovery"
LATEST_SCHEDULE = timedelta(days=30)
RETRIED_AT_ONCE = 20


class ScheduledRow(TypedDict):
    """A retry that is scheduled."""

    payment_intent_id: str
    scheduled_at: str
    payment_method_id: str | None
    changed_by: str
    reason: str | None


def done_about(context: PaymentContext, payment_intent_id: str) -> list[Action]:
    """What staff and the worker did about this payment, newest first."""
    return [Action.of(row) for row in context.db.call("recovery_actions", payment_intent_id=payment_intent_id)]


def new_id() -> str:
    """A new id for a form: submitting the same form several times makes one retry."""
    return "rty_" + secrets.token_hex(12)


def retry(
    context: PaymentContext,
    actor: Actor,
    action_id: str,
    payment_intent_id: str,
    *,
    payment_method_id: str | None = None,
    override_reason: str | None = None,
    seen_retries: int | None = None,
) -> Action:
    """Charge it now to the declined card or another saved one; the same `action_id` is one retry.

    An admin can exceed the limits of attempts with a reason. With `seen_retries` it is refused if there were more
    retries since. Raises `Refused` for the same card after a hard decline, and `Unavailable` while retries are paused.
    """
    roles.require(actor, PAGE)
    roles.require_confirmed(actor)
    if override_reason is not None and actor.role is not Role.ADMIN:
        raise Refused("retry_limit", "Only an admin can exceed the limit of attempts.")
    private_text.refuse(override_reason, "The reason")
    context.flags.require(Flow.RETRIES)
    if (known := context.db.call("money_action", id=action_id)) is not None:
        return Action.of(known)
    found = case(context, payment_intent_id)
    card = recovery_links.card_to_charge(context, found.failed, payment_method_id, same_card=found.advice.same_card)
    return _begin_retry(
        context,
        actor,
        action_id,
        found,
        card,
        reason=override_reason,
        override=override_reason is not None,
        seen=seen_retries,
    )


def schedule(
    context: PaymentContext,
    actor: Actor,
    payment_intent_id: str,
    at: datetime,
    *,
    payment_method_id: str | None = None,
    reason: str = "",
) -> None:
    """Have the worker retry it at that time, within 30 days; a new time replaces the old one."""
    roles.require(actor, PAGE)
    roles.require_confirmed(actor)
    private_text.refuse(reason, "The reason")
    context.flags.require(Flow.RETRIES)
    now = context.clock()
    if not now < at <= now + LATEST_SCHEDULE:
        raise Refused("bad_time", f"Choose a time within the next {LATEST_SCHEDULE.days} days.")
    found = case(context, payment_intent_id)
    if found.advice.limit_reached:
        raise Refused("retry_limit", found.advice.warning)
    card = recovery_links.card_to_charge(context, found.failed, payment_method_id, same_card=found.advice.same_card)
    context.db.call(
        "decide_recovery",
        payment_intent_id=payment_intent_id,
        state="scheduled",
        scheduled_at=at,
        payment_method_id=card,
        actor=actor.name,
        role=str(actor.role),
        reason=reason or None,
        now=now,
        action_id=None,
        path=None,
        params=None,
    )


def stop(context: PaymentContext, actor: Actor, payment_intent_id: str, *, reason: str) -> Action | None:
    """Stop all retries, including Stripe's own for an invoice, and close open payment links."""
    roles.require(actor, PAGE)
    roles.require_confirmed(actor)
    recovery_links.close_all(context, payment_intent_id)
    return _decided(context, actor, payment_intent_id, "stopped", reason)


def reopen(context: PaymentContext, actor: Actor, payment_intent_id: str, *, reason: str = "") -> Action | None:
    """Resume a payment whose retries were stopped or scheduled."""
    roles.require(actor, PAGE)
    roles.require_confirmed(actor)
    return _decided(context, actor, payment_intent_id, "open", reason)


def retry_due(context: PaymentContext) -> int:
    """Make the scheduled retries that are due; returns how many. None are made while retries are paused."""
    try:
        context.flags.require(Flow.RETRIES)
    except Unavailable:
        return 0
    due: list[ScheduledRow] = context.db.call("due_retries", most=RETRIED_AT_ONCE, now=context.clock())
    for row in due:
        _retry_scheduled(context, row)
    return len(due)


def in_words(action: Action, card: str = "") -> str:
    """The result of a retry, in a sentence."""
    by = f" with {card}" if card else ""
    return {
        "done": f"Collected{by}.",
        "refused": f"Declined again{by}: {action.problem or 'no reason was given.'}",
    }.get(action.state, "Stripe has not answered yet. This is settled automatically, once. Do not retry it.")


def _begin_retry(
    context: PaymentContext,
    actor: Actor,
    action_id: str,
    found: Case,
    card: str | None,
    *,
    reason: str | None,
    override: bool = False,
    seen: int | None = None,
) -> Action:
    recovery_links.close_all(context, found.id)
    path, params = _charge(found.failed, card)
    action = actions.begun(
        context,
        "begin_retry",
        id=action_id,
        payment_intent_id=found.id,
        path=path,
        params=params,
        actor=actor.name,
        role=str(actor.role),
        reason=reason,
        seen_retries=seen,
        stop_at=STOP_AT,
        card_stop_at=MASTERCARD_DECLINES_24_HOURS,
        override=override,
    )
    _show_at_once(context, found.id)
    return action


def _charge(failed: Failed, card: str | None) -> tuple[str, "InvoicePayParams | PaymentIntentConfirmParams"]:
    """The call to Stripe: pay the invoice, else confirm the payment intent, without the customer."""
    if failed.invoice_id is not None:
        paying: InvoicePayParams = {"off_session": True}
        return f"invoices/{failed.invoice_id}/pay", paying if card is None else paying | {"payment_method": card}
    confirming: PaymentIntentConfirmParams = {"off_session": True}
    path = f"payment_intents/{failed.payment_intent_id}/confirm"
    return path, confirming if card is None else confirming | {"payment_method": card}


def _retry_scheduled(context: PaymentContext, row: ScheduledRow) -> None:
    """The action's id is derived from the schedule, so that a restarted or second worker makes no second retry."""
    payment_intent_id, made_by = row["payment_intent_id"], f"scheduled by {row['changed_by']}"
    name = f"{payment_intent_id} {row['scheduled_at']}"
    action_id = f"rty_{hashlib.sha256(name.encode()).hexdigest()[:24]}"
    try:
        found = case(context, payment_intent_id)
        reason = f"{made_by}: {row['reason']}" if row["reason"] else made_by
        _begin_retry(context, SYSTEM, action_id, found, row["payment_method_id"], reason=reason)
    except Refused as error:
        log.info("a scheduled retry was not made", payment=payment_intent_id, code=error.code)
        context.db.call(
            "drop_schedule",
            payment_intent_id=payment_intent_id,
            actor=SYSTEM.name,
            role=str(SYSTEM.role),
            reason=error.detail,
            now=context.clock(),
        )


def _decided(context: PaymentContext, actor: Actor, payment_intent_id: str, state: str, reason: str) -> Action | None:
    private_text.refuse(reason, "The reason")
    invoice_id = case(context, payment_intent_id).failed.invoice_id
    stripe_retries: InvoiceUpdateParams = {"auto_advance": state != "stopped"}
    row = context.db.call(
        "decide_recovery",
        payment_intent_id=payment_intent_id,
        state=state,
        scheduled_at=None,
        payment_method_id=None,
        actor=actor.name,
        role=str(actor.role),
        reason=reason or None,
        now=context.clock(),
        action_id=new_id(),
        path=None if invoice_id is None else f"invoices/{invoice_id}",
        params=stripe_retries,
    )
    return actions.carry_out(context, Action.of(row)) if row is not None else None


def _show_at_once(context: PaymentContext, payment_intent_id: str) -> None:
    """Mirror the payment as it is after the retry; if Stripe does not answer, its event updates it later."""
    try:
        context.mirror_payment(payment_intent_id)
    except PayopsError as error:
        log.info("a retried payment is shown once its event arrives", payment=payment_intent_id, code=error.code)
