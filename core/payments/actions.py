"""What moves money: written down, asked of Stripe under its own id, settled, and looked after where no answer came."""

from collections.abc import Callable
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any

import structlog

from core.errors import PayopsError, Refused, Unavailable
from core.payments.context import PaymentContext
from core.stripe_gateway import Json

log = structlog.get_logger(__name__)

KEY_KEPT = timedelta(hours=23)  # Stripe keeps a key for 24 hours; an hour is left for clocks that differ
OVER_AFTER = timedelta(minutes=5)  # a request that Stripe took in is over by then
CUSTOMERS_OWN = frozenset({"payment", "create_subscription"})  # whoever asked decides whether it is asked again
CLAIMED_AT_ONCE = 20
LONGEST_WAIT_SECONDS = 600
MARK, REQUEST_MARK = "payopsAction", "payopsRequest"


@dataclass(frozen=True)
class Action:
    """One recorded action; `state` is one of awaiting_approval, sending, unknown, done, refused, rejected."""

    id: str
    kind: str
    subject: str
    payment_intent_id: str | None
    amount_minor: int | None
    currency: str | None
    method: str
    path: str
    params: Json
    state: str
    reason: str | None
    requested_by: str
    requested_role: str
    requested_at: str
    decided_by: str | None
    sent_at: str | None
    attempts: int
    result_id: str | None
    problem_code: str | None
    problem: str | None
    begun: bool = False

    @classmethod
    def of(cls, row: Json) -> "Action":
        return cls(**{field.name: row[field.name] for field in fields(cls) if field.name in row})


def begun(context: PaymentContext, function: str, /, **arguments: Any) -> Action:
    """Write the action down by `function` and, where it is this caller's to do, carry it out."""
    action = Action.of(context.db.call(function, **arguments, now=context.clock()))
    return carry_out(context, action) if action.begun else action


def carry_out(context: PaymentContext, action: Action) -> Action:
    """Ask Stripe for what was written down, under the action's id, and settle it."""
    try:
        answer = context.stripe.write(action.path, key=action.id, method=action.method, **action.params)
    except Unavailable as error:
        return unanswered(context, action, error)
    except Refused as error:
        return refused(context, action, error)
    return settle_with(context, action, answer)


def settle_unknown(context: PaymentContext) -> int:
    """Find out about the actions whose answer never came; how many were looked at.

    What Stripe shows decides. What it does not show is asked again under the same key while Stripe keeps keys, and
    counts as never done after that; at once, where it is a customer's to ask again.
    """
    claimed = context.db.call("claim_unanswered", most=CLAIMED_AT_ONCE, now=context.clock())
    for row in claimed:
        _find_out(context, Action.of(row))
    return len(claimed)


def _find_out(context: PaymentContext, action: Action) -> None:
    try:
        found = look(context, action)
    except (Unavailable, Refused) as error:  # what cannot be looked at now is looked at later, and people see it
        unanswered(context, action, error)
        return
    age = context.clock() - datetime.fromisoformat(action.sent_at or action.requested_at)
    if found is not None:
        settle_with(context, action, found)
    elif action.kind in CUSTOMERS_OWN and age < OVER_AFTER:
        unanswered(context, action, Unavailable("stripe_unavailable", "Stripe may still be at work on it."))
    elif action.kind not in CUSTOMERS_OWN and age < KEY_KEPT:
        carry_out(context, action)
    else:
        _settled(context, action, "refused", problem_code="never_done", problem="It never reached Stripe.")


def look(context: PaymentContext, action: Action) -> Json | None:
    """What Stripe shows of this action, None where it shows nothing."""
    return _LOOK[action.kind](context, action)


def _look_for_refund(context: PaymentContext, action: Action) -> Json | None:
    """The refund that carries the action's mark, if Stripe has it."""
    refunds = context.stripe.each("refunds", payment_intent=action.payment_intent_id)
    return next((one for one in refunds if (one.get("metadata") or {}).get(MARK) == action.id), None)


def _look_for_payment(context: PaymentContext, action: Action) -> Json | None:
    """The intent or invoice, where it is paid meanwhile."""
    kind = "invoices" if action.subject.startswith("in_") else "payment_intents"
    found = context.stripe.retrieve(f"{kind}/{action.subject}")
    return found if found["status"] in ("succeeded", "paid", "processing", "requires_capture") else None


