"""Wraps the database: counts and records errors, reports outages, and refuses card numbers typed by staff."""

import threading
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from typing import Any

import structlog

from core.db import Database, DatabaseFault
from core.db.typed_text import refuse_card_numbers
from core.db.via_psycopg import PsycopgDatabase
from core.errors import PayopsError, Unavailable
from core.periods import wall_clock

log = structlog.get_logger(__name__)
PASSING = frozenset({"database_too_slow", "database_busy"})  # of a single call, no outage of the database


class CountedDatabase:
    """Passes every call on and counts errors; counts not recorded before the process ends are lost."""

    def __init__(self, db: Database, clock: Callable[[], datetime] = wall_clock):
        self._db = db
        self._clock = clock
        self._errors: Counter[str] = Counter()
        self._counting = threading.Lock()
        self._away = False
        self._tell_of_outage: Callable[[Unavailable], None] | None = None

    def tell_of_outages(self, tell: Callable[[Unavailable], None]) -> None:
        """From now on call `tell` at the start of each outage: at the first failed call after a successful one."""
        self._tell_of_outage = tell

    def call(self, function: str, /, **arguments: Any) -> Any:
        refuse_card_numbers(arguments)
        try:
            answer = self._db.call(function, **arguments)
        except (Unavailable, DatabaseFault) as error:
            self._note(error, function)
            raise
        self._away = False
        if self._errors:
            self._record()
        return answer

    def pool_stats(self) -> dict[str, int]:
        """How the connection pool is used; empty for a transport without one."""
        return self._db.pool_stats() if isinstance(self._db, PsycopgDatabase) else {}

    def close(self) -> None:
        self._db.close()

    def _note(self, error: PayopsError, function: str) -> None:
        with self._counting:
            self._errors[error.code] += 1
            outage = error if isinstance(error, Unavailable) and error.code not in PASSING else None
            begins = outage is not None and not self._away
            self._away = self._away or begins
        if begins and outage:
            log.warning("the database takes no calls", code=outage.code, function=function)
            if self._tell_of_outage:
                self._tell_of_outage(outage)

    def _record(self) -> None:
        with self._counting:
            counted, self._errors = self._errors, Counter()
        if not counted:
            return
        try:
            self._db.call("record_database_errors", times=dict(counted), now=self._clock())
        except PayopsError:
            with self._counting:
                self._errors += counted
