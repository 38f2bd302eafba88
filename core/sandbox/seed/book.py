"""Where the history is written: objects, events and scheduled work, in batches."""

import random
from bisect import bisect
from collections.abc import Mapping
from itertools import accumulate
from typing import Any, TypeVar

import orjson

from core.sandbox.engine.errors import Json
from core.sandbox.engine.ids import Ids
from core.sandbox.engine.snapshots import event_of, previous_attributes
from core.sandbox.engine.store import Store, columns_of
from core.sandbox.seed.business import DAY_SECONDS, EVENT_DAYS

T = TypeVar("T")
BATCH = 4000


class Book:
    """Collects finished objects. One random source makes the same seed give the same history."""

    def __init__(self, store: Store, seed: int, until: int) -> None:
        self.store = store
        self.chance = random.Random(seed)
        self.ids = Ids(self.chance)
        self.until = until
        self.events_from = until - EVENT_DAYS * DAY_SECONDS
        self.transactions: list[Json] = []
        self.counts: dict[str, int] = {}
        self._objects: list[tuple[Any, ...]] = []
        self._events: list[tuple[Any, ...]] = []
        self._due: list[tuple[int, str, str]] = []
        self._hidden: dict[str, bytes] = {}
        self._tables: dict[int, tuple[list[Any], list[float]]] = {}

    def keep(self, *objects: Json, sibling: str | None = None) -> None:
        """Store objects that will not change any more."""
        for obj in objects:
            columns = columns_of(obj)
            kind = columns["type"]
            self.counts[kind] = self.counts.get(kind, 0) + 1
            self._objects.append(
                (
                    columns["id"],
                    kind,
                    columns["created"],
                    columns["customer"],
                    columns["parent"],
                    sibling or columns["sibling"],
                    columns["status"],
                    orjson.dumps(obj),
                )
            )
        if len(self._objects) >= BATCH:
            self._flush_objects()

    def move(self, transaction: Json) -> str:
        """A balance transaction: stored at the end, when its payout is known."""
        self.transactions.append(transaction)
        return str(transaction["id"])

    def tell(self, event_type: str, obj: Json, at: int, before: Json | None = None) -> None:
        """Record an event. Events older than Stripe lists are kept only where no object shows what they say."""
        lost_otherwise = event_type.startswith("customer.subscription.") or (
            event_type == "payment_intent.payment_failed" and "charge" not in obj["last_payment_error"]
        )
        if at < self.events_from and not lost_otherwise:
            return
        previous = previous_attributes(before, {name: obj[name] for name in before}) if before else None
        event = event_of(
            event_type, {}, previous, event_id=self.ids.new("event"), created=at, request=(None, None), pending=0
        )
        event["data"]["object"] = obj
        self.counts["event"] = self.counts.get("event", 0) + 1
        self._events.append((event["id"], event_type, at, orjson.dumps(event)))
        if len(self._events) >= BATCH:
            self._flush_events()

    def due(self, at: int, kind: str, ref: str) -> None:
        self._due.append((at, kind, ref))

    def hide(self, object_id: str, value: Any) -> None:
        self._hidden[object_id] = orjson.dumps(value)

    def one_of(self, weights: Mapping[T, float]) -> T:
        """A random key of `weights`, chosen in proportion to its weight. The map must not change between calls."""
        table = self._tables.get(id(weights))
        if table is None:
            table = self._tables[id(weights)] = (list(weights), list(accumulate(weights.values())))
        names, sums = table
        drawn: T = names[bisect(sums, self.chance.random() * sums[-1])]
        return drawn

    def happens(self, share: float) -> bool:
        return self.chance.random() < share

    def close(self) -> None:
        """Write the remaining batches."""
        self._flush_objects()
        self._flush_events()
        self._due.sort(key=lambda row: row[0])
        self.store.many("bulk_due", self._due)
        self.store.many("bulk_hidden", self._hidden.items())

    def _flush_objects(self) -> None:
        self.store.many("bulk_objects", self._objects)
        self._objects.clear()

    def _flush_events(self) -> None:
        self.store.many("bulk_events", self._events)
        self._events.clear()
