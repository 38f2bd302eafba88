"""Disputes, evidence and early fraud warnings."""

import pytest
import stripe as sdk

from tests.sandbox.payments.test_payment_intents import pay
from tests.sandbox.payments.test_refunds import advance


def disputed(stripe, control, card="pm_card_createDispute"):
    intent = pay(stripe, card)
    advance(control, 5)
    return stripe.v1.disputes.list({"payment_intent": intent.id}).data[0]


def test_a_dispute_takes_the_money_and_a_fee(stripe, control):
    dispute = disputed(stripe, control)
    withdrawal = dispute.balance_transactions[0]
    assert (dispute.status, dispute.reason, dispute.network_reason_code) == ("needs_response", "fraudulent", "10.4")
    assert (withdrawal.amount, withdrawal.fee, withdrawal.net) == (-5000, 1500, -6500)
    assert (withdrawal.type, withdrawal.reporting_category) == ("adjustment", "dispute")
    assert stripe.v1.charges.retrieve(dispute.charge).disputed


def test_winning_evidence_wins_and_the_money_comes_back_without_the_fee(stripe, control):
    dispute = disputed(stripe, control)
    asked = {"evidence": {"uncategorized_text": "winning_evidence"}, "submit": True}
    submitted = stripe.v1.disputes.update(dispute.id, asked)
    assert (submitted.status, submitted.evidence_details.submission_count) == ("under_review", 1)
    advance(control, 5)
    won = stripe.v1.disputes.retrieve(dispute.id)
    assert won.status == "won"
    assert [txn.net for txn in won.balance_transactions] == [-6500, 5000]


def test_evidence_can_be_staged_and_is_refused_once_submitted(stripe, control):
    dispute = disputed(stripe, control)
    staged = stripe.v1.disputes.update(dispute.id, {"evidence": {"customer_name": "A. Patient"}, "submit": False})
    assert (staged.status, staged.evidence_details.has_evidence) == ("needs_response", True)
    stripe.v1.disputes.update(dispute.id, {"submit": True})
    with pytest.raises(sdk.InvalidRequestError):
        stripe.v1.disputes.update(dispute.id, {"evidence": {"customer_name": "B. Patient"}})


def test_losing_evidence_and_accepting_both_lose_the_dispute(stripe, control):
    dispute = disputed(stripe, control)
    stripe.v1.disputes.update(dispute.id, {"evidence": {"uncategorized_text": "losing_evidence"}})
    advance(control, 5)
    assert stripe.v1.disputes.retrieve(dispute.id).status == "lost"
    assert stripe.v1.disputes.close(disputed(stripe, control).id).status == "lost"


def test_a_missed_deadline_loses_the_dispute(stripe, control):
    dispute = disputed(stripe, control)
    advance(control, 11 * 86_400)
    late = stripe.v1.disputes.retrieve(dispute.id)
    assert (late.status, late.evidence_details.past_due) == ("lost", True)


def test_an_inquiry_takes_no_money_and_may_be_refunded(stripe, control):
    dispute = disputed(stripe, control, "pm_card_createDisputeInquiry")
    assert (dispute.status, dispute.balance_transactions) == ("warning_needs_response", [])
    assert dispute.is_charge_refundable
    assert stripe.v1.refunds.create({"charge": dispute.charge}).status == "succeeded"


def test_a_file_can_be_evidence(stripe, control, tmp_path):
    (tmp_path / "visit.png").write_bytes(b"png")
    with (tmp_path / "visit.png").open("rb") as upload:
        file = stripe.v1.files.create({"purpose": "dispute_evidence", "file": upload})
    assert (file.filename, file.type, file.size) == ("visit.png", "png", 3)
    dispute = disputed(stripe, control)
    updated = stripe.v1.disputes.update(dispute.id, {"evidence": {"service_documentation": file.id}, "submit": False})
    assert updated.evidence.service_documentation == file.id
    with pytest.raises(sdk.InvalidRequestError):
        stripe.v1.disputes.update(dispute.id, {"evidence": {"receipt": "file_unknown"}})


def test_an_early_warning_is_settled_by_a_refund(stripe, control):
    intent = pay(stripe, "pm_card_createIssuerFraudRecord")
    advance(control, 5)
    warning = stripe.v1.radar.early_fraud_warnings.list({"payment_intent": intent.id}).data[0]
    assert warning.actionable
    stripe.v1.refunds.create({"payment_intent": intent.id})
    assert not stripe.v1.radar.early_fraud_warnings.retrieve(warning.id).actionable


def test_an_appeal_takes_its_own_evidence_and_no_other_and_is_decided(stripe, control, tmp_path):
    dispute = disputed(stripe, control)
    stripe.v1.disputes.close(dispute.id)
    assert control.post(f"/sandbox/disputes/{dispute.id}/appeal").json()["status"] == "appeal_needs_response"
    (tmp_path / "log.png").write_bytes(b"png")
    with (tmp_path / "log.png").open("rb") as upload:
        file = stripe.v1.files.create({"purpose": "dispute_evidence", "file": upload})
    with pytest.raises(sdk.InvalidRequestError, match="Only appeal evidence"):
        stripe.v1.disputes.update(dispute.id, {"evidence": {"customer_name": "A. Patient"}})
    card = {"reason_for_filing": "winning_evidence", "supporting_files": [file.id]}
    staged = stripe.v1.disputes.update(dispute.id, {"evidence": {"appeal": {"card": card}}, "submit": False})
    assert (staged.status, staged.evidence.appeal.card.supporting_files) == ("appeal_needs_response", [file.id])
    assert stripe.v1.disputes.update(dispute.id, {"submit": True}).status == "appeal_under_review"
    with pytest.raises(sdk.InvalidRequestError) as refused:
        stripe.v1.refunds.create({"charge": dispute.charge})
    assert refused.value.code == "charge_disputed"
    advance(control, 5)
    won = stripe.v1.disputes.retrieve(dispute.id)
    assert (won.status, [txn.net for txn in won.balance_transactions]) == ("won", [-6500, 5000])


def test_appeal_evidence_is_for_appeals_alone_and_an_appeal_that_passes_is_lost(stripe, control):
    dispute = disputed(stripe, control)
    appeal = {"appeal": {"card": {"reason_for_filing": "The visit took place."}}}
    with pytest.raises(sdk.InvalidRequestError, match="appeal_needs_response"):
        stripe.v1.disputes.update(dispute.id, {"evidence": appeal})
    control.post(f"/sandbox/disputes/{dispute.id}/appeal")
    assert stripe.v1.disputes.update(dispute.id, {"evidence": appeal}).status == "appeal_under_review"
    other = disputed(stripe, control)
    control.post(f"/sandbox/disputes/{other.id}/appeal")
    advance(control, 13 * 86_400)
    assert stripe.v1.disputes.retrieve(other.id).status == "lost"
