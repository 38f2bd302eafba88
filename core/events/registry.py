"""Registers the event types: those that a projection handles, and those that are only stored, with the reason."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

Row = dict[str, Any]
Records = dict[str, list[Row]]
Projection = Callable[["Snapshot"], Records]


@dataclass(frozen=True)
class Snapshot:
    """A Stripe object as it was at `as_of`; `source` is the id of the event it came with, or `fetch`."""

    object: dict[str, Any]
    as_of: datetime
    source: str
    livemode: bool  # of the event or the key, because refunds lack the field
    previous: Row = field(default_factory=dict)  # the event's `previous_attributes`


class Misshapen(ValueError):
    """A field does not have the shape it has at Stripe; the message names the field, never its value."""


# The errors that reading a field raises if an object does not have the shape that it has at Stripe.
READING_ERRORS = (KeyError, TypeError, ValueError, AttributeError, OverflowError, OSError)
UNKNOWN_TYPE = "unknown type"
# Larger than any amount at Stripe (twelve digits); a sum of tens of thousands of such amounts still fits a bigint.
MAX_AMOUNT = 10**14
LATEST_MOMENT = 7_258_118_400  # the year 2200: a later time is a mistake
# A shop may choose its customers' ids; an id of dots alone would change the path of a URL.
_ID = re.compile(r"(?!\.+$)[\w.-]{1,255}", re.ASCII)
_CURRENCY = re.compile(r"[a-z]{3}", re.ASCII)
_by_type: dict[str, Projection] = {}
_ignored: dict[str, str] = {}


def on(*event_types: str) -> Callable[[Projection], Projection]:
    """Register a projection for these event types; raises `ValueError` if one is registered already."""

    def register(projection: Projection) -> Projection:
        for event_type in event_types:
            _refuse_second(event_type)
            _by_type[event_type] = projection
        return projection

    return register


def ignore(reason: str, *event_types: str) -> None:
    """Register these event types as stored only, for this reason; raises `ValueError` like `on`."""
    for event_type in event_types:
        _refuse_second(event_type)
        _ignored[event_type] = reason


def _refuse_second(event_type: str) -> None:
    if event_type in _by_type or event_type in _ignored:
        raise ValueError(f"{event_type} is registered twice")


def projection_of(event_type: str) -> Projection | None:
    """The projection of this type; None for one that is only stored."""
    return _by_type.get(event_type)


def why_ignored(event_type: str) -> str:
    """Why this type, which has no projection, is only stored."""
    return _ignored.get(event_type, UNKNOWN_TYPE)


def projected_types() -> Iterable[str]:
    return sorted(_by_type)


def ignored_types() -> dict[str, str]:
    """The types that are stored only, each with its reason, in the order they were registered."""
    return dict(_ignored)


def whole(value: Any, field: str) -> int:
    """The value, if it is an integer of a plausible size; raises `Misshapen` otherwise."""
    if type(value) is not int or not -MAX_AMOUNT <= value <= MAX_AMOUNT:
        raise Misshapen(field)
    return value


@lru_cache(maxsize=4096, typed=True)  # an event contains the same few times again and again
def moment(epoch_seconds: int | None) -> str | None:
    """A time of Stripe's as ISO text in UTC; None stays None. Raises `Misshapen` if it is not a time."""
    if epoch_seconds is None:
        return None
    if type(epoch_seconds) is not int or not 0 <= epoch_seconds < LATEST_MOMENT:
        raise Misshapen("a time")
    return datetime.fromtimestamp(epoch_seconds, UTC).isoformat()


def date_of(epoch_seconds: int | None) -> str | None:
    """A date of Stripe's as ISO text. Stripe gives it as midnight in UTC; the date holds in every time zone."""
    found = moment(epoch_seconds)
    return found[:10] if found else None


def id_of(reference: str | dict[str, Any] | None) -> str | None:
    """The id behind a field that Stripe gives as an id or, expanded, as the object."""
    return reference.get("id") if isinstance(reference, dict) else reference


def row(snapshot: Snapshot, *, rank: int = 0, **columns: Any) -> Row:
    """A row of the mirror: the columns that all tables have, and `columns` of its own.

    Raises `Misshapen` for an invalid id, currency or amount, which would fail every later request or sum with this row.
    """
    source = snapshot.object
    if not isinstance(source["id"], str) or not _ID.fullmatch(source["id"]):
        raise Misshapen("id")
    if columns.get("currency") is not None:
        columns["currency"] = _currency(columns["currency"])
    for name, value in columns.items():
        if value is not None and name.endswith("_minor"):
            whole(value, name)
    return {
        "id": source["id"],
        "livemode": snapshot.livemode,
        "created": moment(source["created"]),
        "as_of": snapshot.as_of.isoformat(),
        "state_rank": rank,
        "event_id": snapshot.source,
        **columns,
    }


def _currency(said: Any) -> str:
    lowered = said.lower() if isinstance(said, str) else ""
    if not _CURRENCY.fullmatch(lowered):
        raise Misshapen("currency")
    return lowered


def merged(several: Iterable[Records]) -> Records:
    """The records of several objects together, by table."""
    together: Records = {}
    for records in several:
        for table, rows in records.items():
            together.setdefault(table, []).extend(rows)
    return together
