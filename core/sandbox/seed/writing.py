"""Writes the history day by day, then schedules what is still open."""

import math
import sqlite3
from bisect import bisect
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import accumulate
from pathlib import Path
from zoneinfo import ZoneInfo

from core.sandbox.engine.engine import database_path
from core.sandbox.engine.store import Store, script
from core.sandbox.locks import only_one
from core.sandbox.seed import settlement
from core.sandbox.seed.book import Book
from core.sandbox.seed.business import (
    DAY_SECONDS,
    HISTORY_DAYS,
    HOUR_WEIGHTS,
    SUBSCRIPTIONS_PER_DAY,
    VISITS_PER_DAY,
    WEEKDAY_SHARE,
    ZONES,
)
from core.sandbox.seed.catalogue import close_shop, open_shop
from core.sandbox.seed.outage import outage_before
from core.sandbox.seed.patients import Patients
from core.sandbox.seed.plans import Plans
from core.sandbox.seed.visits import Visits

HOURS = list(accumulate(HOUR_WEIGHTS))


class AlreadySeeded(Exception):
    """The sandbox already has objects; a history can only be written into an empty one."""


@dataclass(frozen=True)
class SeedSummary:
    """How many objects of each type were written."""

    seed: int
    since: int
    until: int
    counts: dict[str, int]


def write_history(data_dir: Path, *, seed: int, until: int, days: int = HISTORY_DAYS) -> SeedSummary:
    """The same history for the same `seed`, `until` (seconds since 1970) and `days`.

    Raises `AlreadySeeded` where the sandbox is not empty. No webhook is sent for any of it.
    """
    with only_one(data_dir / "sandbox" / "seed.lock"):
        store = Store(database_path(data_dir), durable=False)
        try:
            if store.one("count_objects")[0]:
                raise AlreadySeeded("The sandbox already has a history. Remove DATA_DIR/sandbox to start again.")
            return _written(store, seed, until, days)
        finally:
            store.close()


def _written(store: Store, seed: int, until: int, days: int) -> SeedSummary:
    since = until - days * DAY_SECONDS
    with store.transaction():
        for (statement,) in store.rows("drop_indexes").fetchall():
            store.connection.execute(statement)
        store.rows("drop_due", kind="day", ref="")
        book = Book(store, seed, until)
        _live(book, since, days)
        book.close()
        for statement in script("indexes").split(";"):
            store.connection.execute(statement)
    with suppress(sqlite3.OperationalError):
        store.connection.execute("pragma wal_checkpoint(truncate)")
    return SeedSummary(seed, since, until, dict(sorted(book.counts.items())))


def _live(book: Book, since: int, days: int) -> None:
    catalogue = open_shop(book, since - 7 * DAY_SECONDS)
    patients = Patients(book)
    outage = outage_before(book.until)
    visits = Visits(book, patients, catalogue, outage)
    plans = Plans(book, patients, catalogue, outage)
    for day in range(days + 1):
        midnight = (since // DAY_SECONDS + day) * DAY_SECONDS
        grown = day / days
        for at in _arrivals(book, since, midnight, _mean(VISITS_PER_DAY, grown)):
            visits.write(at)
        for at in _arrivals(book, since, midnight, _mean(SUBSCRIPTIONS_PER_DAY, grown)):
            plans.write(at)
    patients.close()
    close_shop(book, catalogue)
    settlement.pay_out(book)


def _mean(ends: tuple[float, float], grown: float) -> float:
    return ends[0] * math.pow(ends[1] / ends[0], grown)


def _arrivals(book: Book, since: int, midnight: int, mean: float) -> Iterator[int]:
    """The moments of that day (in each patient's time zone) at which a patient arrives, in order."""
    noon = datetime.fromtimestamp(midnight + DAY_SECONDS // 2, UTC)
    mean *= WEEKDAY_SHARE[noon.weekday()]
    count = max(0, round(book.chance.gauss(mean, math.sqrt(mean))))
    offsets = {zone: _offset_seconds(zone, noon) for zone in ZONES}
    moments = []
    for _ in range(count):
        hour = bisect(HOURS, book.chance.random() * HOURS[-1])
        local = hour * 3600 + book.chance.randrange(3600)
        moments.append(midnight + local - offsets[book.one_of(ZONES)])
    return (moment for moment in sorted(moments) if since <= moment <= book.until)


def _offset_seconds(zone: str, noon: datetime) -> int:
    offset = noon.astimezone(ZoneInfo(zone)).utcoffset()
    return int(offset.total_seconds()) if offset else 0
