"""Which event types are projected, and by which function; which are only stored, and why."""

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
    """A Stripe object as it was at `as_of`, and what told us: an event's id, or `fetch` for an answer of Stripe's."""

    object: dict[str, Any]
    as_of: datetime
    source: str
    livemode: bool  # refunds do not say it themselves
    previous: Row = field(default_factory=dict)  # an event's earlier values of what it changed


class Misshapen(ValueError):
    """A field that is not as Stripe shapes it; named without its value."""


# What reading a field raises where an object is not shaped as Stripe shapes it.
READING_ERRORS = (KeyError, TypeError, ValueError, AttributeError, OverflowError, OSError)
UNKNOWN_TYPE = "unknown type"
# Beyond any amount of Stripe's, which has twelve digits at most; tens of thousands of them still fit into a bigint.
MOST = 10**14
LATEST_MOMENT = 7_258_118_400  # the year 2200: later times are none, and would not fit into every calendar
# A customer may have an id of the shop's own making; a name of dots alone would lead elsewhere in an address.
_ID = re.compile(r"(?!\.+$)[\w.-]{1,255}", re.ASCII)
_CURRENCY = re.compile(r"[a-z]{3}", re.ASCII)
_by_type: dict[str, Projection] = {}
_ignored: dict[str, str] = {}


def on(*event_types: str) -> Callable[[Projection], Projection]:
    """Register a projection for these event types; raises `ValueError` where one has a projection already."""

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
    """A whole number that an amount or a count could be; raises `Misshapen` for anything else."""
    if type(value) is not int or not -MOST <= value <= MOST:
        raise Misshapen(field)
    return value


@lru_cache(maxsize=4096, typed=True)  # an event names the same few moments again and again
def moment(epoch_seconds: int | None) -> str | None:
    """Stripe's whole seconds as an ISO time in UTC; None stays None. Raises `Misshapen` for what is no such time."""
    if epoch_seconds is None:
        return None
    if type(epoch_seconds) is not int or not 0 <= epoch_seconds < LATEST_MOMENT:
        raise Misshapen("a time")
    return datetime.fromtimestamp(epoch_seconds, UTC).isoformat()


def date_of(epoch_seconds: int | None) -> str | None:
    """A date, which Stripe gives as its midnight in UTC, as an ISO date: it is that day in every time zone."""
    found = moment(epoch_seconds)
    return found[:10] if found else None


def id_of(reference: str | dict[str, Any] | None) -> str | None:
    """The id behind a field that Stripe gives as an id or, expanded, as the object."""
    return reference.get("id") if isinstance(reference, dict) else reference


def row(snapshot: Snapshot, *, rank: int = 0, **columns: Any) -> Row:
    """A mirror row: what every one carries, and the columns of its own.

    Raises `Misshapen` where the id, the currency or an amount is none: such a row would fail what asks Stripe for it or
    counts it, and everything beside it.
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
    """The records of several objects, table by table."""
    together: Records = {}
    for records in several:
        for table, rows in records.items():
            together.setdefault(table, []).extend(rows)
    return together
