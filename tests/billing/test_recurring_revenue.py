"""How recurring revenue and its movements follow the history of a subscription; each value worked out by hand."""

from datetime import UTC, datetime, timedelta

import pytest

from core.billing.recurring_revenue import PausedCollections, paused_collections
from core.events.repair.refetch import refetch_tied
from tests.billing.story import MOVEMENTS, NOW, item, on, subscription
from tests.events.repair.test_refetch import Answering


def canceled(number=1, *items, at, **fields):
    return subscription(number, *items, status="canceled", ended_at=at, canceled_at=at, **fields)


@pytest.mark.parametrize("backfilled", ["before the event", "after it", "never"])
def test_an_upgrade_that_is_the_first_event_seen_moves_its_month_alone(story, backfilled):
    if backfilled == "before the event":
        story.answer(subscription(1, item(2900)), on(10, 1))
    elif backfilled == "after it":
        story.answer(subscription(1, item(5900)), on(10, 20))
    story.tell(subscription(1, item(5900)), on(10, 10), previous={"items": {"data": [item(2900)]}})
    assert [story.mrr(month) for month in (8, 9, 10)] == [2900, 2900, 5900]
    assert story.moved(10) == {"expansion": 3000}
    assert story.moved(9) == {}


def test_what_previous_attributes_leave_out_was_as_it_is(story):
    """A quantity alone, as old API versions tell it; and an item that names only what changed."""
    story.tell(subscription(1, item(1000, quantity=3)), on(10, 10), previous={"quantity": 1})
    story.tell(
        subscription(2, item(1000, quantity=5)),
        on(10, 10),
        previous={"items": {"data": [{"id": "si_1", "quantity": 2}]}},
    )
    assert (story.mrr(9), story.mrr(10)) == (3000, 8000)


def test_an_item_added_and_one_taken_away(story):
    story.create(subscription(1, item(1000, number=1), item(500, number=2)))
    story.tell(subscription(1, item(1000, number=1), item(700, number=3)), on(10, 5))
    assert (story.mrr(9), story.mrr(10), story.moved(10)) == (1500, 1700, {"expansion": 200})


@pytest.mark.parametrize("cancelled", [False, True], ids=["unpaid", "and canceled later"])
@pytest.mark.parametrize("previous", [None, {"status": "past_due"}], ids=["", "with what it was"])
@pytest.mark.parametrize("created", [True, False], ids=["seen from its start", "first seen as unpaid"])
def test_an_unpaid_subscription_churns_on_that_day_and_its_past_stays(story, cancelled, previous, created):
    if created:
        story.create(subscription(1, item(290000)))
    story.tell(subscription(1, item(290000), status="unpaid"), on(9, 20), previous=previous)
    if cancelled:
        story.tell(canceled(1, item(290000), at=on(11, 5)), on(11, 5), "customer.subscription.deleted")
    assert [story.mrr(month) for month in (7, 8, 9, 10, 11)] == [290000, 290000, 0, 0, 0]
    assert story.moved(9) == {"churned": 290000}
    assert story.moved(11) == {}
    assert story.churn(9) == (1, 1, 1)
    assert story.churn(11) == (0, 0, 0)


def test_an_unpaid_subscription_that_is_paid_after_all_is_reactivated(story):
    story.create(subscription(1))
    story.tell(subscription(1, status="unpaid"), on(9, 20))
    story.tell(subscription(1), on(10, 3))
    assert (story.moved(9), story.moved(10)) == ({"churned": 2900}, {"reactivated": 2900})


def test_past_due_still_counts(story):
    story.create(subscription(1))
    story.tell(subscription(1, status="past_due"), on(9, 20))
    assert (story.mrr(9), story.moved(9), story.churn(9)) == (2900, {}, (0, 1, 1))


def test_a_new_trial_on_a_running_subscription_does_not_erase_its_past(story):
    story.create(subscription(1))
    story.tell(
        subscription(1, status="trialing", trial_start=on(10, 5), trial_end=on(11, 5)),
        on(10, 5),
        previous={"status": "active", "trial_start": None, "trial_end": None},
    )
    assert [story.mrr(month) for month in (8, 9, 10, 11)] == [2900, 2900, 0, 2900]
    assert story.moved(10) == {"churned": 2900}
    assert story.moved(11) == {"reactivated": 2900}


def test_that_trial_seen_by_a_backfill_alone(story):
    story.answer(subscription(1, status="trialing", trial_start=on(10, 5), trial_end=on(12, 5)))
    found = story.figures(10)
    assert (story.mrr(9), story.mrr(10), found["trialing_subscribers"]["value"]) == (2900, 0, 1)


