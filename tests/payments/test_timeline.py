"""The timeline of a payment in words, with known and unknown times."""

import pytest

from core.payments.timeline import Side, timeline

AT, LATER = "2026-11-01T12:00:00+00:00", "2026-11-20T12:00:00+00:00"
INTENT = {
    "id": "pi_1",
    "amount_minor": 4900,
    "currency": "usd",
    "created": AT,
    "canceled_at": None,
    "cancellation_reason": None,
    "capture_method": "automatic",
}
KINDS = (
    "charges",
    "failed_confirmations",
    "refunds",
    "disputes",
    "warnings",
    "sessions",
    "invoices",
    "balance_transactions",
    "events",
    "calls",
    "requests",
    "audit",
    "actions",
    "consultations",
    "notes",
)


def told(**known):
    intent = INTENT | known.pop("intent", {})
    return timeline({"intent": intent} | dict.fromkeys(KINDS, []) | known)


def only(side, moments):
    return [moment for moment in moments if moment.side is side]


def dispute(status, **fields):
    return {
        "id": "dp_1",
        "amount_minor": 4900,
        "currency": "usd",
        "status": status,
        "reason": "fraudulent",
        "created": AT,
        "as_of": LATER,
        "event_id": "evt_1",
        "network_reason_code": "10.4",
    } | fields


def moved(source, category, amount=4900, kind="adjustment"):
    return {
        "id": "txn_1",
        "source_id": source,
        "reporting_category": category,
        "type": kind,
        "created": "2026-11-15T12:00:00+00:00",
        "amount_minor": amount,
        "fee_minor": 0,
        "net_minor": amount,
        "currency": "usd",
        "payout_id": None,
    }


def test_the_timeline_shows_a_dispute_with_codes_and_outcome():
    opened, ended = only(Side.RETURNS, told(disputes=[dispute("lost")]))
    assert (opened.title, opened.details) == ("$49.00 disputed", "fraudulent, network code 10.4")
    assert (ended.title, ended.tone, ended.at.isoformat()) == ("Dispute: lost", "bad", LATER)


def test_a_won_dispute_shows_the_returned_amount():
    moments = told(
        disputes=[dispute("won", event_id="fetch")], balance_transactions=[moved("dp_1", "dispute_reversal")]
    )
    ended = only(Side.RETURNS, moments)[-1]
    assert (ended.title, ended.tone, ended.details) == ("Dispute: won", "good", "")
    assert ended.at.day == 15


def test_a_fetched_object_shows_no_invented_time():
    ended = only(Side.RETURNS, told(disputes=[dispute("lost", event_id="fetch")]))[-1]
    assert "not known" in ended.details


@pytest.mark.parametrize(
    ("status", "title"),
    [("warning_needs_response", "Inquiry about $49.00 opened"), ("needs_response", "$49.00 disputed")],
)
def test_an_inquiry_is_no_dispute_and_one_that_waits_has_not_ended(status, title):
    (opened,) = only(Side.RETURNS, told(disputes=[dispute(status)]))
    assert opened.title == title


def test_a_refund_that_failed_says_when_the_money_came_back():
    refund = {
        "id": "re_1",
        "amount_minor": 900,
        "currency": "usd",
        "status": "failed",
        "reason": "duplicate",
        "created": AT,
        "failure_reason": "expired_or_canceled_card",
        "as_of": LATER,
        "event_id": "fetch",
    }
    sent, failed = only(
        Side.RETURNS, told(refunds=[refund], balance_transactions=[moved("re_1", "refund_failure", 900)])
    )
    assert sent.title == "Refund of $9.00, failed"
    assert (failed.title, failed.details) == ("Refund of $9.00 failed", "expired or canceled card")
    assert failed.at.day == 15


def test_a_payment_captured_later_is_authorised_first():
    charge = {
        "id": "ch_1",
        "amount_minor": 4900,
        "amount_captured_minor": 4000,
        "currency": "usd",
        "status": "succeeded",
        "captured": True,
        "card_brand": "visa",
        "card_last4": "4242",
        "created": AT,
    }
    moments = told(
        intent={"capture_method": "manual"},
        charges=[charge],
        balance_transactions=[moved("ch_1", "charge", 4000, "charge")],
    )
    titles = [moment.title for moment in only(Side.PAYMENT, moments)]
    assert titles == [
        "Payment of $49.00 created",
        "$49.00 authorized on Visa •••• 4242",
        "$40.00 captured",
    ]


def test_a_failed_check_without_a_charge_is_an_attempt_with_advice():
    failed = {"id": "evt_1", "created": AT, "code": "payment_intent_authentication_failure", "decline_code": None}
    moment = only(Side.PAYMENT, told(failed_confirmations=[failed]))[-1]
    assert moment.title == "Authentication failed: Customer did not authenticate"
    assert moment.details and moment.tone == "bad"


def test_the_networks_advice_goes_before_the_tables():
    charge = {
        "id": "ch_1",
        "amount_minor": 4900,
        "currency": "usd",
        "status": "failed",
        "decline_code": "insufficient_funds",
        "failure_code": "card_declined",
        "advice_code": "do_not_try_again",
        "card_brand": "visa",
        "card_last4": "9995",
        "created": AT,
    }
    moment = only(Side.PAYMENT, told(charges=[charge]))[-1]
    assert "Do not retry this card" in moment.details
    assert "The network's advice: do not try again." in moment.details


def test_events_and_calls_that_went_wrong_stand_out():
    event = {
        "id": "evt_1",
        "type": "charge.succeeded",
        "created": AT,
        "received_at": "2026-11-01T12:00:07+00:00",
        "came_by": "sweep",
        "outcome": "failed",
        "reason": "no such column",
    }
    call = {
        "operation": "post refunds",
        "at": AT,
        "duration_ms": 1234.5,
        "error": "APIConnectionError",
        "request_id": None,
    }
    moments = told(events=[event], calls=[call])
    (heard,), (asked,) = only(Side.EVENTS, moments), only(Side.CALLS, moments)
    assert (heard.details, heard.tone) == ("found by a sweep 7 s later, failed: no such column", "bad")
    assert (asked.title, asked.details, asked.tone) == (
        "Call to Stripe: POST refunds",
        "took 1,234 ms, APIConnectionError",
        "bad",
    )


def test_within_one_second_the_payment_comes_before_its_events():
    event = {
        "id": "evt_1",
        "type": "payment_intent.created",
        "created": AT,
        "received_at": AT,
        "came_by": "webhook",
        "outcome": "applied",
        "reason": None,
    }
    assert [moment.side for moment in told(events=[event])] == [Side.PAYMENT, Side.EVENTS]
