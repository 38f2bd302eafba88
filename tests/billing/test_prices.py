"""The monthly revenue of one subscription by its price and quantity; each value worked out by hand."""

import pytest

from tests.billing.story import item, on, price, subscription

PACKS = {"divide_by": 10, "round": "up"}
GRADUATED = [
    {"up_to": 5, "unit_amount": 1000, "flat_amount": None},
    {"up_to": 10, "unit_amount": 800, "flat_amount": 500},
    {"up_to": None, "unit_amount_decimal": "512.5", "unit_amount": None, "flat_amount": 0},
]


@pytest.mark.parametrize(
    ("of_item", "a_month"),
    [
        pytest.param(item(2900), 2900, id="monthly"),
        pytest.param(item(9990, interval="year"), 833, id="yearly, 8.325 is half up"),
        pytest.param(item(1000, interval="week"), 4333, id="weekly"),
        pytest.param(item(100, interval="day"), 3042, id="daily, 30.4167"),
        pytest.param(item(3000, interval="month", count=3), 1000, id="quarterly"),
        pytest.param(item(10000, interval="year", count=2), 417, id="every two years"),
        pytest.param(item(700, interval="week", count=2), 1517, id="every two weeks, 15.1667"),
        pytest.param(item(2900, quantity=0), 0, id="quantity 0"),
        pytest.param(item(2900, quantity=4), 11600, id="quantity 4"),
        pytest.param(item(2900, quantity=None), 2900, id="no quantity is one"),
        pytest.param(item(0), 0, id="free"),
        pytest.param(item(2900, usage_type="metered"), 0, id="metered"),
        pytest.param(
            item(quantity=1000, price=price(None, unit_amount_decimal="12.5")), 12500, id="a decimal price: 125.00"
        ),
        pytest.param(item(quantity=3, price=price(None, unit_amount_decimal="0.5")), 2, id="1.5 is half up"),
        pytest.param(item(2000, quantity=25, transform_quantity=PACKS), 6000, id="packs of ten, up"),
        pytest.param(item(2000, quantity=25, transform_quantity=PACKS | {"round": "down"}), 4000, id="packs, down"),
        pytest.param(item(2000, quantity=20, transform_quantity=PACKS), 4000, id="whole packs"),
        pytest.param(
            item(quantity=12, price=price(None, tiers_mode="graduated", tiers=GRADUATED)),
            5 * 1000 + 5 * 800 + 500 + 1025,
            id="graduated: each unit by its tier",
        ),
        pytest.param(
            item(quantity=5, price=price(None, tiers_mode="graduated", tiers=GRADUATED)), 5000, id="graduated, one tier"
        ),
        pytest.param(
            item(quantity=0, price=price(None, tiers_mode="graduated", tiers=GRADUATED)), 0, id="graduated, none"
        ),
        pytest.param(
            item(quantity=7, price=price(None, tiers_mode="volume", tiers=GRADUATED)),
            7 * 800 + 500,
            id="volume: all units by one tier, and its flat amount",
        ),
        pytest.param(
            item(quantity=10, price=price(None, tiers_mode="volume", tiers=GRADUATED)), 8500, id="volume, at the bound"
        ),
        pytest.param(
            item(quantity=11, price=price(None, tiers_mode="volume", tiers=GRADUATED)), 5638, id="volume, 56.375"
        ),
        pytest.param(
            item(
                quantity=12,
                price=price(
                    None, interval="year", tiers_mode="graduated", tiers=[{"up_to": "inf", "flat_amount": 9990}]
                ),
            ),
            833,
            id="a flat yearly tier",
        ),
    ],
)
def test_a_subscription_brings_its_price_as_of_a_month(story, of_item, a_month):
    story.create(subscription(1, of_item))
    found = story.figures()
    assert found["mrr"]["value"] == a_month
    assert found["active_subscribers"]["value"] == (a_month > 0)  # a free plan is no active subscriber


def test_tiers_that_stripe_tells_later_count_from_the_beginning(story):
    """An event has no tiers: they are told when Stripe is asked for the price."""
    story.create(subscription(1, item(quantity=12, price=price(None, id="price_t", tiers_mode="graduated"))))
    assert story.mrr() == 0
    told = price(None, id="price_t", tiers_mode="graduated", tiers=GRADUATED)
    story.tell(told | {"created": on(1), "livemode": False}, on(6), "price.updated")
    assert story.mrr() == 10525
    assert story.mrr(7) == 10525


def test_a_plan_of_an_old_api_version_is_a_price(story):
    plan = {"id": "plan_1", "amount": 12000, "interval": "year", "interval_count": 1, "currency": "usd"}
    story.create(subscription(1, {"id": "si_1", "quantity": 2, "plan": plan}))
    assert story.mrr() == 2000


def test_each_item_is_rounded_alone_and_several_are_added(story):
    yearly = [item(9990, interval="year", number=n) for n in (1, 2)]
    story.create(subscription(1, *yearly, item(1000, number=3)))
    assert story.mrr() == 833 + 833 + 1000


def test_currencies_are_never_added(story):
    story.create(subscription(1, item(2900)))
    story.create(subscription(2, item(5000), customer="cus_1", currency="eur"))
    assert (story.mrr(), story.mrr(currency="eur"), story.mrr(currency="gbp")) == (2900, 5000, 0)