def _look_for_cancellation(context: PaymentContext, action: Action) -> Json | None:
    found = context.stripe.retrieve(f"subscriptions/{action.subject}")
    ends = found["status"] == "canceled" or (action.method == "post" and found.get("cancel_at_period_end"))
    return found if ends else None


def _look_for_acceptance(context: PaymentContext, action: Action) -> Json | None:
    found = context.stripe.retrieve(f"disputes/{action.subject}")
    return found if found["status"] in ("lost", "warning_closed") else None


def _look_for_evidence(context: PaymentContext, action: Action) -> Json | None:
    found = context.stripe.retrieve(f"disputes/{action.subject}")
    return found if (found.get("metadata") or {}).get(MARK) == action.id else None


def _look_for_made(context: PaymentContext, action: Action) -> Json | None:
    """What the customer's request made, by the mark it carries."""
    since = datetime.fromisoformat(action.requested_at) - timedelta(hours=1)  # for clocks that differ
    ended: Json = {"status": "all"} if action.path == "subscriptions" else {}
    made = context.stripe.each(action.path, customer=action.subject, created={"gte": int(since.timestamp())}, **ended)
    return next((one for one in made if (one.get("metadata") or {}).get(REQUEST_MARK) == action.id), None)


def _look_for_link(context: PaymentContext, action: Action) -> Json | None:
    """The page to pay on that carries the action's mark. Whether an invoice was sent is nowhere to be seen."""
    if action.path.startswith("invoices/"):
        return None
    if action.path != "checkout/sessions":
        sessions = iter([context.stripe.retrieve(action.path)])
    else:
        customer = action.params.get("customer")
        sessions = context.stripe.each("checkout/sessions", **({"customer": customer} if customer else {}))
    return next((one for one in sessions if (one.get("metadata") or {}).get(MARK) == action.id), None)


def _look_for_stop(context: PaymentContext, action: Action) -> Json | None:
    found = context.stripe.retrieve(f"invoices/{action.subject}")
    return found if found.get("auto_advance") == action.params["auto_advance"] else None


_LOOK: dict[str, Callable[[PaymentContext, Action], Json | None]] = {
    "refund": _look_for_refund,
    "retry": _look_for_payment,
    "cancel_subscription": _look_for_cancellation,
    "accept_dispute": _look_for_acceptance,
    "submit_evidence": _look_for_evidence,
    "payment": _look_for_made,
    "create_subscription": _look_for_made,
    "recovery_link": _look_for_link,
    "stop_collection": _look_for_stop,
}


def settle_with(context: PaymentContext, action: Action, answer: Json) -> Action:
    """What Stripe did, and the mirror shows it at once; a new payment that was declined is refused."""
    error = answer.get("last_payment_error") if action.kind == "payment" else None
    if error is None:
        return _settled(context, action, "done", result_id=answer["id"], records=context.records_of(answer))
    return _settled(
        context,
        action,
        "refused",
        result_id=answer["id"],
        records=context.records_of(answer),
        problem_code=error.get("decline_code") or error.get("code"),
        problem=error.get("message"),
    )


def refused(context: PaymentContext, action: Action, error: Refused) -> Action:
    made = error.facts.get("payment_intent") if action.kind == "payment" else None
    return _settled(context, action, "refused", problem_code=_code(error), problem=error.detail, result_id=made)


def unanswered(context: PaymentContext, action: Action, error: PayopsError) -> Action:
    log.warning("Stripe did not answer", action=action.id, kind=action.kind, code=error.code)
    wait = min(5 * 2**action.attempts, LONGEST_WAIT_SECONDS)
    again = context.clock() + timedelta(seconds=wait)
    return _settled(context, action, "unknown", problem_code=error.code, problem=error.detail, next_attempt_at=again)


def _settled(context: PaymentContext, action: Action, state: str, **more: Any) -> Action:
    row = context.db.call("settle_action", id=action.id, state=state, now=context.clock(), **more)
    return Action.of(row)


def _code(error: Refused) -> str:
    return str(error.facts.get("decline_code") or error.facts.get("stripe_code") or error.code)
