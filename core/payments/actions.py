"""Actions that move money: recorded, sent to Stripe under their own id, settled, and checked if no answer came."""

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import structlog

from core.errors import PayopsError, Refused, Unavailable
from core.payments.context import PaymentContext
from core.stripe_gateway import Json

log = structlog.get_logger(__name__)

KEY_VALID_FOR = timedelta(hours=23)  # Stripe's idempotency keys last 24 hours; an hour allows for clocks that differ
OVER_AFTER = timedelta(minutes=5)  # a request that reached Stripe has finished by then
CUSTOMERS_OWN = frozenset({"payment", "create_subscription"})  # only the caller repeats these, never the worker
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
    """Record the action with the SQL function `function` and, if this caller recorded it, send it to Stripe."""
    action = Action.of(context.db.call(function, **arguments, now=context.clock()))
    return carry_out(context, action) if action.begun else action


def carry_out(context: PaymentContext, action: Action) -> Action:
    """Send the recorded action to Stripe with its id as idempotency key, and settle it.

    Where the database does not take Stripe's answer the action is unknown, and the worker finds out: that the database
    failed must not be told as if nothing was done.
    """
    settle: Callable[[], Action]
    try:
        answer = context.stripe.write(action.path, key=action.id, method=action.method, **action.params)
        settle = partial(settle_with, context, action, answer)
    except Unavailable as error:
        settle = partial(unanswered, context, action, error)
    except Refused as error:
        settle = partial(refused, context, action, error)
    try:
        return settle()
    except PayopsError as error:
        log.warning("Stripe's answer could not be recorded", action=action.id, kind=action.kind, code=error.code)
        return replace(action, state="unknown", problem_code=error.code, problem=error.detail)


def settle_unknown(context: PaymentContext) -> int:
    """Settle the actions that Stripe did not answer; returns how many were looked up.

    What Stripe shows decides. If it shows nothing, the action is sent again under the same key while Stripe remembers
    the key, and counts as never done after that. A customer's own request is never sent again by us.
    """
    claimed = context.db.call("claim_unanswered", most=CLAIMED_AT_ONCE, now=context.clock())
    for row in claimed:
        _find_out(context, Action.of(row))
    return len(claimed)


def _find_out(context: PaymentContext, action: Action) -> None:
    try:
        found = look(context, action)
    except (Unavailable, Refused) as error:  # looked up again later; until then it is shown as unanswered
        unanswered(context, action, error)
        return
    age = context.clock() - datetime.fromisoformat(action.sent_at or action.requested_at)
    if found is not None:
        settle_with(context, action, found)
    elif action.kind in CUSTOMERS_OWN and age < OVER_AFTER:
        unanswered(context, action, Unavailable("stripe_unavailable", "Stripe may still be processing it."))
    elif action.kind not in CUSTOMERS_OWN and age < KEY_VALID_FOR:
        carry_out(context, action)
    else:
        _settled(context, action, "refused", problem_code="never_done", problem="It never reached Stripe.")


def look(context: PaymentContext, action: Action) -> Json | None:
    """What this action did at Stripe; None if Stripe shows nothing of it."""
    return _LOOK[action.kind](context, action)


def _look_for_refund(context: PaymentContext, action: Action) -> Json | None:
    """The refund with the action's mark in its metadata, if Stripe has it."""
    refunds = context.stripe.each("refunds", payment_intent=action.payment_intent_id)
    return next((one for one in refunds if (one.get("metadata") or {}).get(MARK) == action.id), None)


def _look_for_payment(context: PaymentContext, action: Action) -> Json | None:
    """The payment intent or invoice, if it has been paid."""
    kind = "invoices" if action.subject.startswith("in_") else "payment_intents"
    found = context.stripe.retrieve(f"{kind}/{action.subject}")
    return found if found["status"] in ("succeeded", "paid", "processing", "requires_capture") else None


def _look_for_cancellation(context: PaymentContext, action: Action) -> Json | None:
    found = context.stripe.retrieve(f"subscriptions/{action.subject}")
    ends = found["status"] == "canceled" or (action.method == "post" and found.get("cancel_at_period_end"))
    return found if ends else None


def _look_for_resumption(context: PaymentContext, action: Action) -> Json | None:
    found = context.stripe.retrieve(f"subscriptions/{action.subject}")
    goes_on = found["status"] != "canceled" and not found["cancel_at_period_end"] and found["cancel_at"] is None
    return found if goes_on else None


def _look_for_pause(context: PaymentContext, action: Action) -> Json | None:
    """The subscription, if it is paused as requested, or no longer paused if that was requested."""
    found = context.stripe.retrieve(f"subscriptions/{action.subject}")
    asked = action.params["pause_collection"] or {}
    return found if (found["pause_collection"] or {}).get("behavior") == asked.get("behavior") else None


def _look_for_plan(context: PaymentContext, action: Action) -> Json | None:
    """The subscription, if each changed item has the requested price and quantity."""
    found = context.stripe.retrieve(f"subscriptions/{action.subject}")
    items = {each["id"]: (each["price"]["id"], each.get("quantity")) for each in found["items"]["data"]}
    wanted = {each["id"]: (each["price"], each["quantity"]) for each in action.params["items"]}
    return found if all(items.get(name) == terms for name, terms in wanted.items()) else None


def _look_for_acceptance(context: PaymentContext, action: Action) -> Json | None:
    found = context.stripe.retrieve(f"disputes/{action.subject}")
    return found if found["status"] in ("lost", "warning_closed") else None


def _look_for_evidence(context: PaymentContext, action: Action) -> Json | None:
    found = context.stripe.retrieve(f"disputes/{action.subject}")
    return found if (found.get("metadata") or {}).get(MARK) == action.id else None


def _look_for_made(context: PaymentContext, action: Action) -> Json | None:
    """What the customer's request created, found by the mark in its metadata."""
    since = datetime.fromisoformat(action.requested_at) - timedelta(hours=1)  # for clocks that differ
    ended: Json = {"status": "all"} if action.path == "subscriptions" else {}
    made = context.stripe.each(action.path, customer=action.subject, created={"gte": int(since.timestamp())}, **ended)
    return next((one for one in made if (one.get("metadata") or {}).get(REQUEST_MARK) == action.id), None)


def _look_for_link(context: PaymentContext, action: Action) -> Json | None:
    """The checkout session with the action's mark. Whether Stripe sent an invoice cannot be looked up."""
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
    "resume_subscription": _look_for_resumption,
    "pause_collection": _look_for_pause,
    "resume_collection": _look_for_pause,
    "change_plan": _look_for_plan,
}


def settle_with(context: PaymentContext, action: Action, answer: Json) -> Action:
    """Settle the action with Stripe's answer and mirror it; a new payment that was declined counts as refused."""
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
