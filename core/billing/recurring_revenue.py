"""Recurring revenue beside the figures of a period: subscriptions whose collection is paused."""

from dataclasses import dataclass
from datetime import datetime

from core.db import Database


@dataclass(frozen=True)
class PausedCollections:
    """Subscriptions paused in one way: their price of a month, and what of it counts as recurring revenue."""

    behavior: str
    subscriptions: int
    price_minor: int
    monthly_minor: int


def paused_collections(db: Database, *, currency: str, now: datetime) -> list[PausedCollections]:
    """By what happens to their invoices: `keep_as_draft` still counts, `void` and `mark_uncollectible` do not."""
    found = db.call("paused_collections", currency=currency, now=now)
    return [PausedCollections(**each) for each in found]
