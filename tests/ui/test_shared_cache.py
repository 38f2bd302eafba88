"""Query results that several readers share, and that stay while the database is unreachable."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from core.errors import Unavailable
from core.ui.kit.shared_cache import SharedCache


class Source:
    """Counts how often it is asked, and can be away."""

    def __init__(self):
        self.asked = 0
        self.away = False

    def __call__(self):
        self.asked += 1
        if self.away:
            raise Unavailable
        return self.asked


class Seconds:
    """A clock that stands still until it is moved."""

    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def seconds():
    return Seconds()


@pytest.fixture
def answers(seconds):
    return SharedCache(clock=seconds)


def test_an_answer_is_shared_until_it_expires(answers, seconds):
    source = Source()
    assert [answers.get("k", source, ttl_seconds=2).answer for _ in range(3)] == [1, 1, 1]
    assert answers.get("other", source, ttl_seconds=2).answer == 2
    seconds.now = 2.0
    assert answers.get("k", source, ttl_seconds=2).answer == 3


def test_changed_data_is_fetched_again(answers):
    source = Source()
    assert [answers.get(key, source, ttl_seconds=9).answer for key in ("k", "other")] == [1, 2]
    answers.forget("k", "never asked")
    assert [answers.get(key, source, ttl_seconds=9).answer for key in ("k", "other")] == [3, 2]


def test_the_last_answer_stays_marked_as_stale_while_the_source_is_away(answers, seconds):
    source = Source()
    answers.get("k", source, ttl_seconds=1)
    source.away, seconds.now = True, 5.0
    kept = answers.get("k", source, ttl_seconds=1)
    assert (kept.answer, kept.stale) == (1, True)
    source.away, seconds.now = False, 10.0
    kept = answers.get("k", source, ttl_seconds=1)
    assert (kept.answer, kept.stale) == (3, False)


def test_without_an_earlier_answer_the_outage_is_reported(answers):
    source = Source()
    source.away = True
    with pytest.raises(Unavailable):
        answers.get("k", source, ttl_seconds=1)


def test_simultaneous_equal_requests_wait_for_one_answer(answers):
    together, asked = threading.Barrier(8), []

    def ask():
        asked.append(threading.get_ident())
        return "the answer"

    def read(_):
        together.wait()
        return answers.get("k", ask, ttl_seconds=1).answer

    with ThreadPoolExecutor(8) as readers:
        assert set(readers.map(read, range(8))) == {"the answer"}
    assert len(asked) == 1
