"""Every value of Stripe's that payops decides by has an answer: read from the annotations of the pinned SDK."""

import ast
import inspect
import re
import textwrap
from typing import Literal, get_args, get_origin

import pytest
import stripe

from core.events.projections import disputes as dispute_projection
from core.payments import payments, refunds
from core.payments.declines import Category, advice
from core.payments.disputes import dispute_statuses, evidence
from core.payments.recovery.retry_advice import ADVICE_CODES


def declared(cls: type, field: str) -> set[str]:
    """The values that the SDK lists for a field: in its annotation, else in the docstring below it."""
    body = ast.parse(textwrap.dedent(inspect.getsource(cls))).body[0].body
    for place, node in enumerate(body):
        if isinstance(node, ast.AnnAssign) and getattr(node.target, "id", None) == field:
            found = {
                each.value
                for literal in ast.walk(node.annotation)
                if isinstance(literal, ast.Subscript) and getattr(literal.value, "id", None) == "Literal"
                for each in ast.walk(literal.slice)
                if isinstance(each, ast.Constant)
            }
            if not found:
                found = set(re.findall(r"`([a-z_0-9]+)`", body[place + 1].value.value)) - {"payment_intent"}
            assert len(found) > 1, f"{cls.__name__}.{field} lists no values any more"
            return found
    raise AssertionError(f"{cls.__name__} has no field {field} any more")


def test_the_reader_of_annotations_finds_literals_and_docstrings():
    assert "needs_response" in declared(stripe.Dispute, "status")
    assert "fraudulent" in declared(stripe.Dispute, "reason")
    assert get_origin(Literal["a"]) is Literal and get_args(Literal["a"]) == ("a",)


def test_every_dispute_status_has_its_words_its_part_of_the_list_and_its_rank():
    statuses = declared(stripe.Dispute, "status")
    parts = (dispute_statuses.TO_ANSWER, dispute_statuses.WITH_BANK, dispute_statuses.CLOSED)
    listed = [status for part in parts for status in part]
    assert sorted(listed) == sorted(statuses)  # each in one part
    assert set(dispute_statuses.STATUSES) == statuses
    assert set(payments.DISPUTED) == statuses
    assert set(dispute_projection.DISPUTE_RANKS) == statuses


def test_the_database_places_every_dispute_status_as_the_list_does(database, owner):
    for status in declared(stripe.Dispute, "status"):
        placed = owner.execute(
            "select payops.awaits_answer(%s), payops.is_under_review(%s)", (status, status)
        ).fetchone()
        assert placed == (status in dispute_statuses.TO_ANSWER, status in dispute_statuses.WITH_BANK), status


def test_every_dispute_reason_has_its_own_words():
    for reason in declared(stripe.Dispute, "reason"):
        assert reason in evidence.REASONS, reason


def test_every_refund_status_and_reason_has_its_words():
    assert declared(stripe.Refund, "status") <= set(refunds.STATUSES)
    for reason in declared(stripe.Refund, "reason"):
        assert refunds.reason_in_words(reason) not in ("", reason), reason


def test_every_payment_status_has_its_words(database, owner):
    for status in declared(stripe.PaymentIntent, "status"):
        for error in (None, "card_declined"):
            shown = owner.execute("select payops.payment_status(%s, %s)", (status, error)).fetchone()[0]
            assert shown in payments.STATUSES, status


def test_every_advice_of_the_network_overrides_the_table():
    advised = declared(stripe.Charge.Outcome, "advice_code")
    assert advised == set(ADVICE_CODES) - {None}
    assert {advice("do_not_honor", advice_code=each).category for each in advised} == {
        Category.FIX_ENTRY,
        Category.STOP,
        Category.RETRY_LATER,
    }


def test_every_reason_of_a_block_is_known():
    named = set(re.findall(r"`([a-z_]+_level|low_[a-z_]+|rule)`", inspect.getsource(stripe.Charge.Outcome)))
    assert {"highest_risk_level", "low_probability_of_authorization", "rule"} <= named
    for reason in named - {"risk_level"}:
        assert advice(reason).category is Category.BLOCKED, reason


CODES_OF_PAYMENTS = re.compile(
    r"^(bank_account_(?!exists)|debit_|account_closed|no_account|insufficient_funds|expired_|incorrect_|invalid_(cvc|expiry|number)"
    r"|payment_method_(customer_decline|provider|not_available|unactivated|bank_account_blocked)|processing_error|card_declined"
    r"|payment_intent_(authentication_failure|mandate_invalid)|authentication_required|refer_to_customer|sepa_)"
)


def test_every_error_code_of_a_failed_payment_is_in_the_table():
    codes = {each for each in declared(stripe.PaymentIntent.LastPaymentError, "code") if CODES_OF_PAYMENTS.match(each)}
    assert len(codes) > 25
    assert [code for code in sorted(codes) if not advice(code).known] == []


@pytest.mark.parametrize(
    ("cls", "field", "known"),
    [
        (
            stripe.Subscription,
            "status",
            "active canceled incomplete incomplete_expired past_due paused trialing unpaid",
        ),
        (stripe.Charge, "status", "failed pending succeeded"),
        (stripe.Charge.Outcome, "type", "authorized manual_review issuer_declined blocked invalid"),
        (
            stripe.Charge.Outcome,
            "network_status",
            "approved_by_network declined_by_network not_sent_to_network reversed_after_approval",
        ),
        (stripe.Invoice, "status", "draft open paid uncollectible void"),
    ],
)
def test_the_values_that_sql_decides_by_are_those_it_was_written_for(cls, field, known):
    assert declared(cls, field) == set(known.split())
