"""Terms that events lack are fetched from Stripe once: discounts known by ID, coupons' limits, prices' tiers."""

import pytest

from core.billing.missing_terms import fetch_missing_terms
from core.errors import Refused, Unavailable
from tests.billing.story import NOW, coupon, discount, item, on, price, subscription

TIERS = [{"up_to": None, "unit_amount": 700, "flat_amount": 100}]


class Stripe:
    """Answers by path, and remembers what it was asked for."""

    def __init__(self, **answers):
        self.answers, self.asked = answers, []

    def retrieve(self, path, **params):
        self.asked.append((path, tuple(params.get("expand", []))))
        answer = self.answers.get(path.replace("/", "_"))
        if answer is None:
            raise Refused("stripe_refused", "No such object.", facts={"http_status": 404})
        if isinstance(answer, Exception):
            raise answer
        return answer


def fetched(story, stripe, now=NOW):
    story.receive()
    story.database.call("recount_stale")
    return fetch_missing_terms(story.database, stripe, clock=lambda: now, livemode=False)


def test_a_discount_known_by_its_id_alone_is_asked_for_with_its_coupon(story):
    story.create(subscription(1, item(10000), discounts=["di_1"]))
    whole = subscription(1, item(10000), discounts=[discount(of=coupon(percent_off=20))])
    stripe = Stripe(subscriptions_sub_1=whole, coupons_co_1=coupon(percent_off=20))
    assert story.mrr() == 10000
    assert fetched(story, stripe) == 1
    assert story.mrr(7) == 8000
    assert stripe.asked == [("subscriptions/sub_1", ("discounts.source.coupon", "items.data.discounts"))]


def test_the_products_of_a_coupon_are_asked_for_once(story):
    story.tell(coupon(percent_off=50), on(1), "coupon.created")
    story.create(subscription(1, item(6000), item(4000, number=2, product="prod_2"), discounts=["di_1"]))
    own = discount(of="co_1", customer="cus_1", subscription="sub_1")
    story.tell(own, on(6), "customer.discount.created")
    assert story.mrr() == 5000
    stripe = Stripe(coupons_co_1=coupon(percent_off=50, applies_to={"products": ["prod_2"]}))
    assert [fetched(story, stripe) for _ in range(3)] == [1, 0, 0]
    assert story.mrr() == 6000 + 2000
    assert stripe.asked == [("coupons/co_1", ("applies_to",))]


def test_the_tiers_of_a_price_are_asked_for(story):
    story.create(subscription(1, item(quantity=3, price=price(None, id="price_t", tiers_mode="volume"))))
    told = price(None, id="price_t", tiers_mode="volume", tiers=TIERS) | {"created": on(1), "livemode": False}
    assert fetched(story, Stripe(prices_price_t=told)) == 1
    assert story.mrr() == 2200


def test_objects_missing_at_stripe_are_fetched_again_a_day_later(story):
    story.create(subscription(1, item(10000), discounts=["di_1"]))
    stripe = Stripe()
    assert [fetched(story, stripe), fetched(story, stripe)] == [1, 0]
    assert fetched(story, stripe, NOW.replace(day=29)) == 1


def test_an_outage_of_stripe_counts_as_no_request(story):
    story.create(subscription(1, item(10000), discounts=["di_1"]))
    away = Stripe(subscriptions_sub_1=Unavailable("stripe_unavailable", "Stripe did not answer."))
    with pytest.raises(Unavailable):
        fetched(story, away)
    assert fetched(story, Stripe(subscriptions_sub_1=subscription(1, item(10000)))) == 1
