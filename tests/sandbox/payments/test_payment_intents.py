"""Payment intents through the real SDK: what works, what is declined, what Stripe refuses."""

import pytest
import stripe as sdk

DECLINES = {
    "pm_card_visa_chargeDeclined": ("card_declined", "generic_decline"),
    "pm_card_visa_chargeDeclinedInsufficientFunds": ("card_declined", "insufficient_funds"),
    "pm_card_visa_chargeDeclinedLostCard": ("card_declined", "lost_card"),
    "pm_card_visa_chargeDeclinedStolenCard": ("card_declined", "stolen_card"),
    "pm_card_chargeDeclinedExpiredCard": ("expired_card", "expired_card"),
    "pm_card_chargeDeclinedIncorrectCvc": ("incorrect_cvc", "incorrect_cvc"),
    "pm_card_chargeDeclinedProcessingError": ("processing_error", "processing_error"),
    "pm_card_visa_chargeDeclinedVelocityLimitExceeded": ("card_declined", "card_velocity_exceeded"),
    "pm_card_riskLevelHighest": ("card_declined", "fraudulent"),
}


def pay(stripe, card="pm_card_visa", **more):
    asked = {"amount": 5000, "currency": "usd", "confirm": True, **({"payment_method": card} if card else {}), **more}
    return stripe.v1.payment_intents.create(asked)


def test_a_working_card_pays_and_the_amount_is_pending(stripe):
    intent = pay(stripe, expand=["latest_charge.balance_transaction"], metadata={"orderId": "ord_1"})
    charge = intent.latest_charge
    assert (intent.status, intent.amount_received, charge.captured) == ("succeeded", 5000, True)
    assert charge.outcome.network_status == "approved_by_network"
    assert charge.payment_method_details.card.last4 == "4242"
    assert charge.metadata["orderId"] == "ord_1"
    assert charge.balance_transaction.fee == 175
    assert charge.balance_transaction.net == 4825
    assert charge.balance_transaction.fee_details[0].type == "stripe_fee"


@pytest.mark.parametrize(("card", "expected"), DECLINES.items())
def test_each_declining_card_is_declined_with_stripes_code(stripe, card, expected):
    with pytest.raises(sdk.CardError) as refused:
        pay(stripe, card)
    error = refused.value.error
    assert (error.code, error.decline_code) == expected
    assert refused.value.http_status == 402
    intent = stripe.v1.payment_intents.retrieve(error.payment_intent.id)
    assert intent.status == "requires_payment_method"
    assert intent.last_payment_error.decline_code == expected[1]
    assert stripe.v1.charges.retrieve(error.charge).status == "failed"


def test_a_declined_intent_can_be_paid_with_another_card(stripe):
    with pytest.raises(sdk.CardError) as refused:
        pay(stripe, "pm_card_visa_chargeDeclined")
    intent_id = refused.value.error.payment_intent.id
    assert stripe.v1.payment_intents.confirm(intent_id, {"payment_method": "pm_card_mastercard"}).status == "succeeded"
    charges = stripe.v1.charges.list({"payment_intent": intent_id}).data
    assert [charge.status for charge in charges] == ["succeeded", "failed"]


def test_a_blocked_payment_never_reaches_the_network(stripe):
    with pytest.raises(sdk.CardError) as refused:
        pay(stripe, "pm_card_radarBlock")
    outcome = stripe.v1.charges.retrieve(refused.value.error.charge).outcome
    assert (outcome.type, outcome.network_status) == ("blocked", "not_sent_to_network")
    assert (outcome.reason, outcome.risk_level) == ("highest_risk_level", "highest")


