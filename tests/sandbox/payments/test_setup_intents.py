"""Setup intents: a card is saved for later, declined, authenticated by
the customer's bank, or not asked for any more.
"""

import pytest
import stripe as sdk


def customer(stripe):
    return stripe.v1.customers.create({"email": "pat@example.com"}).id


def test_a_working_card_is_attached_to_the_customer_once_it_is_confirmed(stripe):
    owner = customer(stripe)
    intent = stripe.v1.setup_intents.create({"customer": owner, "payment_method": "pm_card_visa"})
    assert (intent.status, intent.usage) == ("requires_confirmation", "off_session")
    assert stripe.v1.setup_intents.confirm(intent.id).status == "succeeded"
    [saved] = stripe.v1.payment_methods.list({"customer": owner, "type": "card"}).data
    assert saved.card.last4 == "4242"


def test_a_declining_card_is_not_saved_and_another_can_be_tried(stripe):
    owner = customer(stripe)
    intent = stripe.v1.setup_intents.create({"customer": owner})
    with pytest.raises(sdk.CardError) as declined:
        stripe.v1.setup_intents.confirm(intent.id, {"payment_method": "pm_card_visa_chargeDeclinedInsufficientFunds"})
    assert declined.value.http_status == 402
    assert declined.value.json_body["error"]["decline_code"] == "insufficient_funds"
    waiting = stripe.v1.setup_intents.retrieve(intent.id)
    assert (waiting.status, waiting.last_setup_error.code) == ("requires_payment_method", "card_declined")
    assert stripe.v1.payment_methods.list({"customer": owner}).data == []
    assert stripe.v1.setup_intents.confirm(intent.id, {"payment_method": "pm_card_visa"}).status == "succeeded"


@pytest.mark.parametrize(("outcome", "status"), [("complete", "succeeded"), ("fail", "requires_payment_method")])
def test_a_card_that_requires_authentication_redirects_to_the_bank(stripe, control, outcome, status):
    asked = {"customer": customer(stripe), "payment_method": "pm_card_authenticationRequired", "confirm": True}
    intent = stripe.v1.setup_intents.create(asked | {"return_url": "https://shop.test/"})
    assert (intent.status, intent.next_action.type) == ("requires_action", "redirect_to_url")
    control.post(intent.next_action.redirect_to_url.url, data={"outcome": outcome})
    assert stripe.v1.setup_intents.retrieve(intent.id).status == status


def test_a_card_set_up_with_authentication_is_charged_off_session(stripe, control):
    owner = customer(stripe)
    asked = {"customer": owner, "payment_method": "pm_card_authenticationRequiredOnSetup", "confirm": True}
    intent = stripe.v1.setup_intents.create(asked | {"return_url": "https://shop.test/"})
    control.post(intent.next_action.redirect_to_url.url, data={"outcome": "complete"})
    card = stripe.v1.setup_intents.retrieve(intent.id).payment_method
    charge = {"amount": 4900, "currency": "usd", "customer": owner, "payment_method": card}
    paid = stripe.v1.payment_intents.create(charge | {"confirm": True, "off_session": True})
    assert paid.status == "succeeded"


def test_a_finished_setup_intent_can_be_neither_confirmed_nor_canceled(stripe):
    asked = {"customer": customer(stripe), "payment_method": "pm_card_visa", "confirm": True}
    done = stripe.v1.setup_intents.create(asked).id
    open_one = stripe.v1.setup_intents.create({}).id
    assert stripe.v1.setup_intents.cancel(open_one).status == "canceled"
    for refused in (stripe.v1.setup_intents.confirm, stripe.v1.setup_intents.cancel):
        for intent in (done, open_one):
            with pytest.raises(sdk.InvalidRequestError) as error:
                refused(intent)
            assert error.value.code == "setup_intent_unexpected_state"


def test_a_trial_without_a_card_waits_for_a_card_which_then_pays(stripe, control):
    owner = customer(stripe)
    product = {"name": "Plan"}
    price = stripe.v1.prices.create(
        {"currency": "usd", "unit_amount": 4900, "recurring": {"interval": "month"}, "product_data": product}
    ).id
    trial = stripe.v1.subscriptions.create(
        {
            "customer": owner,
            "items": [{"price": price}],
            "trial_period_days": 7,
            "payment_behavior": "default_incomplete",
        }
    )
    assert trial.status == "trialing"
    stripe.v1.setup_intents.confirm(trial.pending_setup_intent, {"payment_method": "pm_card_visa"})
    has_card = stripe.v1.subscriptions.retrieve(trial.id)
    assert has_card.pending_setup_intent is None and has_card.default_payment_method
    control.post("/sandbox/clock/advance", json={"seconds": 8 * 86_400})
    assert stripe.v1.subscriptions.retrieve(trial.id).status == "active"
