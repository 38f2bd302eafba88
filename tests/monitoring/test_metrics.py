"""Figures of small data sets, worked out by hand."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from core.events import inbox
from core.figures import intervals
from core.monitoring import metrics
from core.periods import Period
from tests.factories import body_of, charge, event, intent

ZONE = ZoneInfo("America/New_York")
DAY = date(2026, 9, 1)
NOW = datetime(2026, 9, 10, 12, tzinfo=UTC)


def at(hour: int, minute: int = 0, second: int = 0, day: int = 1) -> int:
    """Seconds of a New York time in September 2026."""
    return int(datetime(2026, 9, day, hour, minute, second, tzinfo=ZONE).timestamp())


class Story:
    """Stripe's events, told one by one and all received at once."""

    def __init__(self, database):
        self._database = database
        self._events = []

    def tell(self, event_type, subject, when):
        self._events.append(event(f"evt_{len(self._events):04}", event_type, subject, at=when))

    def attempt(self, payment, number, when, *, declined=None, network="approved_by_network", **fields):
        failed = {"status": "failed", "captured": False, "amount_captured": 0, "failure_code": "card_declined"}
        outcome = {"network_status": "declined_by_network" if declined else network, "reason": declined}
        subject = charge(id=f"ch_{payment}_{number}", payment_intent=f"pi_{payment}", created=when, outcome=outcome)
        self.tell(
            "charge.failed" if declined else "charge.succeeded", subject | (failed if declined else {}) | fields, when
        )

    def intent(self, payment, created, when, event_type="payment_intent.succeeded", **fields):
        status = {"payment_intent.succeeded": "succeeded"}.get(event_type, "requires_payment_method")
        self.tell(event_type, intent(id=f"pi_{payment}", created=created, **({"status": status} | fields)), when)

    def figures(self, since=DAY, until=DAY, currency="usd", now=NOW):
        batch = [inbox.prepare(each, body_of(each), livemode=False) for each in self._events]
        assert set(inbox.receive(self._database, batch, now=NOW)) <= {"applied", "duplicate"}
        return metrics.overview(self._database, Period(since, until, ZONE), currency=currency, now=now)["metrics"]


@pytest.fixture
def story(database, owner):
    return Story(database)


def counts(rate):
    return rate["numerator"], rate["denominator"]


def test_two_declines_and_a_success_are_one_payment_that_succeeded(story):
    story.attempt("a", 1, at(9), declined="insufficient_funds")
    story.attempt("a", 2, at(9, 5), declined="do_not_honor")
    story.attempt("a", 3, at(9, 10))
    story.intent("a", at(8, 59), at(9, 10))
    found = story.figures()
    assert counts(found["payment_success_rate"]) == (1, 1)
    assert counts(found["attempt_success_rate"]) == (1, 3)
    assert found["failures_by_code"] == []


def test_attempts_that_never_reached_the_network_are_left_out_of_the_authorization_rate(story):
    story.attempt("a", 1, at(9))
    story.intent("a", at(9), at(9))
    story.attempt("b", 1, at(10), declined="generic_decline")
    story.intent("b", at(10), at(10), "payment_intent.payment_failed", last_payment_error={"charge": "ch_b_1"})
    blocked = {"network_status": "not_sent_to_network", "reason": "highest_risk_level"}
    story.attempt("c", 1, at(11), declined="highest_risk_level", outcome=blocked)
    story.intent("c", at(11), at(11), "payment_intent.payment_failed", last_payment_error={"charge": "ch_c_1"})
    found = story.figures()
    assert counts(found["authorization_rate"]) == (1, 2)
    assert counts(found["attempt_success_rate"]) == (1, 3)
    assert counts(found["payment_success_rate"]) == (1, 3)


