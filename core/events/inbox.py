"""The inbox: each verified event is projected, recorded once and applied."""

import hashlib
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from core.db import Database
from core.events import ignored, projections
from core.events.field_allowlist import common_word, kept, word
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

__all__ = ["Received", "ignored", "prepare", "projected", "projections", "receive"]

OF_ANOTHER_ACCOUNT = "it is about a connected account, not about ours"
EPOCH = datetime.fromtimestamp(0, UTC).isoformat()
_PENDING = b'"pending_webhooks":'


@dataclass(frozen=True)
class Received:
    """An event ready for the database: its envelope, the records it makes, how it will be recorded and why so.

    `arrived` is the `time.monotonic()` of its request, None for one that is recorded as it is received.
    """

    event: dict[str, Any]
    records: Records
    outcome: str
    reason: str | None = None
    arrived: float | None = None


def prepare(
    event: dict[str, Any], body: bytes, *, livemode: bool, arrived: float | None = None, address: str | None = None
) -> Received:
    """Project `event`; pure, and raises nothing: a projection that fails makes the event `failed`.

    `body` is what came over the wire, empty for an event that we fetched; `address` is who sent it.
    """
    try:
        envelope = _envelope(event, body, address)
    except READING_ERRORS as error:
        envelope = _bare_envelope(event, body, address)
        return Received(envelope, {}, "failed", _said(error), arrived)
    records, outcome, reason = projected(envelope, livemode=livemode)
    return Received(envelope, records, outcome, reason, arrived)


def projected(envelope: dict[str, Any], *, livemode: bool) -> tuple[Records, str, str | None]:
    """What today's code makes of an event as it is stored: its records, the outcome, and why that one."""
    if not envelope["payload"]:
        return {}, "failed", "nothing of it could be read"
    if envelope["livemode"] is not livemode:
        return {}, "quarantined", "livemode does not fit the payment mode"
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
        return {}, "failed", _said(error)


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
            events=[_recorded(received, now) for _, received in chosen],
            records=merged(received.records for _, received in chosen),
            now=now,
        )
        outcomes |= {n: outcome for (n, _), outcome in zip(chosen, answered, strict=True)}
        left = [each for each in left if each[0] not in outcomes]
    return [outcomes[n] for n in range(len(batch))]


def _recorded(received: Received, now: datetime) -> dict[str, Any]:
    waited = 0.0 if received.arrived is None else time.monotonic() - received.arrived
    return {
        **received.event,
        "received_at": (now - timedelta(seconds=waited)).isoformat(),
        "outcome": received.outcome,
        "reason": received.reason,
        "awaits_list": received.reason == AWAITS_LIST,
    }


def _envelope(event: dict[str, Any], body: bytes, address: str | None) -> dict[str, Any]:
    told = _mapping(event.get("data"))
    payload = {"object": kept(told.get("object"), event["type"])}
    if previous := told.get("previous_attributes"):
        payload["previous_attributes"] = kept(previous, event["type"])
    if account := event.get("account"):
        payload["account"] = word(account) or REDACTED
    payload["request_id"] = word(_mapping(event.get("request")).get("id"))
    subject = payload["object"] or _mapping(event.get("related_object"))  # a thin event has the latter
    return {
        "id": event["id"],
        "type": common_word(event["type"]),
        "created": _created(event["created"]).isoformat(),
        "livemode": bool(event.get("livemode")),
        "api_version": common_word(event.get("api_version")),
        "object_id": word(subject.get("id")),
        "payload": payload,
        "body_sha256": _fingerprint(body),
        "received_from": address,
    }


def _created(said: int | str) -> datetime:
    """Whole seconds, or ISO 8601 in a thin event; in UTC, since Postgres accepts fewer offsets than Python."""
    if isinstance(said, str):
        at = datetime.fromisoformat(said)
        at = at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
    else:
        at = datetime.fromtimestamp(said, UTC)
    if not 0 <= at.timestamp() < LATEST_MOMENT:
        raise Misshapen("created")
    return at


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _bare_envelope(event: dict[str, Any], body: bytes, address: str | None) -> dict[str, Any]:
    """What can be said of an event that says nothing sensible but its id and type. Its payload is not kept."""
    return {
        "id": event["id"],
        "type": common_word(event["type"]),
        "created": EPOCH,
        "livemode": False,
        "api_version": None,
        "object_id": None,
        "payload": {},
        "body_sha256": _fingerprint(body),
        "received_from": address,
    }


def _fingerprint(body: bytes) -> str:
    """Tells one body from another; but how many deliveries are pending may differ from delivery to delivery."""
    at = body.rfind(_PENDING)
    if at < 0:
        return hashlib.sha256(body).hexdigest() if body else ""
    digest = hashlib.sha256(memoryview(body)[:at])
    digest.update(body[at + len(_PENDING) :].lstrip(b" 0123456789"))
    return digest.hexdigest()


def _said(error: Exception) -> str:
    """The kind of error and the field at fault, never a value of the payload."""
    names_a_field = isinstance(error, KeyError | Misshapen)
    return f"{type(error).__name__}: {error}" if names_a_field else type(error).__name__
