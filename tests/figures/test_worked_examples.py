"""Figures worked out by hand, each for one thing that is easily counted wrongly."""

import re
from datetime import UTC, date, datetime
from typing import get_args
from zoneinfo import ZoneInfo

import pytest
from stripe.params.reporting._report_run_create_params import ReportRunCreateParamsParameters
from typer.testing import CliRunner

from core.cli import app
from core.events.projections.balances import balance_transaction
from core.events.registry import Snapshot, merged
from core.events.repair import backfill
from core.monitoring import metrics
from core.periods import Period
from tests.monitoring.test_metrics import DAY, NOW, Story, at, counts

ZONE = ZoneInfo("America/New_York")
OCTOBER, NOVEMBER = date(2026, 10, 30), date(2026, 11, 3)


@pytest.fixture
def story(database, owner):
    return Story(database)


def moved(database, *several):
    """Movements of Stripe's balance: category, amount, fee."""
    transactions = [
        {
            "id": f"txn_{number}",
            "created": at(12),
            "amount": amount,
            "fee": fee,
            "net": amount - fee,
            "currency": "usd",
            "type": "adjustment",
            "reporting_category": category,
            "source": None,
        }
        for number, (category, amount, fee) in enumerate(several)
    ]
    snapshots = (Snapshot(each, NOW, "fetch", livemode=False) for each in transactions)
    database.call("load_records", records=merged(map(balance_transaction, snapshots)))


def values(found, *names):
    return [found[name]["value"] for name in names]


def test_the_part_of_an_authorization_that_was_not_captured_is_not_gross(story, database):
    moved(database, ("charge", 10_000, 204), ("partial_capture_reversal", -4_000, 0))
    assert values(story.figures(), "gross", "fees", "net") == [6_000, 204, 5_796]


def test_a_bank_debit_that_is_returned_leaves_its_fees(story, database):
    moved(database, ("charge", 10_000, 80), ("charge_failure", -10_000, 400))
    assert values(story.figures(), "gross", "fees", "net") == [0, 480, -480]


def test_payouts_are_apart_and_taxes_are_not(story, database):
    moved(database, ("charge", 1_000, 0), ("tax", -70, 0), ("payout", -900, 0), ("network_cost", -5, 0))
    assert values(story.figures(), "gross", "fees", "net") == [1_000, 5, 925]


def test_an_unknown_category_is_an_incident_and_shown_as_other(story, database, owner):
    moved(database, ("charge", 1_000, 0), ("moon_dust", 300, 10), ("other_adjustment", -20, 0))
    assert values(story.figures(), "net") == [1_000]
    found = database.call("metrics", since=DAY, until=DAY, currency="usd", now=NOW)
    assert found["other_movements"] == [
        {"key": "moon_dust", "count": 1, "amount": 290},
        {"key": "other_adjustment", "count": 1, "amount": -20},
    ]
    incidents = owner.execute("select kind, fingerprint from payops.incidents").fetchall()
    assert incidents == [("unknown_reporting_category", "moon_dust")]


def test_every_category_of_the_pinned_sdk_is_assigned_to_a_figure(owner):
    annotation = ReportRunCreateParamsParameters.__annotations__["reporting_category"]
    categories = re.findall(r"'(\w+)'", str(get_args(annotation) or annotation).split("Literal[")[1].split("]")[0])
    assert len(categories) > 30
    placed = dict(owner.execute("select c, payops.counted_as(c) from unnest(%s::text[]) as c", [categories]).fetchall())
    assert [category for category, part in placed.items() if part is None] == []


def test_an_authorization_that_we_cancel_is_no_failure(story):
    story.attempt("a", 1, at(9), captured=False, amount_captured=0)
    story.intent("a", at(9), at(9, 30), "payment_intent.canceled", status="canceled", capture_method="manual")
    found = story.figures()
    assert counts(found["payment_success_rate"]) == (0, 0)
    assert counts(found["attempt_success_rate"]) == (1, 1)
    assert counts(found["drop_off_rate"]) == (0, 1)
    assert found["failures_by_code"] == []


def test_a_declined_payment_that_is_canceled_stays_a_failure(story):
    story.attempt("a", 1, at(9), declined="do_not_honor")
    story.intent(
        "a", at(9), at(9, 30), "payment_intent.canceled", status="canceled", last_payment_error={"charge": "ch_a_1"}
    )
    assert counts(story.figures()["payment_success_rate"]) == (0, 1)


def test_a_pending_bank_debit_is_no_attempt_yet(story):
    story.attempt("a", 1, at(9), status="pending", payment_method_details={"type": "us_bank_account"})
    story.intent("a", at(9), at(9), "payment_intent.processing", status="processing")
    found = story.figures()
    for name in ("payment_success_rate", "attempt_success_rate", "authorization_rate"):
        assert counts(found[name]) == (0, 0), name
    assert counts(found["drop_off_rate"]) == (0, 1)


def test_a_bank_debit_has_no_time_to_pay(story):
    story.attempt("a", 1, at(9), payment_method_details={"type": "us_bank_account"})
    story.intent("a", at(9), at(9, 30))
    assert story.figures()["processing_time_payment"]["n"] == 0