def test_a_trial_brings_nothing_until_it_is_paid_for(story):
    story.create(subscription(1, start=on(9), status="trialing", trial_start=on(9), trial_end=on(10)))
    story.tell(subscription(1, start=on(9), trial_start=on(9), trial_end=on(10)), on(10))
    assert [story.mrr(month) for month in (9, 10)] == [0, 2900]
    assert story.moved(10) == {"new": 2900}


@pytest.mark.parametrize("behavior", ["void", "mark_uncollectible"])
def test_a_collection_paused_without_ever_being_collected_leaves_revenue_while_it_lasts(story, behavior):
    story.create(subscription(1))
    paused = subscription(1, pause_collection={"behavior": behavior, "resumes_at": None})
    story.tell(paused, on(9, 10), previous={"pause_collection": None})
    story.tell(subscription(1), on(10, 10), previous={"pause_collection": {"behavior": behavior}})
    assert [story.mrr(month) for month in (8, 9, 10)] == [2900, 0, 2900]
    assert story.moved(9) == {"churned": 2900}
    assert story.moved(10) == {"reactivated": 2900}


def test_a_collection_kept_as_draft_stays_and_paused_ones_are_shown_apart(story):
    story.create(subscription(1))
    story.tell(subscription(1, pause_collection={"behavior": "keep_as_draft"}), on(9, 10))
    story.create(subscription(2, item(1000)))
    story.tell(subscription(2, item(1000), pause_collection={"behavior": "void"}), on(9, 10))
    assert story.mrr(9) == 2900
    assert paused_collections(story.database, currency="usd", now=NOW) == [
        PausedCollections("keep_as_draft", subscriptions=1, price_minor=2900, monthly_minor=2900),
        PausedCollections("void", subscriptions=1, price_minor=1000, monthly_minor=0),
    ]


def test_a_subscription_paused_after_its_trial_brings_nothing(story):
    story.create(subscription(1, start=on(8), status="trialing", trial_start=on(8), trial_end=on(9)))
    story.tell(
        subscription(1, start=on(8), status="paused", trial_start=on(8), trial_end=on(9)),
        on(9),
        "customer.subscription.paused",
    )
    story.tell(subscription(1, start=on(8)), on(10, 10), "customer.subscription.resumed")
    assert [story.mrr(month) for month in (8, 9, 10)] == [0, 0, 2900]
    assert story.moved(10) == {"new": 2900}


def test_a_customer_churns_once(story):
    """Churned in March; a new trial that ends unpaid in October is no second churn."""
    story.create(subscription(1, start=on(1)))
    story.tell(canceled(1, at=on(3, 10), start=on(1)), on(3, 10), "customer.subscription.deleted")
    story.create(subscription(2, start=on(2)))
    trial = {"start": on(10, 2), "trial_start": on(10, 2), "trial_end": on(10, 16), "customer": "cus_1"}
    story.create(subscription(3, status="trialing", **trial))
    story.tell(canceled(3, at=on(10, 16), **trial), on(10, 16, 13), "customer.subscription.deleted")
    assert story.churn(10) == (0, 1, 1)
    assert story.churn(3) == (1, 2, 2)
    assert story.moved(10) == {}


@pytest.mark.parametrize("way", ["by its events", "by a backfill"])
def test_a_trial_canceled_an_hour_after_its_end_was_never_paid(story, way):
    trial = {"start": on(10, 2), "trial_start": on(10, 2), "trial_end": on(10, 16)}
    gone = canceled(1, at=on(10, 16, 13), **trial)
    if way == "by a backfill":
        story.answer(gone)
    else:
        story.create(subscription(1, status="trialing", **trial))
        story.tell(gone, on(10, 16, 13), "customer.subscription.deleted")
    assert (story.moved(10), story.churn(10)) == ({}, (0, 0, 0))


@pytest.mark.parametrize("way", ["by its events", "by a backfill"])
def test_a_subscription_that_never_started_is_no_churn(story, way):
    story.create(subscription(1, start=on(1)))
    story.tell(canceled(1, at=on(3, 10), start=on(1)), on(3, 10), "customer.subscription.deleted")
    story.create(subscription(2, start=on(2)))
    expired = subscription(3, start=on(10, 2), status="incomplete_expired", customer="cus_1", ended_at=on(10, 3))
    if way == "by a backfill":
        story.answer(expired)
    else:
        story.create(expired | {"status": "incomplete", "ended_at": None})
        story.tell(expired, on(10, 3))
    assert story.churn(10) == (0, 1, 1)


