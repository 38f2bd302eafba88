"""Balance transactions: what moved Stripe's balance. They are pulled, since no event tells of them."""

from dataclasses import replace
from datetime import UTC, datetime

from core.events.registry import Records, Snapshot, date_of, id_of, row


def balance_transaction(snapshot: Snapshot) -> Records:
    """It never changes, so that it is as of its own time however often it is pulled."""
    source = snapshot.object
    made = replace(snapshot, as_of=datetime.fromtimestamp(source["created"], UTC))
    columns = {
        "amount_minor": source["amount"],
        "fee_minor": source["fee"],
        "net_minor": source["net"],
        "currency": source["currency"],
        "type": source["type"],
        "reporting_category": source["reporting_category"],
        "source_id": id_of(source.get("source")),
        "available_on": date_of(source.get("available_on")),
    }
    return {"balance_transactions": [row(made, **columns)]}
