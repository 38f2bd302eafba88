"""Query results shared by all users of a page, and shown while the database is unreachable."""

import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from functools import cache
from threading import Lock
from typing import Generic, TypeVar, cast

from cachetools import LRUCache

from core.errors import Unavailable

MAX_ENTRIES = 128
T = TypeVar("T")


@dataclass
class Cached(Generic[T]):
    """A result; `stale` if the database did not answer when it was to be refreshed."""

    answer: T
    asked_at: float
    stale: bool = False


class SharedCache:
    """Runs one query for all who need it at the same time, and at most one per `ttl_seconds`."""

    def __init__(self, clock: Callable[[], float] = time.monotonic):
        self._clock = clock
        self._entries: LRUCache[Hashable, Cached[object]] = LRUCache(MAX_ENTRIES)
        self._asking: LRUCache[Hashable, Lock] = LRUCache(MAX_ENTRIES)
        self._lock = Lock()

    def get(self, key: Hashable, ask: Callable[[], T], *, ttl_seconds: float) -> Cached[T]:
        """The result for `key`; the last one, marked stale, while the database does not answer.

        All users get the same result for a key: include the role in it if roles see different things. Raises
        `Unavailable` if there is no earlier result.
        """
        with self._lock:
            asking = self._asking.setdefault(key, Lock())
        with asking:
            found = cast(Cached[T] | None, self._entries.get(key))
            if found and self._clock() - found.asked_at < ttl_seconds:
                return found
            try:
                fresh = Cached(ask(), self._clock())
            except Unavailable:
                if found is None:
                    raise
                fresh = Cached(found.answer, self._clock(), stale=True)
            with self._lock:
                self._entries[key] = cast(Cached[object], fresh)
            return fresh

    def forget(self, *keys: Hashable) -> None:
        """Remove these results because the data changed; the next reader queries again."""
        with self._lock:
            for key in keys:
                self._entries.pop(key, None)


@cache
def answers() -> SharedCache:
    """The process's cache."""
    return SharedCache()
