"""Replays events at somebody's request, with an audit entry: today's code over the stored event or Stripe's object."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from core.db import Database
from core.errors import Refused
from core.events import inbox, retries
from core.events.field_allowlist import kind_of
from core.events.lookup import Place, Sought, is_stripe_id
from core.events.registry import Records, Snapshot, merged
from core.events.repair.backfill import FETCHED, ONLY_TOLD, SOURCES
from core.events.repair.partial_lists import completed
from core.periods import Clock
from core.staff import roles
from core.staff.roles import Actor
from core.stripe_gateway import StripeGateway

BATCH = 100
PREVIEW_MOST = 1_000
_SOURCES = {source.object_type: source for source in SOURCES}
Row = dict[str, Any]
Effect = Literal["adds", "changes", "leaves", "older"]


@dataclass(frozen=True)
class Written:
    """What a replay does to one row of the mirror: adds or changes it, leaves it as it is, or is older than it."""

    table: str
    id: str
    effect: Effect
    fields: dict[str, tuple[Any, Any]]  # of a change: what the row says, and what it would say
    held_from: str = ""  # what the mirror's row was told by: an event's id, or `fetch`


@dataclass(frozen=True)
class Preview:
    """What a replay by today's code would do: how many events become what, and to which rows of the mirror."""

    events: int
    more: bool  # than `PREVIEW_MOST` fit
    outcomes: dict[str, int]
    records: Records
    rows: list[Written]


@dataclass(frozen=True)
class Settled:
    """What became of one replayed event, and why where that is not plain."""

    id: str
    outcome: str
    reason: str | None


def preview(db: Database, sought: Sought, *, livemode: bool) -> Preview:
    """What replaying the newest `PREVIEW_MOST` of the events wanted would do; nothing is written."""
    found = db.call("events_to_replay", sought=sought.as_json(), limit=PREVIEW_MOST)
    tried = [inbox.projected(event, livemode=livemode) for event in found["items"]]
    outcomes: dict[str, int] = {}
    for _, outcome, _ in tried:
        outcomes[outcome] = outcomes.get(outcome, 0) + 1
    records = merged(each for each, _, _ in tried)
    held = db.call("mirror_rows", ids={table: [row["id"] for row in rows] for table, rows in records.items()})
    return Preview(len(tried), found["next"] is not None, outcomes, records, _written(records, held))


def replay(
    db: Database,
    stripe: Callable[[], StripeGateway],
    actor: Actor,
    sought: Sought,
    *,
    clock: Clock,
    livemode: bool,
    reason: str | None = None,
    refetch: bool = False,
    most: int | None = None,
) -> Iterator[Settled]:
    """Replay the events wanted, newest first, a batch at a time; each batch is one transaction with its audit entry.

    With `refetch` the object as Stripe holds it now takes the place of what was stored; raises `Unavailable` where
    Stripe does not answer. `stripe` is opened only then. Raises `Unauthorised` at once.
    """
    roles.require(actor, "events")
    return _replayed(
        db, stripe() if refetch else None, actor, sought, clock=clock, livemode=livemode, reason=reason, most=most
    )


def _replayed(
    db: Database,
    stripe: StripeGateway | None,
    actor: Actor,
    sought: Sought,
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
        found = db.call("events_to_replay", sought=sought.going_on(place).as_json(), limit=size)
        events, place = found["items"], found["next"]
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


def _replay_of(event: Row, stripe: StripeGateway | None, now: datetime, *, livemode: bool) -> Row:
    tried = inbox.projected(event, livemode=livemode)
    if stripe is not None and tried[1] != "quarantined":
        tried = _refetched(stripe, event, tried[0], now, livemode=livemode)
    records, outcome, reason = tried
    return {"event_id": event["id"], "records": records, "outcome": outcome, "reason": reason}


def _refetched(stripe: StripeGateway, event: Row, stored: Records, now: datetime, *, livemode: bool) -> retries.Tried:
    """The object as Stripe holds it now, with what this event alone told; the event itself where there is no object."""
    source, object_id = _SOURCES.get(kind_of(event["type"])), event["object_id"]
    if source is not None and is_stripe_id(object_id):
        try:
            found = stripe.retrieve(f"{source.path}/{object_id}")
        except Refused:
            found = {"deleted": True}
        if not found.get("deleted"):
            snapshot = Snapshot(completed(stripe, found), now.replace(microsecond=0), FETCHED, livemode)
            told = {table: rows for table, rows in stored.items() if table in ONLY_TOLD}
            return merged([source.projection(snapshot), told]), "applied", None
    return retries.refetched(stripe, event["id"], livemode=livemode)


def _written(records: Records, held: dict[str, dict[str, Row]]) -> list[Written]:
    """Of several records of one row the greatest counts, as it does when they are applied."""
    written = []
    for table, rows in records.items():
        greatest = {row["id"]: row for row in sorted(rows, key=_place)}
        written += [_effect(table, row, held[table].get(row["id"])) for row in greatest.values()]
    return written


def _effect(table: str, record: Row, row: Row | None) -> Written:
    if row is None:
        return Written(table, record["id"], "adds", {})
    if record["event_id"] != row["event_id"] and _place(record) < _place(row):
        return Written(table, record["id"], "older", {}, row["event_id"])
    fields = {name: (row.get(name), value) for name, value in record.items() if not _same(row.get(name), value)}
    return Written(table, record["id"], "changes" if fields else "leaves", fields, row["event_id"])


def _place(row: Row) -> tuple[datetime, int, str]:
    return datetime.fromisoformat(row["as_of"]), row["state_rank"], row["event_id"]


def _same(held: Any, told: Any) -> bool:
    if isinstance(held, str) and isinstance(told, str) and held != told:
        try:
            return datetime.fromisoformat(held) == datetime.fromisoformat(told)
        except (ValueError, TypeError):
            return False
    return bool(held == told)


def in_words(settled: Sequence[Settled]) -> str:
    """What became of replayed events, in a sentence for whoever asked for it."""
    if len(settled) == 1:
        (one,) = settled
        return f"Replayed: {one.id} is {one.outcome}{f', {one.reason}' if one.reason else ''}."
    counted: dict[str, int] = {}
    for each in settled:
        counted[each.outcome] = counted.get(each.outcome, 0) + 1
    told = ", ".join(f"{count:,} {outcome}" for outcome, count in sorted(counted.items()))
    return f"Replayed {len(settled):,} events: {told}." if settled else "No event matches; nothing was replayed."
