"""One subscription's life in order, and the lists and cohorts it stands in."""

from datetime import date, datetime, timedelta

from core.billing import (
    cohorts,
    plans,
    subscription_actions,
    subscription_figures,
    subscription_life,
    subscription_lists,
)
from core.billing.subscription_figures import Kind
from core.periods import Period
from core.ui.subscriptions import subscription_details
from tests.billing.story import NOW, ZONE, coupon, discount, item, on, subscription

AUTUMN = Period(date(2026, 9, 1), date(2026, 11, 27), ZONE)


def titles(story, name="sub_1"):
    story.receive()
    life = subscription_life.load(story.database, name, zone=ZONE)
    return [moment.title for moment in subscription_life.moments(life, plans.EMPTY)]


def listed(story, name):
    story.receive()
    story.database.call("recount_stale")
    return subscription_lists.listed(story.database, name, AUTUMN, currency="usd", now=NOW)


def test_a_subscriptions_life_runs_from_trial_to_end(story):
    trial = {"trial_start": on(6), "trial_end": on(6, 15)}
    story.create(subscription(status="trialing", **trial))
    story.tell(subscription(**trial), on(6, 15))
    story.tell(subscription(1, item(5900), **trial), on(7))
    story.tell(subscription(1, item(5900), **trial, pause_collection={"behavior": "void"}), on(8))
    story.tell(subscription(1, item(5900), **trial), on(8, 10))
    story.tell(subscription(1, item(5900), status="past_due", **trial), on(9))
    ended = {"status": "canceled", "ended_at": on(10), "cancellation_details": {"reason": "payment_failed"}}
    story.tell(subscription(1, item(5900), **trial, **ended), on(10), "customer.subscription.deleted")
    assert titles(story) == [
        "Started: on trial",
        "Active",
        "MRR $0.00 → $29.00",
        "Plan changed",
        "MRR $29.00 → $59.00",
        "Collection paused",
        "MRR $59.00 → $0.00",
        "Collection resumed",
        "MRR $0.00 → $59.00",
        "Past due",
        "Ended",
    ]
    life = subscription_life.load(story.database, "sub_1", zone=ZONE)
    assert subscription_life.sentence(life) == "Canceled: payment failed. It brought $59.00 a month."


def test_a_discount_and_a_cancellation_that_is_withdrawn(story):
    story.create(subscription())
    given = discount(start=on(7), of=coupon(percent_off=20))
    story.tell(subscription(discounts=[given]), on(7))
    story.tell(subscription(discounts=[given], cancel_at_period_end=True), on(8))
    story.tell(subscription(discounts=[given]), on(8, 2))
    found = titles(story)
    assert found == [
        "Started: active",
        "Discount changed",
        "MRR $29.00 → $23.20",
        "Set to cancel",
        "Cancellation withdrawn",
    ]


def test_days_are_business_days_and_not_utc_days(story):
    """At 21:36 in New York it is the next day in Greenwich."""
    ends = {"cancel_at": on(12, 6, 21), "cancel_at_period_end": False}
    story.create(subscription(**ends))
    story.receive()
    life = subscription_life.load(story.database, "sub_1", zone=ZONE)
    assert subscription_life.sentence(life) == "Active: $29.00 a month, set to end on 6 Dec 2026."
    assert subscription_actions.possible(life).resume


def test_the_chart_of_a_life_is_by_the_business_days_with_and_without_bands(story):
    """An axis whose first trace has no date, as a band's name in the legend, is one of numbers unless it is told."""
    story.create(subscription(created=on(11, 6, 21)))
    story.tell(subscription(created=on(11, 6, 21), pause_collection={"behavior": "void"}), on(11, 8, 22))
    story.receive()
    life = subscription_life.load(story.database, "sub_1", zone=ZONE)
    chart = subscription_details.brought(life, NOW)
    at = [each.astimezone(ZONE).replace(tzinfo=None) for each in (*(phase.starts_at for phase in life.phases), NOW)]
    assert at[1] == datetime(2026, 11, 8, 22) and chart.figure.layout.xaxis.type == "date"
    assert list(chart.figure.data[-1].x) == at and chart.figure.layout.shapes[0].x0 == at[1]
    assert list(chart.rows()["From"]) == [each.date() for each in at[:-1]]


