"""Disputes: opened by the customer's bank, answered with evidence, won or lost."""

import zlib

from core.sandbox.engine import balance
from core.sandbox.engine.errors import Json, invalid
from core.sandbox.engine.lists import list_objects
from core.sandbox.engine.params import Params
from core.sandbox.engine.unit_of_work import UnitOfWork
from core.sandbox.objects.payments import fraud_warnings
from core.sandbox.objects.payments.dispute_evidence import NO_EVIDENCE, TEST_EVIDENCE, decisive_words, take_evidence

NETWORK_CODES = {
    "visa": {
        "credit_not_processed": "13.6",
        "duplicate": "12.6.1",
        "fraudulent": "10.4",
        "general": "13.1",
        "product_not_received": "13.1",
        "product_unacceptable": "13.3",
        "subscription_canceled": "13.2",
        "unrecognized": "10.4",
    },
    "mastercard": {
        "credit_not_processed": "4853",
        "duplicate": "4834",
        "fraudulent": "4837",
        "general": "4853",
        "product_not_received": "4853",
        "product_unacceptable": "4853",
        "subscription_canceled": "4853",
        "unrecognized": "4837",
    },
    "amex": {
        "credit_not_processed": "C02",
        "duplicate": "P08",
        "fraudulent": "F29",
        "general": "C08",
        "product_not_received": "C08",
        "product_unacceptable": "C31",
        "subscription_canceled": "C28",
        "unrecognized": "F29",
    },
}
REASONS = frozenset(NETWORK_CODES["visa"])
DAYS_TO_ANSWER = 9
DAYS_TO_DECIDE = 60
DAYS_TO_APPEAL = 10
CLOSED = ("won", "lost", "warning_closed", "prevented")
ANSWERABLE = ("needs_response", "warning_needs_response", "appeal_needs_response")
UNDER_REVIEW = {
    "needs_response": "under_review",
    "warning_needs_response": "warning_under_review",
    "appeal_needs_response": "appeal_under_review",
}


