"""The running sandbox: its store, clock and webhook sender; all changes go through `transact`."""

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from core.sandbox.engine.balance import DAY_SECONDS
from core.sandbox.engine.clock import Clock
from core.sandbox.engine.errors import StripeError
from core.sandbox.engine.faults import Faults
from core.sandbox.engine.idempotency import IdempotencyKeys
from core.sandbox.engine.ids import Ids
from core.sandbox.engine.store import Store
from core.sandbox.engine.unit_of_work import Consequences, RequestStamp, UnitOfWork
from core.sandbox.engine.webhooks import WebhookSender
from core.sandbox.secrets import sandbox_secrets

T = TypeVar("T")
TICK_SECONDS = 0.25
log = logging.getLogger("payops.sandbox")


def database_path(data_dir: Path) -> Path:
    return data_dir / "sandbox" / "sandbox.db"


class Engine:
    """Lives as long as the server; transactions run one after the other on its event loop."""

    def __init__(self, data_dir: Path, base_url: str, consequences: Consequences) -> None:
        self.data_dir = data_dir
        self.base_url = base_url
        self._consequences = consequences
        self.secrets = sandbox_secrets(data_dir)
        self.store = Store(database_path(data_dir))
        self.clock = Clock(data_dir)
        self.ids = Ids()
        self.keys = IdempotencyKeys(self.store)
        self.faults = Faults()
        self.sender = WebhookSender(self.store, self.secrets.webhook_secret, base_url)
        self._one_runner = asyncio.Lock()
        self._latest: int = self.store.one("latest_event")[0]
        self._schedule_days()

    def transact(
        self, work: Callable[[UnitOfWork], T], *, request: RequestStamp | None = None, at: int | None = None
    ) -> T:
        """Run `work` as one transaction: committed after a decline, rolled back after any other exception.

        Time never goes back between two transactions, so a later snapshot never looks older.
        """
        self._latest = max(self._latest, self.clock.now() if at is None else at)
        uow = UnitOfWork(self.store, self._latest, self.ids, self._consequences, request)
        refused: StripeError | None = None
        result: T | None = None
        with self.store.transaction():
            try:
                result = work(uow)
            except StripeError as error:
                if not error.keep:
                    raise
                refused = error
        self.sender.wake()
        if refused is not None:
            raise refused
        return result  # type: ignore[return-value]

    async def run_until(self, moment: int) -> int:
        """Run everything scheduled up to `moment`, in order; returns how many items ran."""
        done = 0
        async with self._one_runner:
            while (row := self.store.one("next_due", until=moment)) is not None:
                self._do(*row)
                done += 1
                if done % 20 == 0:
                    await asyncio.sleep(0)
        return done

    async def advance(self, seconds: int) -> int:
        """Advance the clock step by step, so that everything scheduled runs at its own time."""
        target = self.clock.now() + seconds
        done = 0
        async with self._one_runner:
            while (row := self.store.one("next_due", until=target)) is not None:
                self.clock.move_to(row[1])
                self._do(*row)
                done += 1
                await asyncio.sleep(0)
            self.clock.move_to(target)
        return done

    async def tick(self) -> None:
        """Run scheduled work when it is due, until cancelled."""
        while True:
            await self.run_until(self.clock.now())
            await asyncio.sleep(TICK_SECONDS)

    def _do(self, seq: int, at: int, kind: str, ref: str) -> None:
        def work(uow: UnitOfWork) -> None:
            uow.store.rows("done_due", seq=seq)
            self._consequences.scheduled[kind](uow, ref)

        try:
            self.transact(work, at=max(at, self._latest))
        except Exception:
            log.exception("scheduled work failed: %s of %s", kind, ref)
            self.store.rows("done_due", seq=seq)

    def _schedule_days(self) -> None:
        if self.store.one("has_due", kind="day") is None:
            midnight = (self.clock.now() // DAY_SECONDS + 1) * DAY_SECONDS
            self.store.rows("add_due", at=midnight, kind="day", ref="")
