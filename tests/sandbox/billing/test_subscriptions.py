"""Subscriptions over months: renewed, declined, recovered, given up; and the payouts between."""

import pytest
import stripe as sdk

DAY = 86_400


def advance(control, days):
    answer = control.post("/sandbox/clock/advance", json={"seconds": int(days * DAY)})
    assert answer.status_code == 200, answer.text


@pytest.fixture
def price(stripe):
    product = stripe.v1.products.create({"name": "Care plan"})
    return stripe.v1.prices.create(
        {"product": product.id, "unit_amount": 4900, "currency": "usd", "recurring": {"interval": "month"}}
    ).id


def customer_with(stripe, card):
    customer = stripe.v1.customers.create({})
    method = stripe.v1.payment_methods.attach(card, {"customer": customer.id})
    stripe.v1.customers.update(customer.id, {"invoice_settings": {"default_payment_method": method.id}})
    return customer.id


def subscribe(stripe, price, card="pm_card_visa", **more):
    return stripe.v1.subscriptions.create(
        {"customer": customer_with(stripe, card), "items": [{"price": price}], **more}
    )


def test_the_first_period_is_paid_by_an_invoice_and_its_intent(stripe, price):
    subscription = subscribe(stripe, price, expand=["latest_invoice.payments"])
    invoice = subscription.latest_invoice
    assert (subscription.status, invoice.status, invoice.amount_paid) == ("active", "paid", 4900)
    assert invoice.parent.subscription_details.subscription == subscription.id
    assert subscription["items"].data[0].current_period_end > subscription.created + 27 * DAY
    link = stripe.v1.invoice_payments.list({"invoice": invoice.id}).data[0]
    intent = stripe.v1.payment_intents.retrieve(link.payment.payment_intent)
    assert (link.status, intent.status, intent.amount) == ("paid", "succeeded", 4900)


def test_each_month_is_billed_as_the_clock_passes(stripe, price, control):
    subscription = subscribe(stripe, price)
    advance(control, 63)
    invoices = stripe.v1.invoices.list({"subscription": subscription.id}).data
    assert [(i.status, i.billing_reason) for i in invoices] == [
        ("paid", "subscription_cycle"),
        ("paid", "subscription_cycle"),
        ("paid", "subscription_create"),
    ]


def test_a_trial_costs_nothing_until_it_ends(stripe, price, control):
    subscription = subscribe(stripe, price, trial_period_days=14)
    assert subscription.status == "trialing"
    advance(control, 15)
    assert stripe.v1.subscriptions.retrieve(subscription.id).status == "active"
    paid = [i.amount_paid for i in stripe.v1.invoices.list({"subscription": subscription.id}).data]
    assert paid == [4900, 0]
    types = [e.type for e in stripe.v1.events.list({"types": ["customer.subscription.trial_will_end"]}).data]
    assert types


def failing_later(stripe, price):
    """Paid once; from then on the saved card is declined."""
    subscription = subscribe(stripe, price)
    method = stripe.v1.payment_methods.attach("pm_card_chargeCustomerFail", {"customer": subscription.customer})
    stripe.v1.subscriptions.update(subscription.id, {"default_payment_method": method.id})
    return subscription


def test_a_declined_renewal_is_past_due_and_recovers_with_another_card(stripe, price, control):
    subscription = failing_later(stripe, price)
    advance(control, 32)
    late = stripe.v1.subscriptions.retrieve(subscription.id, {"expand": ["latest_invoice"]})
    assert (late.status, late.latest_invoice.status) == ("past_due", "open")
    assert late.latest_invoice.attempt_count >= 1 and late.latest_invoice.next_payment_attempt
    with pytest.raises(sdk.CardError):
        stripe.v1.invoices.pay(late.latest_invoice.id)
    card = stripe.v1.payment_methods.attach("pm_card_mastercard", {"customer": subscription.customer})
    assert stripe.v1.invoices.pay(late.latest_invoice.id, {"payment_method": card.id}).status == "paid"
    assert stripe.v1.subscriptions.retrieve(subscription.id).status == "active"


