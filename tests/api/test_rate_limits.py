"""The rate limit holds in every 60 seconds, wherever a clock's minute begins, and says when to come again."""

import random
from datetime import UTC, datetime, timedelta

import pytest

BORDER = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)


def take(database, at, limit=60, caller="api:shop"):
    return database.call("take_api_turn", caller=caller, limit=limit, now=at)


def test_the_limit_holds_across_a_minute_boundary(database, owner):
    moments = [BORDER - timedelta(seconds=0.8) + timedelta(milliseconds=15 * n) for n in range(110)]
    assert sum(take(database, at)["allowed"] for at in moments) == 60


def test_the_limit_holds_in_any_60_seconds(database, owner):
    dice, at, passed = random.Random(7), BORDER, []
    for _ in range(400):
        at += timedelta(seconds=dice.choice((0, 0, 0.2, 1, 3, 20)))
        if take(database, at, limit=20)["allowed"]:
            passed.append(int(at.timestamp()))
    assert len(passed) > 60
    assert max(sum(begin <= each < begin + 60 for each in passed) for begin in passed) == 20


@pytest.mark.parametrize("early", [0.0, 30.0, 59.0])
def test_a_request_succeeds_after_its_retry_after(database, owner, early):
    for _ in range(60):
        take(database, BORDER)
    answer = take(database, BORDER + timedelta(seconds=early))
    assert not answer["allowed"]
    again = BORDER + timedelta(seconds=early + answer["retry_after_seconds"])
    assert not take(database, again - timedelta(seconds=1))["allowed"]
    assert take(database, again)["allowed"]


def test_refused_requests_do_not_count_and_callers_are_counted_apart(database, owner):
    for _ in range(200):
        take(database, BORDER)
    assert take(database, BORDER + timedelta(seconds=60))["allowed"]
    assert take(database, BORDER, caller="api:other")["allowed"]


def test_a_slow_clock_counts_in_the_newest_second(database, owner):
    for _ in range(59):
        take(database, BORDER)
    assert take(database, BORDER - timedelta(seconds=5))["allowed"]
    assert not take(database, BORDER - timedelta(seconds=5))["allowed"]