def test_a_failed_authentication_without_a_charge_is_an_attempt_that_never_reached_the_network(story):
    error = {"code": "payment_intent_authentication_failure"}
    story.intent("a", at(9), at(9, 1), "payment_intent.payment_failed", last_payment_error=error)
    found = story.figures()
    assert counts(found["payment_success_rate"]) == (0, 1)
    assert counts(found["attempt_success_rate"]) == (0, 1)
    assert counts(found["authorization_rate"]) == (0, 0)
    assert found["authorization_rate"]["value"] is None


def test_failures_are_counted_once_by_their_final_decline_and_its_category(story):
    for payment, code in [("a", "insufficient_funds"), ("b", "insufficient_funds"), ("c", "lost_card")]:
        story.attempt(payment, 1, at(9), declined="processing_error")
        story.attempt(payment, 2, at(9, 30), declined=code)
        error = {"charge": f"ch_{payment}_2"}
        story.intent(payment, at(9), at(9, 30), "payment_intent.payment_failed", last_payment_error=error)
    found = story.figures()
    assert found["failures_by_code"] == [
        {"key": "insufficient_funds", "count": 2, "amount": 9800},
        {"key": "lost_card", "count": 1, "amount": 4900},
    ]
    assert [(each["key"], each["count"]) for each in found["failures_by_category"]] == [
        ("retry_later", 2),
        ("needs_new_card", 1),
    ]


def test_a_payment_belongs_to_the_business_day_of_its_first_attempt(story):
    story.attempt("late", 1, at(23, 59), declined="do_not_honor")
    story.attempt("late", 2, at(0, 30, day=2))
    story.intent("late", at(23, 58), at(0, 30, day=2))
    assert counts(story.figures()["payment_success_rate"]) == (1, 1)
    second = story.figures(date(2026, 9, 2), date(2026, 9, 2))
    assert counts(second["payment_success_rate"]) == (0, 0)
    assert counts(second["attempt_success_rate"]) == (1, 1)


def test_an_earlier_attempt_that_arrives_late_moves_the_payment_to_its_day(story):
    story.attempt("a", 2, at(9, day=3))
    story.intent("a", at(9), at(9, day=3))
    assert counts(story.figures(date(2026, 9, 3), date(2026, 9, 3))["payment_success_rate"]) == (1, 1)
    story.attempt("a", 1, at(9), declined="do_not_honor")
    assert counts(story.figures(date(2026, 9, 3), date(2026, 9, 3))["payment_success_rate"]) == (0, 0)
    assert counts(story.figures()["payment_success_rate"]) == (1, 1)


def test_an_intent_never_confirmed_within_a_day_is_dropped_and_a_young_one_undecided(story):
    story.intent("dropped", at(9), at(9), "payment_intent.created")
    story.intent("young", at(9, day=10), at(9, day=10), "payment_intent.created")
    story.attempt("paid", 1, at(10))
    story.intent("paid", at(10), at(10))
    whole = story.figures(DAY, date(2026, 9, 10), now=datetime(2026, 9, 10, 20, tzinfo=UTC))
    assert counts(whole["drop_off_rate"]) == (1, 2)
    assert counts(whole["payment_success_rate"]) == (1, 1)


def test_processing_payments_count_as_neither_success_nor_failure(story):
    story.attempt("a", 1, at(9), status="pending")
    story.intent("a", at(9), at(9), "payment_intent.processing", status="processing")
    assert counts(story.figures()["payment_success_rate"]) == (0, 0)


def test_processing_time_runs_from_the_intent_to_its_paying_charge(story):
    for payment, seconds in [("a", 2), ("b", 4), ("c", 10)]:
        story.attempt(payment, 1, at(9, 0, seconds))
        story.intent(payment, at(9), at(9, 0, seconds))
    assert story.figures()["processing_time_payment"] == {"p50_ms": 4000, "p95_ms": 9400, "n": 3}


