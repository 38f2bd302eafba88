"""Several workers at once, as real processes: what one dies over is taken over, and what is to be done once is."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
import stripe

from core import services, worker
from core.db import Database, embedded
from core.events import inbox
from core.jobs import Jobs
from core.monitoring.incidents import Incident
from core.monitoring.spool import SPOOL_FILE
from core.periods import wall_clock
from core.sandbox import process
from core.settings import load_settings
from tests.db import probes
from tests.db.refusing import DATABASE_REFUSES
from tests.events.business import a_morning
from tests.factories import body_of

HOUR = 3_600


class Office:
    """A sandbox in which things happened that nobody told us, our database, and the workers over both."""

    def __init__(self, data_dir: Path):
        self.data_dir = data_dir
        self.running = services.start(load_settings({"DATA_DIR": str(data_dir)}))
        self.owner = psycopg.connect(embedded.ensure_running(data_dir).owner_conninfo, autocommit=True)
        self.sandbox = httpx.Client(base_url=process.ensure_running(data_dir).base_url, timeout=60)
        self.workers: list[subprocess.Popen[bytes]] = []

    @property
    def db(self) -> Database:
        return self.running.db

    def start_worker(self) -> subprocess.Popen[bytes]:
        environment = {"DATA_DIR": str(self.data_dir), "PATH": os.environ["PATH"]}
        started = subprocess.Popen(
            [sys.executable, "-m", "core.worker_process"],
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self.workers.append(started)
        return started

    def hold_up(self, path: str, seconds: int) -> None:
        """The next call of this path does not answer for so long."""
        fault = {"path": path, "delay_seconds": seconds, "method": "GET"}
        self.sandbox.post("/sandbox/faults", json=fault).raise_for_status()

    def advance(self, seconds: int) -> None:
        self.sandbox.post("/sandbox/clock/advance", json={"seconds": seconds}).raise_for_status()

    def rows(self, query: str) -> list[tuple]:
        return self.owner.execute(query).fetchall()

    def close(self) -> None:
        for process_of_ours in self.workers:
            process_of_ours.kill()
            process_of_ours.wait()
        self.owner.close()
        self.running.close()
        process.stop(self.data_dir)
        embedded.remove(self.data_dir)


@pytest.fixture
def office(prepared) -> Iterator[Office]:
    with tempfile.TemporaryDirectory(prefix="payops-test-") as folder:
        prepared.copy_into(Path(folder))
        opened = Office(Path(folder))
        try:
            yield opened
        finally:
            opened.close()


def kill(worker: subprocess.Popen[bytes]) -> None:
    worker.send_signal(signal.SIGKILL)
    worker.wait()


def until(true: Callable[[], object], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not come to that"
        time.sleep(0.1)


def test_a_killed_workers_work_is_finished_once_by_another(office):
    address = process.ensure_running(office.data_dir)
    shop = stripe.StripeClient(address.secret_key, base_addresses={"api": address.base_url})
    a_morning(shop.v1)
    office.advance(2 * HOUR)
    told = list(office.running.stripe.each("events"))
    failed, missed = told[:10], len(told) - 10
    earlier = office.running.clock() - timedelta(hours=1)
    assert inbox.receive(office.db, [_misread(event) for event in failed], now=earlier) == ["failed"] * 10

    # One dies holding the hourly sweep and its claim of the failed events, in the middle of calls to Stripe.
    office.hold_up("/v1/events/", 300)
    office.hold_up("/v1/events", 300)
    first = office.start_worker()
    held = "select holder from payops.jobs where name = 'sweep events' and holder is not null"
    claimed = (
        "select 1 from payops.event_handlings where outcome = 'failed' and next_attempt_at > "
        "handled_at + interval '1 hour'"
    )
    until(lambda: office.rows(held) and len(office.rows(claimed)) == 10)
    holder = office.rows(held)
    kill(first)
    office.sandbox.delete("/sandbox/faults")

    # Two others work on; what the dead one held stays its own until its time is over.
    office.start_worker()
    office.start_worker()
    until(lambda: office.rows("select 1 from payops.jobs where name = 'refetch tied objects'"))
    time.sleep(1)
    assert office.rows(held) == holder
    assert office.rows("select distinct outcome from payops.event_handlings") == [("failed",)]
    office.rows("update payops.jobs set held_until = now() - interval '1 second' returning 1")
    office.advance(120)
    until(lambda: office.rows("select 1 from payops.event_sweeps where done_at is not null"))
    until(lambda: not office.rows("select 1 from payops.event_handlings where outcome = 'failed'"))

    assert office.rows("select found from payops.event_sweeps") == [(missed,)]
    assert office.rows(
        "select distinct attempts from payops.event_handlings where event_id in (select id "
        "from payops.events where came_by = 'webhook')"
    ) == [(2,)]
    handled = office.rows("select event_id, outcome from payops.event_handlings")
    assert {event_id for event_id, _ in handled} == {event["id"] for event in told}
    assert {outcome for _, outcome in handled} <= {"applied", "ignored"}


def _misread(event: dict) -> inbox.Received:
    """The event as a projection with a defect left it: stored, failed, and to be fetched again."""
    received = inbox.prepare(event, body_of(event), livemode=False)
    return inbox.Received(received.event | {"payload": {}}, {}, "failed", "KeyError: 'amount'")


class Watched:
    """A database that notes which functions a step calls."""

    def __init__(self, db: Database):
        self.db, self.called = db, set()

    def call(self, function: str, /, **arguments: Any) -> Any:
        self.called.add(function)
        return self.db.call(function, **arguments)

    def close(self) -> None:
        self.db.close()


def functions_of_each_step(office: Office) -> dict[str, set[str]]:
    """Every step of the worker is done once; which SQL functions each one called.

    Whatever reports an incident empties the spool too, so the step that does nothing else may find it empty.
    """
    earlier = Incident(
        "worker_failed", "earlier", "The background step 'record spooled incidents' failed.", wall_clock()
    )
    (office.data_dir / SPOOL_FILE).write_text(json.dumps(earlier.as_record()) + "\n")
    watched = Watched(office.db)
    running = replace(office.running, db=watched)
    jobs = Jobs(watched, running.clock, threading.Event())
    found = {}
    for step in [*worker.steps(running), *worker.alert_steps(running), *worker.long_steps(running, jobs)]:
        watched.called = set()
        worker._do(running, jobs, step)
        found[step.name] = watched.called
    return found


def forget_what_was_done(office: Office) -> None:
    """What is done once an hour or a day is due again."""
    office.owner.execute("update payops.jobs set done_at = null, holder = null, held_until = default")
    office.owner.execute("delete from payops.review_sendings")


def broken_together(as_usual: dict[str, set[str]]) -> Iterator[tuple[set[str], set[str]]]:
    """Functions to break at once, and the steps that call none of them and so have to do as usual.

    In some round each step's own function is broken while each other step, unless it calls that one too, is looked
    at: by the digits of the steps' numbers a dozen rounds do that, where one for each step would be three times more.
    """
    own = {step: min(called - {"claim_job", "finish_job", "keep_job"} or called) for step, called in as_usual.items()}
    shared = {name for step, name in own.items() if any(name in as_usual[other] for other in own.keys() - {step})}
    numbers = list(enumerate(name for name in own.values() if name not in shared))
    rounds = [{name} for name in sorted(shared)]
    for digit in range((len(numbers) - 1).bit_length()):
        rounds += [{name for number, name in numbers if number >> digit & 1 == value} for value in (0, 1)]
    left = {(name, other) for name in own.values() for other, called in as_usual.items() if name not in called}
    for broken in rounds:
        untouched = {other for other, called in as_usual.items() if not called & broken}
        left -= {(name, other) for name in broken for other in untouched}
        yield broken, untouched
    assert not left


def test_a_step_whose_function_is_broken_stops_no_other(office):
    as_usual = functions_of_each_step(office)
    assert all(as_usual.values())
    for broken, untouched in broken_together(as_usual):
        forget_what_was_done(office)
        with probes.broken(office.owner, *broken):
            with_them_broken = functions_of_each_step(office)
        untouched -= {"record spooled incidents"}
        assert {name: with_them_broken[name] for name in untouched} == {name: as_usual[name] for name in untouched}
        forget_what_was_done(office)
    failed = office.rows("select title from payops.incidents where kind = 'worker_failed'")
    assert set(as_usual) <= {title.split("'")[1] for (title,) in failed}


@DATABASE_REFUSES
def test_a_worker_goes_on_after_any_error_of_the_database(office, breaks, mends, code):
    started = office.start_worker()
    until(lambda: office.rows("select 1 from payops.jobs where holder is not null"))
    office.owner.execute(breaks)
    spool = office.data_dir / SPOOL_FILE
    until(lambda: spool.exists() and spool.stat().st_size > 0)
    time.sleep(3)
    assert started.poll() is None
    office.owner.execute(mends)
    until(lambda: spool.stat().st_size == 0)
    told = office.rows(
        "select kind, fingerprint from payops.incidents where kind in ('worker_failed', 'database_refuses')"
    )
    assert told == [("database_refuses", code)]  # one trouble of the database, however many steps met it
    assert started.poll() is None
