"""One transaction's view of the simulated Stripe: reading, changing, announcing, scheduling."""

import random
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import orjson

from core.sandbox.engine.errors import Json, no_such
from core.sandbox.engine.ids import Ids
from core.sandbox.engine.snapshots import event_of, previous_attributes
from core.sandbox.engine.store import Store, columns_of

# Objects keep their links under this address; the one of the running server replaces it on the way out.
BASE = "https://sandbox.invalid"
REORDER_SECONDS = 1.5
LABELS = {"checkout.session": "checkout.session", "radar.early_fraud_warning": "early_fraud_warning"}


@dataclass(frozen=True)
class RequestStamp:
    """The request that caused an event; both fields are empty for scheduled work."""

    id: str | None = None
    idempotency_key: str | None = None


@dataclass(frozen=True)
class Consequences:
    """Consequences by name: `scheduled` ones run for an id at a given time, `following` ones for an object at once."""

    scheduled: Mapping[str, Callable[["UnitOfWork", str], object]]
    following: Mapping[str, tuple[Callable[["UnitOfWork", Json], object], ...]]


class UnitOfWork:
    """Lives for one transaction; reading an object twice gives the same dict."""

    def __init__(
        self, store: Store, now: int, ids: Ids, consequences: Consequences, request: RequestStamp | None = None
    ) -> None:
        self.store = store
        self.now = now
        self.ids = ids
        self.request = request or RequestStamp()
        self._consequences = consequences
        self._loaded: dict[str, Json] = {}
        self._saved: dict[str, bytes] = {}

    @contextmanager
    def undone(self) -> Iterator["UnitOfWork"]:
        """A unit of work whose changes are rolled back at the end."""
        with self.store.undone():
            yield UnitOfWork(self.store, self.now, self.ids, self._consequences, self.request)

    def find(self, object_id: str | None) -> Json | None:
        """The object, even if deleted; `None` if there is none."""
        if object_id is None:
            return None
        if object_id not in self._loaded:
            body = self.store.body(object_id)
            if body is None:
                return None
            self._loaded[object_id] = orjson.loads(body)
            self._saved[object_id] = body
        return self._loaded[object_id]

    def get(self, object_type: str, object_id: str, param: str = "id") -> Json:
        """Raises Stripe's `resource_missing` if there is no such object of this type."""
        found = self.find(object_id)
        if found is None or found["object"] != object_type:
            raise no_such(LABELS.get(object_type, object_type), object_id, param)
        return found

    def known(self, object_id: str) -> Json:
        """An object that must exist, because another one refers to it."""
        found = self.find(object_id)
        if found is None:
            raise LookupError(f"the sandbox lost {object_id}")
        return found

    def all(self, object_type: str, column: str = "all", value: str | None = None) -> Iterator[Json]:
        """Newest first, each the same dict that `find` gives."""
        for body in self.store.bodies(object_type, column=column, value=value):
            yield self._adopted(body)

    def with_status(self, object_type: str, status: str) -> Iterator[Json]:
        for row in self.store.rows("with_status", type=object_type, status=status).fetchall():
            yield self._adopted(orjson.loads(row[0]))

    def add(self, obj: Json, *event_types: str) -> Json:
        """Store a new object and announce it."""
        body = orjson.dumps(obj)
        self.store.rows("add_object", **columns_of(obj), body=body)
        self._loaded[obj["id"]] = obj
        self._saved[obj["id"]] = body
        for event_type in event_types:
            self.announce(event_type, obj)
        return obj

    def change(self, obj: Json, *event_types: str) -> Json:
        """Store a changed object and announce it, with its previous values where Stripe sends them."""
        before = self._saved[obj["id"]]
        after = orjson.dumps(obj)
        columns = columns_of(obj)
        del columns["type"], columns["created"]
        self.store.rows("change_object", **columns, body=after)
        self._saved[obj["id"]] = after
        previous = previous_attributes(orjson.loads(before), obj)
        for event_type in event_types:
            self.announce(event_type, obj, previous)
        return obj

    def announce(self, event_type: str, obj: Json, previous: Json | None = None) -> None:
        """Write the event, and one delivery for each endpoint that is subscribed to it."""
        endpoints = [
            endpoint
            for endpoint in self.store.rows("list_endpoints").fetchall()
            if self._wants(endpoint[0], event_type)
        ]
        event = event_of(
            event_type,
            obj,
            previous,
            event_id=self.ids.new("event"),
            created=self.now,
            request=(self.request.id, self.request.idempotency_key),
            pending=len(endpoints),
        )
        self.store.rows("add_event", id=event["id"], type=event_type, created=self.now, body=orjson.dumps(event))
        for endpoint_id, _, _, reorder, _ in endpoints:
            wall = time.time()
            due_at = wall + (random.random() * REORDER_SECONDS if reorder else 0)
            self.store.rows("add_delivery", event_id=event["id"], endpoint_id=endpoint_id, now=wall, due_at=due_at)

    def _wants(self, endpoint_id: str, event_type: str) -> bool:
        return not {"*", event_type}.isdisjoint(self.hidden(endpoint_id).get("enabled_events", ["*"]))

    def hidden(self, object_id: str) -> Json:
        return self.store.hidden(object_id)

    def hide(self, object_id: str, value: Any) -> None:
        self.store.rows("set_hidden", id=object_id, body=orjson.dumps(value))

    def follow_up(self, name: str, obj: Json) -> None:
        """Run all consequences of `name` on `obj`, in the order of the table."""
        for consequence in self._consequences.following[name]:
            consequence(self, obj)

    def schedule(self, at: int, kind: str, ref: str) -> None:
        """Schedule the consequence `kind` for the object `ref` at `at` (sandbox time), once."""
        self.store.rows("add_due", at=at, kind=kind, ref=ref)

    def unschedule(self, kind: str, ref: str) -> None:
        self.store.rows("drop_due", kind=kind, ref=ref)

    def _adopted(self, body: Json) -> Json:
        if body["id"] not in self._loaded:
            self._loaded[body["id"]] = body
            self._saved[body["id"]] = orjson.dumps(body)
        return self._loaded[body["id"]]
