"""Subscriptions whose collection is paused, shown beside recurring revenue."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from core.db import Database
from core.figures.wording import counted
from core.money import Money


@dataclass(frozen=True)
class PausedCollections:
    """Subscriptions paused with one behavior: their monthly price, and how much of it counts as recurring revenue."""

    behavior: str
    subscriptions: int
    price_minor: int
    monthly_minor: int


def paused_collections(db: Database, *, currency: str, now: datetime) -> list[PausedCollections]:
    """Paused subscriptions by behavior: `keep_as_draft` counts as revenue, `void` and `mark_uncollectible` do not."""
    found = db.call("paused_collections", currency=currency, now=now)
    return [PausedCollections(**each) for each in found]


def in_words(paused: Sequence[PausedCollections], currency: str) -> str:
    """`Collection is paused for 3 subscriptions: $58.00 of $87.00 a month still counts.`"""
    many = sum(each.subscriptions for each in paused)
    counts = Money(sum(each.monthly_minor for each in paused), currency)
    price = Money(sum(each.price_minor for each in paused), currency)
    return f"Collection is paused for {counted(many, 'subscription')}: {counts} of {price} a month still counts."
