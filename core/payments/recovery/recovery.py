"""Failed payments: which are still to be collected, retrying them now or later, and stopping."""

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import structlog

from core.errors import PayopsError, Refused, Unavailable
from core.payments import actions, private_text
from core.payments.actions import Action
from core.payments.context import PaymentContext
from core.payments.recovery import recovery_links
from core.payments.recovery.retry_advice import (
    MASTERCARD_DECLINES_24_HOURS,
    STOP_AT,
    Failed,
    RetryAdvice,
    Step,
    retry_advice,
)
from core.staff import roles
from core.staff.flags import Flow
from core.staff.roles import SYSTEM, Actor, Role
from core.stripe_gateway import Json

if TYPE_CHECKING:
    from core.stripe_gateway import InvoicePayParams, PaymentIntentConfirmParams

log = structlog.get_logger(__name__)

PAGE = "recovery"
LATEST_SCHEDULE = timedelta(days=30)
TRIED_AT_ONCE = 20


@dataclass(frozen=True)
class Case:
    """A failed payment and its next step."""

    failed: Failed
    advice: RetryAdvice

    @property
    def id(self) -> str:
        return self.failed.payment_intent_id

    def goes_by(self, text: str) -> bool:
        """Whether one of its ids or references contains this text; an empty text fits all."""
        wanted, failed = text.strip().lower(), self.failed
        names = (
            self.id,
            failed.invoice_id,
            failed.subscription_id,
            failed.customer_id,
            failed.patient_id,
            failed.order_id,
            failed.card_last4,
        )
        return any(wanted in name.lower() for name in names if name)


@dataclass(frozen=True)
class Cases:
    """The failed payments to collect, the largest first: at most 1,000 of `total`."""

    cases: list[Case]
    total: int


def waiting(context: PaymentContext) -> Cases:
    """Every failed payment and past-due invoice that was not paid since."""
    now = context.clock()
    found = context.db.call("list_recovery", now=now)
    return Cases([_case(row, now) for row in found["items"]], found["total"])


def case(context: PaymentContext, payment_intent_id: str) -> Case:
    """Raises `Refused` (`not_failed`) where nothing of this payment is to be collected."""
    now = context.clock()
    return _case(context.db.call("recovery_case", payment_intent_id=payment_intent_id, now=now), now)


def done_about(context: PaymentContext, payment_intent_id: str) -> list[Action]:
    """What staff and the worker did about it, newest first."""
    return [Action.of(row) for row in context.db.call("recovery_actions", payment_intent_id=payment_intent_id)]


def new_id() -> str:
    """An id for a form when it is drawn: however often the form is sent, it is one retry."""
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

    An admin can exceed the limits of attempts with a reason. With `seen_retries` it is refused where there were more
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
    card = recovery_links.card_to_try(context, found.failed, payment_method_id, same_card=found.advice.same_card)
    return _try(
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
    card = recovery_links.card_to_try(context, found.failed, payment_method_id, same_card=found.advice.same_card)
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
    """Retry what is due by its schedule; answers how many were due. None are retried while retries are paused."""
    try:
        context.flags.require(Flow.RETRIES)
    except Unavailable:
        return 0
    due = context.db.call("due_retries", most=TRIED_AT_ONCE, now=context.clock())
    for row in due:
        _try_scheduled(context, row)
    return len(due)


def in_words(action: Action, card: str = "") -> str:
    """The result of a retry, in a sentence."""
    by = f" with {card}" if card else ""
    return {
        "done": f"Collected{by}.",
        "refused": f"Declined again{by}: {action.problem or 'no reason was given.'}",
    }.get(action.state, "Stripe has not answered yet. This is settled automatically, once. Do not retry it.")


def worth_trying(cases: Sequence[Case]) -> list[Case]:
    """The cases that can be retried now, without the customer and with the same card."""
    return [each for each in cases if each.advice.due]


def counts(cases: Sequence[Case]) -> dict[Step, int]:
    """How many cases have each next step."""
    return {step: sum(each.advice.step is step for each in cases) for step in Step}


def _try(
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
    """What is asked of Stripe: to pay the invoice, else to confirm the payment, without the customer."""
    if failed.invoice_id is not None:
        paying: InvoicePayParams = {"off_session": True}
        return f"invoices/{failed.invoice_id}/pay", paying if card is None else paying | {"payment_method": card}
    confirming: PaymentIntentConfirmParams = {"off_session": True}
    path = f"payment_intents/{failed.payment_intent_id}/confirm"
    return path, confirming if card is None else confirming | {"payment_method": card}


def _try_scheduled(context: PaymentContext, row: Json) -> None:
    """The action's id is made from the schedule, so that a restarted or a second worker makes no second retry."""
    payment_intent_id, made_by = row["payment_intent_id"], f"scheduled by {row['changed_by']}"
    name = f"{payment_intent_id} {row['scheduled_at']}"
    action_id = f"rty_{hashlib.sha256(name.encode()).hexdigest()[:24]}"
    try:
        found = case(context, payment_intent_id)
        reason = f"{made_by}: {row['reason']}" if row["reason"] else made_by
        _try(context, SYSTEM, action_id, found, row["payment_method_id"], reason=reason)
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
    )
    return actions.carry_out(context, Action.of(row)) if row is not None else None


def _show_at_once(context: PaymentContext, payment_intent_id: str) -> None:
    """Mirror the payment as it is after the retry; where Stripe does not answer, its event does so later."""
    try:
        intent = context.stripe.retrieve(f"payment_intents/{payment_intent_id}", expand=["latest_charge"])
        context.mirror(intent)
        if isinstance(intent.get("latest_charge"), dict):
            context.mirror(intent["latest_charge"])
    except PayopsError as error:
        log.info("a retried payment is shown once its event arrives", payment=payment_intent_id, code=error.code)


def _case(row: dict[str, Any], now: datetime) -> Case:
    failed = Failed.of(row)
    return Case(failed, retry_advice(failed, now))