def test_a_partial_capture_books_the_charge_and_the_release_of_the_rest(stripe):
    intent = pay(stripe, amount=10_000, capture_method="manual")
    assert (intent.status, intent.amount_capturable) == ("requires_capture", 10_000)
    captured = stripe.v1.payment_intents.capture(intent.id, {"amount_to_capture": 6000, "expand": ["latest_charge"]})
    charge = captured.latest_charge
    assert (captured.status, captured.amount_received) == ("succeeded", 6000)
    assert (charge.amount, charge.amount_captured, charge.amount_refunded, charge.refunded) == (
        10_000,
        6000,
        4000,
        False,
    )
    booked = stripe.v1.balance_transactions.list({"source": charge.id}).data
    assert {(txn.type, txn.reporting_category, txn.amount, txn.fee) for txn in booked} == {
        ("charge", "charge", 10_000, 320),
        ("refund", "partial_capture_reversal", -4000, -116),
    }
    assert sum(txn.net for txn in booked) == 6000 - 204


def test_a_partial_capture_can_be_refunded_or_disputed_up_to_the_captured_amount(stripe, control):
    intents = [pay(stripe, amount=10_000, capture_method="manual") for _ in range(2)]
    charges = [stripe.v1.payment_intents.capture(i.id, {"amount_to_capture": 6000}).latest_charge for i in intents]
    with pytest.raises(sdk.InvalidRequestError, match="greater than unrefunded amount"):
        stripe.v1.refunds.create({"charge": charges[0], "amount": 6001})
    assert stripe.v1.refunds.create({"charge": charges[0]}).amount == 6000
    assert control.post("/sandbox/disputes", json={"charge": charges[1]}).json()["amount"] == 6000


def test_cancelling_an_authorization_releases_it(stripe):
    intent = pay(stripe, capture_method="manual")
    cancelled = stripe.v1.payment_intents.cancel(intent.id, {"cancellation_reason": "abandoned"})
    assert (cancelled.status, cancelled.cancellation_reason) == ("canceled", "abandoned")
    assert stripe.v1.charges.retrieve(intent.latest_charge).refunded


def test_a_card_that_asks_for_authentication_waits_for_the_customer(stripe, control):
    intent = pay(stripe, "pm_card_threeDSecure2Required", return_url="https://shop.test/back")
    assert intent.status == "requires_action"
    page = intent.next_action.redirect_to_url.url
    control.post(page, data={"outcome": "complete"})
    paid = stripe.v1.payment_intents.retrieve(intent.id, {"expand": ["latest_charge"]})
    assert paid.status == "succeeded"
    assert paid.latest_charge.payment_method_details.card.three_d_secure.result == "authenticated"


def test_a_failed_authentication_is_an_attempt_without_a_charge(stripe, control):
    intent = pay(stripe, "pm_card_threeDSecure2Required", return_url="https://shop.test/back")
    control.post(intent.next_action.redirect_to_url.url, data={"outcome": "fail"})
    failed = stripe.v1.payment_intents.retrieve(intent.id)
    assert (failed.status, failed.latest_charge) == ("requires_payment_method", None)
    assert failed.last_payment_error.code == "payment_intent_authentication_failure"


def test_off_session_a_card_that_needs_authentication_is_declined(stripe):
    customer = stripe.v1.customers.create({})
    method = stripe.v1.payment_methods.attach("pm_card_authenticationRequired", {"customer": customer.id})
    with pytest.raises(sdk.CardError) as refused:
        pay(stripe, method.id, customer=customer.id, off_session=True)
    assert refused.value.error.code == "authentication_required"


def test_a_payment_that_may_not_wait_for_the_customer_is_declined(stripe):
    with pytest.raises(sdk.CardError) as refused:
        pay(stripe, "pm_card_threeDSecure2Required", error_on_requires_action=True)
    assert refused.value.error.payment_intent.status == "requires_payment_method"


@pytest.mark.parametrize(
    ("amount", "currency", "code"),
    [
        (49, "usd", "amount_too_small"),
        (29, "gbp", "amount_too_small"),
        (49, "jpy", "amount_too_small"),
        (100_000_000, "usd", "amount_too_large"),
        (0, "usd", "parameter_invalid_integer"),
        (-5, "usd", "parameter_invalid_integer"),
        ("1.5", "usd", "parameter_invalid_integer"),
        ("1e3", "usd", "parameter_invalid_integer"),
        ("１２", "usd", "parameter_invalid_integer"),
        (5005, "kwd", "invalid_charge_amount"),
    ],
)
def test_amounts_that_stripe_refuses_are_refused_with_its_code(stripe, amount, currency, code):
    with pytest.raises(sdk.InvalidRequestError) as refused:
        stripe.v1.payment_intents.create({"amount": amount, "currency": currency})
    assert (refused.value.code, refused.value.param) == (code, "amount")


