"""Coupons and promotion codes: made by Stripe's rules, counted as they are used, refused where they do not hold."""

import time

import pytest
import stripe as sdk

SOON = int(time.time()) + 3600


def coupon(stripe, **terms):
    return stripe.v1.coupons.create({"duration": "once"} | terms).id


def code(stripe, coupon_id, **terms):
    return stripe.v1.promotion_codes.create({"promotion": {"type": "coupon", "coupon": coupon_id}} | terms)


def checkout(stripe, promotion, *, amount=10_000, currency="usd", **more):
    line = {
        "price_data": {"currency": currency, "unit_amount": amount, "product_data": {"name": "Visit"}},
        "quantity": 1,
    }
    asked = {"mode": "payment", "line_items": [line], "success_url": "https://shop.test/"}
    return stripe.v1.checkout.sessions.create(asked | {"discounts": [{"promotion_code": promotion}]} | more)


def refused(call):
    with pytest.raises(sdk.InvalidRequestError) as error:
        call()
    assert error.value.http_status == 400
    return error.value.param


def test_a_promotion_code_is_found_as_customers_type_it(stripe):
    ten = coupon(stripe, percent_off=10, name="Ten off")
    made = code(stripe, ten, code="TENOFF")
    assert (made.promotion.coupon, made.active, made.times_redeemed) == (ten, True, 0)
    [found] = stripe.v1.promotion_codes.list({"code": "tenoff"}).data
    assert found.id == made.id
    assert stripe.v1.promotion_codes.list({"coupon": ten, "active": True}).data[0].id == made.id
    expanded = stripe.v1.promotion_codes.retrieve(made.id, {"expand": ["promotion.coupon"]})
    assert expanded.promotion.coupon.percent_off == 10


@pytest.mark.parametrize(
    "terms",
    [
        {},
        {"percent_off": 10, "amount_off": 100, "currency": "usd"},
        {"percent_off": 0},
        {"percent_off": 101},
        {"amount_off": 0, "currency": "usd"},
        {"amount_off": 100},
        {"amount_off": 100, "currency": "xyz"},
        {"percent_off": 10, "duration": "repeating"},
        {"percent_off": 10, "redeem_by": 1_000_000},
        {"percent_off": 10, "max_redemptions": 0},
    ],
)
def test_an_invalid_coupon_is_refused(stripe, terms):
    assert refused(lambda: coupon(stripe, **terms))


def test_an_invalid_promotion_code_is_refused(stripe):
    ten = coupon(stripe, percent_off=10)
    code(stripe, ten, code="ONLYONCE")
    for terms in (
        {"code": "ONLYONCE"},
        {"expires_at": 1_000_000},
        {"max_redemptions": 0},
        {"customer": "cus_none"},
        {"restrictions": {"minimum_amount": 100}},
        {"code": "no spaces"},
    ):
        assert refused(lambda terms=terms: code(stripe, ten, **terms))
    assert refused(lambda: code(stripe, "no-such-coupon")) == "promotion[coupon]"


def test_an_inactive_code_and_a_deleted_coupon_are_no_longer_accepted(stripe):
    ten = coupon(stripe, percent_off=10)
    made = code(stripe, ten)
    assert checkout(stripe, made.id).amount_total == 9000
    stripe.v1.promotion_codes.update(made.id, {"active": False})
    refused(lambda: checkout(stripe, made.id))
    stripe.v1.promotion_codes.update(made.id, {"active": True})
    stripe.v1.coupons.delete(ten)
    refused(lambda: checkout(stripe, made.id))
    with pytest.raises(sdk.InvalidRequestError):
        stripe.v1.coupons.retrieve(ten)


def test_a_code_is_limited_to_its_customer_currency_and_minimum_amount(stripe):
    ten, five = coupon(stripe, percent_off=10), coupon(stripe, amount_off=500, currency="eur")
    ana, ben = (stripe.v1.customers.create({}).id for _ in range(2))
    of_ana = code(stripe, ten, customer=ana).id
    assert checkout(stripe, of_ana, customer=ana).amount_total == 9000
    refused(lambda: checkout(stripe, of_ana, customer=ben))
    refused(lambda: checkout(stripe, code(stripe, five).id))
    least = code(stripe, ten, restrictions={"minimum_amount": 5000, "minimum_amount_currency": "usd"}).id
    assert checkout(stripe, least, amount=5000).amount_total == 4500
    refused(lambda: checkout(stripe, least, amount=4999))


def test_a_first_payment_code_is_refused_to_a_customer_who_has_paid(stripe):
    first = code(stripe, coupon(stripe, percent_off=10), restrictions={"first_time_transaction": True}).id
    customer = stripe.v1.customers.create({}).id
    assert checkout(stripe, first, customer=customer).amount_total == 9000
    paid = {"amount": 4900, "currency": "usd", "customer": customer, "payment_method": "pm_card_visa", "confirm": True}
    stripe.v1.payment_intents.create(
        paid | {"automatic_payment_methods": {"enabled": True, "allow_redirects": "never"}}
    )
    refused(lambda: checkout(stripe, first, customer=customer))


def test_a_code_is_used_up_by_subscriptions_and_expires_with_the_clock(stripe, control):
    price = stripe.v1.prices.create(
        {"currency": "usd", "unit_amount": 10_000, "recurring": {"interval": "month"}, "product_data": {"name": "Plan"}}
    ).id
    once = code(stripe, coupon(stripe, percent_off=25), max_redemptions=1)

    def subscribe(promotion):
        customer = stripe.v1.customers.create({"payment_method": "pm_card_visa"}).id
        [card] = stripe.v1.payment_methods.list({"customer": customer}).data
        asked = {"customer": customer, "items": [{"price": price}], "default_payment_method": card.id}
        return stripe.v1.subscriptions.create(asked | {"discounts": [{"promotion_code": promotion}]})

    invoice = stripe.v1.invoices.retrieve(subscribe(once.id).latest_invoice)
    assert (invoice.subtotal, invoice.total) == (10_000, 7500)
    used = stripe.v1.promotion_codes.retrieve(once.id)
    assert (used.times_redeemed, used.active) == (1, False)
    refused(lambda: subscribe(once.id))
    now = control.get("/sandbox/clock").json()["now"]
    ending = code(stripe, coupon(stripe, percent_off=25), expires_at=now + 60)
    control.post("/sandbox/clock/advance", json={"seconds": 120})
    refused(lambda: subscribe(ending.id))


def test_a_total_that_cannot_be_charged_is_refused(stripe):
    almost_all = code(stripe, coupon(stripe, amount_off=9970, currency="usd")).id
    with pytest.raises(sdk.InvalidRequestError) as error:
        checkout(stripe, almost_all)
    assert error.value.code == "amount_too_small"
    assert checkout(stripe, code(stripe, coupon(stripe, percent_off=100)).id).amount_total == 0