def test_the_reason_for_churn_follows_from_the_last_state(story):
    canceled = {"status": "canceled", "ended_at": on(10, 5)}
    for number, end in enumerate(
        (
            canceled | {"cancellation_details": {"reason": "cancellation_requested", "feedback": "too_expensive"}},
            canceled | {"cancellation_details": {"reason": "payment_failed"}},
            {"status": "unpaid"},
            {"pause_collection": {"behavior": "mark_uncollectible"}},
            {"status": "active"},
        )
    ):
        story.create(subscription(number))
        story.tell(subscription(number, **end), on(10, 5))
    story.receive()
    found = subscription_figures.load(story.database, AUTUMN, currency="usd", now=NOW)
    assert {(each.reason, each.feedback): (each.kind, each.customers) for each in found.losses} == {
        ("cancellation_requested", "too_expensive"): (Kind.VOLUNTARY, 1),
        ("payment_failed", None): (Kind.INVOLUNTARY, 1),
        ("unpaid", None): (Kind.INVOLUNTARY, 1),
        ("paused", None): (Kind.OTHER, 1),
    }
    assert found.adds_up
    churned = listed(story, "churned")
    assert (churned.count, churned.amount_minor) == (4, -4 * 2900)
    assert {each["id"] for each in churned.rows} == {"cus_0", "cus_1", "cus_2", "cus_3"}
    assert {each["reason"] for each in churned.rows} == {"cancellation_requested", "payment_failed", "unpaid", "paused"}


def test_each_list_has_its_subscriptions_page_by_page(story):
    for number in range(5):
        story.create(subscription(number, item(1000 * (number + 1), number=number)))
    story.create(subscription(7, status="trialing", trial_start=on(11, 20), trial_end=on(12, 4), start=on(11, 20)))
    story.tell(subscription(0, item(1000, number=0), status="past_due"), on(11))
    story.tell(subscription(1, item(2000, number=1), cancel_at_period_end=True), on(11))
    assert listed(story, "active").count == 5
    assert [each["id"] for each in listed(story, "past_due").rows] == ["sub_0"]
    assert [each["id"] for each in listed(story, "scheduled").rows] == ["sub_1"]
    trial = listed(story, "trialing")
    assert (trial.count, trial.amount_minor, trial.price_minor) == (1, 0, 2900)
    pages = [
        subscription_lists.listed(story.database, "active", AUTUMN, currency="usd", now=NOW, after=after, most=2).rows
        for after in (0, 2, 4)
    ]
    assert [each["id"] for page in pages for each in page] == ["sub_4", "sub_3", "sub_2", "sub_1", "sub_0"]
    every = subscription_lists.pages(story.database, "active", AUTUMN, currency="usd", now=NOW)
    assert [len(page) for page in every] == [5]


def test_cohorts_count_who_paid_at_the_end_of_each_month(story, owner):
    """Three joined in June: one stays, one leaves in August and comes back in October, one leaves within June."""
    for number in range(3):
        story.create(subscription(number, start=on(6, 5)))
    gone = {"status": "canceled"}
    story.tell(subscription(1, **gone, ended_at=on(8, 20)), on(8, 20), "customer.subscription.deleted")
    story.create(subscription(4, customer="cus_1", start=on(10, 3)))
    story.tell(subscription(2, **gone, ended_at=on(6, 25)), on(6, 25), "customer.subscription.deleted")
    story.create(subscription(5, start=on(9, 30)))
    story.receive()
    story.database.call("recount_stale")
    found = cohorts.cohorts(story.database, currency="usd", now=NOW)
    assert [(each.month, each.customers, each.paying) for each in found] == [
        (date(2026, 6, 1), 3, [2, 2, 1, 1, 2, 2]),
        (date(2026, 9, 1), 1, [1, 1, 1]),
    ]
    of_june = {0: ["cus_0", "cus_1"], 1: ["cus_0", "cus_1"], 2: ["cus_0"], 3: ["cus_0"], 4: ["cus_0", "cus_1"]}
    for later, paying in of_june.items():
        cell = cohorts.CohortMonth(date(2026, 6, 1), later)
        listed_then = subscription_lists.listed(
            story.database, "cohort", AUTUMN, currency="usd", now=NOW, cell=cell, most=1
        )
        every = subscription_lists.pages(story.database, "cohort", AUTUMN, currency="usd", now=NOW, cell=cell)
        assert listed_then.count == len(paying) and len(listed_then.rows) == 1
        assert [row["id"] for page in every for row in page] == paying
    months = {each.month: each.steps for each in cohorts.by_month(story.database, currency="usd", now=NOW)}
    for steps in months.values():
        assert sum(each.amount_minor for each in steps[:-1]) == steps[-1].amount_minor
    october = {each.name: each.customers for each in months[date(2026, 10, 1)]}
    assert (october["reactivated"], october["start"], october["end"]) == (1, 2, 3)
    for month, steps in months.items():  # one reading of all months says what the figure of each says
        until = (month.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)
        (alone,) = owner.execute(
            "select payops.recurring_revenue(m.starts, m.ends, 'usd') from payops.period_moments(%s, %s, %s) as m",
            [month, until, NOW],
        ).fetchone()
        assert steps == subscription_figures.steps_of(alone), month
