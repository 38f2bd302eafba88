"""A job is one worker's at a time, is done once when it is due, and is taken over from a worker that died."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from core.errors import Refused, Unavailable
from core.jobs import Jobs, an_hour_ago, last_night

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


def worker(database, now=NOW):
    return Jobs(database, lambda: now, threading.Event())


def nothing(keep):
    keep()


def test_of_ten_simultaneous_workers_one_does_the_job(database, owner):
    inside = threading.Barrier(2, timeout=5)

    def work(keep):
        with pytest.raises(threading.BrokenBarrierError):
            inside.wait(0.5)  # nobody else gets here

    with ThreadPoolExecutor(10) as pool:
        did = list(pool.map(lambda _: worker(database).do_once("sweep", an_hour_ago(NOW), work), range(10)))
    assert sum(did) == 1


def test_a_job_that_is_done_is_not_due_until_its_time(database, owner):
    assert worker(database).do_once("sweep", an_hour_ago(NOW), nothing)
    soon, later = NOW + timedelta(minutes=59), NOW + timedelta(minutes=61)
    assert not worker(database, soon).do_once("sweep", an_hour_ago(soon), nothing)
    assert worker(database, later).do_once("sweep", an_hour_ago(later), nothing)


def test_a_failed_job_can_be_claimed_again_after_a_pause(database, owner):
    def fail(keep):
        raise Unavailable("stripe_unavailable", "Stripe did not answer.")

    with pytest.raises(Unavailable):
        worker(database).do_once("sweep", an_hour_ago(NOW), fail)
    assert not worker(database).do_once("sweep", an_hour_ago(NOW), nothing)
    owner.execute("update payops.jobs set held_until = now() - interval '1 second'")  # the while is over
    assert worker(database).do_once("sweep", an_hour_ago(NOW), nothing)


def test_a_silent_workers_job_is_taken_over_and_the_worker_is_told(database, owner):
    taken_over = []

    def sleep_through(keep):
        owner.execute("update payops.jobs set held_until = now() - interval '1 second'")
        taken_over.append(worker(database).do_once("sweep", an_hour_ago(NOW), nothing))
        keep()

    with pytest.raises(Refused, match="job_taken_over"):
        worker(database).do_once("sweep", an_hour_ago(NOW), sleep_through)
    assert taken_over == [True]
    assert not worker(database).do_once("sweep", an_hour_ago(NOW), nothing)  # done by the other


def test_a_worker_that_stops_leaves_its_job_to_another(database, owner):
    stopping = worker(database)
    stopping.stop.set()
    with pytest.raises(Unavailable):
        stopping.do_once("sweep", an_hour_ago(NOW), nothing)
    stopping.release()
    owner.execute("update payops.jobs set held_until = now() - interval '1 second'")
    assert worker(database).do_once("sweep", an_hour_ago(NOW), nothing)


def test_an_exclusive_step_stays_with_its_worker_until_it_stops(database, owner):
    first, second = worker(database), worker(database)
    assert first.do_alone("poll", lambda: None)
    assert first.do_alone("poll", lambda: None)
    assert not second.do_alone("poll", lambda: None)
    first.release()
    assert second.do_alone("poll", lambda: None)


def test_night_means_night_in_the_business_timezone():
    zone = ZoneInfo("America/New_York")
    assert last_night(datetime(2026, 7, 2, 6, 59, tzinfo=UTC), zone) == datetime(2026, 7, 1, 7, tzinfo=UTC)
    assert last_night(datetime(2026, 7, 2, 7, tzinfo=UTC), zone) == datetime(2026, 7, 2, 7, tzinfo=UTC)
