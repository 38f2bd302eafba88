"""Months: which are closed, what changed since, and closing and reopening them."""

import json
from datetime import date, datetime
from hashlib import sha256
from typing import Any, TypedDict

from core.db import Database
from core.finance.reconciliation import Change
from core.staff.roles import Actor, require

PAGE = "reconciliation"


class OpenAmount(TypedDict):
    currency: str
    open: int
    minor: int


class Month(TypedDict):
    """A month: `figures` are those that were frozen, `changes` those that are others now; an open month has neither."""

    month: str
    is_over: bool
    closed_at: str | None
    closed_by: str | None
    sha256: str | None
    figures: dict[str, Any] | None
    changes: list[Change]
    mismatches: list[OpenAmount]


def listed(db: Database, now: datetime) -> list[Month]:
    """Every month since the first movement, the newest first."""
    found: list[Month] = db.call("reconciled_months", now=now)
    return found


def close(db: Database, actor: Actor, month: date, now: datetime) -> str:
    """Freeze the figures of the month that begins on this day; the SHA-256 of their canonical JSON.

    Raises `Unauthorised`; `Refused` while the month is not over, a mismatch is open, or it is closed already.
    """
    require(actor, PAGE)
    closed = db.call("close_month", actor=actor.name, actor_role=actor.role, month=month, now=now)
    return str(closed["sha256"])


def reopen(db: Database, actor: Actor, month: date, reason: str, now: datetime) -> None:
    """Let a closed month change again. Raises `Unauthorised` for all but admins, `Refused` without a reason."""
    require(actor, "settings")  # which admins alone may change
    db.call("reopen_month", actor=actor.name, actor_role=actor.role, month=month, reason=reason, now=now)


def digest(figures: dict[str, Any]) -> str:
    """The SHA-256 of figures as canonical JSON: keys in the order of their characters, no spaces, UTF-8."""
    text = json.dumps(figures, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return sha256(text.encode()).hexdigest()
