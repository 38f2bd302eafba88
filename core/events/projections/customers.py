"""Customers: an id, whose patient it is, and nothing that names a person."""

from core.events.registry import Records, Snapshot, on, row


@on("customer.created", "customer.updated", "customer.deleted")
def customer(snapshot: Snapshot) -> Records:
    source = snapshot.object
    deleted = bool(source.get("deleted"))
    columns = {
        "patient_id": (source.get("metadata") or {}).get("patientId"),
        "currency": source.get("currency"),
        "delinquent": bool(source.get("delinquent")),
        "deleted": deleted,
    }
    return {"customers": [row(snapshot, rank=int(deleted), **columns)]}
