"""Disputes and early fraud warnings."""

from core.events.registry import Records, Snapshot, id_of, moment, on, row

DISPUTE_RANKS = {
    "warning_needs_response": 0,
    "warning_under_review": 1,
    "warning_closed": 2,
    "needs_response": 3,
    "under_review": 4,
    "prevented": 5,
    "lost": 6,
    "appeal_needs_response": 7,
    "appeal_under_review": 8,
    "won": 9,
}


@on(
    "charge.dispute.created",
    "charge.dispute.updated",
    "charge.dispute.funds_withdrawn",
    "charge.dispute.funds_reinstated",
)
def dispute(snapshot: Snapshot) -> Records:
    source = snapshot.object
    details = source.get("evidence_details") or {}
    card = (source.get("payment_method_details") or {}).get("card") or {}
    columns = {
        "charge_id": id_of(source.get("charge")),
        "payment_intent_id": id_of(source.get("payment_intent")),
        "amount_minor": source["amount"],
        "currency": source["currency"],
        "status": source["status"],
        "reason": source.get("reason"),
        "network_reason_code": card.get("network_reason_code") or source.get("network_reason_code"),
        "card_brand": card.get("brand"),
        "evidence_due_by": moment(details.get("due_by")),
        "has_evidence": bool(details.get("has_evidence")),
        "submission_count": details.get("submission_count") or 0,
        "charge_refundable": source.get("is_charge_refundable"),
    }
    rank = 2 * DISPUTE_RANKS.get(source["status"], 0) + columns["has_evidence"]  # in one second: opened, then evidence
    return {"disputes": [row(snapshot, rank=rank, **columns)]}


@on("charge.dispute.closed")
def closed_dispute(snapshot: Snapshot) -> Records:
    """When a dispute was closed; the dispute itself does not contain this time."""
    return dispute(snapshot) | {"dispute_closings": [row(snapshot) | {"created": snapshot.as_of.isoformat()}]}


@on("radar.early_fraud_warning.created", "radar.early_fraud_warning.updated")
def early_fraud_warning(snapshot: Snapshot) -> Records:
    source = snapshot.object
    columns = {
        "charge_id": id_of(source.get("charge")),
        "payment_intent_id": id_of(source.get("payment_intent")),
        "actionable": bool(source.get("actionable")),
        "fraud_type": source.get("fraud_type"),
    }
    return {"early_fraud_warnings": [row(snapshot, rank=0 if columns["actionable"] else 1, **columns)]}
