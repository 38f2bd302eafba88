"""Refunds: full and partial, refused, pending, and failed later."""

import pytest
import stripe as sdk

from tests.sandbox.payments.test_payment_intents import pay


def advance(control, seconds):
    assert control.post("/sandbox/clock/advance", json={"seconds": seconds}).status_code == 200


def test_partial_refunds_add_up_to_at_most_the_payment(stripe):
    intent = pay(stripe)
    stripe.v1.refunds.create({"payment_intent": intent.id, "amount": 2000, "reason": "requested_by_customer"})
    with pytest.raises(sdk.InvalidRequestError, match="greater than unrefunded amount") as refused:
        stripe.v1.refunds.create({"payment_intent": intent.id, "amount": 3001})
    assert refused.value.param == "amount"
    rest = stripe.v1.refunds.create({"charge": intent.latest_charge})
    charge = stripe.v1.charges.retrieve(intent.latest_charge)
    assert (rest.amount, charge.amount_refunded, charge.refunded) == (3000, 5000, True)
    with pytest.raises(sdk.InvalidRequestError) as refused:
        stripe.v1.refunds.create({"payment_intent": intent.id})
    assert refused.value.code == "charge_already_refunded"


def test_an_uncaptured_or_unpaid_payment_cannot_be_refunded(stripe):
    held = pay(stripe, capture_method="manual")
    with pytest.raises(sdk.InvalidRequestError) as refused:
        stripe.v1.refunds.create({"charge": held.latest_charge})
    assert refused.value.code == "charge_not_refundable"
    open_intent = stripe.v1.payment_intents.create({"amount": 5000, "currency": "usd"})
    with pytest.raises(sdk.InvalidRequestError) as refused:
        stripe.v1.refunds.create({"payment_intent": open_intent.id})
    assert refused.value.code == "payment_intent_unexpected_state"


def test_a_disputed_payment_cannot_be_refunded(stripe, control):
    intent = pay(stripe)
    assert control.post("/sandbox/disputes", json={"charge": intent.latest_charge}).status_code == 201
    with pytest.raises(sdk.InvalidRequestError) as refused:
        stripe.v1.refunds.create({"payment_intent": intent.id})
    assert refused.value.code == "charge_disputed"


def test_a_pending_refund_reaches_the_bank_later(stripe, control):
    intent = pay(stripe, "pm_card_pendingRefund")
    refund = stripe.v1.refunds.create({"payment_intent": intent.id})
    assert refund.status == "pending"
    advance(control, 60)
    assert stripe.v1.refunds.retrieve(refund.id).status == "succeeded"


def test_a_failed_refund_returns_the_money_to_the_balance(stripe, control):
    intent = pay(stripe, "pm_card_refundFail")
    refund = stripe.v1.refunds.create({"payment_intent": intent.id})
    advance(control, 60)
    failed = stripe.v1.refunds.retrieve(refund.id, {"expand": ["failure_balance_transaction"]})
    assert (failed.status, failed.failure_balance_transaction.amount) == ("failed", 5000)
    assert stripe.v1.charges.retrieve(intent.latest_charge).amount_refunded == 0
    assert stripe.v1.refunds.create({"payment_intent": intent.id}).amount == 5000
