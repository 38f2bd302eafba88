"""Payments reported as fraud: what can still be refunded, and the cost compared with a dispute."""

from datetime import timedelta

import httpx
import pytest

from core.money import Money
from core.payments import refunds
from core.payments.disputes import fraud_warnings
from core.payments.disputes.fraud_warnings import History, expected_cost
from tests.payments.conftest import FINANCE


@pytest.fixture
def warned(context, paid, faults):
    """A paid payment that the issuer reports as fraud."""

    def make(amount=4900):
        intent = paid(amount)
        charge = intent["latest_charge"]["id"]
        told = httpx.post(f"{faults.base_url}/sandbox/early_fraud_warnings", json={"charge": charge})
        context.mirror(told.raise_for_status().json())
        return intent

    return make


def listed(context):
    return fraud_warnings.listed(context.db, context.clock())[0]


def test_a_payment_with_a_fraud_warning_is_listed_until_refunded_or_disputed(context, warned, faults):
    first, second, third = warned(), warned(), warned()
    assert {each.payment_intent_id for each in listed(context)} == {each["id"] for each in (first, second, third)}
    refunds.issue(context, FINANCE, refunds.new_id(), first["id"], 4900, reason="fraud")
    faults.dispute(second["latest_charge"]["id"])
    for intent in (first, second):
        context.clock.ahead += timedelta(seconds=2)
        context.mirror(context.stripe.retrieve(f"charges/{intent['latest_charge']['id']}"))
    (left,) = listed(context)
    assert (left.payment_intent_id, str(left.left), left.card) == (third["id"], "$49.00", "Visa •••• 4242")


def test_a_refunded_part_is_no_longer_at_stake(context, warned):
    intent = warned()
    refunds.issue(context, FINANCE, refunds.new_id(), intent["id"], 900, reason="late")
    context.clock.ahead += timedelta(seconds=2)
    context.mirror(context.stripe.retrieve(f"charges/{intent['latest_charge']['id']}"))
    assert str(listed(context)[0].left) == "$40.00"


def test_the_cost_of_waiting_is_estimated_from_earlier_warnings():
    history = History(warned=50, disputed=30, decided=20, lost=15)
    # 60 % are disputed, which costs the fee of $15.00 and in three of four cases the $100.00 as well.
    assert expected_cost(Money(10_000, "usd"), Money(1500, "usd"), history) == Money(5400, "usd")
    assert expected_cost(Money(10_000, "jpy"), None, history) == Money(4500, "jpy")


def test_with_few_earlier_warnings_there_is_no_estimate():
    history = History(warned=9, disputed=9, decided=9, lost=9)
    assert expected_cost(Money(100, "usd"), None, history) is None
    assert "too few" in fraud_warnings.history_in_words(history)


def test_without_decided_disputes_all_are_assumed_lost():
    history = History(warned=10, disputed=5, decided=0, lost=0)
    assert expected_cost(Money(100, "usd"), None, history) == Money(50, "usd")
    assert fraud_warnings.history_in_words(history) == (
        "Of 10 earlier warnings whose payment was not refunded, 5 (50.0%) became disputes."
    )


def test_earlier_warnings_are_counted_by_what_became_of_their_payment(context, warned, faults):
    disputed, kept, sent_back = warned(), warned(), warned()
    context.mirror(faults.dispute(disputed["latest_charge"]["id"]))
    refunds.issue(context, FINANCE, refunds.new_id(), sent_back["id"], 4900, reason="fraud")
    for intent in (disputed, kept, sent_back):
        context.clock.ahead += timedelta(seconds=2)
        context.mirror(context.stripe.retrieve(f"charges/{intent['latest_charge']['id']}"))
    assert fraud_warnings.listed(context.db, context.clock())[1].warned == 0
    later = context.clock() + timedelta(days=61)
    assert fraud_warnings.listed(context.db, later)[1] == History(warned=2, disputed=1, decided=0, lost=0)
