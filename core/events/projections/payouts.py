"""Payouts: the money that Stripe sends to the bank."""

from core.events.registry import Records, Snapshot, date_of, id_of, on, row

PAYOUT_RANKS = {"pending": 0, "in_transit": 1, "paid": 2, "canceled": 3, "failed": 4}


@on(
    "payout.created",
    "payout.updated",
    "payout.paid",
    "payout.failed",
    "payout.canceled",
    "payout.reconciliation_completed",
)
def payout(snapshot: Snapshot) -> Records:
    source = snapshot.object
    trace = source.get("trace_id")
    columns = {
        "amount_minor": source["amount"],
        "currency": source["currency"],
        "status": source["status"],
        "arrival_date": date_of(source.get("arrival_date")),
        "automatic": source.get("automatic"),
        "reconciliation_status": source.get("reconciliation_status"),
        "failure_code": source.get("failure_code"),
        "balance_transaction_id": id_of(source.get("balance_transaction")),
        "method": source.get("method"),
        "trace_id": trace.get("value") if isinstance(trace, dict) else None,
        "trace_id_status": trace.get("status") if isinstance(trace, dict) else "not_told",
    }
    known = columns["reconciliation_status"] == "completed", columns["trace_id_status"] == "supported"
    rank = 4 * PAYOUT_RANKS.get(source["status"], 0) + sum(known)
    return {"payouts": [row(snapshot, rank=rank, **columns)]}
