"""What moves money: written down, asked of Stripe under its own id, settled, and looked after where no answer came."""

from collections.abc import Callable
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any

import structlog

from core.errors import Refused, Unavailable
from core.payments.desk import Desk
from core.stripe_gateway import Json

log = structlog.get_logger(__name__)

KEY_KEPT = timedelta(hours=23)  # Stripe keeps a key for 24 hours; an hour is left for clocks that differ
CLAIMED_AT_ONCE = 20
LONGEST_WAIT_SECONDS = 600
MARK = "payopsAction"


@dataclass(frozen=True)
class Action:
    """One action as it is written down; `state` is one of awaiting_approval, sending, unknown, done, refused, rejected."""

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


def begun(desk: Desk, function: str, /, **arguments: Any) -> Action:
    """Write the action down by `function` and, where it is this caller's to do, carry it out."""
    action = Action.of(desk.db.call(function, **arguments, now=desk.clock()))
    return carry_out(desk, action) if action.begun else action


def carry_out(desk: Desk, action: Action) -> Action:
    """Ask Stripe for what was written down, under the action's id, and settle it."""
    try:
        answer = desk.stripe.write(action.path, key=action.id, method=action.method, **action.params)
    except Unavailable as error:
        return _unanswered(desk, action, error)
    except Refused as error:
        return _settled(desk, action, "refused", problem_code=_code(error), problem=error.detail)
    return _done(desk, action, answer)


def settle_unknown(desk: Desk) -> int:
    """Find out about the actions whose answer never came; how many were looked at.

    What Stripe shows decides. What it does not show is asked again under the same key while Stripe keeps keys, and
    counts as never done after that.
    """
    claimed = desk.db.call("claim_unanswered", most=CLAIMED_AT_ONCE, now=desk.clock())
    for row in claimed:
        _find_out(desk, Action.of(row))
    return len(claimed)


def _find_out(desk: Desk, action: Action) -> None:
    try:
        found = _LOOK[action.kind](desk, action)
    except Unavailable as error:
        _unanswered(desk, action, error)
        return
    if found is not None:
        _done(desk, action, found)
    elif _key_is_kept(action, desk.clock()):
        carry_out(desk, action)
    else:
        _settled(desk, action, "refused", problem_code="never_done", problem="It never reached Stripe.")


def _key_is_kept(action: Action, now: datetime) -> bool:
    return action.sent_at is not None and now - datetime.fromisoformat(action.sent_at) < KEY_KEPT


def _look_for_refund(desk: Desk, action: Action) -> Json | None:
    """The refund that carries the action's mark, if Stripe has it."""
    refunds = desk.stripe.each("refunds", payment_intent=action.payment_intent_id)
    return next((one for one in refunds if (one.get("metadata") or {}).get(MARK) == action.id), None)


def _look_for_payment(desk: Desk, action: Action) -> Json | None:
    """The intent or invoice, where it is paid meanwhile."""
    kind = "invoices" if action.subject.startswith("in_") else "payment_intents"
    found = desk.stripe.retrieve(f"{kind}/{action.subject}")
    return found if found["status"] in ("succeeded", "paid", "processing", "requires_capture") else None


def _look_for_cancellation(desk: Desk, action: Action) -> Json | None:
    found = desk.stripe.retrieve(f"subscriptions/{action.subject}")
    ends = found["status"] == "canceled" or (action.method == "post" and found.get("cancel_at_period_end"))
    return found if ends else None


def _look_for_acceptance(desk: Desk, action: Action) -> Json | None:
    found = desk.stripe.retrieve(f"disputes/{action.subject}")
    return found if found["status"] in ("lost", "warning_closed") else None


def _look_for_evidence(desk: Desk, action: Action) -> Json | None:
    found = desk.stripe.retrieve(f"disputes/{action.subject}")
    return found if (found.get("metadata") or {}).get(MARK) == action.id else None


_LOOK: dict[str, Callable[[Desk, Action], Json | None]] = {
    "refund": _look_for_refund,
    "retry": _look_for_payment,
    "cancel_subscription": _look_for_cancellation,
    "accept_dispute": _look_for_acceptance,
    "submit_evidence": _look_for_evidence,
}


def _done(desk: Desk, action: Action, answer: Json) -> Action:
    """What Stripe did, and the mirror shows it at once."""
    return _settled(desk, action, "done", result_id=answer["id"], records=desk.records_of(answer))


def _unanswered(desk: Desk, action: Action, error: Unavailable) -> Action:
    log.warning("Stripe did not answer", action=action.id, kind=action.kind, code=error.code)
    wait = min(5 * 2**action.attempts, LONGEST_WAIT_SECONDS)
    again = desk.clock() + timedelta(seconds=wait)
    return _settled(
        desk, action, "unknown", problem_code=error.code, problem=error.detail, next_attempt_at=again
    )


def _settled(desk: Desk, action: Action, state: str, **more: Any) -> Action:
    row = desk.db.call("settle_action", id=action.id, state=state, now=desk.clock(), **more)
    return Action.of(row)


def _code(error: Refused) -> str:
    return str(error.facts.get("decline_code") or error.facts.get("stripe_code") or error.code)
