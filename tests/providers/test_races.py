"""Concurrency: capacity holds, nobody is assigned twice, nobody waits forever, in any interleaving."""

import math
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.db.via_psycopg import PsycopgDatabase
from core.errors import Refused, Unavailable
from core.providers import assignment
from tests.providers.conftest import ADMIN, BEHIND_A_CURSOR, NOW, Clinic


@pytest.fixture
def busy(server, owner) -> Iterator[Clinic]:
    """A clinic with as many connections as there are racers."""
    database = PsycopgDatabase(server.app_conninfo, max_connections=32)
    yield Clinic(database, owner)
    database.close()


def at_once(*works: Callable[[], object]) -> list[object]:
    """All works started at the same moment; their answers, or the refusals they met."""
    start = threading.Barrier(len(works))

    def run(work: Callable[[], object]) -> object:
        start.wait()
        try:
            return work()
        except Refused as refused:
            return refused

    with ThreadPoolExecutor(len(works)) as threads:
        return list(threads.map(run, works))


def asking(clinic: Clinic, n: int, **fields: object) -> Callable[[], object]:
    return lambda: clinic.ask(submissionId=f"race-{n}", **fields)


def until_recorded(clinic: Clinic, submission_id: str) -> dict:
    """As the form does: what could not be recorded on a busy machine is sent again."""
    while True:
        try:
            return clinic.ask(submissionId=submission_id)
        except Unavailable:
            time.sleep(0.1)


def test_a_hundred_intakes_race_for_the_last_slot_and_one_gets_it(busy):
    busy.provider("ann", capacity=1)
    with ThreadPoolExecutor(32) as racers:
        answers = list(racers.map(lambda n: until_recorded(busy, f"race-{n}"), range(100)))
    assert sorted(answer["status"] for answer in answers) == ["assigned"] + ["waiting"] * 99
    busy.check()


def test_a_hundred_intakes_for_one_provider_with_capacity_are_all_assigned(busy):
    busy.provider("ann", capacity=100)
    with ThreadPoolExecutor(32) as racers:
        answers = list(racers.map(lambda n: until_recorded(busy, f"race-{n}"), range(100)))
    assert {answer["status"] for answer in answers} == {"assigned"}
    busy.check()


def test_the_same_submission_from_everywhere_at_once_is_one_consultation(busy):
    busy.provider("ann", capacity=50)
    body = {"submissionId": "same", "patientId": "p", "specialty": "dermatology"}
    answers = at_once(*(lambda: busy.ask(**body) for _ in range(24)))
    assert all(answer == answers[0] for answer in answers)
    assert busy.pending() == {"ann": 1}


def test_concurrent_assignments_stay_within_one_of_each_other(busy):
    for n in range(10):
        busy.provider(f"p{n}", capacity=100)
    with ThreadPoolExecutor(16) as racers:
        list(racers.map(lambda n: busy.ask(submissionId=f"race-{n}", now=NOW + timedelta(seconds=n)), range(200)))
    counts = busy.pending().values()
    assert sum(counts) == 200 and max(counts) - min(counts) <= 1
    busy.check()


def test_no_assignment_starts_for_a_provider_after_their_deactivation(busy):
    for n in range(4):
        busy.provider(f"p{n}", capacity=100)
    gone: dict[str, float] = {}
    began: list[tuple[str, float]] = []

    def deactivate(n: int) -> None:
        while len(began) < 12 * (n + 1):
            time.sleep(0.001)
        busy.put({"id": f"p{n}", "active": False})
        gone[f"p{n}"] = time.monotonic()

    def ask(n: int) -> None:
        for _ in range(6):
            start = time.monotonic()
            began.append((busy.ask(submissionId=f"race-{n}-{start}")["providerId"], start))

    at_once(*(partial(deactivate, n) for n in range(3)), *(partial(ask, n) for n in range(12)))
    assert len(gone) == 3 and len(began) == 72
    assert {name for name, _ in began} > {"p3"}  # some were chosen before they were gone
    assert [name for name, start in began if start > gone.get(name, math.inf)] == []
    assert {busy.ask()["providerId"] for _ in range(3)} == {"p3"}
    busy.check()


def test_manual_and_automatic_assignment_together_never_exceed_capacity(busy):
    busy.provider("ann", capacity=1)
    busy.provider("ben", capacity=1)
    asked = [busy.ask()["consultationId"] for _ in range(4)]
    taken = [one for one in asked if assignment.consultation(busy.db, one, NOW)["status"] == "assigned"]
    moves = [
        lambda one=one, to=to: assignment.assign(busy.db, ADMIN, one, NOW, provider_id=to, reason="race")
        for one in asked
        for to in ("ann", "ben")
    ]
    at_once(*moves, *(lambda one=one: busy.end(one) for one in taken), *(asking(busy, n) for n in range(4)))
    assignment.drain(busy.db, NOW)
    busy.check()


