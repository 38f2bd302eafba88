"""The rows of payments, refunds, disputes and failed payments are what their types say, column by column."""

import inspect
from datetime import timedelta
from typing import NotRequired, TypedDict
from zoneinfo import ZoneInfo

import httpx
import pytest

from core.payments import payment_life, refund_figures, refunds, rows
from core.payments.disputes import dispute_figures, disputes, evidence, evidence_suggestions
from core.payments.disputes import rows as dispute_rows
from core.payments.disputes.dispute_statuses import Shown
from core.payments.payments import Sought
from core.payments.recovery import recovery_cases, recovery_figures, retry_advice
from core.periods import Period
from tests.payments.conftest import ADMIN, FINANCE, OPS, SUPPORT, pay
from tests.row_types import problems

ZONE = ZoneInfo("America/New_York")


class Small(TypedDict):
    id: str
    amount_minor: int | None
    brand: NotRequired[str]


@pytest.mark.parametrize(
    "row, wrong",
    [
        ({"id": "a", "amount_minor": None}, []),
        ({"id": "a", "amount_minor": 1, "brand": "visa", "more": []}, []),
        ({"id": "a"}, ["row: there is no amount_minor"]),
        ({"id": None, "amount_minor": 1}, ["row.id: None is not <class 'str'>"]),
        ({"id": "a", "amount_minor": 1, "brand": None}, ["row.brand: None is not <class 'str'>"]),
        ({"id": "a", "amount_minor": True}, ["row.amount_minor: True is not <class 'int'>"]),
    ],
)
def test_a_row_of_the_wrong_type_is_detected(row, wrong):
    assert problems(row, Small) == wrong


@pytest.fixture
def busy(context, shop, faults, clock):
    """Something of everything: a paid, a refunded, a disputed and a failed payment, notes, texts, a request."""
    shop.failed()
    shop.past_due()
    dispute = shop.disputed()
    sold = shop.paid()
    reported = pay(context, 900, card="pm_card_mastercard")["latest_charge"]["id"]
    warning = httpx.post(f"{faults.base_url}/sandbox/early_fraud_warnings", json={"charge": reported})
    context.mirror(warning.raise_for_status().json())
    refunds.issue(context, FINANCE, refunds.new_id(), sold["id"], 1900, reason="half a visit")
    refunds.issue(context, SUPPORT, refunds.new_id(), shop.paid(45_000)["id"], 45_000, reason="cancelled")
    payment_life.add_note(context.db, SUPPORT, sold["id"], "The patient called twice.", clock())
    disputes.set_text(context.db, ADMIN, "refund_policy_disclosure", "Shown at checkout.", clock())
    return dispute


def test_database_rows_match_their_types(context, busy, clock, owner):
    db, now = context.db, clock()
    today = now.astimezone(ZONE).date()
    month = Period(today - timedelta(days=29), today, ZONE)
    span = {"since": month.since, "until": month.until, "currency": "usd"}
    spans = span | {"previous_since": month.previous().since, "previous_until": month.previous().until}
    found = db.call("find_payments", sought=vars(Sought()) | {"before": None})
    listed = db.call("list_refunds")
    given = {
        rows.FoundPayments: [found],
        rows.FoundRefunds: [listed],
        rows.RefundDetails: [db.call("refund", id=each["id"]) for each in listed["items"]],
        rows.RefundPreviewRow: [
            db.call("refund_preview", payment_intent_id=each["id"])
            for each in found["items"]
            if each["status"] == "succeeded"
        ],
        payment_life.Life: [payment_life.life(db, OPS, each["id"]) for each in found["items"]],
        list[dispute_rows.DisputeRow]: [disputes.listed(db, Shown.TO_ANSWER)],
        dispute_rows.DisputeFacts: [disputes.facts_of(db, busy["id"])],
        list[dispute_rows.ReasonRow]: [disputes.by_reason(db, month, "usd")],
        dict[str, dispute_rows.PolicyText]: [disputes.texts(db)],
        list[dispute_rows.NetworkRow]: [db.call("network_counts", day=today, currency="usd")],
        dispute_rows.FoundWarnings: [db.call("list_fraud_warnings", now=now)],
        recovery_cases.FoundFailed: [db.call("list_recovery", now=now)],
        dispute_figures.Counted: [db.call("dispute_figures", **spans)],
        refund_figures.CountedBeside: [db.call("refund_figures", **spans)],
        recovery_figures.CountedBeside: [db.call("recovery_figures", **spans)],
    }
    for kind, several in given.items():
        assert several and all(several), kind
        for each in several:
            assert problems(each, kind) == [], kind
    assert len(found["items"]) == 6 and len(listed["items"]) == 2


def test_the_row_of_a_failed_payment_has_the_fields_of_one():
    assert set(inspect.get_annotations(retry_advice.FailedRow)) == set(inspect.get_annotations(retry_advice.Failed))


def test_every_field_of_evidence_is_one_of_stripes():
    from stripe.params import DisputeUpdateParamsEvidence

    assert {*evidence.FIELDS, "appeal"} <= set(inspect.get_annotations(DisputeUpdateParamsEvidence))


def test_nothing_is_suggested_about_an_unknown_consultation(context, busy):
    facts = disputes.facts_of(context.db, busy["id"])
    assert facts["consultation"] is None
    assert set(evidence_suggestions.suggested(facts, {}, ZONE)) == {"refund_policy_disclosure", "uncategorized_text"}
