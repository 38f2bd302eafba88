"""The audit log: entries that belong to no change of a row, and how the log is read."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal, TypedDict, cast

from core.db import Database
from core.staff import roles
from core.staff.roles import Actor

COLUMNS = ("id", "at", "actor", "role", "action", "subject", "outcome", "reason", "before", "after", "request_id")
EXPORT_MAX_ENTRIES = 100_000
_PAGE = 1000

Entry = Mapping[str, Any]


@dataclass(frozen=True)
class Sought:
    """Which entries to find: those between two moments whose fields contain these texts; None matches all."""

    since: datetime
    until: datetime
    actor: str | None = None
    action: str | None = None
    subject: str | None = None
    outcome: Literal["done", "refused"] | None = None


@dataclass(frozen=True)
class Page:
    """Some entries, newest first, and the id to continue before; None if there is nothing older."""

    entries: list[Entry]
    next_before_id: int | None


class ChainState(TypedDict):
    """How long the chain is, how many new entries wait for it, when it was last verified whole, and its open breaks."""

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


def entries(db: Database, actor: Actor, sought: Sought, *, before_id: int | None = None, limit: int = 100) -> Page:
    """The matching entries, newest first, `limit` of them (1,000 at most).

    Each has its place in the chain as `position`, None while it waits to be chained. In `action`, spaces match colons
    and dashes: `role set` finds `staff:user:role-set`.
    """
    roles.require(actor, "audit-log")
    found = db.call("list_audit", **vars(sought), before_id=before_id, limit=limit)
    return Page(found["items"], found["next"])


def one(db: Database, actor: Actor, entry_id: int) -> Entry | None:
    """The entry of this id."""
    ever = Sought(datetime(1, 1, 2, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC))
    found = entries(db, actor, ever, before_id=entry_id + 1, limit=1).entries
    return found[0] if found and found[0]["id"] == entry_id else None


def exported(db: Database, actor: Actor, sought: Sought, now: datetime) -> list[Entry]:
    """All matching entries, newest first, `EXPORT_MAX_ENTRIES` at most; the export itself is recorded too."""
    page = entries(db, actor, sought, limit=_PAGE)
    taken = page.entries
    while page.next_before_id is not None and len(taken) < EXPORT_MAX_ENTRIES:
        page = entries(db, actor, sought, before_id=page.next_before_id, limit=_PAGE)
        taken += page.entries
    record(db, actor, "staff:audit-log:exported", "audit-log:entries", now, after={"entries": len(taken)})
    return taken


def differences(entry: Entry) -> list[Change]:
    """The fields that the entry's action changed, sorted by name; `a.b` is the field b of a."""
    before, after = _flat(entry["before"] or {}), _flat(entry["after"] or {})
    return [
        Change(field, before.get(field), after.get(field))
        for field in sorted(before.keys() | after.keys())
        if before.get(field) != after.get(field)
    ]


def chain_state(db: Database, actor: Actor) -> ChainState:
    """The state of the chain of hashes."""
    roles.require(actor, "audit-log")
    return cast(ChainState, db.call("audit_chain_state"))


def _flat(record: Mapping[str, Any], within: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for field, value in record.items():
        if isinstance(value, Mapping) and value:
            found |= _flat(value, f"{within}{field}.")
        else:
            found[f"{within}{field}"] = value
    return found
