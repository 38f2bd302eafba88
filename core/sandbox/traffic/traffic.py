"""Live traffic: one customer after the other, at the pace that was asked for."""

import asyncio
import logging
import random
from typing import Any

from core.sandbox.engine.engine import Engine
from core.sandbox.engine.errors import StripeError
from core.sandbox.traffic.intake_form import IntakeForm
from core.sandbox.traffic.visitors import Visitors

CUSTOMERS_PER_MINUTE = 20.0
MOST_PER_MINUTE = 6000
log = logging.getLogger("payops.sandbox")


class Traffic:
    """Stands still until it is set running."""

    def __init__(self, engine: Engine, form: IntakeForm) -> None:
        self._chance = random.Random()
        self._visitors = Visitors(engine, self._chance, form.fill_in)
        self._running = False
        self._per_minute = CUSTOMERS_PER_MINUTE
        self._changed = asyncio.Event()

    def state(self) -> dict[str, Any]:
        return {"running": self._running, "per_minute": self._per_minute}

    def set(self, *, running: bool, per_minute: float = CUSTOMERS_PER_MINUTE) -> None:
        """Takes effect at once; raises `ValueError` for a pace that is none."""
        if not 0 < per_minute <= MOST_PER_MINUTE:
            raise ValueError(f"per_minute is over 0 and at most {MOST_PER_MINUTE}")
        self._running, self._per_minute = running, per_minute
        self._changed.set()

    async def run(self) -> None:
        """Until cancelled; waits between two customers as chance has it."""
        while True:
            if await self._paused():
                continue
            try:
                self._visitors.act()
            except StripeError as error:
                log.debug("a customer was refused: %s", error)
            except Exception:
                log.exception("the traffic stumbled")

    async def _paused(self) -> bool:
        """Whether the pace was changed before the next customer came."""
        wait = self._chance.expovariate(self._per_minute / 60) if self._running else None
        try:
            await asyncio.wait_for(self._changed.wait(), timeout=wait)
        except TimeoutError:
            return False
        self._changed.clear()
        return True