def test_a_customer_with_two_subscriptions_churns_with_the_last_one(story):
    for number in (1, 2):
        story.create(subscription(number, customer="cus_1"))
    story.tell(canceled(1, at=on(9, 5), customer="cus_1"), on(9, 5), "customer.subscription.deleted")
    assert (story.churn(9), story.moved(9)) == ((0, 1, 1), {"contraction": 2900})
    story.tell(canceled(2, at=on(10, 5), customer="cus_1"), on(10, 5), "customer.subscription.deleted")
    assert (story.churn(10), story.moved(10)) == ((1, 1, 1), {"churned": 2900})


def test_moving_to_a_free_plan_is_churn(story):
    story.create(subscription(1))
    story.tell(subscription(1, item(0)), on(10, 5))
    found = story.figures(10)
    assert (story.churn(10), found["active_subscribers"]["value"]) == ((1, 1, 1), 0)


def test_leaving_and_returning_within_the_month_is_no_churn(story):
    story.create(subscription(1))
    story.tell(canceled(1, at=on(10, 5)), on(10, 5), "customer.subscription.deleted")
    story.create(subscription(2, item(4000), start=on(10, 20), customer="cus_1"))
    assert (story.churn(10), story.moved(10)) == ((0, 1, 1), {"expansion": 1100})


def test_a_trial_that_is_to_end_is_scheduled_without_an_amount(story):
    story.create(subscription(1, cancel_at_period_end=True))
    story.create(subscription(2, item(4000), cancel_at=on(12, 20)))
    story.create(
        subscription(
            3, start=on(11, 20), status="trialing", trial_start=on(11, 20), trial_end=on(12, 20), cancel_at=on(12)
        )
    )
    story.create(subscription(4))
    assert story.figures(11)["scheduled_to_cancel"] == {"value": 3, "amount": 6900}


def test_two_updates_of_one_second_are_settled_by_refetching(story):
    """5, then 10, told in one second by ids that sort the other way: recurring revenue follows the repaired row."""
    story.create(subscription(1, item(1000)))
    story.tell(subscription(1, item(1000, quantity=5)), on(10, 5), name="evt_z")
    story.tell(subscription(1, item(1000, quantity=10)), on(10, 5), name="evt_a")
    assert story.mrr(10) == 5000
    stripe = Answering(sub_1=subscription(1, item(1000, quantity=10)))
    assert refetch_tied(story.database, stripe, clock=lambda: NOW, livemode=False) == 1
    assert (story.mrr(9), story.mrr(10), story.mrr(11)) == (1000, 10000, 10000)
    assert story.moved(10) == {"expansion": 9000}


def test_stripes_answer_counts_from_the_moment_of_the_request(story):
    story.create(subscription(1, item(1000, quantity=1)))
    story.answer(subscription(1, item(1000, quantity=4)), NOW)
    assert (story.mrr(10), story.mrr(11)) == (1000, 4000)


def test_a_backfill_knows_when_a_subscription_ended(story):
    story.answer(canceled(1, at=on(9, 15)))
    assert [story.mrr(month) for month in (8, 9, 10)] == [2900, 0, 0]
    assert story.churn(9) == (1, 1, 1)


def test_an_end_known_only_from_an_answer_counts_from_its_day(story):
    """The event of the end never came; Stripe is asked two months later."""
    story.create(subscription(1))
    story.answer(canceled(1, at=on(9, 15)))
    assert (story.mrr(8), story.mrr(9), story.churn(9)) == (2900, 0, (1, 1, 1))


def test_start_and_movements_make_the_end_in_each_currency(story):
    for currency, first in (("usd", 10), ("eur", 20)):
        fields = {"currency": currency}
        story.create(subscription(first, item(2900), **fields))
        story.tell(subscription(first, item(5999), **fields), on(10, 3))
        story.create(subscription(first + 1, item(9990, interval="year"), **fields))
        story.tell(subscription(first + 1, item(4990, interval="year"), **fields), on(10, 4))
        story.create(subscription(first + 2, item(333), **fields))
        story.tell(canceled(first + 2, item(333), at=on(10, 9), **fields), on(10, 9), "customer.subscription.deleted")
        story.create(subscription(first + 3, item(1000, interval="week"), start=on(10, 12), **fields))
        before, after, moved = (
            story.mrr(9, currency=currency),
            story.mrr(10, currency=currency),
            story.moved(10, currency=currency),
        )
        assert moved == {"new": 4333, "expansion": 3099, "contraction": 417, "churned": 333}
        signs = dict(zip(MOVEMENTS, (1, 1, -1, -1, 1), strict=True))
        assert after == before + sum(signs[name] * value for name, value in moved.items())


def test_figures_include_events_of_the_current_second(story):
    now = datetime(2026, 11, 20, 15, 30, tzinfo=UTC)
    story.create(subscription(1, start=int(now.timestamp())))
    assert story.mrr(11, now=now) == 2900
    assert story.mrr(11, now=now - timedelta(seconds=1)) == 0
