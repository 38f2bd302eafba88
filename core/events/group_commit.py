"""Group commit: events that arrive within the same moment share one transaction, and each waits for its commit."""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from core.errors import Unavailable
from core.events.inbox import Received

MAX_BATCH = 64
MAX_WAITING = 2_000
WRITERS = 2


class GroupCommit:
    """`await outcome(received)` answers after the transaction that holds the event was committed.

    A batch is whatever waits when a writer is free, so a lone event is never held back for company.
    """

    def __init__(self, write: Callable[[Sequence[Received]], list[str]]):
        self._write = write
        self._waiting: list[tuple[Received, asyncio.Future[str]]] = []
        self._arrived = asyncio.Event()
        self._threads = ThreadPoolExecutor(WRITERS, thread_name_prefix="inbox")
        self._writers = [asyncio.create_task(self._run()) for _ in range(WRITERS)]

    async def outcome(self, received: Received) -> str:
        """The event's outcome; raises `Unavailable` where it could not be recorded."""
        if len(self._waiting) >= MAX_WAITING:
            raise Unavailable(
                "overloaded", "Too many events are waiting to be recorded. Send this one again."
            )
        answer = asyncio.get_running_loop().create_future()
        self._waiting.append((received, answer))
        self._arrived.set()
        outcome: str = await answer
        return outcome

    async def close(self) -> None:
        """Stop; an event still waiting is answered as unavailable, so that it is sent again."""
        for writer in self._writers:
            writer.cancel()
        await asyncio.gather(*self._writers, return_exceptions=True)
        for _, answer in self._waiting:
            if not answer.done():
                answer.set_exception(
                    Unavailable("stopping", "The process is stopping. Send this event again.")
                )
        self._threads.shutdown()

    async def _run(self) -> None:
        while True:
            await self._arrived.wait()
            batch, self._waiting = self._waiting[:MAX_BATCH], self._waiting[MAX_BATCH:]
            if not self._waiting:
                self._arrived.clear()
            if batch:
                await self._commit(batch)

    async def _commit(self, batch: list[tuple[Received, asyncio.Future[str]]]) -> None:
        loop = asyncio.get_running_loop()
        try:
            outcomes = await loop.run_in_executor(
                self._threads, self._write, [received for received, _ in batch]
            )
        except asyncio.CancelledError:
            self._waiting = batch + self._waiting
            raise
        except Exception as error:  # whatever it was, each sender must hear that its event was not recorded
            for _, answer in batch:
                if not answer.done():
                    answer.set_exception(error)
            return
        for (_, answer), outcome in zip(batch, outcomes, strict=True):
            if not answer.done():
                answer.set_result(outcome)
