"""Rows of the inbox: events as they are recorded, stored and listed. Times are ISO 8601 text, as in JSON."""

from typing import Any, Literal, NotRequired, TypedDict

Json = dict[str, Any]
CameBy = Literal["webhook", "sweep"]
Outcome = Literal["recorded", "applied", "ignored", "quarantined", "failed", "dead"]


class Payload(TypedDict, total=False):
    """The stored part of an event's content; `account` is there only for an event about a connected account."""

    object: Json
    previous_attributes: Json
    account: str
    request_id: str | None


class StoredEvent(TypedDict):
    """The fields needed to project an event. An event that could not be read has an empty payload."""

    id: str
    type: str
    created: str
    livemode: bool
    payload: Payload


class Envelope(StoredEvent):
    """An event as it arrived, ready to be recorded."""

    api_version: str | None
    object_id: str | None
    body_sha256: str
    received_from: str | None
    came_by: NotRequired[CameBy]  # how the event arrived; by webhook if missing


class ReceivedEvent(Envelope):
    """An envelope with its time of arrival, the outcome it is recorded with, and the reason for that outcome."""

    received_at: str
    outcome: str
    reason: str | None
    awaits_list: bool


class FailedEvent(StoredEvent):
    """A failed event that is due for a retry, and how many attempts were made."""

    attempts: int


class ReplayableEvent(StoredEvent):
    """An event to be replayed, and its current outcome."""

    object_id: str | None
    outcome: Outcome


class ListedEvent(TypedDict):
    """An event in a list: how it arrived and its outcome, `recorded` until it is applied.

    `delay_ms` is None unless Stripe's webhook delivered it, `handling_ms` unless the first attempt settled it.
    """

    id: str
    type: str
    object_id: str | None
    created: str
    received_at: str
    outcome: Outcome
    reason: str | None
    attempts: int
    handled_at: str | None
    next_attempt_at: str | None
    came_by: CameBy
    delay_ms: float | None
    handling_ms: float | None


class RelatedEvent(ListedEvent, total=False):
    """Another event of the same object; its payload is included if it lists the changed fields."""

    payload: Payload


class Attempt(TypedDict):
    """A later attempt to apply an event, and who made it."""

    id: int
    at: str
    actor: str
    outcome: str
    reason: str | None


class EventDetails(ListedEvent):
    """One event with its payload, its later attempts, and the events of its object, newest first."""

    livemode: bool
    payload: Payload
    api_version: str | None
    received_from: str | None
    later_attempts: list[Attempt]
    related: list[RelatedEvent]


class Rejection(TypedDict):
    """Requests from one sender that the webhook refused for one reason, and the last minute it happened."""

    address: str
    reason: str
    times: int
    last_minute: str
