"""Answers shared by everybody who looks at the same thing, and kept while the database is away."""

import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from functools import cache
from threading import Lock
from typing import Generic, TypeVar, cast

from cachetools import LRUCache

from core.errors import Unavailable

MOST_KEPT = 128
T = TypeVar("T")


@dataclass
class Kept(Generic[T]):
    """An answer; `stale` where the database did not answer when it was asked again."""

    answer: T
    asked_at: float
    stale: bool = False


class Answers:
    """Asks once where several want the same at the same time, and at most once in `ttl_seconds`."""

    def __init__(self, clock: Callable[[], float] = time.monotonic):
        self._clock = clock
        self._kept: LRUCache[Hashable, Kept[object]] = LRUCache(MOST_KEPT)
        self._asking: LRUCache[Hashable, Lock] = LRUCache(MOST_KEPT)
        self._lock = Lock()

    def get(self, key: Hashable, ask: Callable[[], T], *, ttl_seconds: float) -> Kept[T]:
        """The answer under `key`; the last one, marked stale, while there is no other.

        What is kept is seen by everybody who asks under that key: put the role in it where roles see different things.
        Raises `Unavailable` where nothing was kept.
        """
        with self._lock:
            asking = self._asking.setdefault(key, Lock())
        with asking:
            kept = cast(Kept[T] | None, self._kept.get(key))
            if kept and self._clock() - kept.asked_at < ttl_seconds:
                return kept
            try:
                fresh = Kept(ask(), self._clock())
            except Unavailable:
                if kept is None:
                    raise
                fresh = Kept(kept.answer, self._clock(), stale=True)
            with self._lock:
                self._kept[key] = cast(Kept[object], fresh)
            return fresh

    def forget(self, *keys: Hashable) -> None:
        """Something changed what these answers are: they are asked for anew, whoever wants them next."""
        with self._lock:
            for key in keys:
                self._kept.pop(key, None)


@cache
def answers() -> Answers:
    """This process's answers."""
    return Answers()
