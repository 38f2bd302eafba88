"""When a subscription will end, and why the customer leaves."""

from core.sandbox.engine.errors import Json, invalid
from core.sandbox.engine.params import Params
from core.sandbox.engine.unit_of_work import UnitOfWork
from core.sandbox.objects.subscriptions.shape import period_of


def set_cancellation(uow: UnitOfWork, subscription: Json, params: Params, *, announce: bool = True) -> None:
    """Set or remove `cancel_at_period_end` and `cancel_at`."""
    if not (params.has("cancel_at_period_end") or params.has("cancel_at")):
        return
    at_end = params.flag("cancel_at_period_end")
    asked = params.text("cancel_at")
    if asked == "max_billed_until":
        raise invalid("The sandbox cannot cancel at max_billed_until.", "cancel_at")
    period_end = asked in ("min_period_end", "max_period_end")
    moment = period_of(subscription)[1] if period_end else params.moment("cancel_at")
    if at_end and moment is not None:
        raise invalid("You may only specify one of these parameters: cancel_at, cancel_at_period_end.")
    uow.unschedule("cancel_at", subscription["id"])
    ends = period_of(subscription)[1] if at_end else moment
    subscription |= {
        "cancel_at": ends,
        "cancel_at_period_end": at_end,
        "canceled_at": uow.now if ends is not None else None,
    }
    reason = "cancellation_requested" if ends is not None else None
    subscription["cancellation_details"] = {**subscription["cancellation_details"], "reason": reason}
    if moment is not None:
        uow.schedule(moment, "cancel_at", subscription["id"])
    if announce:
        uow.change(subscription, "customer.subscription.updated")


def take_details(subscription: Json, params: Params) -> None:
    """Take the customer's own reasons for leaving (`cancellation_details`)."""
    details = params.under("cancellation_details")
    for name in ("comment", "feedback"):
        if details.has(name):
            subscription["cancellation_details"][name] = details.text(name)
