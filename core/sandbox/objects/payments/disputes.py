"""Disputes: opened by the customer's bank, answered with evidence, won or lost."""

import zlib

from core.sandbox.engine import balance
from core.sandbox.engine.errors import Json, invalid
from core.sandbox.engine.lists import list_objects
from core.sandbox.engine.params import Params
from core.sandbox.engine.unit_of_work import UnitOfWork
from core.sandbox.objects.payments import fraud_warnings

EVIDENCE_FIELDS = (
    "access_activity_log",
    "billing_address",
    "cancellation_policy",
    "cancellation_policy_disclosure",
    "cancellation_rebuttal",
    "customer_communication",
    "customer_email_address",
    "customer_name",
    "customer_purchase_ip",
    "customer_signature",
    "duplicate_charge_documentation",
    "duplicate_charge_explanation",
    "duplicate_charge_id",
    "product_description",
    "receipt",
    "refund_policy",
    "refund_policy_disclosure",
    "refund_refusal_explanation",
    "service_date",
    "service_documentation",
    "shipping_address",
    "shipping_carrier",
    "shipping_date",
    "shipping_documentation",
    "shipping_tracking_number",
    "uncategorized_file",
    "uncategorized_text",
)
NO_EVIDENCE: Json = {**dict.fromkeys(EVIDENCE_FIELDS), "appeal": None, "enhanced_evidence": {}}
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
TEST_EVIDENCE = ("winning_evidence", "losing_evidence", "escalate_inquiry_evidence")
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
    """The bank takes the money, or `amount` of it, back until it has decided; an inquiry only asks."""
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
        _take_evidence(uow, dispute, params.under("evidence"))
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


def _take_evidence(uow: UnitOfWork, dispute: Json, evidence: Params) -> None:
    appealing = dispute["status"] == "appeal_needs_response"
    if evidence.has("appeal"):
        _take_appeal(uow, dispute, evidence.under("appeal").under("card"), appealing)
    for name in evidence.raw:
        if name == "appeal":
            continue
        if appealing:
            raise invalid("Only appeal evidence can be changed while a dispute is appealed.", evidence.named(name))
        if name not in EVIDENCE_FIELDS:
            raise invalid(f"The sandbox does not support evidence[{name}].", evidence.named(name))
        value = evidence.text(name, longest=20_000)
        if value and value.startswith("file_"):
            uow.get("file", value, evidence.named(name))
        dispute["evidence"][name] = value
    has = any(dispute["evidence"][name] for name in (*EVIDENCE_FIELDS, "appeal"))
    dispute["evidence_details"]["has_evidence"] = has


def _take_appeal(uow: UnitOfWork, dispute: Json, card: Params, appealing: bool) -> None:
    """Why the seller appeals, and the files that support it."""
    if not appealing:
        raise invalid(
            "Appeal evidence can only be submitted for a dispute with a status of appeal_needs_response. This one "
            f"has a status of {dispute['status']}.",
            "evidence[appeal]",
        )
    files = card.strings("supporting_files")
    for file_id in files:
        uow.get("file", file_id, card.named("supporting_files"))
    staged = (dispute["evidence"]["appeal"] or {}).get("card") or {"reason_for_filing": None, "supporting_files": None}
    reason = card.text("reason_for_filing") if card.has("reason_for_filing") else staged["reason_for_filing"]
    kept = (files or None) if card.has("supporting_files") else staged["supporting_files"]
    dispute["evidence"]["appeal"] = {"card": {"reason_for_filing": reason, "supporting_files": kept}}


def _submit(uow: UnitOfWork, dispute: Json) -> Json:
    dispute["evidence_details"]["submission_count"] += 1
    dispute["status"] = UNDER_REVIEW[dispute["status"]]
    uow.unschedule("dispute_deadline", dispute["id"])
    wait = 1 if _decisive_words(dispute) in TEST_EVIDENCE else None
    uow.schedule(uow.now + (wait or DAYS_TO_DECIDE * 86_400), "dispute_decided", dispute["id"])
    return uow.change(dispute, "charge.dispute.updated")


def _decisive_words(dispute: Json) -> str:
    """Where Stripe's test words are looked for: in the appeal's reason while it is appealed."""
    if dispute["status"].startswith("appeal"):
        return str(((dispute["evidence"]["appeal"] or {}).get("card") or {}).get("reason_for_filing") or "")
    return str(dispute["evidence"]["uncategorized_text"] or "")


def appeal(uow: UnitOfWork, dispute: Json) -> Json:
    """The bank decided against the seller, who may appeal: it waits for appeal evidence."""
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
    """`close`: the seller gives in, which counts as lost."""
    dispute = uow.get("dispute", dispute_id)
    if dispute["status"] in CLOSED:
        raise invalid("This dispute is already closed.", code="dispute_already_closed")
    return close(uow, dispute, "lost")


def past_deadline(uow: UnitOfWork, dispute_id: str) -> None:
    """No answer in time: an inquiry fades, a chargeback is lost."""
    dispute = uow.known(dispute_id)
    dispute["evidence_details"]["past_due"] = True
    close(uow, dispute, "lost")


def decide(uow: UnitOfWork, dispute_id: str) -> None:
    """The bank's answer: what test evidence asks for, else about two in five are won."""
    dispute = uow.known(dispute_id)
    words = _decisive_words(dispute)
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
    """Ends it; a won one gives the money back, without the fee."""
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
