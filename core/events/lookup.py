"""Searching the inbox: lists of events with their outcomes, figures over them, and one event in detail."""

import re
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, TypedDict, cast

from core.db import Database, plain
from core.errors import Refused

OUTCOMES = ("applied", "ignored", "quarantined", "failed", "dead")
Row = dict[str, Any]
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
    """The median and 95th percentile of `n` times, in milliseconds; null for none."""

    p50_ms: float | None
    p95_ms: float | None
    n: int


class Unapplied(TypedDict):
    """Events that could not be applied, and when the oldest arrived."""

    events: int
    oldest: str | None


class InboxFigures(TypedDict):
    """Figures over the events received between two times."""

    events: int
    outcomes: dict[str, int]
    types: list[str]
    delay: Spread
    handling: Spread
    unapplied: Unapplied


@dataclass(frozen=True)
class Sought:
    """A filter for events; None means any. `type` may be a family, `charge.*`; `object_id` an event's own id."""

    since: datetime | None = None
    until: datetime | None = None
    type: str | None = None
    outcome: str | None = None
    object_id: str | None = None
    ids: tuple[str, ...] | None = None
    before: Place | None = None

    def as_json(self) -> Row:
        return {name: plain(value) for name, value in vars(self).items() if value is not None}

    @property
    def is_cut_down(self) -> bool:
        """Whether more than the time is asked for."""
        return any((self.type, self.outcome, self.object_id, self.ids))

    def going_on(self, before: Place | None) -> "Sought":
        return replace(self, before=before)


@dataclass(frozen=True)
class Page:
    """Some events, newest first, and the place to go on before; None where nothing older fits."""

    events: list[Row]
    next: Place | None


def newest(db: Database, sought: Sought, *, limit: int = 100) -> Page:
    """The events wanted, `limit` of them (1,000 at most), with their delay and handling time."""
    found = db.call("list_events", sought=sought.as_json(), limit=limit)
    return Page(found["items"], found["next"])


def counts(db: Database, sought: Sought, *, most: int) -> list[TypeCount]:
    """How many of the newest `most` events wanted are of each `type` and `outcome`."""
    return cast(list[TypeCount], db.call("count_events", sought=sought.as_json(), most=most))


def figures(db: Database, sought: Sought) -> InboxFigures:
    """Figures over the events that match: outcomes, types, delay, handling time, and what is unapplied by now.

    `ids` and `before` are not looked at; what is unapplied is of all time.
    """
    return cast(
        InboxFigures,
        db.call(
            "inbox_figures",
            since=sought.since,
            until=sought.until,
            type=sought.type,
            outcome=sought.outcome,
            object_id=sought.object_id,
        ),
    )


def pulse(db: Database, now: datetime) -> list[Minute]:
    """Each of the last 60 minutes with its `events`, and the `spoiled` among them that need a look."""
    return cast(list[Minute], db.call("inbox_pulse", now=now))


def one(db: Database, event_id: str) -> Row:
    """An event with its stored payload, its tries and the other events of its object; raises `Refused` for none."""
    found = db.call("show_event", id=event_id)
    if found is None:
        raise Refused("no_such_event", "No event in the inbox has this ID.")
    return cast(Row, found)


def as_stripe_tells_it(event: Row) -> Row:
    """The stored event in the shape of Stripe's, with the fields that are kept of it."""
    payload = event["payload"]
    told = {name: payload[name] for name in ("object", "previous_attributes") if name in payload}
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


def place_in_words(place: Place | None) -> str:
    """A place in a list as it stands in an address."""
    return f"{place['received_at']}|{place['id']}" if place else ""


def place_of(words: str | None) -> Place | None:
    """The place that these words name; None for none, and for what names none."""
    received_at, _, event_id = (words or "").partition("|")
    try:
        at = datetime.fromisoformat(received_at)
    except ValueError:
        return None
    return {"received_at": received_at, "id": event_id} if at.tzinfo and event_id else None


def is_stripe_id(text: str | None) -> bool:
    """Whether this could be an id of Stripe's, which may stand in an address."""
    return bool(text and re.fullmatch(r"\w{1,255}", text, re.ASCII))
