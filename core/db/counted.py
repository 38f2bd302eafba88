"""Counts the errors that calls to the database get, and records them in it once it answers again."""

import threading
from collections import Counter
from datetime import UTC, datetime
from typing import Any

from core.db import Database, DatabaseFault
from core.errors import PayopsError, Unavailable


class CountedDatabase:
    """Passes every call on; counts that could not be recorded before the process ends are lost."""

    def __init__(self, db: Database):
        self._db = db
        self._errors: Counter[str] = Counter()
        self._counting = threading.Lock()

    def call(self, function: str, /, **arguments: Any) -> Any:
        try:
            answer = self._db.call(function, **arguments)
        except (Unavailable, DatabaseFault) as error:
            with self._counting:
                self._errors[error.code] += 1
            raise
        if self._errors:
            self._record()
        return answer

    def close(self) -> None:
        self._db.close()

    def _record(self) -> None:
        with self._counting:
            counted, self._errors = self._errors, Counter()
        if not counted:
            return
        try:
            self._db.call("record_database_errors", times=dict(counted), now=datetime.now(UTC))
        except PayopsError:
            with self._counting:
                self._errors += counted
