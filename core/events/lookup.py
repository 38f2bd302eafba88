"""Reads the inbox: lists of events, figures about them, and one event in detail."""

import re
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypedDict

from core.db import Database, plain
from core.errors import Refused
from core.events.event_rows import EventDetails, Json, ListedEvent

OUTCOMES = ("applied", "ignored", "quarantined", "failed", "dead")
NOT_APPLIED = "failed,dead"  # both outcomes, for a filter
Place = dict[str, str]


class TypeCount(TypedDict):
    """How many events of a type had an outcome."""

    type: str
    outcome: str
    count: int


class Minute(TypedDict):
    """The events of one minute, and how many of them were neither applied nor ignored."""

    minute: str
    events: int
    spoiled: int


class Spread(TypedDict):
    """The median and 95th percentile of `n` durations in milliseconds; None if there are none."""

    p50_ms: float | None
    p95_ms: float | None
    n: int


class Unapplied(TypedDict):
    """How many events are not applied yet, and when the oldest of them arrived."""

    events: int
    oldest: str | None


class InboxFigures(TypedDict):
    """Figures about the events received between two times."""

    events: int
    outcomes: dict[str, int]
    types: list[str]
    delay: Spread
    handling: Spread
    unapplied: Unapplied


@dataclass(frozen=True)
class EventFilter:
    """A filter for events; None means all. `type` may be a family, `charge.*`; `object_id` may be an event's own id."""

    since: datetime | None = None
    until: datetime | None = None
    type: str | None = None
    outcome: str | None = None
    object_id: str | None = None
    ids: tuple[str, ...] | None = None
    before: Place | None = None

    def as_json(self) -> Json:
        return {name: plain(value) for name, value in vars(self).items() if value is not None}

    @property
    def is_filtered(self) -> bool:
        """Whether events are filtered by anything other than time."""
        return any((self.type, self.outcome, self.object_id, self.ids))

    def continued_before(self, before: Place | None) -> "EventFilter":
        return replace(self, before=before)


@dataclass(frozen=True)
class Page:
    """A page of events, newest first, and where the next page begins; None on the last page."""

    events: list[ListedEvent]
    next: Place | None


def newest(db: Database, sought: EventFilter, *, limit: int = 100) -> Page:
    """The newest events that match, at most `limit` (1,000), with their delay and handling time."""
    found = db.call("list_events", sought=sought.as_json(), limit=limit)
    return Page(found["items"], found["next"])


def page_after(db: Database, sought: EventFilter, before: Place | None) -> tuple[list[ListedEvent], Place | None]:
    """Up to 1,000 matching events, newest first, and where the next 1,000 begin, None at the end; for exports."""
    page = newest(db, sought.continued_before(before), limit=1000)
    return page.events, page.next


def counts(db: Database, sought: EventFilter, *, most: int) -> list[TypeCount]:
    """How many of the newest `most` matching events have each `type` and `outcome`."""
    counted: list[TypeCount] = db.call("count_events", sought=sought.as_json(), most=most)
    return counted


def figures(db: Database, sought: EventFilter) -> InboxFigures:
    """Figures about the matching events: outcomes, types, delay, handling time; and all events not applied yet.

    The filter's `ids` and `before` are ignored.
    """
    counted: InboxFigures = db.call(
        "inbox_figures",
        since=sought.since,
        until=sought.until,
        type=sought.type,
        outcome=sought.outcome,
        object_id=sought.object_id,
    )
    return counted


def pulse(db: Database, now: datetime) -> list[Minute]:
    """The events of each of the last 60 minutes, and how many of them were neither applied nor ignored."""
    minutes: list[Minute] = db.call("inbox_pulse", now=now)
    return minutes


def one(db: Database, event_id: str) -> EventDetails:
    """An event with its stored payload, attempts and the other events of its object; raises `Refused` if unknown."""
    found: EventDetails | None = db.call("show_event", id=event_id)
    if found is None:
        raise Refused("no_such_event", "No event in the inbox has this ID.")
    return found


def as_stripe_event(event: EventDetails) -> Json:
    """The stored event in the shape Stripe sends it, with the fields that are stored."""
    payload = event["payload"]
    told = {name: part for name, part in payload.items() if name in ("object", "previous_attributes")}
    return {
        "id": event["id"],
        "object": "event",
        "type": event["type"],
        "created": event["created"],
        "livemode": event["livemode"],
        "api_version": event["api_version"],
        **({"account": payload["account"]} if "account" in payload else {}),
        "request": {"id": payload.get("request_id")},
        "data": told,
    }


def place_as_text(place: Place | None) -> str:
    """A place in a list as text for a URL; empty for None."""
    return f"{place['received_at']}|{place['id']}" if place else ""


def place_from_text(words: str | None) -> Place | None:
    """The place from the text of `place_as_text`; None for any other text."""
    received_at, _, event_id = (words or "").partition("|")
    try:
        at = datetime.fromisoformat(received_at)
    except ValueError:
        return None
    return {"received_at": received_at, "id": event_id} if at.tzinfo and event_id else None


def is_stripe_id(text: str | None) -> bool:
    """Whether this has the form of a Stripe id, so that it is safe in a URL."""
    return bool(text and re.fullmatch(r"\w{1,255}", text, re.ASCII))
