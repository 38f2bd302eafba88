"""The inbox: each verified event is projected, recorded once and applied."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from core.db import Database
from core.events import projections
from core.events.registry import Records, Snapshot, merged, projection_of

__all__ = ["Received", "prepare", "projections", "receive"]

# What reading a field raises where the event is not shaped as Stripe shapes it.
_MISSHAPEN = (KeyError, TypeError, ValueError, AttributeError, OverflowError, OSError)


@dataclass(frozen=True)
class Received:
    """An event ready for the database: its envelope, the records it makes, and how it will be recorded."""

    event: dict[str, Any]
    records: Records
    outcome: str
    error: str | None = None


def prepare(event: dict[str, Any], body: bytes, *, livemode: bool) -> Received:
    """Project `event`; pure, and raises nothing: a projection that fails makes the event `failed`."""
    try:
        envelope = _envelope(event, body)
    except _MISSHAPEN as error:
        return Received(_bare_envelope(event, body), {}, "failed", _said(error))
    if envelope["livemode"] is not livemode:
        return Received(envelope, {}, "quarantined", "livemode does not fit the payment mode")
    projection = projection_of(event["type"])
    if projection is None:
        return Received(envelope, {}, "ignored")
    try:
        as_of = datetime.fromtimestamp(event["created"], UTC)
        records = projection(Snapshot(event["data"]["object"], as_of, event["id"], livemode))
    except _MISSHAPEN as error:
        return Received(envelope, {}, "failed", _said(error))
    envelope["payload"] = {"records": records}
    return Received(envelope, records, "applied")


def receive(db: Database, batch: Sequence[Received], *, now: datetime) -> list[str]:
    """Record and apply the batch; one outcome an event, `duplicate` where it was here before.

    One transaction, but for an event that the batch holds twice: its repetitions come after it.
    """
    outcomes: dict[int, str] = {}
    left = list(enumerate(batch))
    while left:
        first = {received.event["id"]: (n, received) for n, received in reversed(left)}
        chosen = sorted(first.values(), key=lambda each: each[0])
        answered = db.call(
            "receive_events",
            events=[
                {**received.event, "outcome": received.outcome, "error": received.error}
                for _, received in chosen
            ],
            records=merged(received.records for _, received in chosen),
            now=now,
        )
        outcomes |= {n: outcome for (n, _), outcome in zip(chosen, answered, strict=True)}
        left = [each for each in left if each[0] not in outcomes]
    return [outcomes[n] for n in range(len(batch))]


def _envelope(event: dict[str, Any], body: bytes) -> dict[str, Any]:
    subject = (event.get("data") or {}).get("object") or {}
    created = event["created"]
    if isinstance(created, str):  # a thin event says it in ISO 8601
        at = datetime.fromisoformat(created)
    else:
        at = datetime.fromtimestamp(created, UTC)
    object_id = subject.get("id")
    return _bare_envelope(event, body) | {
        "created": at.isoformat(),
        "livemode": bool(event.get("livemode")),
        "api_version": event.get("api_version") if isinstance(event.get("api_version"), str) else None,
        "object_id": object_id if isinstance(object_id, str) else None,
    }


def _bare_envelope(event: dict[str, Any], body: bytes) -> dict[str, Any]:
    """What can be said of an event that says nothing sensible but its id and type. Its payload is not kept."""
    return {
        "id": event["id"],
        "type": event["type"],
        "created": datetime.fromtimestamp(0, UTC).isoformat(),
        "livemode": False,
        "api_version": None,
        "object_id": None,
        "payload": {},
        "body_sha256": hashlib.sha256(body).hexdigest(),
    }


def _said(error: Exception) -> str:
    """The kind of error and the field at fault, never a value of the payload."""
    return f"{type(error).__name__}: {error}" if isinstance(error, KeyError) else type(error).__name__