def test_after_the_last_attempt_the_subscription_ends(stripe, price, control):
    subscription = failing_later(stripe, price)
    advance(control, 55)
    ended = stripe.v1.subscriptions.retrieve(subscription.id, {"expand": ["latest_invoice"]})
    assert (ended.status, ended.cancellation_details.reason) == ("canceled", "payment_failed")
    assert ended.latest_invoice.status == "uncollectible"
    link = stripe.v1.invoice_payments.list({"invoice": ended.latest_invoice.id}).data[0]
    charges = stripe.v1.charges.list({"payment_intent": link.payment.payment_intent}).data
    assert len(charges) == 4 and {charge.status for charge in charges} == {"failed"}


def test_cancelling_at_the_periods_end_keeps_it_until_then(stripe, price, control):
    subscription = subscribe(stripe, price)
    kept = stripe.v1.subscriptions.update(subscription.id, {"cancel_at_period_end": True})
    assert (kept.status, kept.cancel_at_period_end) == ("active", True)
    advance(control, 32)
    assert stripe.v1.subscriptions.retrieve(subscription.id).status == "canceled"
    assert len(stripe.v1.invoices.list({"subscription": subscription.id}).data) == 1


def test_cancelling_now_ends_it_now(stripe, price):
    subscription = subscribe(stripe, price)
    assert stripe.v1.subscriptions.cancel(subscription.id).status == "canceled"
    with pytest.raises(sdk.InvalidRequestError):
        stripe.v1.subscriptions.cancel(subscription.id)
    assert subscription.id not in [s.id for s in stripe.v1.subscriptions.list({"limit": 100}).data]


def test_a_first_payment_that_is_declined_leaves_it_incomplete_or_refuses_it(stripe, price):
    customer = customer_with(stripe, "pm_card_chargeCustomerFail")
    asked = {"customer": customer, "items": [{"price": price}]}
    assert stripe.v1.subscriptions.create(asked).status == "incomplete"
    with pytest.raises(sdk.CardError):
        stripe.v1.subscriptions.create({**asked, "payment_behavior": "error_if_incomplete"})
    listed = stripe.v1.subscriptions.list({"customer": customer}).data
    assert [s.status for s in listed] == ["incomplete"]


def test_a_first_payment_left_open_expires(stripe, price, control):
    subscription = subscribe(stripe, price, payment_behavior="default_incomplete")
    assert subscription.status == "incomplete"
    advance(control, 1)
    assert stripe.v1.subscriptions.retrieve(subscription.id).status == "incomplete_expired"


def test_a_coupon_reduces_the_price_by_its_terms(stripe, price):
    coupon = stripe.v1.coupons.create({"percent_off": 50, "duration": "once"})
    subscription = subscribe(stripe, price, discounts=[{"coupon": coupon.id}], expand=["latest_invoice"])
    assert subscription.latest_invoice.amount_paid == 2450


def test_payouts_add_up_to_their_balance_transactions(stripe, control):
    stripe.v1.payment_intents.create(
        {"amount": 5000, "currency": "usd", "payment_method": "pm_card_visa", "confirm": True}
    )
    advance(control, 4)
    payout = stripe.v1.payouts.list({"limit": 1}).data[0]
    inside = list(stripe.v1.balance_transactions.list({"payout": payout.id}).auto_paging_iter())
    assert payout.reconciliation_status == "completed"
    assert sum(t.net for t in inside if t.type != "payout") == payout.amount
    assert sum(t.net for t in inside) == 0


def test_a_first_payment_that_needs_the_customer_is_announced_and_waits(stripe, price, control):
    customer = customer_with(stripe, "pm_card_threeDSecure2Required")
    asked = {"customer": customer, "items": [{"price": price}], "expand": ["latest_invoice"]}
    subscription = stripe.v1.subscriptions.create(asked)
    invoice = subscription.latest_invoice
    assert (subscription.status, invoice.status) == ("incomplete", "open")
    told = stripe.v1.events.list({"type": "invoice.payment_action_required", "limit": 1}).data[0]
    assert told.data.object.id == invoice.id
    link = stripe.v1.invoice_payments.list({"invoice": invoice.id}).data[0]
    control.post(f"/authenticate/{link.payment.payment_intent}", data={"outcome": "complete"})
    assert stripe.v1.subscriptions.retrieve(subscription.id).status == "active"
