"""Events: a snapshot of the object, and the previous values of what changed."""

import copy
from typing import Any

from core.sandbox.engine.errors import Json

API_VERSION = "2026-10-28.endive"
WITH_PREVIOUS = frozenset(
    ["charge.captured", "charge.refunded", "charge.dispute.closed", "invoice.updated", "customer.updated"]
)


def event_of(
    event_type: str,
    obj: Json,
    previous: Json | None,
    *,
    event_id: str,
    created: int,
    request: tuple[str | None, str | None],
    pending: int,
) -> Json:
    """An event as `/v1/events` and a webhook show it."""
    body: Json = {"object": copy.deepcopy(obj)}
    if previous and (event_type.endswith(".updated") or event_type in WITH_PREVIOUS):
        body["previous_attributes"] = previous
    return {
        "id": event_id,
        "object": "event",
        "api_version": API_VERSION,
        "created": created,
        "data": body,
        "livemode": False,
        "pending_webhooks": pending,
        "request": {"id": request[0], "idempotency_key": request[1]},
        "type": event_type,
    }


def previous_attributes(before: Json, after: Json) -> Json:
    """The previous values of what changed; of a nested object only its changed keys, as Stripe sends them."""
    changed: Json = {}
    for name in {**before, **after}:
        old, new = before.get(name), after.get(name)
        if old == new:
            continue
        changed[name] = _narrowed(old, new)
    return changed


def _narrowed(old: Any, new: Any) -> Any:
    if isinstance(old, dict) and isinstance(new, dict) and old.get("object") != "list":
        return previous_attributes(old, new)
    return old
