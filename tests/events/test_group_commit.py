"""Events that wait together are committed together, each is answered after its commit, and none is held back alone."""

import asyncio
import threading
import time

import pytest

from core.errors import Unavailable
from core.events import group_commit
from core.events.group_commit import MAX_BATCH, GroupCommit
from tests.loops import run_apart


class Writer:
    """Notes each batch, and can be made to wait or to fail."""

    def __init__(self):
        self.batches: list[list[int]] = []
        self.failing: set[int] = set()
        self.unwritable: set[int] = set()
        self.open = threading.Event()
        self.open.set()
        self.inside = 0
        self.most_inside = 0

    def __call__(self, batch):
        self.inside += 1
        self.most_inside = max(self.most_inside, self.inside)
        assert self.open.wait(20)
        self.batches.append(list(batch))
        self.inside -= 1
        if self.failing & set(batch):
            raise Unavailable("database_unavailable", "Away.")
        if self.unwritable & set(batch):
            raise TypeError("not to be written")
        return [f"applied {each}" for each in batch]


def run(story):
    """The story with a writer of its own, in an event loop of its own."""

    async def told():
        writer = Writer()
        commit = GroupCommit(writer)
        try:
            return await asyncio.wait_for(story(writer, commit), 30)
        finally:
            writer.open.set()
            await commit.close()

    return run_apart(told())


def made_of(number):
    return lambda: number


async def until(true):
    while not true():
        await asyncio.sleep(0.005)


def test_events_arriving_during_a_write_form_one_batch_with_own_answers():
    async def story(writer, commit):
        writer.open.clear()
        waiting = [asyncio.create_task(commit.outcome(made_of(0)))]
        await until(lambda: writer.inside == 1)
        waiting += [asyncio.create_task(commit.outcome(made_of(n))) for n in range(1, 20)]
        await asyncio.sleep(0)
        assert not any(each.done() for each in waiting)  # nothing is answered before its commit
        writer.open.set()
        assert await asyncio.gather(*waiting) == [f"applied {n}" for n in range(20)]
        assert writer.batches == [[0], list(range(1, 20))]

    run(story)


def test_a_single_event_is_written_at_once_and_later_ones_wait_briefly(monkeypatch):
    monkeypatch.setattr(group_commit, "GATHER_SECONDS", 0.5)

    async def story(writer, commit):
        async def seconds(number):
            started = time.monotonic()
            await commit.outcome(made_of(number))
            return time.monotonic() - started

        first = await seconds(0)
        await asyncio.gather(*(commit.outcome(made_of(n)) for n in range(1, 9)))
        held = await seconds(9)  # the batch before had company, so this one waits for some
        alone = await seconds(10)
        assert held >= 0.5 > max(first, alone)

    run(story)


def test_a_batch_waits_only_for_as_many_as_last_time(monkeypatch):
    monkeypatch.setattr(group_commit, "GATHER_SECONDS", 20)

    async def story(writer, commit):
        for start in (0, 10, 20):
            await asyncio.gather(*(commit.outcome(made_of(n)) for n in range(start, start + 10)))
        assert writer.batches[-1] == list(range(20, 30))

    run(story)


def test_with_many_senders_a_batch_waits_for_half_of_them(monkeypatch):
    async def seconds(commit, size):
        started = time.monotonic()
        await asyncio.gather(*(commit.outcome(made_of(n)) for n in range(size)))
        return time.monotonic() - started

    async def story(writer, commit):
        monkeypatch.setattr(group_commit, "GATHER_SECONDS", 15)
        for size in (20, 10, 8, 8):  # half of twenty, then as many as are worth a commit
            assert await seconds(commit, size) < 15
        monkeypatch.setattr(group_commit, "GATHER_SECONDS", 0.3)
        assert await seconds(commit, 7) >= 0.3
        assert [len(batch) for batch in writer.batches] == [20, 10, 8, 8, 7]

    run(story)


def test_a_failed_batch_is_reported_to_exactly_its_senders():
    async def story(writer, commit):
        writer.failing = {3}
        together = await asyncio.gather(*(commit.outcome(made_of(n)) for n in range(5)), return_exceptions=True)
        assert any(isinstance(each, Unavailable) for each in together)
        assert await commit.outcome(made_of(6)) == "applied 6"

    run(story)


def test_an_event_that_cannot_be_written_fails_alone():
    async def story(writer, commit):
        writer.unwritable = {2}
        writer.open.clear()
        waiting = [asyncio.create_task(commit.outcome(made_of(n))) for n in range(5)]
        await until(lambda: writer.inside)
        writer.open.set()
        told = await asyncio.gather(*waiting, return_exceptions=True)
        assert isinstance(told[2], TypeError)
        assert [each for n, each in enumerate(told) if n != 2] == [f"applied {n}" for n in (0, 1, 3, 4)]

    run(story)


def test_a_second_writer_helps_only_while_more_waits_than_fits_into_a_batch():
    async def story(writer, commit):
        writer.open.clear()
        few = [asyncio.create_task(commit.outcome(made_of(n))) for n in range(MAX_BATCH)]
        await until(lambda: writer.inside == 1)
        await asyncio.sleep(0.05)
        assert writer.most_inside == 1
        many = [asyncio.create_task(commit.outcome(made_of(n))) for n in range(2 * MAX_BATCH)]
        await until(lambda: writer.inside == 2)
        writer.open.set()
        await asyncio.gather(*few, *many)
        assert sum(map(len, writer.batches)) == 3 * MAX_BATCH
        assert max(map(len, writer.batches)) <= MAX_BATCH

    run(story)


def test_events_waiting_at_shutdown_get_a_retry_answer():
    async def told():
        writer = Writer()
        commit = GroupCommit(writer)
        writer.open.clear()
        waiting = [asyncio.create_task(commit.outcome(made_of(0)))]
        await until(lambda: writer.inside == 1)
        waiting += [asyncio.create_task(commit.outcome(made_of(n))) for n in range(1, 5)]
        await asyncio.sleep(0.01)
        closing = asyncio.create_task(commit.close())
        answers = await asyncio.wait_for(asyncio.gather(*waiting, return_exceptions=True), 10)
        assert not closing.done(), "what is being written goes on"
        writer.open.set()
        await closing
        return answers

    assert all(isinstance(each, Unavailable) and each.code == "stopping" for each in run_apart(told()))


def test_events_beyond_the_queue_limit_are_refused_at_once(monkeypatch):
    monkeypatch.setattr(group_commit, "MAX_WAITING", 3)

    async def story(writer, commit):
        writer.open.clear()
        waiting = [asyncio.create_task(commit.outcome(made_of(0)))]
        await until(lambda: writer.inside == 1)
        waiting += [asyncio.create_task(commit.outcome(made_of(n))) for n in range(1, 4)]
        await asyncio.sleep(0.01)
        with pytest.raises(Unavailable, match="overloaded"):
            await commit.outcome(made_of(9))
        writer.open.set()
        assert await asyncio.gather(*waiting) == [f"applied {n}" for n in range(4)]

    run(story)
