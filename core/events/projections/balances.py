"""Balance transactions. They are pulled, because Stripe sends no event for them."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from core.events.registry import Records, Snapshot, date_of, id_of, row


def balance_transaction(snapshot: Snapshot) -> Records:
    """A balance transaction never changes, so its `as_of` is the time it was created."""
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
        "exchange_rate": _rate(source.get("exchange_rate")),
        "exchange_rate_asked": True,
    }
    return {"balance_transactions": [row(made, **columns)]}


def _rate(given: Any) -> float | None:
    """Units of the settlement currency for one unit of the currency paid in; None if nothing was converted."""
    return float(given) if isinstance(given, int | float) and not isinstance(given, bool) and given > 0 else None
