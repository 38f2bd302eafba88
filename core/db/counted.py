"""A database whose troubles are counted: told to itself once it answers again."""

import threading
from collections import Counter
from datetime import UTC, datetime
from typing import Any

from core.db import Database, DatabaseFault
from core.errors import PayopsError, Unavailable


class CountedDatabase:
    """Passes every call on; what a process cannot tell before it ends is lost."""

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
            self._tell()
        return answer

    def close(self) -> None:
        self._db.close()

    def _tell(self) -> None:
        with self._counting:
            told, self._errors = self._errors, Counter()
        if not told:
            return
        try:
            self._db.call("record_database_errors", times=dict(told), now=datetime.now(UTC))
        except PayopsError:
            with self._counting:
                self._errors += told
