"""Payments and subscriptions that customers request: recorded, sent to Stripe once, settled, found again."""

from collections.abc import Callable
from typing import Any

import structlog

from core.errors import PayopsError, Refused, Unavailable
from core.payments import actions
from core.payments.actions import Action
from core.payments.context import PaymentContext
from core.payments.operations.requests import Request
from core.stripe_gateway import Json

log = structlog.get_logger(__name__)


def done_before(context: PaymentContext, request: Request, **params: Any) -> Json | None:
    """What an earlier attempt at the same request did at Stripe, if its answer never came."""
    if not request.repeated:
        return None
    row = context.db.call("money_action", id=request.key)
    if row is None:
        return None
    action = Action.of(row)
    found = actions.look(context, action) if action.result_id is None else {"id": action.result_id}
    if found is None:
        return None
    answer = context.stripe.retrieve(f"{action.path}/{found['id']}", **params)
    _noted(actions.settle_with, context, action, answer)
    return answer


def performed(context: PaymentContext, function: str, request: Request, begun_with: Json, **params: Any) -> Json:
    """Record the request with the SQL function `function`, send it to Stripe under its key, and settle it.

    Raises `Refused` (`card_declined` for a decline, `private_text` before anything is recorded), or `Unavailable`: then
    the worker looks up the result, and the same request can be repeated.
    """
    context.stripe.refuse_private(params)
    caller = request.caller
    row = context.db.call(
        function, id=request.key, actor=caller.name, role=caller.role, now=context.clock(), **begun_with
    )
    action = Action.of(row)
    if action.state == "done":
        expanded = {name: params[name] for name in ("expand",) if name in params}
        return context.stripe.retrieve(f"{action.path}/{action.result_id}", **expanded)
    try:
        answer = context.stripe.write(action.path, key=action.id, **params)
    except Unavailable as error:
        _noted(actions.unanswered, context, action, error)
        raise
    except Refused as error:
        _noted(actions.refused, context, action, error)
        raise
    _noted(actions.settle_with, context, action, answer)
    return answer


def _noted(settle: Callable[..., Action], *arguments: Any) -> None:
    """The caller gets Stripe's answer even if it cannot be recorded now; the worker records it later."""
    try:
        settle(*arguments)
    except PayopsError as error:
        log.warning("Stripe's answer could not be recorded", code=error.code)
