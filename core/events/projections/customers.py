"""Customers: the id and the patient's id, and nothing that identifies a person."""

from dataclasses import replace

from core.events.field_allowlist import shops_own
from core.events.projections.discounts import discounts_of
from core.events.registry import Records, Snapshot, on, row


@on("customer.created", "customer.updated")
def customer(snapshot: Snapshot) -> Records:
    return _customer(snapshot, deleted=bool(snapshot.object.get("deleted")))


@on("customer.deleted")
def deleted_customer(snapshot: Snapshot) -> Records:
    """A deleted customer. The event contains it as it was, or only its id; its type says that it was deleted."""
    return _customer(snapshot, deleted=True)


def _customer(snapshot: Snapshot, *, deleted: bool) -> Records:
    source = snapshot.object
    if deleted and "created" not in source:  # the mirror keeps what it knows of the customer
        snapshot = replace(snapshot, object=source | {"created": int(snapshot.as_of.timestamp())})
    columns = {
        "patient_id": shops_own((source.get("metadata") or {}).get("patientId")),
        "currency": source.get("currency"),
        "delinquent": bool(source.get("delinquent")),
        "deleted": deleted,
    }
    records: Records = {"customers": [row(snapshot, rank=int(deleted), **columns)]}
    return records | discounts_of(snapshot, [source.get("discount")], customer=source["id"])
