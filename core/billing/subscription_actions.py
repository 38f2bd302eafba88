"""What staff do to a subscription: cancel, resume, pause collection, change its plan; each as begin, call, settle.

The right is that of failed payments: support and admins act for a customer, ops and finance see. Every change asks for
the password again where the last time was long ago, is refused where the subscription is no longer what was looked at,
and under one id is made once.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from secrets import token_urlsafe
from typing import TYPE_CHECKING

from core.billing import plan_changes
from core.billing.plan_changes import PlanChange
from core.billing.subscription_life import Life
from core.errors import Refused
from core.figures.wording import counted
from core.money import Money, total
from core.payments import actions, private_text
from core.payments.actions import Action
from core.payments.context import PaymentContext
from core.staff import roles
from core.staff.flags import Flow
from core.staff.roles import Actor
from core.stripe_gateway import Json

if TYPE_CHECKING:
    from core.stripe_gateway import SubscriptionCancelParams, SubscriptionUpdateParams

PAGE = "recovery"
LONGEST_PAUSE = timedelta(days=366)


class Pause(StrEnum):
    """What happens to invoices while collection is paused."""

    KEEP_AS_DRAFT = "keep_as_draft"
    VOID = "void"
    MARK_UNCOLLECTIBLE = "mark_uncollectible"


@dataclass(frozen=True)
class Possible:
    """What can be done to a subscription now."""

    cancel: bool
    resume: bool
    pause: bool
    resume_collection: bool
    change_plan: bool
    why_not: str = ""


def possible(life: Life) -> Possible:
    """What can be done now: nothing if the subscription has ended, or while an earlier change is unanswered."""
    if life.over:
        return Possible(False, False, False, False, False, "This subscription is over.")
    if life.in_progress:
        return Possible(
            False, False, False, False, False, "A change was sent to Stripe and its answer has not come yet."
        )
    if life.status == "incomplete":
        return Possible(True, False, False, False, False, "Its first payment has not been made yet.")
    one = life.subscription
    return Possible(
        cancel=True,
        resume=life.ends_at is not None,
        pause=not one["pause_behavior"] and life.status in ("active", "past_due", "trialing", "unpaid"),
        resume_collection=bool(one["pause_behavior"]),
        change_plan=life.status in ("active", "trialing", "past_due") and bool(one["items"]),
    )


def new_id() -> str:
    """An id for one change; with the same id again nothing more is done."""
    return f"sch_{token_urlsafe(16)}"


def cancel(
    context: PaymentContext,
    actor: Actor,
    action_id: str,
    life: Life,
    *,
    at_period_end: bool,
    feedback: str | None = None,
    reason: str = "",
) -> Action:
    """End it now, or with the period that is paid. Nothing is refunded."""
    _require(actor)
    details: Json = {"cancellation_details": {"feedback": feedback}} if feedback else {}
    if at_period_end:
        later: SubscriptionUpdateParams = {"cancel_at_period_end": True}
        return _begun(context, actor, action_id, "cancel_subscription", life, later | details, reason)
    now: SubscriptionCancelParams = {}
    return _begun(context, actor, action_id, "cancel_subscription", life, now | details, reason, method="delete")


def resume(context: PaymentContext, actor: Actor, action_id: str, life: Life, *, reason: str = "") -> Action:
    """Withdraw its cancellation, so that it renews again."""
    _require(actor)
    if life.ends_at is None:
        raise Refused("not_scheduled", "This subscription is not set to end.")
    name = "cancel_at_period_end" if life.subscription["cancel_at_period_end"] else "cancel_at"
    params: Json = {name: False if name == "cancel_at_period_end" else ""}
    return _begun(context, actor, action_id, "resume_subscription", life, params, reason)


def pause(
    context: PaymentContext,
    actor: Actor,
    action_id: str,
    life: Life,
    *,
    behavior: Pause,
    resumes_at: datetime | None = None,
    reason: str = "",
) -> Action:
    """Collect nothing for it until `resumes_at`, or until somebody resumes it. Its patient keeps the service."""
    _require(actor)
    if problem := pause_problem(context, resumes_at):
        raise Refused("bad_time", problem)
    asked: Json = {"behavior": str(behavior)}
    if resumes_at is not None:
        asked["resumes_at"] = int(resumes_at.timestamp())
    return _begun(context, actor, action_id, "pause_collection", life, {"pause_collection": asked}, reason)


def pause_problem(context: PaymentContext, resumes_at: datetime | None) -> str:
    """Why collection cannot resume at that time; empty if it can."""
    if resumes_at is None or context.clock() < resumes_at <= context.clock() + LONGEST_PAUSE:
        return ""
    return f"Choose a day within the next {LONGEST_PAUSE.days} days."


def resume_collection(context: PaymentContext, actor: Actor, action_id: str, life: Life, *, reason: str = "") -> Action:
    """Collect its next invoices again; those that were voided stay void."""
    _require(actor)
    if not life.subscription["pause_behavior"]:
        raise Refused("not_paused", "Collection of this subscription is not paused.")
    return _begun(context, actor, action_id, "resume_collection", life, {"pause_collection": ""}, reason)


def change_plan(
    context: PaymentContext, actor: Actor, action_id: str, life: Life, change: PlanChange, *, reason: str = ""
) -> Action:
    """Move it to another price or quantity on the terms that the preview showed.

    A payment that is due now and declined leaves the subscription as it was.
    """
    _require(actor)
    context.flags.require(Flow.SUBSCRIPTIONS)
    plan_changes.require_possible(life, change)
    return _begun(context, actor, action_id, "change_plan", life, plan_changes.params_of(life, change), reason)


def in_words(action: Action) -> str:
    """The result, in a sentence."""
    done = {
        "cancel_subscription": "The subscription was canceled."
        if action.method == "delete"
        else "It ends with its period.",
        "resume_subscription": "The cancellation was withdrawn.",
        "pause_collection": "Collection is paused.",
        "resume_collection": "Collection was resumed.",
        "change_plan": "The plan was changed.",
    }
    if action.state == "done":
        return done[action.kind]
    if action.state == "refused":
        return f"Stripe refused it, and nothing changed: {action.problem or 'no reason was given.'}"
    return "Stripe has not answered yet. This is settled automatically, once. Do not repeat it."


def cancel_consequences(life: Life, *, at_period_end: bool) -> list[str]:
    """What a cancellation means, before it is made."""
    monthly = Money(life.monthly_minor, life.currency)
    ends = life.period_ends_at
    told = []
    if at_period_end:
        told.append(f"It runs until {ends:%-d %b %Y} and is not renewed." if ends else "It is not renewed.")
        told.append("Until then the cancellation can be withdrawn.")
    else:
        told.append("It ends at once and cannot be resumed; the patient would have to subscribe again.")
        if ends:
            told.append(f"It is paid until {ends:%-d %b %Y}. Nothing is refunded; use Refunds for that.")
    told.append(f"{monthly} a month is lost." if life.monthly_minor else "It has no monthly revenue now.")
    return [*told, *_open_invoices(life, at_period_end=at_period_end)]


def pause_consequences(life: Life, behavior: Pause) -> list[str]:
    """What a pause means for its invoices and for recurring revenue."""
    monthly = Money(life.monthly_minor, life.currency)
    invoices = {
        Pause.KEEP_AS_DRAFT: "Its invoices are kept as drafts, to be collected after the pause.",
        Pause.VOID: "Its invoices are voided: the service is free meanwhile.",
        Pause.MARK_UNCOLLECTIBLE: "Its invoices are marked uncollectible: the service is owed and not collected.",
    }
    counts = behavior is Pause.KEEP_AS_DRAFT or not life.monthly_minor
    effect = (
        f"{monthly} a month still counts as recurring revenue." if counts else f"{monthly} a month no longer counts."
    )
    return [invoices[behavior], "The subscription stays active and its billing days stay.", effect]


def _require(actor: Actor) -> None:
    roles.require(actor, PAGE)
    roles.require_confirmed(actor)


def _open_invoices(life: Life, *, at_period_end: bool) -> Sequence[str]:
    open_ones = [each for each in life.invoices if each["status"] == "open"]
    if not open_ones:
        return []
    owed = total((Money(each["amount_remaining_minor"], each["currency"]) for each in open_ones), life.currency)
    goes = "stays open and is still retried" if at_period_end else "stays open, and Stripe stops retrying it"
    return [f"{counted(len(open_ones), 'open invoice')} over {owed} {goes}."]


def _begun(
    context: PaymentContext,
    actor: Actor,
    action_id: str,
    kind: str,
    life: Life,
    params: "Json | SubscriptionUpdateParams | SubscriptionCancelParams",
    reason: str,
    *,
    method: str = "post",
) -> Action:
    private_text.refuse(reason, "The reason")
    return actions.begun(
        context,
        "begin_subscription_change",
        id=action_id,
        kind=kind,
        subscription_id=life.id,
        path=f"subscriptions/{life.id}",
        params=params,
        seen=life.seen,
        actor=actor.name,
        role=str(actor.role),
        reason=reason or None,
        method=method,
    )
