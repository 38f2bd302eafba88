"""Deposits and the payouts they belong to: matched ones, those to match by hand, and matching and unmatching them."""

from datetime import datetime
from typing import TypedDict

from core.db import Database
from core.staff import audit, roles
from core.staff.roles import Actor

PAGE = "reconciliation"
REASON_MAX = 500


class Candidate(TypedDict):
    """A payout that a deposit could belong to."""

    payout_id: str
    amount_minor: int
    currency: str
    arrival_date: str
    status: str
    trace_id: str | None
    is_same_amount: bool
    is_open: bool
    days_apart: int


class UnmatchedDeposit(TypedDict):
    """An entry that belongs to no payout yet, with the payouts it could belong to, the likeliest first."""

    id: int
    account: str
    last4: str | None
    status: str
    booked_on: str
    value_on: str | None
    amount_minor: int
    currency: str
    reference: str | None
    description: str | None
    recognised_by: str
    is_return: bool
    candidates: list[Candidate]


class MatchedDeposit(TypedDict):
    """An entry and its payout; `payout_minor` and `days_late` are None if the payout is not in the mirror."""

    id: int
    account: str
    last4: str | None
    booked_on: str
    amount_minor: int
    currency: str
    reference: str | None
    is_return: bool
    payout_id: str
    matched_by: str
    matched_at: str
    matched_by_user: str
    arrival_date: str | None
    payout_minor: int | None
    days_late: int | None


class VoidEntry(TypedDict):
    """An entry that no longer counts: `withdrawn` by the bank, or `dropped` because it was pending and never booked."""

    id: int
    account: str
    last4: str | None
    status: str
    booked_on: str
    amount_minor: int
    currency: str
    reference: str | None
    description: str | None


class ImportedStatement(TypedDict):
    """A statement that was imported: how many entries it had, and how many were new and Stripe's."""

    id: int
    account: str
    last4: str | None
    currency: str
    format: str
    file_name: str
    statement_ref: str | None
    from_date: str | None
    to_date: str | None
    opening_minor: int | None
    closing_minor: int | None
    entries_read: int
    entries_kept: int
    imported_at: str
    imported_by: str


def unmatched(db: Database, *, most: int = 100) -> list[UnmatchedDeposit]:
    """Deposits without a payout, newest first."""
    rows: list[UnmatchedDeposit] = db.call("unmatched_deposits", most=most)
    return rows


def matched(db: Database, *, most: int = 100) -> list[MatchedDeposit]:
    """Deposits and their payouts, the latest first."""
    rows: list[MatchedDeposit] = db.call("matched_deposits", most=most)
    return rows


def statements(db: Database, *, most: int = 100) -> list[ImportedStatement]:
    """The imported statements, newest first."""
    rows: list[ImportedStatement] = db.call("bank_statements", most=most)
    return rows


def void(db: Database, *, most: int = 100) -> list[VoidEntry]:
    """Entries that the bank took back or never booked, newest first."""
    rows: list[VoidEntry] = db.call("void_bank_entries", most=most)
    return rows


def match(db: Database, actor: Actor, entry_id: int, payout_id: str, reason: str, now: datetime) -> bool:
    """Match this entry to this payout; False if it was matched already. Raises `Refused` if they do not fit."""
    roles.require(actor, PAGE)
    answer = db.call(
        "match_deposit",
        entry_id=entry_id,
        payout_id=payout_id.strip(),
        reason=_reason(db, reason),
        actor=actor.name,
        role=str(actor.role),
        now=now,
    )
    return bool(answer)


def unmatch(db: Database, actor: Actor, entry_id: int, reason: str, now: datetime) -> str:
    """Undo the match of this entry and return the payout's ID. The two are never matched automatically again."""
    roles.require(actor, PAGE)
    answer = db.call(
        "unmatch_deposit",
        entry_id=entry_id,
        reason=_reason(db, reason),
        actor=actor.name,
        role=str(actor.role),
        now=now,
    )
    return str(answer)


def match_what_is_clear(db: Database, actor: Actor, now: datetime) -> int:
    """Match entries whose payout or trace id arrived later than they did; returns how many."""
    roles.require(actor, PAGE)
    return int(db.call("match_deposits", actor=actor.name, role=str(actor.role), now=now))


def _reason(db: Database, written: str) -> str:
    audit.require_reason(db, written)
    return written.strip()[:REASON_MAX]
