"""Recurring revenue after recurring discounts; each value worked out by hand."""

import pytest

from core.events import projections
from tests.billing.story import coupon, discount, item, on, subscription

AMOUNT = {"amount_off": 1000, "currency": "usd"}


@pytest.mark.parametrize(
    ("terms", "a_month"),
    [
        pytest.param(coupon(percent_off=20), 8000, id="20 % forever"),
        pytest.param(coupon(percent_off=12.5), 8750, id="12.5 % forever"),
        pytest.param(coupon(percent_off=100), 0, id="all of it"),
        pytest.param(coupon(percent_off=20, duration="once"), 10000, id="once never counts"),
        pytest.param(coupon(**AMOUNT), 9000, id="an amount"),
        pytest.param(coupon(amount_off=20000, currency="usd"), 0, id="more than the price"),
        pytest.param(coupon(amount_off=1000, currency="eur"), 10000, id="of another currency"),
        pytest.param(coupon(percent_off=20, applies_to={"products": ["prod_1"]}), 8000, id="of its product"),
        pytest.param(coupon(percent_off=20, applies_to={"products": ["prod_2"]}), 10000, id="of another product"),
    ],
)
@pytest.mark.parametrize("way", ["in the subscription", "on the item", "by its own event", "on the customer"])
def test_recurring_discounts_apply_at_every_level(story, terms, a_month, way):
    whole = discount(of=terms)
    if way == "in the subscription":
        story.create(subscription(1, item(10000), discounts=[whole]))
    elif way == "on the item":
        story.create(subscription(1, item(10000, discounts=[whole])))
    elif way == "by its own event":  # as Stripe tells it: ids, and the coupon by an event of its own
        story.tell(terms, on(1), "coupon.created")
        own = discount(of=terms["id"], customer="cus_1", subscription="sub_1")
        story.tell(own, on(6), "customer.discount.created")
        story.create(subscription(1, item(10000), discounts=["di_1"]))
    else:
        story.create(subscription(1, item(10000)))
        customer = {"id": "cus_1", "object": "customer", "livemode": False, "created": on(6), "discount": whole}
        story.tell(customer, on(6), "customer.created")
    assert story.mrr() == a_month


def test_a_repeating_discount_ends_without_an_event(story):
    terms = coupon(percent_off=50, duration="repeating", duration_in_months=3)
    story.create(subscription(1, item(10000), discounts=[discount(of=terms, end=on(9))]))
    assert [story.mrr(month) for month in (6, 7, 8, 9, 10)] == [5000, 5000, 5000, 10000, 10000]
    assert story.moved(9) == {"expansion": 5000}


def test_a_repeating_discount_whose_end_is_not_told_ends_after_its_months(story):
    terms = coupon(percent_off=50, duration="repeating", duration_in_months=3)
    story.create(subscription(1, item(10000), discounts=[discount(of=terms)]))
    assert [story.mrr(month) for month in (8, 9)] == [5000, 10000]


def test_an_amount_is_spread_over_the_items_that_it_is_for(story, owner):
    story.create(subscription(1, item(6000, number=1), item(4000, number=2), discounts=[discount(of=coupon(**AMOUNT))]))
    assert story.mrr() == 9000
    shares = owner.execute("select item_id, monthly_minor from payops.subscription_history order by item_id").fetchall()
    assert shares == [("si_1", 5400), ("si_2", 3600)]


def test_an_amount_that_does_not_divide_leaves_no_minor_unit_over(story, owner):
    items = [item(1000, number=number) for number in (1, 2, 3)]
    story.create(subscription(1, *items, discounts=[discount(of=coupon(**AMOUNT))]))
    assert story.mrr() == 2000
    shares = owner.execute("select monthly_minor from payops.subscription_history order by item_place").fetchall()
    assert sorted(share for (share,) in shares) == [666, 667, 667]


def test_an_amount_off_a_yearly_price_is_taken_off_the_year(story):
    story.create(subscription(1, item(12000, interval="year"), discounts=[discount(of=coupon(**AMOUNT))]))
    assert story.mrr() == 917  # 110.00 ÷ 12


def test_an_amount_leaves_metered_use_and_other_products_alone(story):
    other = item(5000, number=2, product="prod_2")
    metered = item(7000, number=3, usage_type="metered")
    terms = coupon(**AMOUNT, applies_to={"products": ["prod_1"]})
    story.create(subscription(1, item(2000), other, metered, discounts=[discount(of=terms)]))
    assert story.mrr() == 1000 + 5000


@pytest.mark.parametrize(("order", "a_month"), [((1, 2), 7000), ((2, 1), 7200)])
def test_several_discounts_are_applied_in_order(story, order, a_month):
    """100.00, less 20 %, less 10.00 is 70.00; less 10.00, less 20 % is 72.00."""
    both = {
        1: discount("di_1", of=coupon("co_1", percent_off=20)),
        2: discount("di_2", of=coupon("co_2", **AMOUNT)),
    }
    story.create(subscription(1, item(10000), discounts=[both[number] for number in order]))
    assert story.mrr() == a_month


