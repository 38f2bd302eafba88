"""How fast Stripe is asked: no more requests a second than set, and less for a while when Stripe says too many."""

import threading
import time
from collections.abc import Callable
from typing import TypeVar

from core.stripe_gateway import StripeBusy

T = TypeVar("T")
ASKED_AGAIN = 20  # times in a row that one request is told to come later
LONGEST_GAP_SECONDS = 5.0
RECOVERY = 0.98  # of the gap that is kept at each answer, until it is the set one again


class Stopped(Exception):
    """What was going on is to end; nothing went wrong with it."""


class Pace:
    """The turns of several threads that ask Stripe; `stop` ends their waiting."""

    def __init__(self, per_second: float, stop: threading.Event):
        self._least_gap = self._gap = 1 / per_second
        self._next, self._stop, self._lock = 0.0, stop, threading.Lock()

    @property
    def gap_seconds(self) -> float:
        """What lies between two requests now."""
        return self._gap

    def ask(self, call: Callable[[], T]) -> T:
        """What the call answers, once it is its turn; repeated as Stripe asks it to be. Raises `Stopped`."""
        for attempt in range(1, ASKED_AGAIN + 1):
            self._wait_for_turn()
            try:
                answer = call()
            except StripeBusy as busy:
                if attempt == ASKED_AGAIN:
                    raise
                self._slow_down(busy.retry_after_seconds)
            else:
                self._gap = max(self._least_gap, self._gap * RECOVERY)
                return answer
        raise AssertionError("unreachable")

    def _wait_for_turn(self) -> None:
        while not self._stop.is_set():
            with self._lock:
                wait = self._next - time.monotonic()
                if wait <= 0:
                    self._next = time.monotonic() + self._gap
                    return
            self._stop.wait(wait)
        raise Stopped

    def _slow_down(self, seconds: float) -> None:
        """Nobody asks for so long, and then half as often."""
        with self._lock:
            self._gap = min(2 * self._gap, max(LONGEST_GAP_SECONDS, self._least_gap))
            self._next = max(self._next, time.monotonic() + max(seconds, self._gap))
