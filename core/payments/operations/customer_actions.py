"""What customers ask for through the payment API: written down, asked of Stripe once, settled, found again."""

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
    """What an earlier try of the same request did at Stripe, though its answer never came."""
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
    """Write down by `function` what is asked, ask Stripe under the request's key, and settle it.

    Raises `Refused` (`card_declined` for a decline), or `Unavailable`, after which the worker finds out what came of it
    and the same request may come again.
    """
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
    """What Stripe did counts for the caller even where it cannot be written down now: the worker does it later."""
    try:
        settle(*arguments)
    except PayopsError as error:
        log.warning("what Stripe answered could not be written down", code=error.code)
