"""ACH debits through the real SDK: pending for days, paid, sent back, refunded, or returned."""

import pytest
import stripe as sdk

from tests.sandbox.billing.test_subscriptions import advance
from tests.sandbox.payments.test_payment_intents import pay

SENT_BACK = {
    "pm_usBankAccount_accountClosed": "bank_account_closed",
    "pm_usBankAccount_insufficientFunds": "insufficient_funds",
    "pm_usBankAccount_debitNotAuthorized": "debit_not_authorized",
    "pm_usBankAccount_noAccount": "bank_account_not_found",
}


def debit(stripe, account="pm_usBankAccount_success", **more):
    return pay(stripe, account, amount=10_000, allowed_payment_method_types=["us_bank_account"], **more)


def test_a_debit_is_pending_for_days_and_then_paid(stripe, control):
    intent = debit(stripe, expand=["latest_charge"])
    charge = intent.latest_charge
    assert (intent.status, intent.amount_received) == ("processing", 0)
    assert (charge.status, charge.paid, charge.payment_method_details.type) == ("pending", False, "us_bank_account")
    assert charge.payment_method_details.us_bank_account.last4 == "6789"
    advance(control, 1)
    assert stripe.v1.payment_intents.retrieve(intent.id).status == "processing"
    advance(control, 6)
    paid = stripe.v1.payment_intents.retrieve(intent.id, {"expand": ["latest_charge.balance_transaction"]})
    assert (paid.status, paid.amount_received, paid.latest_charge.status) == ("succeeded", 10_000, "succeeded")
    booked = paid.latest_charge.balance_transaction
    assert (booked.type, booked.reporting_category, booked.fee, booked.net) == ("payment", "charge", 80, 9920)
    told = {
        event.type for event in stripe.v1.events.list({"limit": 20, "types": ["charge.*", "payment_intent.*"]}).data
    }
    assert {"charge.pending", "payment_intent.processing", "charge.succeeded", "payment_intent.succeeded"} <= told


@pytest.mark.parametrize(("account", "decline_code"), SENT_BACK.items())
def test_a_debit_that_the_bank_sends_back_costs_both_fees(stripe, control, account, decline_code):
    intent = debit(stripe, account)
    advance(control, 7)
    failed = stripe.v1.payment_intents.retrieve(intent.id)
    assert (failed.status, failed.last_payment_error.decline_code) == ("requires_payment_method", decline_code)
    charge = stripe.v1.charges.retrieve(intent.latest_charge, {"expand": ["failure_balance_transaction"]})
    assert (charge.status, charge.paid, charge.outcome.reason) == ("failed", False, decline_code)
    back = charge.failure_balance_transaction
    assert (back.reporting_category, back.amount, back.fee, back.net) == ("charge_failure", -10_000, 400, -10_400)
    booked = stripe.v1.balance_transactions.list({"source": charge.id}).data
    assert sum(txn.net for txn in booked) == -480


def test_a_returned_debit_is_a_lost_dispute(stripe, control):
    intent = debit(stripe, "pm_usBankAccount_dispute")
    advance(control, 40)
    dispute = stripe.v1.disputes.list({"payment_intent": intent.id}).data[0]
    assert (dispute.status, dispute.reason) == ("lost", "debit_not_authorized")


def test_a_debit_that_stays_in_processing_can_be_canceled(stripe, control):
    intent = debit(stripe, "pm_usBankAccount_processing")
    advance(control, 30)
    assert stripe.v1.payment_intents.retrieve(intent.id).status == "processing"
    assert stripe.v1.payment_intents.cancel(intent.id).status == "canceled"
    assert stripe.v1.charges.retrieve(intent.latest_charge).status == "failed"


def test_a_bank_account_given_by_its_numbers_is_saved_and_charged_again(stripe, control):
    customer = stripe.v1.customers.create({})
    asked = {
        "type": "us_bank_account",
        "billing_details": {"name": "A. Patient"},
        "us_bank_account": {"account_number": "000123456789", "routing_number": "110000000"},
    }
    account = stripe.v1.payment_methods.create(asked)
    intent = stripe.v1.setup_intents.create(
        {
            "confirm": True,
            "customer": customer.id,
            "payment_method": account.id,
            "allowed_payment_method_types": ["us_bank_account"],
        }
    )
    assert intent.status == "succeeded"
    listed = stripe.v1.payment_methods.list({"customer": customer.id, "type": "us_bank_account"}).data
    assert [held.us_bank_account.bank_name for held in listed] == ["STRIPE TEST BANK"]
    assert debit(stripe, account.id, customer=customer.id, off_session=True).status == "processing"
    asked["us_bank_account"]["account_number"] = "000123450000"
    with pytest.raises(sdk.InvalidRequestError):
        stripe.v1.payment_methods.create(asked)


def test_a_bank_account_is_refused_for_card_only_payments_and_other_currencies(stripe):
    with pytest.raises(sdk.InvalidRequestError, match="not allowed for this PaymentIntent"):
        pay(stripe, "pm_usBankAccount_success", excluded_payment_method_types=["us_bank_account"])
    with pytest.raises(sdk.InvalidRequestError, match="not allowed for this PaymentIntent"):
        pay(stripe, "pm_usBankAccount_success", currency="eur")
    with pytest.raises(sdk.InvalidRequestError, match="No valid payment method types"):
        pay(stripe, allowed_payment_method_types=["klarna"])
    with pytest.raises(sdk.InvalidRequestError) as refused:
        pay(stripe, payment_method_types=["card"])
    assert refused.value.code == "payment_method_types_no_longer_supported"


def test_a_debit_is_refunded_to_the_account(stripe, control):
    intent = debit(stripe)
    with pytest.raises(sdk.InvalidRequestError):
        stripe.v1.refunds.create({"charge": intent.latest_charge})
    advance(control, 7)
    refund = stripe.v1.refunds.create({"charge": intent.latest_charge, "expand": ["balance_transaction"]})
    assert (refund.status, refund.balance_transaction.type) == ("pending", "payment_refund")


def test_a_subscription_paid_by_debit_is_active_at_once_and_past_due_where_a_renewal_comes_back(stripe, control):
    product = stripe.v1.products.create({"name": "Care plan"})
    recurring = {"interval": "month"}
    asked = {"product": product.id, "unit_amount": 4900, "currency": "usd", "recurring": recurring}
    price = stripe.v1.prices.create(asked).id
    customer = stripe.v1.customers.create({})
    account = stripe.v1.payment_methods.attach("pm_usBankAccount_success", {"customer": customer.id})
    subscription = stripe.v1.subscriptions.create(
        {
            "customer": customer.id,
            "default_payment_method": account.id,
            "items": [{"price": price}],
            "expand": ["latest_invoice"],
        }
    )
    assert (subscription.status, subscription.latest_invoice.status) == ("active", "open")
    advance(control, 7)
    assert stripe.v1.invoices.retrieve(subscription.latest_invoice.id).status == "paid"
    empty = stripe.v1.payment_methods.attach("pm_usBankAccount_insufficientFunds", {"customer": customer.id})
    stripe.v1.subscriptions.update(subscription.id, {"default_payment_method": empty.id})
    advance(control, 25)
    waiting = stripe.v1.subscriptions.retrieve(subscription.id, {"expand": ["latest_invoice"]})
    assert (waiting.status, waiting.latest_invoice.status) == ("active", "open")
    advance(control, 4)
    late = stripe.v1.subscriptions.retrieve(subscription.id, {"expand": ["latest_invoice"]})
    assert late.status == "past_due"
    assert late.latest_invoice.attempt_count == 1 and late.latest_invoice.next_payment_attempt
