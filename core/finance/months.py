"""Closing and reopening months: which ones are closed, and which of their figures changed since."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from hashlib import sha256
from typing import Any, TypedDict

from core.db import Database
from core.finance.reconciliation import LINES, Change
from core.money import Money
from core.staff.roles import Actor, require

PAGE = "reconciliation"


PARTS = {"payouts": "Payouts", "deposits": "Deposits at the bank"}
FIGURES = {
    "opening_minor": "Opening balance",
    "closing_minor": "Closing balance",
    "ours_minor": "our ledger",
    "ours_entries": "entries of our ledger",
    "stripe_minor": "Stripe's balance",
    "stripe_transactions": "Stripe's transactions",
    "timing_minor": "booked on another day",
    "conversion_minor": "settled in another currency",
    "mismatch_minor": "mismatches",
    "remainder_minor": "remainder",
    "amount_minor": "amount",
    "fee_minor": "fees",
    "net_minor": "net",
    "transactions": "transactions",
    "entries": "entries",
    "payouts": "number",
    "automatic": "number of automatic ones",
}


class OpenAmount(TypedDict):
    currency: str
    open: int
    minor: int


class Month(TypedDict):
    """A month. If it is closed, `figures` are those at its closing, and `changes` those that differ now."""

    month: str
    is_over: bool
    closed_at: str | None
    closed_by: str | None
    sha256: str | None
    figures: dict[str, Any] | None
    changes: list[Change]
    mismatches: list[OpenAmount]


def listed(db: Database, now: datetime) -> list[Month]:
    """Every month since the first movement of the balance, the newest first."""
    found: list[Month] = db.call("reconciled_months", now=now)
    return found


def close(db: Database, actor: Actor, month: date, now: datetime) -> str:
    """Freeze the figures of the month that begins on this day; returns the SHA-256 of their canonical JSON.

    Raises `Unauthorised`; `Refused` if the month is not over or is closed already, or while a mismatch is open.
    """
    require(actor, PAGE)
    closed = db.call("close_month", actor=actor.name, actor_role=actor.role, month=month, now=now)
    return str(closed["sha256"])


def reopen(db: Database, actor: Actor, month: date, reason: str, now: datetime) -> None:
    """Reopen a closed month. Raises `Unauthorised` for all but admins, `Refused` without a reason."""
    require(actor, "settings")  # only admins have this right
    db.call("reopen_month", actor=actor.name, actor_role=actor.role, month=month, reason=reason, now=now)


@dataclass(frozen=True)
class ChangeInWords:
    """A changed figure of a closed month, before and now, as text; empty where the figure did not or does not exist."""

    figure: str
    closed: str
    now: str


def in_words(change: Change) -> ChangeInWords:
    """`/currencies/usd/lines/charge/stripe_minor`, 500, 501: `USD: Payments, Stripe's balance`, $5.00, $5.01."""
    first, *parts = change["path"].strip("/").split("/")
    if first != "currencies" or len(parts) < 2:
        return ChangeInWords(_spaced("/".join((first, *parts))), change["closed"] or "", change["now"] or "")
    currency, *groups, figure = parts
    named = [_part(groups), FIGURES.get(figure, _spaced(figure))]
    closed, now = (_written(figure, each, currency) for each in (change["closed"], change["now"]))
    return ChangeInWords(f"{currency.upper()}: {', '.join(filter(None, named))}", closed, now)


def _part(groups: Sequence[str]) -> str:
    if groups[:1] == ["lines"] and len(groups) == 2:
        return LINES.get(groups[1], _spaced(groups[1]))
    if groups[:1] == ["categories"] and len(groups) == 2:
        return f"Stripe's category {_spaced(groups[1])}"
    return " ".join(PARTS.get(each, _spaced(each)) for each in groups)


def _spaced(path: str) -> str:
    return path.replace("/", " ").replace("_", " ")


def _written(figure: str, value: str | None, currency: str) -> str:
    if value is None or not figure.endswith("_minor"):
        return value or ""
    return str(Money(int(value), currency))


def digest(figures: dict[str, Any]) -> str:
    """The SHA-256 of figures as canonical JSON: keys in the order of their characters, no spaces, UTF-8."""
    text = json.dumps(figures, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return sha256(text.encode()).hexdigest()