def test_a_failed_authentication_that_only_the_intent_tells_of_is_an_attempt_and_no_drop_off(story, database):
    error = {"code": "payment_intent_authentication_failure", "type": "invalid_request_error"}
    story.intent("a", at(9), at(9, 5), "payment_intent.created", last_payment_error=error)
    found = story.figures()
    assert counts(found["payment_success_rate"]) == (0, 1)
    assert counts(found["attempt_success_rate"]) == (0, 1)
    assert counts(found["drop_off_rate"]) == (0, 1)
    assert [each["key"] for each in found["failures_by_code"]] == ["payment_intent_authentication_failure"]
    story.intent("a", at(9), at(9, 5), "payment_intent.payment_failed", last_payment_error=error)
    assert counts(story.figures()["attempt_success_rate"]) == (0, 1)  # the event tells of the same one


def captured_later(story, payment, *, authorized, captured):
    charge = {
        "captured": False,
        "amount_captured": 0,
        "payment_method_details": {"type": "card", "card": {"brand": "visa"}},
    }
    story.attempt(payment, 1, authorized, **charge)
    story.attempt(payment, 1, authorized, **charge | {"captured": True, "amount_captured": 4900})
    story._events[-1] |= {"type": "charge.captured", "created": captured}


def noon(day):
    return int(datetime(day.year, day.month, day.day, 12, tzinfo=ZONE).timestamp())


def test_networks_count_a_payment_on_the_day_it_is_captured(story):
    captured_later(story, "a", authorized=noon(OCTOBER), captured=noon(NOVEMBER))
    now = datetime(2026, 11, 10, tzinfo=UTC)
    october = story.figures(OCTOBER, OCTOBER, now=now)
    november = story.figures(NOVEMBER, NOVEMBER, now=now)
    assert [counts(each["dispute_activity"]) for each in (october, november)] == [(0, 0), (0, 1)]
    assert [counts(each["vamp_ratio"]) for each in (october, november)] == [(0, 0), (0, 1)]
    assert counts(october["attempt_success_rate"]) == (1, 1)


def test_the_balance_tells_the_capture_where_no_event_does(story, database):
    story.attempt("a", 1, noon(OCTOBER), balance_transaction="txn_1")
    now = datetime(2026, 11, 10, tzinfo=UTC)
    assert counts(story.figures(OCTOBER, OCTOBER, now=now)["dispute_activity"]) == (0, 1)
    booked = {
        "id": "txn_1",
        "created": noon(NOVEMBER),
        "amount": 4900,
        "fee": 0,
        "net": 4900,
        "currency": "usd",
        "type": "charge",
        "reporting_category": "charge",
        "source": "ch_a_1",
    }
    database.call("load_records", records=balance_transaction(Snapshot(booked, NOW, "fetch", livemode=False)))
    assert counts(story.figures(OCTOBER, OCTOBER, now=now)["dispute_activity"]) == (0, 0)
    assert counts(story.figures(NOVEMBER, NOVEMBER, now=now)["dispute_activity"]) == (0, 1)


def dispute(story, number, charge, status, *, opened=None, closed=None, currency="usd"):
    subject = {
        "id": f"du_{number}",
        "livemode": False,
        "created": opened or at(12),
        "amount": 4900,
        "currency": currency,
        "status": status,
        "reason": "fraudulent",
        "charge": charge,
        "payment_method_details": {"card": {"brand": "visa"}},
    }
    story.tell("charge.dispute.created", subject, opened or at(12))
    if closed:
        story.tell("charge.dispute.closed", subject, closed)


def paid(story, *payments, **fields):
    for payment in payments:
        story.attempt(payment, 1, at(9), **fields)
        story.intent(payment, at(9), at(9), **fields)


def test_two_disputes_on_the_only_payment_are_one_disputed_payment(story):
    paid(story, "a")
    dispute(story, 1, "ch_a_1", "lost")
    dispute(story, 2, "ch_a_1", "needs_response")
    found = story.figures()
    assert counts(found["dispute_rate"]) == (1, 1)
    assert counts(found["dispute_activity"]) == (2, 1)


def test_a_disputed_charge_without_an_intent_is_a_payment_too(story):
    story.attempt("a", 1, at(9), payment_intent=None)
    dispute(story, 1, "ch_a_1", "lost")
    found = story.figures()
    assert counts(found["dispute_rate"]) == (1, 1)
    assert counts(found["dispute_activity"]) == (1, 1)


@pytest.mark.parametrize(
    ("status", "counted"),
    [
        ("warning_needs_response", 0),
        ("warning_under_review", 0),
        ("warning_closed", 0),
        ("prevented", 0),
        ("needs_response", 1),
        ("appeal_under_review", 1),
        ("lost", 1),
    ],
)
def test_an_inquiry_and_a_prevented_dispute_are_neither_a_chargeback_nor_in_vamp(story, status, counted):
    paid(story, "a")
    dispute(story, 1, "ch_a_1", status)
    found = story.figures()
    assert counts(found["dispute_activity"]) == (1, 1)
    assert counts(found["chargeback_rate"]) == (counted, 1)
    assert counts(found["vamp_ratio"]) == (counted, 1)


