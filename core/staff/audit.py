"""The audit log: reading and exporting entries, and recording actions that change no row of the database."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal, TypedDict

from core.db import Database
from core.staff import roles
from core.staff.roles import Actor


class Entry(TypedDict):
    """One entry; `before` and `after` are the fields that its action changed, `position` its place in the chain."""

    id: int
    at: str
    actor: str
    role: str | None
    action: str
    subject: str
    outcome: Literal["done", "refused"]
    reason: str | None
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    request_id: str | None
    position: int | None


@dataclass(frozen=True)
class EntryFilter:
    """Which entries to find: those between two moments whose fields contain these texts; None matches all.

    With `people`, only actions of staff and command-line users, not those of the system.
    """

    since: datetime
    until: datetime
    actor: str | None = None
    action: str | None = None
    subject: str | None = None
    outcome: Literal["done", "refused"] | None = None
    people: bool = False


@dataclass(frozen=True)
class Page:
    """Some entries, newest first, and the id to continue before; None if there is nothing older."""

    entries: list[Entry]
    next_before_id: int | None


class ChainState(TypedDict):
    """The state of the hash chain: its length, entries not chained yet, when it was last verified, and known breaks."""

    length: int
    waiting: int
    head: str
    chained_at: str | None
    verified_at: str | None
    open_breaks: int


@dataclass(frozen=True)
class Change:
    """One field that an entry's action changed; None if the field was missing."""

    field: str
    before: Any
    after: Any


def record(
    db: Database,
    actor: Actor,
    action: str,
    subject: str,
    now: datetime,
    *,
    outcome: Literal["done", "refused"] = "done",
    reason: str | None = None,
    after: Mapping[str, Any] | None = None,
    request_id: str | None = None,
) -> None:
    """Write one entry: `action` is `source:noun:verb`, `subject` is `noun:id`.

    Changes of rows are not recorded here but by the SQL function that makes them, in the same transaction.
    """
    db.call(
        "audit",
        actor=actor.name,
        role=str(actor.role),
        action=action,
        subject=subject,
        now=now,
        outcome=outcome,
        reason=reason,
        after=after,
        request_id=request_id,
    )


def record_export(
    db: Database,
    actor: Actor,
    table: str,
    now: datetime,
    *,
    file_format: str,
    rows: int,
    filters: Mapping[str, str],
) -> None:
    """Record who exported which table as a file, with which filters."""
    after = {"format": file_format, "rows": rows} | ({"filters": dict(filters)} if filters else {})
    record(db, actor, "exports:file:made", f"table:{table}", now, after=after)


def require_reason(db: Database, reason: str | None) -> None:
    """Raises `Refused` if the reason is missing; to be called before an action that needs one."""
    db.call("require_reason", reason=reason)


def entries(db: Database, actor: Actor, sought: EntryFilter, *, before_id: int | None = None, limit: int = 100) -> Page:
    """The matching entries, newest first, `limit` of them (1,000 at most).

    Each has its place in the chain as `position`, None while it waits to be chained. In `action`, spaces match colons
    and dashes: `role set` finds `staff:user:role-set`.
    """
    roles.require(actor, "audit-log")
    found = db.call("list_audit", **vars(sought), before_id=before_id, limit=limit)
    return Page(found["items"], found["next"])


def one(db: Database, actor: Actor, entry_id: int) -> Entry | None:
    """The entry with this id; None if there is none."""
    ever = EntryFilter(datetime(1, 1, 2, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC))
    found = entries(db, actor, ever, before_id=entry_id + 1, limit=1).entries
    return found[0] if found and found[0]["id"] == entry_id else None


def count(db: Database, actor: Actor, sought: EntryFilter, *, most: int) -> int:
    """How many entries match, counted up to `most`."""
    roles.require(actor, "audit-log")
    found: int = db.call("count_audit", **vars(sought), most=most)
    return found


def page_after(
    db: Database, actor: Actor, sought: EntryFilter, before_id: int | None
) -> tuple[Sequence[Entry], int | None]:
    """Up to 1,000 matching entries, newest first, and the id before which the next ones begin; for exports."""
    page = entries(db, actor, sought, before_id=before_id, limit=1000)
    return page.entries, page.next_before_id


def differences(entry: Entry) -> list[Change]:
    """The fields that the entry's action changed, sorted by name; `a.b` is the field b of a."""
    before, after = _flat(entry["before"] or {}), _flat(entry["after"] or {})
    return [
        Change(field, before.get(field), after.get(field))
        for field in sorted(before.keys() | after.keys())
        if before.get(field) != after.get(field)
    ]


def chain_state(db: Database, actor: Actor) -> ChainState:
    """The present state of the hash chain."""
    roles.require(actor, "audit-log")
    state: ChainState = db.call("audit_chain_state")
    return state


def _flat(record: Mapping[str, Any], within: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for field, value in record.items():
        if isinstance(value, Mapping) and value:
            found |= _flat(value, f"{within}{field}.")
        else:
            found[f"{within}{field}"] = value
    return found
