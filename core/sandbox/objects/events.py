"""`/v1/events`: the last 30 days, newest first, by type and time."""

from collections.abc import Iterator

import orjson

from core.sandbox.engine.errors import Json, invalid, no_such
from core.sandbox.engine.lists import moments, page
from core.sandbox.engine.params import Params
from core.sandbox.engine.store import FOREVER
from core.sandbox.engine.unit_of_work import UnitOfWork

KEPT_SECONDS = 30 * 86_400


def retrieve(uow: UnitOfWork, event_id: str, params: Params) -> Json:
    row = uow.store.one("get_event", id=event_id)
    event: Json | None = orjson.loads(row[0]) if row else None
    if event is None or event["created"] < uow.now - KEPT_SECONDS:
        raise no_such("event", event_id)
    return event | {"pending_webhooks": _pending(uow).get(event_id, 0)}


def list_all(uow: UnitOfWork, params: Params) -> Json:
    wanted = {*params.strings("types"), *([params.must_text("type")] if params.has("type") else [])}
    if len(wanted) > 20:
        raise invalid("You may pass at most 20 types.", "types")
    pending = _pending(uow)
    found = (e | {"pending_webhooks": pending.get(e["id"], 0)} for e in _events(uow, params))
    if params.has("delivery_success"):
        delivered = params.flag("delivery_success")
        found = (e for e in found if (e["pending_webhooks"] == 0) is delivered)
    return page("/v1/events", (e for e in found if not wanted or _wanted(e, wanted)), params)


def _pending(uow: UnitOfWork) -> dict[str, int]:
    """To how many endpoints each event is still to be delivered; one that was given up counts no more."""
    return dict(uow.store.rows("pending_by_event").fetchall())


def _wanted(event: Json, wanted: set[str]) -> bool:
    """`charge.*` means every type that starts with `charge.`."""
    return event["type"] in wanted or any(name.endswith("*") and event["type"].startswith(name[:-1]) for name in wanted)


def _events(uow: UnitOfWork, params: Params) -> Iterator[Json]:
    low, high = moments(params)
    low = max(low, uow.now - KEPT_SECONDS)
    before = params.text("ending_before")
    cursor = before or params.text("starting_after")
    at, seq = (-1, -1) if before else (FOREVER, FOREVER)
    if cursor:
        position = uow.store.one("event_position", id=cursor)
        if position is None:
            raise no_such("event", cursor, "ending_before" if before else "starting_after")
        at, seq = position
    rows = uow.store.rows("newer_events" if before else "older_events", low=low, high=high, at=at, seq=seq)
    return (orjson.loads(row[0]) for row in rows)
