"""Which event types are projected, and by which function; which are only stored, and why."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
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


UNKNOWN_TYPE = "unknown type"
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


@lru_cache(maxsize=4096)  # an event names the same few moments again and again
def moment(epoch_seconds: int | None) -> str | None:
    """Stripe's whole seconds as an ISO time in UTC; None stays None."""
    return None if epoch_seconds is None else datetime.fromtimestamp(epoch_seconds, UTC).isoformat()


def id_of(reference: str | dict[str, Any] | None) -> str | None:
    """The id behind a field that Stripe gives as an id or, expanded, as the object."""
    return reference.get("id") if isinstance(reference, dict) else reference


def row(snapshot: Snapshot, *, rank: int = 0, **columns: Any) -> Row:
    """A mirror row: what every one carries, and the columns of its own."""
    source = snapshot.object
    return {
        "id": source["id"],
        "livemode": snapshot.livemode,
        "created": moment(source["created"]),
        "as_of": snapshot.as_of.isoformat(),
        "state_rank": rank,
        "event_id": snapshot.source,
        **columns,
    }


def merged(several: Iterable[Records]) -> Records:
    """The records of several objects, table by table."""
    together: Records = {}
    for records in several:
        for table, rows in records.items():
            together.setdefault(table, []).extend(rows)
    return together
