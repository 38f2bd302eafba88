"""The inbox: projects each verified event, records it once and applies it to the mirror."""

import hashlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from core.db import Database
from core.events import ignored, projections
from core.events.event_rows import Envelope, Json, Payload, ReceivedEvent, StoredEvent
from core.events.field_allowlist import allowed_fields, common_word, word
from core.events.registry import (
    LATEST_MOMENT,
    READING_ERRORS,
    Misshapen,
    Records,
    Snapshot,
    merged,
    projection_of,
    why_ignored,
)
from core.events.repair.partial_lists import AWAITS_LIST, is_partial
from core.logs import REDACTED

__all__ = ["Received", "ignored", "prepare", "projected", "projections", "receive", "record"]

OF_ANOTHER_ACCOUNT = "it is about a connected account, not about ours"
EPOCH = datetime.fromtimestamp(0, UTC).isoformat()
_OF_THE_HANDLING: tuple[Literal["id", "outcome", "reason", "awaits_list"], ...] = (
    "id",
    "outcome",
    "reason",
    "awaits_list",
)
_PENDING = b'"pending_webhooks":'


@dataclass(frozen=True)
class Received:
    """An event ready to be recorded: its envelope, its rows for the mirror, and its outcome with the reason.

    `arrived` is the `time.monotonic()` of its request, or None if it is recorded at once.
    """

    event: Envelope
    records: Records
    outcome: str
    reason: str | None = None
    arrived: float | None = None


def prepare(
    event: Json, body: bytes, *, livemode: bool, arrived: float | None = None, address: str | None = None
) -> Received:
    """Project `event`. A pure function that raises nothing: if the projection fails, so does the event.

    `body` is the request's raw body, empty for an event that we fetched; `address` is the sender's.
    """
    try:
        envelope = _envelope(event, body, address)
    except READING_ERRORS as error:
        envelope = _bare_envelope(event, body, address)
        return Received(envelope, {}, "failed", _reason(error), arrived)
    records, outcome, reason = projected(envelope, livemode=livemode)
    return Received(envelope, records, outcome, reason, arrived)


def projected(envelope: StoredEvent, *, livemode: bool) -> tuple[Records, str, str | None]:
    """The rows that the current code makes of a stored event, its outcome, and the reason for that outcome."""
    if not envelope["payload"]:
        return {}, "failed", "the event could not be read"
    if envelope["livemode"] is not livemode:
        return {}, "quarantined", "livemode does not match the payment mode"
    if envelope["payload"].get("account"):
        return {}, "quarantined", OF_ANOTHER_ACCOUNT
    projection = projection_of(envelope["type"])
    if projection is None:
        return {}, "ignored", why_ignored(envelope["type"])
    if is_partial(envelope["payload"]["object"]):
        return {}, "failed", AWAITS_LIST
    try:
        as_of = datetime.fromisoformat(envelope["created"])
        subject, previous = envelope["payload"]["object"], envelope["payload"].get("previous_attributes") or {}
        return projection(Snapshot(subject, as_of, envelope["id"], livemode, previous)), "applied", None
    except READING_ERRORS as error:
        return {}, "failed", _reason(error)


def receive(db: Database, batch: Sequence[Received], *, now: datetime) -> list[str]:
    """Record and apply the batch; returns one outcome per event, `duplicate` if it was recorded before.

    The batch is one transaction, except that repetitions of an event within it follow in another one.
    """

    def write(chosen: Sequence[Received]) -> list[str]:
        events, records = [_recorded(received, now) for received in chosen], _records(chosen)
        answered: list[str] = db.call("receive_events", events=events, records=records, now=now)
        return answered

    return _each_once(batch, write)


def record(db: Database, batch: Sequence[Received], *, now: datetime) -> list[str]:
    """Record the batch without applying it; `core.events.recorded` applies it soon after.

    Returns `recorded` or `duplicate` for each event. The batch is one transaction, as in `receive`.
    """

    def write(chosen: Sequence[Received]) -> list[str]:
        events = [_recorded(received, now) for received in chosen]
        handlings = [{name: event[name] for name in _OF_THE_HANDLING} for event in events]
        new = set(db.call("record_events", events=events, handlings=handlings, records=_records(chosen), now=now))
        return ["recorded" if event["id"] in new else "duplicate" for event in events]

    return _each_once(batch, write)