def test_sums_never_cross_currencies(story):
    story.attempt("a", 1, at(9), currency="eur")
    story.intent("a", at(9), at(9), currency="eur")
    assert counts(story.figures(currency="usd")["payment_success_rate"]) == (0, 0)
    assert counts(story.figures(currency="eur")["payment_success_rate"]) == (1, 1)


def test_disputes_are_set_against_captured_payments(story):
    for payment in "abcd":
        story.attempt(payment, 1, at(9))
        story.intent(payment, at(9), at(9))
    for number, (status, day) in enumerate([("won", 1), ("lost", 1), ("warning_closed", 1), ("needs_response", 5)]):
        subject = {
            "id": f"du_{number}",
            "livemode": False,
            "created": at(12, day=day),
            "amount": 4900,
            "currency": "usd",
            "status": status,
            "reason": "fraudulent",
            "charge": f"ch_{'abcd'[number]}_1",
        }
        story.tell("charge.dispute.created", subject, at(12, day=day))
    found = story.figures()
    assert counts(found["dispute_activity"]) == (3, 4)
    assert counts(found["dispute_rate"]) == (4, 4)
    assert counts(found["chargeback_rate"]) == (2, 4)
    assert counts(found["dispute_win_rate"]) == (1, 2)


def subscription(number, *, start, ended=None, interval="month", amount=3000, **fields):
    price = {"id": "price_1", "unit_amount": amount, "recurring": {"interval": interval, "interval_count": 1}}
    return {
        "id": f"sub_{number}",
        "livemode": False,
        "created": start,
        "start_date": start,
        "ended_at": ended,
        "customer": f"cus_{number}",
        "currency": "usd",
        "status": "canceled" if ended else "active",
        "items": {"data": [{"price": price, "quantity": 1}]},
    } | fields


def test_subscribers_their_monthly_revenue_and_churn(story):
    long_ago = int(datetime(2026, 6, 1, tzinfo=ZONE).timestamp())
    told = [
        subscription(1, start=long_ago),
        subscription(2, start=long_ago, interval="year", amount=12000),
        subscription(3, start=long_ago, ended=at(9, day=3)),
        subscription(4, start=at(9, day=2), interval="week", amount=1200),
        subscription(5, start=at(9), trial_end=at(9, day=20), status="trialing"),
        subscription(6, start=long_ago, cancel_at_period_end=True),
        subscription(7, start=long_ago, status="incomplete_expired", ended=long_ago + 86400),
    ]
    for each in told:
        story.tell("customer.subscription.updated", each, at(9, day=4))
    found = story.figures(DAY, date(2026, 9, 9))
    assert found["active_subscribers"] == {"value": 4}
    assert found["trialing_subscribers"] == {"value": 1}
    assert found["mrr"] == {"value": 3000 + 1000 + 5200 + 3000}
    assert counts(found["subscriber_churn_rate"]) == (1, 5)  # 3 left; 1, 2, 3, 6 were there and 4 came
    assert counts(found["subscriber_churn_rate_classic"]) == (1, 4)
    assert found["scheduled_to_cancel"] == {"value": 1, "amount": 3000}


def test_monthly_revenue_moves_from_start_to_end_to_the_cent(story):
    long_ago = int(datetime(2026, 6, 1, tzinfo=ZONE).timestamp())
    gone = int(datetime(2026, 7, 1, tzinfo=ZONE).timestamp())
    for number, amount in [(1, 3000), (2, 3000), (3, 3000), (4, 3000)]:
        story.tell("customer.subscription.created", subscription(number, start=long_ago, amount=amount), long_ago)
    story.tell("customer.subscription.updated", subscription(2, start=long_ago, amount=5000), at(9, day=2))
    story.tell("customer.subscription.updated", subscription(3, start=long_ago, amount=1900), at(9, day=2))
    story.tell("customer.subscription.deleted", subscription(4, start=long_ago, ended=at(9, day=3)), at(9, day=3))
    story.tell("customer.subscription.created", subscription(5, start=at(9, day=4), amount=700), at(9, day=4))
    old = subscription(6, start=long_ago, ended=gone)
    story.tell("customer.subscription.deleted", old, gone)
    back = subscription(6, start=at(9, day=5), amount=900) | {"id": "sub_6b"}
    story.tell("customer.subscription.created", back, at(9, day=5))
    found = story.figures(DAY, date(2026, 9, 9))
    moved = {
        name: found[f"mrr_{name}"]["value"] for name in ("new", "expansion", "contraction", "churned", "reactivated")
    }
    assert moved == {"new": 700, "expansion": 2000, "contraction": 1100, "churned": 3000, "reactivated": 900}
    assert found["mrr"]["value"] == 12000 + 700 + 2000 - 1100 - 3000 + 900
    assert counts(found["gross_mrr_churn_rate"]) == (4100, 12000)