def test_an_items_own_discount_comes_before_the_subscriptions(story):
    own = discount("di_1", of=coupon("co_1", percent_off=20))
    story.create(
        subscription(1, item(10000, discounts=[own]), discounts=[discount("di_2", of=coupon("co_2", **AMOUNT))])
    )
    assert story.mrr() == 7000


def test_the_customers_discount_holds_only_where_the_subscription_has_none(story):
    customers = discount("di_c", of=coupon("co_c", percent_off=50), customer="cus_1")
    story.tell(customers, on(6), "customer.discount.created")
    story.create(subscription(1, item(10000), discounts=[discount(of=coupon(percent_off=20))]))
    story.create(subscription(2, item(10000), customer="cus_1"))
    assert story.mrr() == 8000 + 5000


def test_a_customers_new_discount_replaces_the_earlier_one(story):
    story.create(subscription(1, item(10000)))
    first = discount("di_a", of=coupon("co_a", percent_off=50), customer="cus_1")
    second = discount("di_b", of=coupon("co_b", percent_off=10), customer="cus_1", start=on(9))
    story.tell(first, on(6), "customer.discount.created")
    story.tell(second, on(9), "customer.discount.updated")
    assert [story.mrr(month) for month in (8, 9)] == [5000, 9000]


def test_a_removed_discount_stops_counting_and_its_past_stays(story):
    story.create(subscription(1, item(10000)))
    whole = discount(of=coupon(percent_off=50), customer="cus_1")
    story.tell(whole, on(6), "customer.discount.created")
    story.tell(whole, on(9, 15), "customer.discount.deleted")
    assert [story.mrr(month) for month in (8, 9)] == [5000, 10000]
    assert story.moved(9) == {"expansion": 5000}


def test_a_discount_given_later_is_a_contraction_of_its_month(story):
    story.create(subscription(1, item(10000)))
    given = discount(of=coupon(percent_off=20), start=on(10, 5))
    changed = subscription(1, item(10000), discounts=[given])
    story.tell(changed, on(10, 5), previous={"discounts": []})
    assert [story.mrr(month) for month in (9, 10)] == [10000, 8000]
    assert story.moved(10) == {"contraction": 2000}


def test_the_only_discount_of_an_old_api_version_counts(story):
    old = {"id": "di_1", "object": "discount", "start": on(6), "end": None, "coupon": coupon(percent_off=20)}
    subject = subscription(1, item(10000)) | {"discount": old}
    del subject["discounts"]
    story.create(subject)
    assert story.mrr() == 8000


def test_a_deleted_coupon_goes_on_in_the_discounts_made_of_it(story):
    terms = coupon(percent_off=20)
    story.create(subscription(1, item(10000), discounts=[discount(of=terms)]))
    story.tell(terms | {"deleted": True}, on(9), "coupon.deleted")
    assert story.mrr() == 8000


def test_a_backfill_brings_discounts_with_their_coupons(story):
    story.answer(subscription(1, item(10000), discounts=[discount(of=coupon(percent_off=20))]))
    customer = {
        "id": "cus_2",
        "livemode": False,
        "created": on(6),
        "discount": discount("di_2", of=coupon(percent_off=20)),
    }
    story.answer(customer, projection=projections.customers.customer)
    story.answer(subscription(2, item(5000)))
    assert story.mrr() == 8000 + 4000


def test_discounts_and_trials_together(story):
    """No revenue on trial; afterwards, the price less the discount."""
    terms = coupon(percent_off=50, duration="repeating", duration_in_months=2)
    subject = subscription(
        1,
        item(10000),
        start=on(8),
        status="trialing",
        trial_start=on(8),
        trial_end=on(9),
        discounts=[discount(of=terms, start=on(8), end=on(10))],
    )
    story.create(subject)
    assert [story.mrr(month) for month in (8, 9, 10)] == [0, 5000, 10000]


@pytest.mark.parametrize(("terms", "a_month"), [(coupon(percent_off=20), 8000), (coupon(percent_off=100), 0)])
def test_monthly_amounts_are_after_discounts_everywhere_in_the_console(story, owner, terms, a_month):
    story.create(subscription(1, item(10000), discounts=[discount(of=terms)]))
    asked = "select payops.brings_monthly_minor(id, items) from payops.subscriptions"
    assert story.mrr() == a_month
    assert owner.execute(asked).fetchall() == [(a_month,)]
    owner.execute("delete from payops.subscription_history")
    assert owner.execute(asked).fetchall() == [(10000,)]  # the price, as long as its history is not built