DRAIN = """
import sys
from datetime import datetime
from core.db.via_psycopg import PsycopgDatabase
from core.providers import assignment
database, now = PsycopgDatabase(sys.argv[1]), datetime.fromisoformat(sys.argv[2])
print(sum(assignment.drain(database, now)["assigned"] for _ in range(20)))
database.close()
"""


def test_two_processes_drain_the_queue_and_nobody_is_assigned_twice(busy, server):
    for n in range(40):
        busy.ask(now=NOW + timedelta(seconds=n))
    busy.provider("ann", states="CA", capacity=25)
    with busy.owner.transaction():  # a licence arrives without anybody draining
        busy.owner.execute("update payops.licences set state = 'TX'")
        busy.owner.execute("update payops.availability set state = 'TX'")
        busy.owner.execute("delete from payops.search_cursors")
    command = [sys.executable, "-c", DRAIN, server.app_conninfo, NOW.isoformat()]
    drains = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    assert sum(int(each.communicate()[0]) for each in drains) == 25
    assert busy.pending() == {"ann": 25}
    oldest = busy.rows("select max(received_at) from payops.consultations where status = 'assigned'")
    assert oldest == [(NOW + timedelta(seconds=24),)]
    busy.check()


def test_a_provider_with_freed_capacity_is_found_despite_moved_search_cursors(busy, server):
    for n in range(6):
        busy.provider(f"p{n}", states="TX CA" if n % 2 else "TX", capacity=3)
    done, moves = threading.Event(), [0]

    def move() -> None:
        """Each choice moves its front, instead of one in two seconds."""
        with psycopg.connect(server.owner_conninfo, autocommit=True) as mover:
            while not done.is_set():
                moves[0] += 1
                mover.execute(
                    "with free as (select ctid from payops.search_cursors for update skip locked)"
                    " update payops.search_cursors set moved_at = null where ctid in (select ctid from free)"
                )

    def see_patients(n: int) -> None:
        for again in range(25):
            asked = busy.ask("CA" if n % 2 else "TX", submissionId=f"front-{n}-{again}")
            busy.end(asked["consultationId"])

    mover = threading.Thread(target=move)
    mover.start()
    at_once(*(partial(see_patients, n) for n in range(8)))
    done.set()
    mover.join()
    assert busy.rows("select count(*) from payops.search_cursors where idle_since > '-infinity'") != [(0,)]
    assert moves[0] > 10
    assert set(busy.pending().values()) == {0}
    busy.check()
    assert {busy.ask("TX")["providerId"] for _ in range(6)} == {f"p{n}" for n in range(6)}


def test_a_wrong_search_cursor_is_corrected(busy):
    busy.provider("ann", capacity=500)
    busy.ask()
    busy.owner.execute("update payops.search_cursors set load = 1")
    assert busy.rows(BEHIND_A_CURSOR) != []
    assert busy.ask()["providerId"] is None
    for _ in range(600):
        busy.owner.execute("update payops.search_cursors set moved_at = null")
        if busy.ask()["providerId"] is not None:
            return
    raise AssertionError("nobody was found again")


ALL_SEATS = (
    "select pg_advisory_xact_lock(payops.advisory_lock('assignment slot'), seat) from generate_series(0, 4) as seat"
)
AT_THE_DOOR = (
    "select count(*) from pg_locks where locktype = 'advisory' and objid = "
    "payops.advisory_lock('assignment slot choice')::oid and granted"
)


def test_at_most_five_assign_at_once_and_every_waiting_one_gets_a_slot(busy):
    busy.provider("ann")
    with ThreadPoolExecutor(3) as others:
        with busy.owner.transaction():
            busy.owner.execute(ALL_SEATS)
            asked = [others.submit(busy.ask) for _ in range(3)]
            time.sleep(0.3)
            assert not any(each.done() for each in asked)
            assert busy.rows(AT_THE_DOOR) == [(1,)]
        assert [each.result(timeout=20)["providerId"] for each in asked] == ["ann"] * 3
    assert busy.rows(AT_THE_DOOR) == [(0,)]


def test_a_cancelled_wait_for_a_slot_blocks_nobody(busy, server):
    """The door is a lock of the session, which no transaction's end lets go of."""
    busy.provider("ann")
    with psycopg.connect(server.owner_conninfo, autocommit=True) as impatient:
        impatient.execute("set statement_timeout = '300ms'")
        with busy.owner.transaction():
            busy.owner.execute(ALL_SEATS)
            for _ in range(2):
                with pytest.raises(psycopg.errors.QueryCanceled):
                    impatient.execute("select payops.acquire_assignment_slot()")
        assert busy.rows(AT_THE_DOOR) == [(0,)]
        assert busy.ask()["providerId"] == "ann"


