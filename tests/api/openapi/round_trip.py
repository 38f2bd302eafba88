"""Calls every operation through a generated Python client; run as a script with the folder that holds the client."""

import json
import sys
from typing import Any

sys.path.insert(0, sys.argv[1])
from payops_client import AuthenticatedClient, models  # type: ignore[import-not-found]
from payops_client.api.payments import (  # type: ignore[import-not-found]
    cancel_subscription,
    create_checkout_session,
    create_subscription,
    handle_failure,
    payment_methods,
    process_payment,
    validate_discount,
    verify_status,
)

given = json.loads(sys.argv[2])
order, page = given["order"], given["page"]
client = AuthenticatedClient(base_url=given["address"], token=given["token"])
customer = models.CustomerInfo(email="python@example.com", patient_id=f"patient-{order}")


def post(operation: Any, body: Any, key: str) -> Any:
    return operation.sync(client=client, body=body, idempotency_key=f"{order}-{key}")


def payment(card: str, order_id: str, *, save: bool) -> Any:
    return models.PaymentRequest(
        payment_method_id=card,
        amount=4900,
        currency="usd",
        customer_info=customer,
        order_id=order_id,
        save_payment_method=save,
    )


options = models.CheckoutOptions(success_url=page, cancel_url=page, order_id=order)
cart = [models.CartItem(stripe_price_id=given["price"], quantity=1)]
asked = models.CheckoutRequest(cart_items=cart, customer_info=customer, options=options)
session = post(create_checkout_session, asked, "checkout")
paid = post(process_payment, payment("pm_card_visa", order, save=True), "pay")
refused = payment("pm_card_visa_chargeDeclinedInsufficientFunds", f"{order}-declined", save=False)
declined = post(process_payment, refused, "declined")
failed = models.PaymentFailureRequest(payment_intent_id=declined.payment_intent_id, order_id=f"{order}-declined")
cards = payment_methods.sync(client=client, patient_id=customer.patient_id).payment_methods
subscription = post(
    create_subscription,
    models.SubscriptionRequest(
        customer_info=customer, stripe_price_id=given["plan"], payment_method_id="pm_card_visa", order_id=order
    ),
    "subscription",
)
ended = models.CancellationRequest(subscription_id=subscription.subscription_id, at_period_end=False)
code = models.DiscountRequest(code=given["code"], amount=4900, currency="usd")
found = {
    "checkout": verify_status.sync(session.session_id, client=client).order_id,
    "payment": paid.status,
    "decline": [declined.code, declined.decline_code, declined.retryable],
    "failure": post(handle_failure, failed, "failure").decline_code,
    "discount": post(validate_discount, code, "discount").total,
    "cards": [card.last4 for card in cards],
    "subscription": subscription.status,
    "cancelled": post(cancel_subscription, ended, "cancel").status,
}
print(json.dumps(found))