def test_zero_and_three_decimal_currencies_are_taken_in_their_minor_unit(stripe):
    for amount, currency in ((500, "jpy"), (1230, "kwd")):
        assert pay(stripe, amount=amount, currency=currency).amount_received == amount


def test_an_unknown_currency_or_method_is_refused(stripe):
    with pytest.raises(sdk.InvalidRequestError, match="Invalid currency"):
        stripe.v1.payment_intents.create({"amount": 500, "currency": "xyz"})
    with pytest.raises(sdk.InvalidRequestError) as refused:
        pay(stripe, "pm_card_doesNotExist")
    assert (refused.value.code, refused.value.param) == ("resource_missing", "payment_method")


def test_a_paid_intent_can_be_neither_confirmed_nor_canceled(stripe):
    intent = pay(stripe)
    for refused_call in (stripe.v1.payment_intents.confirm, stripe.v1.payment_intents.cancel):
        with pytest.raises(sdk.InvalidRequestError) as refused:
            refused_call(intent.id)
        assert refused.value.code == "payment_intent_unexpected_state"
        assert refused.value.error.payment_intent.id == intent.id


def test_someone_elses_saved_card_cannot_be_used(stripe):
    owner, other = stripe.v1.customers.create({}), stripe.v1.customers.create({})
    method = stripe.v1.payment_methods.attach("pm_card_visa", {"customer": owner.id})
    with pytest.raises(sdk.InvalidRequestError, match="does not have a payment method"):
        pay(stripe, method.id, customer=other.id)


def test_declining_cards_cannot_be_saved_except_the_test_card_for_that(stripe):
    customer = stripe.v1.customers.create({})
    with pytest.raises(sdk.CardError):
        stripe.v1.payment_methods.attach("pm_card_visa_chargeDeclined", {"customer": customer.id})
    method = stripe.v1.payment_methods.attach("pm_card_chargeCustomerFail", {"customer": customer.id})
    with pytest.raises(sdk.CardError):
        pay(stripe, method.id, customer=customer.id, off_session=True)


def test_a_card_is_saved_by_paying_if_requested(stripe):
    customer = stripe.v1.customers.create({})
    pay(stripe, customer=customer.id, setup_future_usage="off_session")
    saved = stripe.v1.payment_methods.list({"customer": customer.id, "type": "card"}).data
    assert [method.card.last4 for method in saved] == ["4242"]
    stripe.v1.payment_methods.detach(saved[0].id)
    with pytest.raises(sdk.InvalidRequestError, match="may not be used again"):
        pay(stripe, saved[0].id)


def test_a_setup_intent_saves_a_card_without_charging_it(stripe):
    customer = stripe.v1.customers.create({})
    intent = stripe.v1.setup_intents.create(
        {"customer": customer.id, "payment_method": "pm_card_visa", "confirm": True}
    )
    assert intent.status == "succeeded"
    assert stripe.v1.customers.payment_methods.list(customer.id).data[0].id == intent.payment_method


def test_search_finds_payments_by_order_and_status(stripe):
    intent = pay(stripe, metadata={"orderId": "ord_searched"})
    found = stripe.v1.payment_intents.search({"query": "metadata['orderId']:'ord_searched' AND status:'succeeded'"})
    assert [entry.id for entry in found.data] == [intent.id]
    assert not stripe.v1.payment_intents.search({"query": "metadata['orderId']:'ord_other'"}).data


def test_a_request_without_the_right_key_is_refused(sandbox):
    with pytest.raises(sdk.AuthenticationError):
        sandbox.client("sk_test_wrong").v1.customers.list()
