"""Replays events on request, with an audit entry: the current code reads the stored event or fetches its object."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from core.db import Database
from core.errors import Refused
from core.events import inbox, retries
from core.events.event_rows import Json, ReplayableEvent
from core.events.field_allowlist import kind_of
from core.events.lookup import EventFilter, Place, is_stripe_id
from core.events.registry import Records, Row, Snapshot, merged
from core.events.repair.backfill import FETCHED, FROM_EVENTS_ALONE, SOURCES
from core.events.repair.partial_lists import completed
from core.periods import Clock
from core.staff import roles
from core.staff.roles import Actor
from core.stripe_gateway import StripeGateway

BATCH = 100
PREVIEW_MOST = 1_000
_SOURCES = {source.object_type: source for source in SOURCES}
Effect = Literal["adds", "changes", "leaves", "older"]


@dataclass(frozen=True)
class RowEffect:
    """What a replay does to one row of the mirror: add it, change it, leave it equal, or leave a newer one alone."""

    table: str
    id: str
    effect: Effect
    fields: dict[str, tuple[Any, Any]]  # the changed fields, with the values in the mirror and after the replay
    held_from: str = ""  # where the mirror's row comes from: an event's id, or `fetch`


@dataclass(frozen=True)
class Preview:
    """What a replay would do: how many events get which outcome, and what changes in the mirror."""

    events: int
    more: bool  # more than `PREVIEW_MOST` events match
    outcomes: dict[str, int]
    records: Records
    rows: list[RowEffect]


@dataclass(frozen=True)
class Settled:
    """The outcome of one replayed event, and the reason if it was not applied."""

    id: str
    outcome: str
    reason: str | None


def preview(db: Database, sought: EventFilter, *, livemode: bool) -> Preview:
    """What replaying the newest `PREVIEW_MOST` matching events would do; nothing is written."""
    found = db.call("events_to_replay", sought=sought.as_json(), limit=PREVIEW_MOST)
    tried = [inbox.projected(event, livemode=livemode) for event in found["items"]]
    outcomes: dict[str, int] = {}
    for _, outcome, _ in tried:
        outcomes[outcome] = outcomes.get(outcome, 0) + 1
    records = merged(each for each, _, _ in tried)
    held = db.call("mirror_rows", ids={table: [row["id"] for row in rows] for table, rows in records.items()})
    return Preview(len(tried), found["next"] is not None, outcomes, records, _effects(records, held))


def replay(
    db: Database,
    stripe: Callable[[], StripeGateway],
    actor: Actor,
    sought: EventFilter,
    *,
    clock: Clock,
    livemode: bool,
    reason: str | None = None,
    refetch: bool = False,
    most: int | None = None,
) -> Iterator[Settled]:
    """Replay the matching events, newest first, in batches; each batch is one transaction with its audit entry.

    With `refetch`, each object is read from Stripe (opened by `stripe`) instead of the stored event; raises
    `Unavailable` if Stripe does not answer. Raises `Unauthorised` before anything is replayed.
    """
    roles.require(actor, "events")
    return _replayed(
        db, stripe() if refetch else None, actor, sought, clock=clock, livemode=livemode, reason=reason, most=most
    )


def _replayed(
    db: Database,
    stripe: StripeGateway | None,
    actor: Actor,
    sought: EventFilter,
    *,
    clock: Clock,
    livemode: bool,
    reason: str | None,
    most: int | None,
) -> Iterator[Settled]:
    place: Place | None = sought.before
    left = most
    while left is None or left > 0:
        size = BATCH if left is None else min(BATCH, left)
        found = db.call("events_to_replay", sought=sought.continued_before(place).as_json(), limit=size)
        events: list[ReplayableEvent] = found["items"]
        place = found["next"]
        if events:
            replays = [_replay_of(event, stripe, clock(), livemode=livemode) for event in events]
            settled = db.call(
                "settle_replays",
                actor=actor.name,
                role=str(actor.role),
                replays=replays,
                reason=reason,
                refetched=stripe is not None,
                now=clock(),
            )
            yield from (Settled(**each) for each in settled)
        left = None if left is None else left - len(events)
        if place is None:
            return


def _replay_of(event: ReplayableEvent, stripe: StripeGateway | None, now: datetime, *, livemode: bool) -> Json:
    tried = inbox.projected(event, livemode=livemode)
    if stripe is not None and tried[1] != "quarantined":
        tried = _refetched(stripe, event, tried[0], now, livemode=livemode)
    records, outcome, reason = tried
    return {"event_id": event["id"], "records": records, "outcome": outcome, "reason": reason}


def _refetched(
    stripe: StripeGateway, event: ReplayableEvent, stored: Records, now: datetime, *, livemode: bool
) -> retries.Tried:
    """Rows of Stripe's present object, and those that only the event gives; without an object, of Stripe's event."""
    source, object_id = _SOURCES.get(kind_of(event["type"])), event["object_id"]
    if source is not None and is_stripe_id(object_id):
        try:
            found = stripe.retrieve(f"{source.path}/{object_id}")
        except Refused:
            found = {"deleted": True}
        if not found.get("deleted"):
            snapshot = Snapshot(completed(stripe, found), now.replace(microsecond=0), FETCHED, livemode)
            from_event = {table: rows for table, rows in stored.items() if table in FROM_EVENTS_ALONE}
            return merged([source.projection(snapshot), from_event]), "applied", None
    return retries.refetched(stripe, event["id"], livemode=livemode)


def _effects(records: Records, held: dict[str, dict[str, Row]]) -> list[RowEffect]:
    """The effect on each row. If a row occurs several times the newest version counts, as when they are applied."""
    effects = []
    for table, rows in records.items():
        greatest = {row["id"]: row for row in sorted(rows, key=_version)}
        effects += [_effect(table, row, held[table].get(row["id"])) for row in greatest.values()]
    return effects


def _effect(table: str, record: Row, row: Row | None) -> RowEffect:
    if row is None:
        return RowEffect(table, record["id"], "adds", {})
    if record["event_id"] != row["event_id"] and _version(record) < _version(row):
        return RowEffect(table, record["id"], "older", {}, row["event_id"])
    fields = {name: (row.get(name), value) for name, value in record.items() if not _same(row.get(name), value)}
    return RowEffect(table, record["id"], "changes" if fields else "leaves", fields, row["event_id"])


def _version(row: Row) -> tuple[datetime, int, str]:
    return datetime.fromisoformat(row["as_of"]), row["state_rank"], row["event_id"]


def _same(held: Any, new: Any) -> bool:
    if isinstance(held, str) and isinstance(new, str) and held != new:
        try:
            return datetime.fromisoformat(held) == datetime.fromisoformat(new)
        except (ValueError, TypeError):
            return False
    return bool(held == new)


def summary(settled: Sequence[Settled]) -> str:
    """The outcome of a replay in a sentence."""
    if len(settled) == 1:
        (one,) = settled
        return f"Replayed: {one.id} is {one.outcome}{f', {one.reason}' if one.reason else ''}."
    counted: dict[str, int] = {}
    for each in settled:
        counted[each.outcome] = counted.get(each.outcome, 0) + 1
    outcomes = ", ".join(f"{count:,} {outcome}" for outcome, count in sorted(counted.items()))
    return f"Replayed {len(settled):,} events: {outcomes}." if settled else "No event matches; nothing was replayed."
