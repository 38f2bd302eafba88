"""The sandbox's whole history, read directly from its database, so that the first fill needs no HTTP."""

import sqlite3
from collections.abc import Collection, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import orjson

from core.sandbox.engine.store import queries
from core.sandbox.engine.unit_of_work import BASE
from core.sandbox.process import noted_address

Json = dict[str, Any]


def iter_objects(data_dir: Path, object_type: str) -> Iterator[Json]:
    """Every object of a type (`payment_intent`, `radar.early_fraud_warning`, …), oldest first."""
    return _read(data_dir, "history_objects", type=object_type)


def iter_events(data_dir: Path, types: Collection[str] = ()) -> Iterator[Json]:
    """Events, oldest first, also those older than `/v1/events` lists; all types if none are given."""
    if len(types) == 1:
        return _read(data_dir, "history_events_of", type=next(iter(types)))
    wanted = frozenset(types)
    return (event for event in _read(data_dir, "history_events") if not wanted or event["type"] in wanted)


def iter_payout_contents(data_dir: Path) -> Iterator[tuple[str, list[str]]]:
    """Each reconciled payout with the ids of its balance transactions, the payout's own among them."""
    for found in _read(data_dir, "history_payout_contents"):
        yield found["payout"], found["balance_transactions"]


def _read(data_dir: Path, query: str, **values: str) -> Iterator[Json]:
    path = data_dir / "sandbox" / "sandbox.db"
    noted = noted_address(data_dir)
    address = (noted["base_url"] if noted else BASE).encode()
    read_only = f"{path.resolve().as_uri()}?mode=ro"
    # Begun by one thread, it may be ended by another; they never read at the same time.
    with closing(sqlite3.connect(read_only, uri=True, check_same_thread=False)) as connection:
        for (body,) in connection.execute(queries()[query], values):
            yield orjson.loads(body.replace(BASE.encode(), address))
