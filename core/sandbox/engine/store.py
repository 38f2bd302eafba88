"""The sandbox's SQLite file: objects, events, scheduled work, deliveries and idempotent answers."""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import orjson

from core.sandbox.engine.errors import Json

FOREVER = 1 << 62
# Which fields of an object the three lookup columns hold; lists filter by these.
LOOKUPS: dict[str, dict[str, str]] = {
    "charge": {"parent": "payment_intent"},
    "refund": {"parent": "charge", "sibling": "payment_intent"},
    "dispute": {"parent": "charge", "sibling": "payment_intent"},
    "radar.early_fraud_warning": {"parent": "charge", "sibling": "payment_intent"},
    "balance_transaction": {"parent": "source", "sibling": "payout"},
    "invoice": {"parent": "parent.subscription_details.subscription"},
    "invoice_payment": {"parent": "invoice", "sibling": "payment.payment_intent"},
    "credit_note": {"parent": "invoice"},
    "invoiceitem": {"parent": "invoice"},
    "price": {"parent": "product"},
    "promotion_code": {"parent": "code", "sibling": "promotion.coupon"},
    "checkout.session": {"parent": "payment_intent", "sibling": "subscription"},
}


@cache
def queries() -> Mapping[str, str]:
    """The statements of `sql/queries.sql` by the name above each."""
    named = {}
    for part in (Path(__file__).parent / "sql" / "queries.sql").read_text().split("-- name: ")[1:]:
        name, _, statement = part.partition("\n")
        named[name.strip()] = statement.strip()
    return named


def script(name: str) -> str:
    return (Path(__file__).parent / "sql" / f"{name}.sql").read_text()


def field_at(obj: Mapping[str, Any], path: str) -> Any:
    """The value at a dotted path, `None` where a step is missing."""
    value: Any = obj
    for step in path.split("."):
        if not isinstance(value, Mapping):
            return None
        value = value.get(step)
    return value


def columns_of(obj: Mapping[str, Any]) -> Json:
    """The row of `obj` without its body."""
    lookups = LOOKUPS.get(obj["object"], {})
    return {
        "id": obj["id"],
        "type": obj["object"],
        "created": obj.get("created", 0),
        "customer": obj.get("customer"),
        "parent": field_at(obj, lookups["parent"]) if "parent" in lookups else None,
        "sibling": field_at(obj, lookups["sibling"]) if "sibling" in lookups else None,
        "status": "deleted" if obj.get("deleted") else obj.get("status"),
    }


class Store:
    """One connection; all of it is used from one thread, a transaction at a time."""

    def __init__(self, path: Path, *, durable: bool = True) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.connection = sqlite3.connect(path, isolation_level=None, timeout=30, check_same_thread=False)
        self.connection.execute("pragma journal_mode = wal")
        self.connection.execute(f"pragma synchronous = {'normal' if durable else 'off'}")
        self.connection.executescript(script("schema"))
        self.connection.executescript(script("indexes"))

    def close(self) -> None:
        self.connection.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit at the end; roll back if an exception leaves the block."""
        self.connection.execute("begin immediate")
        try:
            yield
        except BaseException:
            self.connection.execute("rollback")
            raise
        self.connection.execute("commit")

    @contextmanager
    def undone(self) -> Iterator[None]:
        """Inside a transaction: roll back the block at its end."""
        self.connection.execute("savepoint undone")
        try:
            yield
        finally:
            self.connection.execute("rollback to undone")
            self.connection.execute("release undone")

    def rows(self, query: str, **values: Any) -> sqlite3.Cursor:
        return self.connection.execute(queries()[query], values)

    def one(self, query: str, **values: Any) -> Any:
        return self.connection.execute(queries()[query], values).fetchone()

    def many(self, query: str, rows: Iterable[tuple[Any, ...]]) -> None:
        self.connection.executemany(queries()[query], rows)

    def body(self, object_id: str) -> bytes | None:
        row = self.one("get_object", id=object_id)
        return row[0] if row else None

    def bodies(
        self,
        object_type: str,
        *,
        column: str = "all",
        value: str | None = None,
        low: int = 0,
        high: int = FOREVER,
        after: tuple[int, int] | None = None,
        newest_first: bool = True,
    ) -> Iterator[Json]:
        """Objects of a type, newest first unless told, from the position `after` on."""
        at, seq = after or ((FOREVER, FOREVER) if newest_first else (-1, -1))
        name = f"{'older' if newest_first else 'newer'}_{column}"
        found = self.rows(name, type=object_type, value=value, low=low, high=high, at=at, seq=seq)
        return (orjson.loads(row[0]) for row in found)

    def hidden(self, object_id: str) -> Json:
        row = self.one("get_hidden", id=object_id)
        return orjson.loads(row[0]) if row else {}
