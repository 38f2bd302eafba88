"""Group commit: events that arrive at about the same time share one transaction; each is answered after its commit."""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Generic, TypeVar

from core.errors import Unavailable

MAX_BATCH = 64
MAX_WAITING = 2_000
GATHER_SECONDS = 0.003
WORTH_A_COMMIT = 8  # a larger batch hardly lowers the cost per event
T = TypeVar("T")


class GroupCommit(Generic[T]):
    """`await outcome(received)` returns once the event's transaction was committed.

    When the writer is free, it takes all waiting events as a batch. After a batch of several events it waits a moment
    for about as many again, because more requests are being read; a single event never waits. A second writer helps
    while more events wait than one batch holds.

    Events are prepared for writing when their batch is taken, which is cheaper than doing so between requests.
    """

    def __init__(self, write: Callable[[Sequence[T]], list[str]]):
        self._write = write
        self._waiting: list[tuple[Callable[[], T], asyncio.Future[str]]] = []
        self._some, self._enough, self._plenty = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self._company = 1
        self._threads = ThreadPoolExecutor(2, thread_name_prefix="inbox")
        self._writers = [asyncio.create_task(self._run()), asyncio.create_task(self._help())]

    async def outcome(self, received: Callable[[], T]) -> str:
        """The event's outcome; raises `Unavailable` if it could not be recorded.

        `received` prepares the event for writing; calling it again must give the same result.
        """
        if len(self._waiting) >= MAX_WAITING:
            raise Unavailable("overloaded", "Too many events are waiting to be recorded. Send this one again.")
        answer = asyncio.get_running_loop().create_future()
        self._waiting.append((received, answer))
        self._wake()
        outcome: str = await answer
        return outcome

    async def close(self) -> None:
        """Stop at once: waiting events are answered as unavailable, so that they are sent again.

        A write in progress is completed.
        """
        for writer in self._writers:
            writer.cancel()
        await asyncio.gather(*self._writers, return_exceptions=True)
        for _, answer in self._waiting:
            if not answer.done():
                answer.set_exception(Unavailable("stopping", "The process is stopping. Send this event again."))
        await asyncio.to_thread(self._threads.shutdown)

    async def _run(self) -> None:
        while True:
            await self._some.wait()
            if self._company > 1:
                with suppress(TimeoutError):
                    async with asyncio.timeout(GATHER_SECONDS):
                        await self._enough.wait()
            batch = self._taken()
            self._company = len(batch)
            await self._commit(batch)

    async def _help(self) -> None:
        while True:
            await self._plenty.wait()
            await self._commit(self._taken())

    def _taken(self) -> list[tuple[Callable[[], T], asyncio.Future[str]]]:
        batch, self._waiting = self._waiting[:MAX_BATCH], self._waiting[MAX_BATCH:]
        self._wake()
        return batch

    def _wake(self) -> None:
        """Wake the writers that have work, given how many events wait."""
        waiting, enough = len(self._waiting), min(self._company, max(self._company // 2, WORTH_A_COMMIT))
        for event, wanted in ((self._some, 1), (self._enough, enough), (self._plenty, MAX_BATCH + 1)):
            if waiting >= wanted:
                event.set()
            else:
                event.clear()

    async def _commit(self, batch: list[tuple[Callable[[], T], asyncio.Future[str]]]) -> None:
        if not batch:
            return
        loop = asyncio.get_running_loop()
        try:
            outcomes = await loop.run_in_executor(self._threads, self._write, [received() for received, _ in batch])
        except asyncio.CancelledError:
            self._waiting = batch + self._waiting
            raise
        except Exception as error:  # whatever the error, each sender must be told that its event was not recorded
            if len(batch) > 1 and not isinstance(error, Unavailable):
                await self._one_by_one(batch)
                return
            for _, answer in batch:
                if not answer.done():
                    answer.set_exception(error)
            return
        for (_, answer), outcome in zip(batch, outcomes, strict=True):
            if not answer.done():
                answer.set_result(outcome)

    async def _one_by_one(self, batch: list[tuple[Callable[[], T], asyncio.Future[str]]]) -> None:
        """Commit each event alone, because one of them makes the batch fail."""
        for number, one in enumerate(batch):
            try:
                await self._commit([one])
            except asyncio.CancelledError:
                self._waiting += batch[number + 1 :]
                raise
