"""Each operation that moves money or changes a subscription: how it is set up, done, and counted at Stripe."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from core.events.api_responses import records_of
from core.payments import refunds
from core.payments.context import PaymentContext
from core.payments.disputes import disputes
from core.payments.operations import service, subscriptions
from core.payments.operations.callers import Caller
from core.payments.operations.requests import Request
from core.payments.operations.schemas import CancellationRequest, PaymentRequest, SubscriptionRequest
from core.payments.recovery import recovery
from core.periods import Clock
from core.staff.flags import Flags
from core.staff.roles import Actor, Role
from core.stripe_gateway import StripeGateway

FINANCE, SUPPORT = Actor("staff:fin", Role.FINANCE), Actor("staff:sue", Role.SUPPORT)
SERVER = Caller("api:shop")
WHO = {"email": "pat@example.com", "patientId": "patient-1"}


@dataclass(frozen=True)
class Operation:
    """`path` and `method` are what it asks of Stripe; `prepare` answers what it is done to; `effects` counts."""

    path: str
    prepare: Callable[[Any], str]
    do: Callable[[PaymentContext, str, str], object]
    effects: Callable[[PaymentContext, str], int]
    method: str = "POST"
    customers_own: bool = False


def made(context: PaymentContext, path: str, order: str, **params: Any) -> list[dict[str, Any]]:
    return [one for one in context.stripe.each(path, **params) if one["metadata"].get("orderId") == order]


def order_of(shop: Any) -> str:
    shop.made += 1
    return f"order-{id(shop)}-{shop.made}-{datetime.now(UTC).timestamp()}"


def pay(context: PaymentContext, order: str, key: str, *, repeated: bool = False) -> object:
    asked = {"paymentMethodId": "pm_card_visa", "amount": 4900, "currency": "usd", "orderId": order}
    request = Request(SERVER, key, repeated)
    return service.process_payment(context, request, PaymentRequest(**asked, customerInfo=WHO))


def payments(context: PaymentContext, order: str) -> int:
    return sum(one["status"] == "succeeded" for one in made(context, "payment_intents", order))


def plan(shop: Any) -> str:
    price = {"currency": "usd", "unit_amount": 9900, "product_data": {"name": "Plan"}}
    return str(shop.post("prices", recurring={"interval": "month"}, **price)["id"])


def subscribe(context: PaymentContext, subject: str, key: str, *, repeated: bool = False) -> object:
    order, price = subject.split(" ")
    asked = SubscriptionRequest(customerInfo=WHO, stripePriceId=price, paymentMethodId="pm_card_visa", orderId=order)
    return subscriptions.create(context, Request(SERVER, key, repeated), asked)


def subscribed(context: PaymentContext, subject: str) -> int:
    return len(made(context, "subscriptions", subject.split(" ")[0], status="all"))


def subscription(shop: Any) -> str:
    card = {"default_payment_method": shop.card["id"]}
    items = [{"price": plan(shop)}]
    return str(shop.post("subscriptions", customer=shop.customer["id"], items=items, **card)["id"])


def cancel(at_period_end: bool) -> Callable[[PaymentContext, str, str], object]:
    def do(context: PaymentContext, subscription_id: str, key: str) -> object:
        asked = CancellationRequest(subscriptionId=subscription_id, atPeriodEnd=at_period_end)
        return subscriptions.cancel(context, Request(SERVER, key), asked)

    return do


def told(context: PaymentContext, event_type: str, object_id: str, field: str | None = None) -> int:
    """How often Stripe told of this happening to the object."""
    events = context.stripe.each("events", type=event_type)
    return sum(
        event["data"]["object"]["id"] == object_id
        and (field is None or field in event["data"].get("previous_attributes", {}))
        for event in events
    )


def refund(context: PaymentContext, intent_id: str, action_id: str) -> object:
    return refunds.issue(context, FINANCE, action_id, intent_id, 1900, reason="the visit did not take place")


def disputed(shop: Any) -> str:
    opened = shop.disputed()
    return str(opened["id"])


def ready_to_submit(shop: Any) -> str:
    dispute_id = disputed(shop)
    disputes.stage(shop.payment_context, FINANCE, dispute_id, {"uncategorized_text": "They came."})
    return dispute_id


def submissions(context: PaymentContext, dispute_id: str) -> int:
    return int(context.stripe.retrieve(f"disputes/{dispute_id}")["evidence_details"]["submission_count"])


OPERATIONS = {
    "payment": Operation("payment_intents", order_of, pay, payments, customers_own=True),
    "subscription": Operation(
        "subscriptions", lambda shop: f"{order_of(shop)} {plan(shop)}", subscribe, subscribed, customers_own=True
    ),
    "end at the period's end": Operation(
        "subscriptions/",
        subscription,
        cancel(True),
        lambda context, it: told(context, "customer.subscription.updated", it, "cancel_at_period_end"),
    ),
    "end now": Operation(
        "subscriptions/",
        subscription,
        cancel(False),
        lambda context, it: told(context, "customer.subscription.deleted", it),
        method="DELETE",
    ),
    "refund": Operation(
        "refunds",
        lambda shop: shop.paid()["id"],
        refund,
        lambda context, it: len(list(context.stripe.each("refunds", payment_intent=it))),
    ),
    "retry": Operation(
        "payment_intents/",
        lambda shop: shop.failed().id,
        lambda context, it, action_id: recovery.retry(context, SUPPORT, action_id, it),
        lambda context, it: sum(c["status"] == "succeeded" for c in context.stripe.each("charges", payment_intent=it)),
    ),
    "retry of an invoice": Operation(
        "invoices/",
        lambda shop: shop.past_due().id,
        lambda context, it, action_id: recovery.retry(context, SUPPORT, action_id, it),
        lambda context, it: sum(c["status"] == "succeeded" for c in context.stripe.each("charges", payment_intent=it)),
    ),
    "acceptance": Operation(
        "disputes/",
        disputed,
        lambda context, it, action_id: disputes.accept(context, FINANCE, action_id, it, reason="it did not take place"),
        lambda context, it: told(context, "charge.dispute.closed", it),
    ),
    "evidence": Operation(
        "disputes/",
        ready_to_submit,
        lambda context, it, action_id: disputes.submit(context, FINANCE, action_id, it),
        submissions,
    ),
}


def open_context(database: Any, base_url: str, secret_key: str, clock: Clock) -> PaymentContext:
    """Without retries of the SDK's own, so that each fault is seen."""
    return PaymentContext(
        db=database,
        stripe=StripeGateway(secret_key, api_base=base_url, record=lambda _: None, max_retries=0),
        clock=clock,
        flags=Flags(database, suspended=False),
        records_of=lambda answer: records_of(answer, as_of=clock(), livemode=False),
        refund_limit_minor=20_000,
    )