def test_vamp_is_a_count_over_all_currencies(story):
    paid(story, "a")
    paid(story, "b", "c", currency="eur")
    dispute(story, 1, "ch_b_1", "lost", currency="eur")
    assert [counts(story.figures(currency=each)["vamp_ratio"]) for each in ("usd", "eur", "jpy")] == [(1, 3)] * 3


def test_a_dispute_is_won_on_the_day_it_is_closed_and_an_appeal_is_undecided(story):
    paid(story, "a", "b")
    dispute(story, 1, "ch_a_1", "won", closed=at(12, day=5))
    dispute(story, 2, "ch_b_1", "appeal_under_review", closed=at(12, day=5))
    fifth = date(2026, 9, 5)
    assert counts(story.figures()["dispute_win_rate"]) == (0, 0)
    assert counts(story.figures(fifth, fifth)["dispute_win_rate"]) == (1, 1)


def test_the_networks_advice_overrides_the_code_in_the_causes(story):
    outcome = {"network_status": "declined_by_network", "type": "issuer_declined", "reason": "insufficient_funds"}
    for payment, advised in (
        ("a", None),
        ("b", "do_not_try_again"),
        ("c", "confirm_card_data"),
        ("d", "try_again_later"),
    ):
        story.attempt(payment, 1, at(9), declined="insufficient_funds", outcome=outcome | {"advice_code": advised})
        story.intent(
            payment, at(9), at(9), "payment_intent.payment_failed", last_payment_error={"charge": f"ch_{payment}_1"}
        )
    found = story.figures()
    assert [(each["key"], each["count"]) for each in found["failures_by_code"]] == [("insufficient_funds", 4)]
    assert [(each["key"], each["count"]) for each in found["failures_by_category"]] == [
        ("retry_later", 2),
        ("fix_the_data", 1),
        ("stop", 1),
    ]


@pytest.mark.parametrize("reason", ["rule", "elevated_risk_level", "low_probability_of_authorization"])
def test_a_block_is_no_decline_of_the_issuers(story, reason):
    outcome = {"network_status": "not_sent_to_network", "type": "blocked", "reason": reason}
    story.attempt("a", 1, at(9), declined=reason, outcome=outcome)
    story.intent("a", at(9), at(9), "payment_intent.payment_failed", last_payment_error={"charge": "ch_a_1"})
    found = story.figures()
    assert [each["key"] for each in found["failures_by_category"]] == ["blocked_before_network"]
    assert counts(found["attempt_success_rate"]) == (0, 1)
    assert counts(found["authorization_rate"]) == (0, 0)


def test_a_failed_bank_debit_needs_new_bank_details_unless_money_was_short(story):
    for payment, code in (("a", "insufficient_funds"), ("b", "processing_error"), ("c", "bank_account_closed")):
        debit = {"payment_method_details": {"type": "us_bank_account"}, "failure_code": code}
        story.attempt(
            payment, 1, at(9), declined=code, outcome={"network_status": "declined_by_network", "reason": None}, **debit
        )
        story.intent(
            payment, at(9), at(9), "payment_intent.payment_failed", last_payment_error={"charge": f"ch_{payment}_1"}
        )
    assert [(each["key"], each["count"]) for each in story.figures()["failures_by_category"]] == [
        ("needs_new_bank_details", 2),
        ("retry_later", 1),
    ]


def test_background_reads_are_no_payment_operations(story, database):
    for operation in ("get charges", "get payment_intents/*", "post payment_intents", "delete subscriptions/*"):
        database.call(
            "record_stripe_call", operation=operation, duration_ms=100.0, now=datetime.fromtimestamp(at(9), UTC)
        )
    assert story.figures()["processing_time_stripe"] == {"n": 2, "p50_ms": 100, "p95_ms": 100}


class EmptyStripe:
    def page(self, path, **params):
        return [], False

    def each(self, path, **params):
        return iter(())


@pytest.mark.parametrize(("only", "fresh"), [(backfill.NAMES, NOW), (("payments",), None)])
def test_figures_are_fresh_after_a_complete_backfill(database, owner, only, fresh):
    backfill.run(database, EmptyStripe(), clock=lambda: NOW, livemode=False, only=only)
    found = metrics.overview(database, Period(DAY, DAY, ZONE), currency="usd", now=NOW)["fresh_at"]
    assert (datetime.fromisoformat(found) if found else None) == fresh


@pytest.mark.parametrize("currency", ["xx", "zzz", "", "dollar", "us$", "\u00e9ur"])
def test_an_unknown_currency_is_refused_with_a_sentence(currency):
    said = CliRunner().invoke(
        app, ["metrics", "--since", "2026-07-09", "--until", "2026-07-09", "--currency", currency]
    )
    assert said.exit_code == 2
    assert "is not a currency" in said.output
    assert "Traceback" not in said.output
