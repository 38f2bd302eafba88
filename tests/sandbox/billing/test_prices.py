"""What prices cost: decimals, packages and tiers; what discounts on items and customers take off; paused collection."""

import pytest
import stripe as sdk

from tests.sandbox.billing.test_subscriptions import advance, customer_with, subscribe

MONTHLY = {"currency": "usd", "recurring": {"interval": "month"}}
STEPS = [
    {"up_to": 10, "unit_amount": 500},
    {"up_to": 20, "unit_amount": 400, "flat_amount": 1000},
    {"up_to": "inf", "unit_amount_decimal": "12.5"},
]


@pytest.fixture
def product(stripe):
    return stripe.v1.products.create({"name": "Care plan"}).id


def first_invoice(stripe, price, quantity=1, **item):
    asked = {"customer": customer_with(stripe, "pm_card_visa"), "expand": ["latest_invoice"]}
    asked["items"] = [{"price": price, "quantity": quantity, **item}]
    return stripe.v1.subscriptions.create(asked).latest_invoice


def test_a_decimal_price_is_rounded_once_for_the_whole_quantity(stripe, product):
    price = stripe.v1.prices.create({**MONTHLY, "product": product, "unit_amount_decimal": "12.5"})
    assert (price.unit_amount, str(price.unit_amount_decimal)) == (None, "12.5")
    assert first_invoice(stripe, price.id, 1000).amount_paid == 12_500
    assert first_invoice(stripe, price.id, 5).amount_paid == 63


@pytest.mark.parametrize(("rounding", "expected"), [("up", 3 * 900), ("down", 2 * 900)])
def test_packages_are_billed_whole(stripe, product, rounding, expected):
    package = {"divide_by": 10, "round": rounding}
    price = stripe.v1.prices.create({**MONTHLY, "product": product, "unit_amount": 900, "transform_quantity": package})
    assert price.transform_quantity.round == rounding
    assert first_invoice(stripe, price.id, 25).amount_paid == expected


@pytest.mark.parametrize(
    ("mode", "quantity", "expected"),
    [
        ("graduated", 10, 10 * 500),
        ("graduated", 15, 10 * 500 + 5 * 400 + 1000),
        ("graduated", 40, 10 * 500 + 10 * 400 + 1000 + 250),
        ("volume", 10, 10 * 500),
        ("volume", 15, 15 * 400 + 1000),
        ("volume", 40, 500),
    ],
)
def test_tiers_are_graduated_or_by_volume(stripe, product, mode, quantity, expected):
    tiered = {"billing_scheme": "tiered", "tiers_mode": mode, "tiers": STEPS}
    price = stripe.v1.prices.create({**MONTHLY, "product": product, **tiered})
    assert (price.unit_amount, price.tiers_mode) == (None, mode)
    assert first_invoice(stripe, price.id, quantity).amount_paid == expected
    shown = stripe.v1.prices.retrieve(price.id, {"expand": ["tiers"]}).tiers
    assert [tier.up_to for tier in shown] == [10, 20, None]


def test_a_price_without_an_amount_or_with_two_is_refused(stripe, product):
    for asked in ({}, {"unit_amount": 1, "unit_amount_decimal": "1.5"}, {"tiers": STEPS}, {"billing_scheme": "tiered"}):
        with pytest.raises(sdk.InvalidRequestError):
            stripe.v1.prices.create({**MONTHLY, "product": product, **asked})


def test_a_quantity_of_zero_costs_nothing(stripe, product):
    price = stripe.v1.prices.create({**MONTHLY, "product": product, "unit_amount": 900}).id
    assert first_invoice(stripe, price, 0).amount_due == 0