STATES = ("TX", "CA")
actions = st.one_of(
    st.tuples(st.just("ask"), st.sampled_from(STATES), st.sampled_from(["dermatology", "mental_health"])),
    st.tuples(st.just("end"), st.integers(0, 30)),
    st.tuples(st.just("release"), st.integers(0, 30)),
    st.tuples(st.just("by hand"), st.integers(0, 30), st.integers(0, 3)),
    st.tuples(st.just("capacity"), st.integers(0, 3), st.integers(1, 3)),
    st.tuples(st.just("active"), st.integers(0, 3), st.booleans()),
    st.tuples(st.just("licences"), st.integers(0, 3), st.sets(st.sampled_from(STATES))),
    st.tuples(st.just("days pass"), st.integers(1, 20)),
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(history=st.lists(actions, max_size=30), together=st.integers(1, 4))
def test_after_any_history_no_provider_is_over_capacity_or_unlicensed_and_nobody_is_forgotten(busy, history, together):
    for table in ("consultations", "licences", "availability", "providers"):
        busy.owner.execute(f"delete from payops.{table}")
    specialties = (["dermatology"], ["general_practice"], ["mental_health"], ["dermatology", "mental_health"])
    for n, has in enumerate(specialties):
        busy.provider(f"p{n}", states="TX:2026-12-01 CA" if n % 2 else "TX", capacity=2, specialties=has)
    now, capacity = NOW, dict.fromkeys(range(4), 2)
    for at in range(0, len(history), together):
        batch = history[at : at + together]
        ids = [row[0] for row in busy.rows("select id from payops.consultations order by received_at, id")]
        now += timedelta(seconds=1, days=sum(step[1] for step in batch if step[0] == "days pass"))
        busy.owner.execute("update payops.search_cursors set moved_at = null")
        for step in batch:
            if step[0] == "capacity":
                capacity[step[1]] = max(capacity[step[1]], step[2])
        at_once(*(partial(_do, busy, step, ids, now) for step in batch))
        _holds(busy, now, capacity)


def _do(clinic: Clinic, step: tuple, ids: list[str], now) -> None:
    kind, *given = step
    if kind == "ask":
        clinic.ask(given[0], given[1], now=now, submissionId=f"h-{threading.get_ident()}-{now.timestamp()}-{step}")
    elif kind == "capacity":
        clinic.put({"id": f"p{given[0]}", "capacity": given[1]}, now=now)
    elif kind == "active":
        clinic.put({"id": f"p{given[0]}", "active": given[1]}, now=now)
    elif kind == "licences":
        clinic.put({"id": f"p{given[0]}", "licences": [{"state": code} for code in sorted(given[1])]}, now=now)
    elif ids and kind == "end":
        clinic.end(ids[given[0] % len(ids)], now=now)
    elif ids and kind == "release":
        assignment.release(clinic.db, ADMIN, ids[given[0] % len(ids)], "history", now)
    elif ids and kind == "by hand":
        assignment.assign(clinic.db, ADMIN, ids[given[0] % len(ids)], now, provider_id=f"p{given[1]}", reason="history")


def _holds(clinic: Clinic, now, highest_capacity: dict[int, int]) -> None:
    """Counts are right; nobody was given more than they ever had room for; who can be placed is."""
    miscounted = (
        "select p.id from payops.providers p where p.pending <> (select count(*) from payops.consultations c"
        " where c.provider_id = p.id and c.status = 'assigned')"
    )
    assert clinic.rows(miscounted) == []
    assert clinic.rows(BEHIND_A_CURSOR) == []
    assert all(pending <= highest_capacity[int(name[1:])] for name, pending in clinic.pending().items())
    unlicensed = (
        "select d.id from payops.assignment_decisions d join payops.consultations c on c.id = d.consultation_id"
        " where d.at = %s and d.provider_id is not null and d.kind <> 'manual' and c.status = 'assigned'"
        " and exists (select from payops.licences l where l.provider_id = d.provider_id and l.state = c.state"
        " and l.valid_until <= d.at)"
    )
    assert clinic.owner.execute(unlicensed, (now,)).fetchall() == []
    assignment.drain(clinic.db, now)
    forgotten = (
        "select c.id from payops.consultations c where c.status = 'waiting' and exists "
        "(select from payops.availability o"
        " where o.state = c.state and o.load < 1 and o.valid_until > %s and o.provider_id <> all (c.declined_by))"
    )
    assert clinic.owner.execute(forgotten, (now,)).fetchall() == []
