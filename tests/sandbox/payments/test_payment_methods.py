"""Saved cards: attached to one customer, listed, chosen, changed and detached; and Stripe's refusals."""

import pytest
import stripe as sdk


def customer(stripe, **more):
    return stripe.v1.customers.create(more).id


def saved(stripe, owner, card="pm_card_visa"):
    return stripe.v1.payment_methods.attach(card, {"customer": owner}).id


def test_the_cards_a_customer_saved_are_listed_newest_first(stripe):
    owner = customer(stripe)
    cards = [saved(stripe, owner, card) for card in ("pm_card_visa", "pm_card_mastercard")]
    assert [one.id for one in stripe.v1.customers.payment_methods.list(owner).data] == cards[::-1]
    assert stripe.v1.customers.payment_methods.retrieve(owner, cards[0]).card.brand == "visa"
    assert stripe.v1.payment_methods.list({"customer": customer(stripe)}).data == []


def test_the_default_card_pays_automatically_until_it_is_detached(stripe):
    owner = customer(stripe)
    card = saved(stripe, owner)
    stripe.v1.customers.update(owner, {"invoice_settings": {"default_payment_method": card}})
    stripe.v1.payment_methods.detach(card)
    assert stripe.v1.customers.retrieve(owner).invoice_settings.default_payment_method is None
    with pytest.raises(sdk.InvalidRequestError, match="may not be used again"):
        stripe.v1.payment_intents.create(
            {"amount": 100, "currency": "usd", "customer": owner, "payment_method": card, "confirm": True}
        )
    with pytest.raises(sdk.InvalidRequestError):
        stripe.v1.payment_methods.detach(card)


def test_a_card_of_one_customer_cannot_be_attached_to_another(stripe):
    card = saved(stripe, customer(stripe))
    for claim in (
        lambda: saved(stripe, customer(stripe), card),
        lambda: stripe.v1.customers.update(customer(stripe), {"invoice_settings": {"default_payment_method": card}}),
    ):
        with pytest.raises(sdk.InvalidRequestError):
            claim()


@pytest.mark.parametrize(
    ("card", "code"),
    [
        ({"number": "4242424242424241", "exp_month": 12, "exp_year": 2040}, "incorrect_number"),
        ({"number": "4242424242424242", "exp_month": 13, "exp_year": 2040}, "invalid_expiry_month"),
        ({"number": "4242424242424242", "exp_month": 12, "exp_year": 2020}, "invalid_expiry_year"),
    ],
)
def test_a_mistyped_card_is_declined_with_stripes_code(stripe, card, code):
    with pytest.raises(sdk.CardError) as error:
        stripe.v1.payment_methods.create({"type": "card", "card": card})
    assert error.value.code == code


def test_a_parameter_that_stripe_does_not_know_is_refused_by_its_name_at_every_depth(stripe):
    asked = {"amount": 4900, "currency": "usd"}
    for unknown, param in (
        ({"reciept_email": "a@example.com"}, "reciept_email"),
        (
            {"automatic_payment_methods": {"enabled": True, "redirects": "never"}},
            "automatic_payment_methods[redirects]",
        ),
        ({"payment_method": "pm_card_visa", "payment_method_kind": "card"}, "payment_method_kind"),
    ):
        with pytest.raises(sdk.InvalidRequestError) as error:
            stripe.v1.payment_intents.create(asked | unknown)
        assert (error.value.code, error.value.param) == ("parameter_unknown", param)
    with pytest.raises(sdk.InvalidRequestError, match="items\\[0\\]\\[prize\\]"):
        stripe.v1.subscriptions.create({"customer": customer(stripe), "items": [{"prize": "price_1"}]})
    with pytest.raises(sdk.InvalidRequestError, match="unknown parameters: amuont, status"):
        stripe.v1.refunds.list({"amuont": 1, "status": "x"})
    assert stripe.v1.payment_intents.create(asked | {"metadata": {"anything": "goes"}}).metadata["anything"] == "goes"
