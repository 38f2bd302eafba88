"""Which retries are advised, decided without a database, and counted in SQL by the same rules."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from core.payments.declines import every_code
from core.payments.recovery.retry_advice import ADVICE_CODES, Failed, Step, retry_advice, rules

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
DECLINED = Failed(
    "pi_1",
    NOW - timedelta(days=5),
    4900,
    "usd",
    "cus_1",
    "patient-1",
    "order-1",
    "card_declined",
    "insufficient_funds",
    None,
    "visa",
    "4242",
    True,
    1,
    0,
    0,
    NOW - timedelta(days=4),
    None,
    None,
    None,
    None,
    "open",
    None,
    None,
    None,
    0,
    False,
    [],
)


def step(**changes):
    return retry_advice(replace(DECLINED, **changes), NOW).step


def test_a_temporary_decline_is_due_after_its_waiting_time():
    assert step() is Step.RETRY
    early = retry_advice(replace(DECLINED, last_attempt_at=NOW - timedelta(hours=71)), NOW)
    assert (early.step, early.advised_from) == (Step.WAIT, NOW + timedelta(hours=1))


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"decline_code": "lost_card"}, Step.CUSTOMER),
        ({"decline_code": "expired_card"}, Step.CUSTOMER),
        ({"advice_code": "do_not_try_again"}, Step.CUSTOMER),
        ({"decline_code": "fraudulent"}, Step.REVIEW),
        ({"decline_code": "duplicate_transaction"}, Step.REVIEW),
        ({"card_saved": False}, Step.CUSTOMER),
        ({"card_saved": None}, Step.CUSTOMER),
        ({"in_flight": True}, Step.IN_FLIGHT),
        ({"state": "scheduled"}, Step.SCHEDULED),
        ({"state": "stopped"}, Step.STOPPED),
        ({"stripe_retries_at": NOW + timedelta(days=2)}, Step.STRIPE),
        ({"stripe_retries_at": NOW + timedelta(days=2), "decline_code": "lost_card"}, Step.CUSTOMER),
        ({"decline_code": "do_not_honor", "attempts": 3}, Step.CUSTOMER),
        ({"decline_code": "do_not_honor", "attempts": 2}, Step.RETRY),
        ({"decline_code": None, "error_code": "payment_intent_authentication_failure"}, Step.CUSTOMER),
    ],
)
def test_the_next_step(changes, expected):
    assert step(**changes) is expected


@pytest.mark.parametrize(
    ("attempts", "warns", "reached"), [(9, False, False), (10, True, False), (14, True, False), (15, True, True)]
)
def test_the_attempt_counter_warns_at_ten_and_stops_at_fifteen(attempts, warns, reached):
    found = retry_advice(replace(DECLINED, attempts=attempts), NOW)
    assert (bool(found.warning), found.limit_reached) == (warns, reached)
    assert found.meter == f"{attempts} of the 20 attempts that Visa allows in 30 days; we stop at 15"
    assert found.due is not reached


def test_a_mastercard_declined_ten_times_in_a_day_is_not_retried():
    mastercard = replace(DECLINED, card_brand="mastercard", card_declines_24_hours=10)
    assert retry_advice(mastercard, NOW).limit_reached
    assert not retry_advice(replace(mastercard, card_declines_24_hours=9), NOW).limit_reached
    assert not retry_advice(replace(mastercard, card_brand="visa"), NOW).limit_reached


def test_the_database_counts_as_due_what_python_calls_due(database, owner):
    """Every code of the table and one that is not in it, with every advice, tried once and three times."""
    expected = 0
    for n, (code, advice_code, attempts) in enumerate(
        (code, advice, attempts)
        for code in [*every_code(), "made_up"]
        for advice in ADVICE_CODES
        for attempts in (1, 3)
    ):
        intent, at = f"pi_{n}", NOW - timedelta(hours=30)
        put_failed(owner, intent, code, advice_code, attempts, at)
        expected += retry_advice(
            replace(DECLINED, decline_code=code, advice_code=advice_code, attempts=attempts, last_attempt_at=at), NOW
        ).due
    counted = owner.execute(
        "select waiting from payops.retryable_now(%s, %s::jsonb)", (NOW, json.dumps(rules()))
    ).fetchone()[0]
    assert counted == expected > 10


def put_failed(owner, intent, code, advice_code, attempts, at):
    mirrored = (False, at, at, 0, "fetch")
    owner.execute(
        "insert into payops.payment_intents (id, livemode, created, as_of, state_rank, event_id, amount_minor, "
        "currency, status,"
        " error_code, error_decline_code) values (%s, %s, %s, %s, %s, %s, 4900, 'usd', 'requires_payment_method',"
        " 'card_declined', %s)",
        (intent, *mirrored, code),
    )
    for k in range(attempts):
        owner.execute(
            "insert into payops.charges (id, livemode, created, as_of, state_rank, event_id, payment_intent_id, "
            "amount_minor,"
            " currency, status, network_status, advice_code, card_brand) values (%s, %s, %s, %s, %s, %s, %s, "
            "4900, 'usd',"
            " 'failed', 'declined_by_network', %s, 'visa')",
            (f"ch_{k}_{intent}", *mirrored, intent, advice_code),
        )
    owner.execute("insert into payops.recovery_facts values (%s, null, true, %s)", (intent, at))