def test_an_items_discount_comes_before_the_subscriptions(stripe, product):
    price = stripe.v1.prices.create({**MONTHLY, "product": product, "unit_amount": 10_000}).id
    half = stripe.v1.coupons.create({"percent_off": 50, "duration": "forever"}).id
    tenth = stripe.v1.coupons.create({"percent_off": 10, "duration": "forever"}).id
    subscription = stripe.v1.subscriptions.create(
        {
            "customer": customer_with(stripe, "pm_card_visa"),
            "discounts": [{"coupon": tenth}],
            "expand": ["items.data.discounts", "latest_invoice"],
            "items": [{"price": price, "discounts": [{"coupon": half}]}, {"price": price}],
        }
    )
    item = subscription["items"].data[0]
    assert item.discounts[0].source.coupon == half and item.discounts[0].subscription_item == item.id
    invoice = subscription.latest_invoice
    assert (invoice.subtotal, invoice.total) == (20_000, 13_500)
    assert sorted(share.amount for share in invoice.total_discount_amounts) == [1500, 5000]
    assert [share.amount for share in invoice.lines.data[0].discount_amounts] == [5000]
    changed = stripe.v1.subscriptions.update(subscription.id, {"items": [{"id": item.id, "discounts": ""}]})
    assert changed["items"].data[0].discounts == []


def test_a_customers_discount_holds_for_subscriptions_without_their_own(stripe, product, control):
    price = stripe.v1.prices.create({**MONTHLY, "product": product, "unit_amount": 10_000}).id
    customer = customer_with(stripe, "pm_card_visa")
    coupon = stripe.v1.coupons.create({"percent_off": 20, "duration": "forever"}).id
    assert control.post(f"/sandbox/customers/{customer}/discount", json={"coupon": coupon}).status_code == 201
    asked = {"customer": customer, "items": [{"price": price}], "expand": ["latest_invoice"]}
    assert stripe.v1.subscriptions.create(asked).latest_invoice.total == 8000
    assert stripe.v1.customers.retrieve(customer).discount.source.coupon == coupon
    stripe.v1.customers.delete_discount(customer)
    assert stripe.v1.subscriptions.create(asked).latest_invoice.total == 10_000


@pytest.mark.parametrize(
    ("behavior", "status"), [("keep_as_draft", "draft"), ("mark_uncollectible", "uncollectible"), ("void", "void")]
)
def test_while_collection_is_paused_no_invoice_is_paid(stripe, product, control, behavior, status):
    price = stripe.v1.prices.create({**MONTHLY, "product": product, "unit_amount": 4900}).id
    subscription = subscribe(stripe, price)
    pause = {"behavior": behavior, "resumes_at": subscription.created + 40 * 86_400}
    paused = stripe.v1.subscriptions.update(subscription.id, {"pause_collection": pause})
    assert (paused.status, paused.pause_collection.behavior) == ("active", behavior)
    advance(control, 33)
    assert stripe.v1.invoices.list({"subscription": subscription.id, "limit": 1}).data[0].status == status
    advance(control, 30)
    resumed = stripe.v1.subscriptions.retrieve(subscription.id)
    assert (resumed.status, resumed.pause_collection) == ("active", None)
    assert stripe.v1.invoices.list({"subscription": subscription.id, "limit": 1}).data[0].status == "paid"


def test_a_pause_can_be_undone_at_once(stripe, product):
    price = stripe.v1.prices.create({**MONTHLY, "product": product, "unit_amount": 4900}).id
    subscription = subscribe(stripe, price)
    stripe.v1.subscriptions.update(subscription.id, {"pause_collection": {"behavior": "void"}})
    assert stripe.v1.subscriptions.update(subscription.id, {"pause_collection": ""}).pause_collection is None


def test_an_upgrade_in_the_second_the_period_began_bills_the_difference_alone(stripe, product):
    cheap, dear = (
        stripe.v1.prices.create({**MONTHLY, "product": product, "unit_amount": amount}).id for amount in (3000, 5000)
    )
    for _ in range(5):
        subscription = subscribe(stripe, cheap)
        asked = {
            "expand": ["latest_invoice"],
            "items": [{"id": subscription["items"].data[0].id, "price": dear}],
            "proration_behavior": "always_invoice",
        }
        upgraded = stripe.v1.subscriptions.update(subscription.id, asked)
        assert upgraded.latest_invoice.amount_paid == 2000
