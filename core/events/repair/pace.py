"""Limits the rate of requests to Stripe, and lowers it for a while when Stripe answers that there are too many."""

import threading
import time
from collections.abc import Callable
from typing import TypeVar

from core.stripe_gateway import StripeBusy

T = TypeVar("T")
ASKED_AGAIN = 20  # attempts of one request that Stripe refuses as too many
LONGEST_GAP_SECONDS = 5.0
RECOVERY = 0.98  # each answer multiplies the gap between requests by this, until it is the set one again


class Stopped(Exception):
    """The run is ending, so this request was not made; nothing is wrong with the request itself."""


class Pace:
    """A rate limit shared by several threads; setting `stop` ends their waiting."""

    def __init__(self, per_second: float, stop: threading.Event):
        self._least_gap = self._gap = 1 / per_second
        self._next, self._stop, self._lock = 0.0, stop, threading.Lock()

    @property
    def gap_seconds(self) -> float:
        """The present time between the starts of two requests."""
        return self._gap

    def ask(self, call: Callable[[], T]) -> T:
        """Make the call when the rate allows, again if Stripe is busy. Raises `Stopped` or, at last, `StripeBusy`."""
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
        """Make no request for `seconds`, then half as many per second as before."""
        with self._lock:
            self._gap = min(2 * self._gap, max(LONGEST_GAP_SECONDS, self._least_gap))
            self._next = max(self._next, time.monotonic() + max(seconds, self._gap))
