"""Subscriptions: started with or without a card, canceled now or at the end of the period."""

import hashlib
from typing import TYPE_CHECKING

from core.errors import Refused, Unavailable
from core.money import Money
from core.payments import actions, failures
from core.payments.context import PaymentContext
from core.payments.operations import catalogue, customer_actions, customers, discounts, served_states
from core.payments.operations.requests import Request, marked, moment
from core.payments.operations.schemas import (
    CancellationAnswer,
    CancellationRequest,
    SubscriptionAnswer,
    SubscriptionRequest,
)
from core.staff.flags import Flow
from core.stripe_gateway import Json

if TYPE_CHECKING:
    from core.stripe_gateway import SubscriptionCreateParams, SubscriptionUpdateParams

EXPAND = ["latest_invoice.confirmation_secret", "pending_setup_intent"]


def create(context: PaymentContext, request: Request, asked: SubscriptionRequest) -> SubscriptionAnswer:
    """Start a subscription; `clientSecret` is set if the customer still has to act."""
    patient = asked.customerInfo.patientId
    request.caller.reach(patient)
    if made := customer_actions.done_before(context, request, expand=EXPAND):
        return subscription_answer(made)
    context.flags.require(Flow.SUBSCRIPTIONS)
    served_states.require(context, asked.orderId, asked.customerInfo)
    if request.caller.is_patient and asked.trialDays is not None:
        raise Refused("trial_not_allowed", "Only our own servers can start a trial.", facts={"path": "trialDays"})
    price = catalogue.price(context, asked.stripePriceId, "stripePriceId", recurring=True)
    customer = customers.ensured(context, asked.customerInfo)
    params: SubscriptionCreateParams = {
        "customer": customer,
        "items": [{"price": asked.stripePriceId}],
        "metadata": marked(request, asked.orderId, patient),
        "payment_behavior": "allow_incomplete" if asked.paymentMethodId else "default_incomplete",
        "payment_settings": {"save_default_payment_method": "on_subscription"},
        "expand": EXPAND,
    }
    if asked.trialDays is not None:
        params["trial_period_days"] = asked.trialDays
    if asked.discountCode:
        amount = Money(price["unit_amount"], price["currency"])
        verdict = discounts.accepted(context, asked.discountCode, amount, customer, path="discountCode")
        params["discounts"] = [{"promotion_code": verdict.code.id}] if verdict.code else []
    if asked.paymentMethodId:
        params["default_payment_method"] = _attached(context, request, asked.paymentMethodId, customer)
    begun_with = {
        "path": "subscriptions",
        "customer_id": customer,
        "order_id": asked.orderId,
        "price_id": asked.stripePriceId,
    }
    return subscription_answer(customer_actions.performed(context, "begin_subscription", request, begun_with, **params))


def subscription_answer(subscription: Json) -> SubscriptionAnswer:
    items = subscription["items"]["data"]
    return SubscriptionAnswer(
        subscriptionId=subscription["id"],
        status=subscription["status"],
        clientSecret=_secret(subscription),
        currentPeriodEnd=moment(items[0]["current_period_end"] if items else None),
    )


def again(context: PaymentContext, kept: Json) -> SubscriptionAnswer:
    """A stored answer completed with the client secret, which is never stored."""
    found = context.stripe.retrieve(f"subscriptions/{kept['subscriptionId']}", expand=EXPAND)
    return SubscriptionAnswer(**kept, clientSecret=_secret(found))


def cancel(context: PaymentContext, request: Request, asked: CancellationRequest) -> CancellationAnswer:
    """Cancel a subscription; one that has ended is returned as it is. Raises `Unavailable` until Stripe answers."""
    path = f"subscriptions/{asked.subscriptionId}"
    found = customers.reached(context, request.caller, path)
    if found["status"] in ("canceled", "incomplete_expired"):
        return cancellation_answer(found)
    with_period: SubscriptionUpdateParams = {"cancel_at_period_end": True}
    action = actions.begun(
        context,
        "begin_cancellation",
        id=f"can_{hashlib.sha256(request.key.encode()).hexdigest()[:24]}",
        subscription_id=asked.subscriptionId,
        method="post" if asked.atPeriodEnd else "delete",
        path=path,
        params=with_period if asked.atPeriodEnd else {},
        actor=request.caller.name,
        role=request.caller.role,
        reason=asked.reason,
    )
    if action.state == "refused":
        raise Refused("stripe_refused", str(action.problem))
    if action.state != "done":
        sentence = "Stripe has not answered yet. Repeat the request with the same Idempotency-Key."
        raise Unavailable("stripe_unavailable", sentence)
    return cancellation_answer(context.stripe.retrieve(path))


def cancellation_answer(subscription: Json) -> CancellationAnswer:
    items = subscription["items"]["data"]
    ends = subscription.get("cancel_at")
    if ends is None and subscription.get("cancel_at_period_end") and items:
        ends = items[0]["current_period_end"]
    return CancellationAnswer(
        subscriptionId=subscription["id"],
        status=subscription["status"],
        cancelAt=moment(ends),
        endedAt=moment(subscription.get("ended_at")),
    )


def _attached(context: PaymentContext, request: Request, method_id: str, customer: str) -> str:
    """Save the card to the customer; one that cannot be saved is a decline."""
    try:
        saved = context.stripe.write(
            f"payment_methods/{method_id}/attach", key=f"{request.key}-card", customer=customer
        )
    except Refused as error:
        raise failures.of_card(error, for_patient=request.caller.is_patient) from error
    return str(saved["id"])


def _secret(subscription: Json) -> str | None:
    """The client secret of the first invoice if it needs the customer, else of the card that a trial still needs."""
    if subscription["status"] == "incomplete":
        invoice = subscription.get("latest_invoice")
        confirmation = invoice.get("confirmation_secret") if isinstance(invoice, dict) else None
        return confirmation["client_secret"] if confirmation else None
    setup = subscription.get("pending_setup_intent")
    return setup.get("client_secret") if isinstance(setup, dict) else None