def build(dispute_id: str, charge: Json, created: int, *, reason: str, amount: int, inquiry: bool) -> Json:
    """A dispute that waits for an answer; an inquiry takes no money yet."""
    card = charge["payment_method_details"].get("card")
    code = NETWORK_CODES.get(card["brand"], NETWORK_CODES["visa"])[reason] if card else None
    kind = "inquiry" if inquiry else "chargeback"
    return {
        "id": dispute_id,
        "object": "dispute",
        "amount": amount,
        "balance_transactions": [],
        "charge": charge["id"],
        "created": created,
        "currency": charge["currency"],
        "enhanced_eligibility_types": [],
        "evidence": {**NO_EVIDENCE},
        "evidence_details": {
            "due_by": (created // 86_400 + DAYS_TO_ANSWER + 1) * 86_400 - 1,
            "enhanced_eligibility": {},
            "has_evidence": False,
            "past_due": False,
            "submission_count": 0,
        },
        "is_charge_refundable": inquiry,
        "livemode": False,
        "metadata": {},
        "network_reason_code": code,
        "payment_intent": charge["payment_intent"],
        "payment_method_details": card
        and {"card": {"brand": card["brand"], "case_type": kind, "network_reason_code": code}, "type": "card"},
        "reason": reason,
        "status": "warning_needs_response" if inquiry else "needs_response",
    }


def open_on(
    uow: UnitOfWork, charge: Json, reason: str = "fraudulent", *, inquiry: bool = False, amount: int | None = None
) -> Json:
    """Withdraw the disputed amount until the bank has decided; an inquiry withdraws nothing."""
    left = charge["amount"] - charge["amount_refunded"]
    if charge["disputed"] or left <= 0 or charge["status"] != "succeeded" or not charge["captured"]:
        raise invalid(f"Charge {charge['id']} cannot be disputed (again).", "charge")
    if amount is not None and not 0 < amount <= left:
        raise invalid(f"At most {left} of charge {charge['id']} can be disputed.", "amount")
    amount = left if amount is None else amount
    dispute = build(uow.ids.new("dispute"), charge, uow.now, reason=reason, amount=amount, inquiry=inquiry)
    uow.add(dispute, "charge.dispute.created")
    if not inquiry:
        _withdraw_funds(uow, dispute)
    charge["disputed"] = True
    uow.change(charge, "charge.updated")
    fraud_warnings.settle(uow, charge)
    uow.schedule(dispute["evidence_details"]["due_by"], "dispute_deadline", dispute["id"])
    return dispute


def _withdraw_funds(uow: UnitOfWork, dispute: Json) -> None:
    txn = _adjustment(uow, dispute, -dispute["amount"], "dispute", "Chargeback withdrawal for")
    dispute["balance_transactions"] = [txn]
    dispute["is_charge_refundable"] = False
    uow.change(dispute, "charge.dispute.funds_withdrawn")


def _adjustment(uow: UnitOfWork, dispute: Json, amount: int, category: str, words: str) -> Json:
    currency = dispute["currency"]
    fee = balance.DISPUTE_FEE_MINOR.get(currency, 1500) if category == "dispute" else 0
    return balance.book(
        uow,
        "adjustment",
        amount=amount,
        fee=fee,
        currency=currency,
        source=dispute["id"],
        category=category,
        description=f"{words} {dispute['charge']}",
        fee_description="Dispute fee",
    )


def update(uow: UnitOfWork, dispute_id: str, params: Params) -> Json:
    """Adds evidence; `submit` (the default) sends it to the bank."""
    dispute = uow.get("dispute", dispute_id)
    dispute["metadata"] = params.metadata(dispute["metadata"])
    if params.has("evidence"):
        _check_open(dispute)
        take_evidence(uow, dispute, params.under("evidence"))
    if params.flag("submit", default=params.has("evidence")):
        _check_open(dispute)
        return _submit(uow, dispute)
    return uow.change(dispute, "charge.dispute.updated")


def _check_open(dispute: Json) -> None:
    if dispute["status"] not in ANSWERABLE:
        raise invalid(
            "This dispute can no longer be changed: it has a status of " + dispute["status"] + ".",
            code="dispute_evidence_already_submitted" if "review" in dispute["status"] else "dispute_already_closed",
        )


def _submit(uow: UnitOfWork, dispute: Json) -> Json:
    dispute["evidence_details"]["submission_count"] += 1
    dispute["status"] = UNDER_REVIEW[dispute["status"]]
    uow.unschedule("dispute_deadline", dispute["id"])
    wait = 1 if decisive_words(dispute) in TEST_EVIDENCE else None
    uow.schedule(uow.now + (wait or DAYS_TO_DECIDE * 86_400), "dispute_decided", dispute["id"])
    return uow.change(dispute, "charge.dispute.updated")


def appeal(uow: UnitOfWork, dispute: Json) -> Json:
    """Open the appeal of a decision: the dispute waits for appeal evidence."""
    if dispute["status"] not in ("needs_response", "under_review", "lost"):
        raise invalid(f"A dispute with a status of {dispute['status']} cannot be appealed.", "status")
    uow.unschedule("dispute_decided", dispute["id"])
    uow.unschedule("dispute_deadline", dispute["id"])
    due_by = balance.available_on(uow.now, DAYS_TO_APPEAL + 1) - 1
    dispute["status"] = "appeal_needs_response"
    dispute["evidence_details"] |= {"due_by": due_by, "past_due": False}
    uow.schedule(due_by, "dispute_deadline", dispute["id"])
    return uow.change(dispute, "charge.dispute.updated")


def accept(uow: UnitOfWork, dispute_id: str, params: Params) -> Json:
    """Accept the dispute, which counts as lost."""
    dispute = uow.get("dispute", dispute_id)
    if dispute["status"] in CLOSED:
        raise invalid("This dispute is already closed.", code="dispute_already_closed")
    return close(uow, dispute, "lost")


def past_deadline(uow: UnitOfWork, dispute_id: str) -> None:
    """Handle a missed deadline: an inquiry is closed, a chargeback is lost."""
    dispute = uow.known(dispute_id)
    dispute["evidence_details"]["past_due"] = True
    close(uow, dispute, "lost")


def decide(uow: UnitOfWork, dispute_id: str) -> None:
    """The bank decides: as Stripe's test evidence says, otherwise about two in five are won."""
    dispute = uow.known(dispute_id)
    words = decisive_words(dispute)
    if words == "escalate_inquiry_evidence" and dispute["status"].startswith("warning"):
        _escalate(uow, dispute)
        return
    if words in ("winning_evidence", "losing_evidence"):
        won = words == "winning_evidence"
    else:
        won = zlib.crc32(dispute_id.encode()) % 100 < 42
    close(uow, dispute, "won" if won else "lost")


def _escalate(uow: UnitOfWork, dispute: Json) -> None:
    dispute["status"] = "needs_response"
    dispute["payment_method_details"]["card"]["case_type"] = "chargeback"
    dispute["evidence_details"]["due_by"] = balance.available_on(uow.now, DAYS_TO_ANSWER + 1) - 1
    uow.change(dispute, "charge.dispute.updated")
    _withdraw_funds(uow, dispute)
    uow.schedule(dispute["evidence_details"]["due_by"], "dispute_deadline", dispute["id"])


def close(uow: UnitOfWork, dispute: Json, outcome: str) -> Json:
    """Close the dispute; if won, the amount is reinstated, but not the fee."""
    for kind in ("dispute_deadline", "dispute_decided"):
        uow.unschedule(kind, dispute["id"])
    inquiry = dispute["status"].startswith("warning")
    dispute["status"] = "warning_closed" if inquiry else outcome
    if dispute["status"] == "won":
        txn = _adjustment(uow, dispute, dispute["amount"], "dispute_reversal", "Chargeback reversal for")
        dispute["balance_transactions"] = [*dispute["balance_transactions"], txn]
        return uow.change(dispute, "charge.dispute.closed", "charge.dispute.funds_reinstated")
    return uow.change(dispute, "charge.dispute.closed")


def retrieve(uow: UnitOfWork, dispute_id: str, params: Params) -> Json:
    return uow.get("dispute", dispute_id)


def list_all(uow: UnitOfWork, params: Params) -> Json:
    return list_objects(uow, "dispute", "/v1/disputes", params, ("charge", "payment_intent"))
