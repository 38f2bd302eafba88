"""Prorations by Stripe's rules: by the second, of what changed alone, after discounts, and as previewed."""

import pytest
import stripe as sdk

from tests.sandbox.billing.test_subscriptions import advance, customer_with, price, subscribe  # noqa: F401

MONTHLY = {"currency": "usd", "recurring": {"interval": "month"}}


@pytest.fixture
def dear(stripe):
    product = stripe.v1.products.create({"name": "Weight plan"})
    return stripe.v1.prices.create({**MONTHLY, "product": product.id, "unit_amount": 9900}).id


def item_of(subscription):
    return subscription["items"].data[0]


def changed(subscription, **terms):
    return {"items": [{"id": item_of(subscription).id, **terms}]}


def prorated(invoice):
    return [line.amount for line in invoice.lines.data if line.parent.subscription_item_details.proration]


def test_half_of_a_period_credits_half_of_the_old_price_and_charges_half_of_the_new(stripe, price, dear):  # noqa: F811
    subscription = subscribe(stripe, price)
    item = item_of(subscription)
    middle = (item.current_period_start + item.current_period_end) // 2
    details = changed(subscription, price=dear) | {"proration_date": middle, "proration_behavior": "always_invoice"}
    preview = stripe.v1.invoices.create_preview({"subscription": subscription.id, "subscription_details": details})
    assert prorated(preview) == [-2450, 4950]
    assert preview.amount_due == 2500
    later = stripe.v1.invoices.create_preview(
        {
            "subscription": subscription.id,
            "subscription_details": changed(subscription, price=dear) | {"proration_date": middle},
        }
    )
    assert later.amount_due == 2500 + 9900


def test_a_change_costs_what_its_preview_says(stripe, price, dear, control):  # noqa: F811
    subscription = subscribe(stripe, price)
    advance(control, 11)
    now = item_of(stripe.v1.subscriptions.retrieve(subscription.id)).current_period_start + 11 * 86_400
    details = changed(subscription, price=dear, quantity=2) | {
        "proration_date": now,
        "proration_behavior": "always_invoice",
    }
    preview = stripe.v1.invoices.create_preview({"subscription": subscription.id, "subscription_details": details})
    made = stripe.v1.subscriptions.update(subscription.id, {**details, "expand": ["latest_invoice"]})
    assert made.latest_invoice.amount_paid == preview.amount_due > 0
    assert prorated(made.latest_invoice) == prorated(preview)


def test_an_unchanged_item_is_not_prorated(stripe, price, dear):  # noqa: F811
    customer = customer_with(stripe, "pm_card_visa")
    two = stripe.v1.subscriptions.create({"customer": customer, "items": [{"price": price}, {"price": dear}]})
    details = {"items": [{"id": two["items"].data[0].id, "quantity": 3}], "proration_behavior": "always_invoice"}
    preview = stripe.v1.invoices.create_preview({"subscription": two.id, "subscription_details": details})
    assert prorated(preview) == [-4900, 3 * 4900]


def test_a_proration_uses_the_discounted_price_and_gets_no_second_discount(stripe, price, dear):  # noqa: F811
    coupon = stripe.v1.coupons.create({"percent_off": 20, "duration": "forever"}).id
    subscription = subscribe(stripe, price, discounts=[{"coupon": coupon}])
    details = changed(subscription, price=dear) | {"proration_behavior": "always_invoice"}
    preview = stripe.v1.invoices.create_preview({"subscription": subscription.id, "subscription_details": details})
    assert prorated(preview) == [-3920, 7920]
    assert (preview.amount_due, preview.total_discount_amounts) == (4000, [])
    later = stripe.v1.invoices.create_preview(
        {"subscription": subscription.id, "subscription_details": changed(subscription, price=dear)}
    )
    assert later.amount_due == 4000 + 7920


@pytest.mark.parametrize("away", [-1, 40 * 86_400])
def test_a_moment_outside_the_period_is_refused(stripe, price, dear, away):  # noqa: F811
    subscription = subscribe(stripe, price)
    at = item_of(subscription).current_period_start + away
    details = changed(subscription, price=dear) | {"proration_date": at}
    with pytest.raises(sdk.InvalidRequestError, match="proration date"):
        stripe.v1.invoices.create_preview({"subscription": subscription.id, "subscription_details": details})