def invoice(number, amount, status, *, attempts, finalized, subscription="sub_1"):
    parent = {"subscription_details": {"subscription": subscription}} if subscription else {}
    return {
        "id": f"in_{number}",
        "object": "invoice",
        "livemode": False,
        "created": finalized - 3600,
        "currency": "usd",
        "customer": "cus_1",
        "status": status,
        "parent": parent,
        "billing_reason": "subscription_cycle",
        "amount_due": amount,
        "attempt_count": attempts,
        "status_transitions": {"finalized_at": finalized},
    }


def test_of_the_money_of_invoices_that_failed_the_part_that_was_paid_later_is_recovered(story):
    """$49 failed on the first and was paid on the fourth, $29 is open, $79 was given up: 49 of 157."""

    def pay(number, moment):
        payment = {"type": "payment_intent", "payment_intent": f"pi_{number}"}
        link = {
            "id": f"inpay_{number}",
            "object": "invoice_payment",
            "livemode": False,
            "created": moment,
            "invoice": f"in_{number}",
            "payment": payment,
            "currency": "usd",
            "status": "paid",
        }
        story.tell("invoice_payment.paid", link, moment)

    for number, failed_day in (("a", 1), ("before", 31)):
        failed = at(9) if failed_day == 1 else at(9) - 86_400
        story.attempt(number, 1, failed, declined="insufficient_funds")
        story.attempt(number, 2, at(9, day=4))
        story.intent(number, failed, at(9, day=4))
        story.tell("invoice.paid", invoice(number, 4900, "paid", attempts=1, finalized=failed), at(9, day=4))
        pay(number, at(9, day=4))
    story.attempt("at_once", 1, at(9))
    story.intent("at_once", at(9), at(9))
    story.tell("invoice.paid", invoice("at_once", 5900, "paid", attempts=1, finalized=at(9)), at(9))
    pay("at_once", at(9))
    for number, amount, status, tries in (("b", 2900, "open", 1), ("c", 7900, "uncollectible", 4)):
        last = at(10, day=2)
        story.tell("invoice.updated", invoice(number, amount, status, attempts=tries, finalized=at(9)), last)
    by_hand = invoice("once", 9900, "open", attempts=1, finalized=at(9), subscription=None)
    story.tell("invoice.payment_failed", by_hand, at(9))
    found = story.figures()["recovery_rate"]
    assert counts(found) == (4900, 4900 + 2900 + 7900)
    assert (found["low"], found["high"]) == (None, None)


def test_every_metric_is_present_and_an_uncounted_one_is_none(story):
    found = story.figures()
    assert tuple(found) == metrics.NAMES
    assert found["recovery_rate"]["value"] is None
    assert found["gross"] == {"value": None}
    assert found["payment_success_rate"] == {"value": None, "numerator": 0, "denominator": 0, "low": None, "high": None}


def test_intervals_are_wilson_score_intervals():
    low, high = intervals.wilson(9, 10)
    assert (round(low, 4), round(high, 4)) == (0.5958, 0.9821)  # the textbook's example
    assert intervals.wilson(0, 0) is None
