"""Live traffic: customers at the business's own rate, faster on request."""

import asyncio
import logging
import random
import time
from typing import Any

from core.sandbox.engine.engine import Engine
from core.sandbox.engine.errors import StripeError
from core.sandbox.traffic.intake_form import IntakeForm
from core.sandbox.traffic.rhythm import visits_per_second
from core.sandbox.traffic.visitors import Visitors

MOST_PER_MINUTE = 6000
FASTEST = 100_000
LOOK_AGAIN_SECONDS = 30  # the rhythm changes with the hour
# At the very start a few customers come close together, so that somebody who looks sees the console move.
OPENING_SECONDS, OPENING_PER_MINUTE = 180, 4
log = logging.getLogger("payops.sandbox")


class Traffic:
    """Stopped until `set` starts it."""

    def __init__(self, engine: Engine, form: IntakeForm) -> None:
        self._engine = engine
        self._chance = random.Random()
        self._visitors = Visitors(engine, self._chance, form.fill_in)
        self._running = False
        self._speed = 1.0
        self._per_minute: float | None = None
        self._opening_until = 0.0
        self._changed = asyncio.Event()

    def state(self) -> dict[str, Any]:
        """`per_minute` is how many come now."""
        return {"running": self._running, "speed": self._speed, "per_minute": self._rate() * 60}

    def set(self, *, running: bool, speed: float = 1.0, per_minute: float | None = None, opening: bool = False) -> None:
        """Takes effect at once: the business's rhythm times `speed`, or a steady `per_minute`.

        With `opening`, at least `OPENING_PER_MINUTE` come in the first three minutes.

        Raises `ValueError` for a pace that is out of bounds.
        """
        if not 0 < speed <= FASTEST:
            raise ValueError(f"speed must be above 0 and at most {FASTEST}")
        if per_minute is not None and not 0 < per_minute <= MOST_PER_MINUTE:
            raise ValueError(f"per_minute must be above 0 and at most {MOST_PER_MINUTE}")
        self._running, self._speed, self._per_minute = running, speed, per_minute
        self._opening_until = time.monotonic() + OPENING_SECONDS if opening else 0.0
        self._changed.set()

    async def run(self) -> None:
        """Runs until cancelled, with random waits between customers."""
        while True:
            if not await self._next_customer():
                continue
            try:
                self._visitors.act()
            except StripeError as error:
                log.debug("a customer was refused: %s", error)
            except Exception:
                log.exception("live traffic failed for one customer")

    def _rate(self) -> float:
        """Customers a second."""
        if self._per_minute is not None:
            return self._per_minute / 60
        steady = visits_per_second(self._engine.clock.now()) * self._visitors.deeds_per_visit * self._speed
        if time.monotonic() < self._opening_until:
            steady = max(steady, OPENING_PER_MINUTE / 60)
        return min(steady, MOST_PER_MINUTE / 60)

    async def _next_customer(self) -> bool:
        """Wait for the next customer; false if the rate changed or must be computed again."""
        wait = self._chance.expovariate(self._rate()) if self._running else None
        pause = None if wait is None else min(wait, LOOK_AGAIN_SECONDS)
        try:
            await asyncio.wait_for(self._changed.wait(), timeout=pause)
        except TimeoutError:
            return wait == pause
        self._changed.clear()
        return False