def _each_once(batch: Sequence[Received], write: Callable[[Sequence[Received]], list[str]]) -> list[str]:
    """The outcomes from `write`, in the order of the batch. An event that is in it twice is written in two calls."""
    outcomes: dict[int, str] = {}
    left = list(enumerate(batch))
    while left:
        first = {received.event["id"]: (n, received) for n, received in reversed(left)}
        chosen = sorted(first.values(), key=lambda each: each[0])
        answered = write([received for _, received in chosen])
        outcomes |= {n: outcome for (n, _), outcome in zip(chosen, answered, strict=True)}
        left = [each for each in left if each[0] not in outcomes]
    return [outcomes[n] for n in range(len(batch))]


def _records(chosen: Sequence[Received]) -> Records:
    return merged(received.records for received in chosen)


def _recorded(received: Received, now: datetime) -> ReceivedEvent:
    waited = 0.0 if received.arrived is None else time.monotonic() - received.arrived
    return {
        **received.event,
        "received_at": (now - timedelta(seconds=waited)).isoformat(),
        "outcome": received.outcome,
        "reason": received.reason,
        "awaits_list": received.reason == AWAITS_LIST,
    }


def _envelope(event: Json, body: bytes, address: str | None) -> Envelope:
    data = _mapping(event.get("data"))
    payload: Payload = {"object": allowed_fields(data.get("object"), event["type"])}
    if previous := data.get("previous_attributes"):
        payload["previous_attributes"] = allowed_fields(previous, event["type"])
    if account := event.get("account"):
        payload["account"] = word(account) or REDACTED
    payload["request_id"] = word(_mapping(event.get("request")).get("id"))
    subject = payload["object"] or _mapping(event.get("related_object"))  # a thin event has only `related_object`
    return {
        "id": event["id"],
        "type": common_word(event["type"]) or REDACTED,
        "created": _created(event["created"]).isoformat(),
        "livemode": bool(event.get("livemode")),
        "api_version": common_word(event.get("api_version")),
        "object_id": word(subject.get("id")),
        "payload": payload,
        "body_sha256": _fingerprint(body),
        "received_from": address,
    }


def _created(given: int | str) -> datetime:
    """An event's time, from Unix seconds or a thin event's ISO 8601. In UTC, as Postgres accepts fewer offsets."""
    if isinstance(given, str):
        at = datetime.fromisoformat(given)
        at = at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
    else:
        at = datetime.fromtimestamp(given, UTC)
    if not 0 <= at.timestamp() < LATEST_MOMENT:
        raise Misshapen("created")
    return at


def _mapping(value: Any) -> Json:
    return value if isinstance(value, dict) else {}


def _bare_envelope(event: Json, body: bytes, address: str | None) -> Envelope:
    """The envelope of an event of which only id and type can be read. Its payload is not stored."""
    return {
        "id": event["id"],
        "type": common_word(event["type"]) or REDACTED,
        "created": EPOCH,
        "livemode": False,
        "api_version": None,
        "object_id": None,
        "payload": {},
        "body_sha256": _fingerprint(body),
        "received_from": address,
    }


def _fingerprint(body: bytes) -> str:
    """A hash of the body without `pending_webhooks`, which differs between deliveries of one event; empty for none."""
    at = body.rfind(_PENDING)
    if at < 0:
        return hashlib.sha256(body).hexdigest() if body else ""
    digest = hashlib.sha256(memoryview(body)[:at])
    digest.update(body[at + len(_PENDING) :].lstrip(b" 0123456789"))
    return digest.hexdigest()


def _reason(error: Exception) -> str:
    """The kind of error and the field that caused it, never a value of the payload."""
    names_a_field = isinstance(error, KeyError | Misshapen)
    return f"{type(error).__name__}: {error}" if names_a_field else type(error).__name__
