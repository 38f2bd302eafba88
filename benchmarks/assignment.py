"""How fast a consultation finds its provider, at the size of a country, beside two simpler ways in the same run.

Two databases of one server hold the same providers, licences and consultations: in one the rules of licensing are in
force (exclusions, privileges, hours, time off), in the other there is nothing of the kind. They are measured in turns,
so that other work on the machine meets both alike.

`python -m benchmarks.assignment [--providers 100000] [--consultations 1000000] [--seconds 5] [--rounds 3]`
"""

import argparse
import random
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg

from core.db import embedded
from core.db.deploy import deploy
from core.db.embedded import EmbeddedServer
from core.db.via_psycopg import PsycopgDatabase
from core.errors import PayopsError

NOW = datetime(2026, 11, 24, 15, 0, tzinfo=UTC)
SPECIALTIES = ("general_practice", "dermatology", "mental_health", "womens_health", "mens_health")
RULES = {
    # one provider in 50 is excluded; one in 20 has a home licence of a compact; a third have hours, an eighth time off
    "exclusions and home licences": (
        "update payops.providers set blocked_reason = 'Excluded.' where hashtext(id) %% 50 = 0",
        "update payops.compact_members set verified_on = '2026-11-01' where compact = 'NLC'",
        "update payops.licences l set compact = 'NLC' from (select min(l.id) as id from payops.licences l"
        " join payops.compact_members m on m.compact = 'NLC' and m.state = l.state"
        " where hashtext(l.provider_id) %% 20 = 1 group by l.provider_id) h where h.id = l.id",
    ),
    "the privileges of all providers": (
        "select payops.derive_licences(array(select id from payops.providers), now())",
        "vacuum analyze payops.licences",
    ),
    "hours and time off": (
        "insert into payops.provider_schedules (provider_id, zone) select id, 'America/Chicago' from payops.providers"
        " where hashtext(id) %% 3 = 2 or hashtext(id) %% 8 = 1",
        "insert into payops.provider_hours (provider_id, weekday, opens, closes) select s.provider_id, d, time '00:00',"
        " time '00:00' from payops.provider_schedules s, generate_series(1, 7) d"
        " where hashtext(s.provider_id) %% 3 = 2",
        "insert into payops.provider_time_off (provider_id, first_day, last_day) select provider_id, current_date - 3,"
        " current_date + 3 from payops.provider_schedules where hashtext(provider_id) %% 8 = 1",
        "select count(payops.settle_schedule(provider_id, now())) from payops.provider_schedules",
        "vacuum analyze payops.provider_schedules",
    ),
}
FILL = (
    # capacity 50; one specialty; one to seven licences, 400,000 in all for 100,000 providers
    "select setseed(0.5)",
    "insert into payops.providers (id, name, active, capacity, specialties, created_at, updated_at)"
    " select 'p' || lpad(n::text, 6, '0'), 'P ' || n, true, 50, array[(%(specialties)s::text[])[1 + n %% 5]],"
    " %(now)s, %(now)s from generate_series(1, %(providers)s) as n",
    "insert into payops.licences (provider_id, state, status, valid_from, valid_until)"
    " select p.id, s.code, 'active', '-infinity', 'infinity' from payops.providers p cross join lateral"
    " (select code from payops.states order by md5(code || p.id) limit 1 + abs(hashtext(p.id)) %% 7) s",
    "insert into payops.consultations (submission_id, body_sha256, patient_id, state, specialty, received_at, status,"
    " provider_id, reason, ended_at) select 'old-' || n, '', 'patient-' || n %% 300000, "
    "'TX', 'dermatology', %(now)s - interval '1 year',"
    " 'completed', 'p' || lpad((1 + n %% %(providers)s)::text, 6, '0'), '', %(now)s"
    " from generate_series(1, %(consultations)s) as n",
    "vacuum analyze",  # which autovacuum would do meanwhile
)
REWRITE = "select payops.rewrite_availability(variadic array(select id from payops.providers))"
NAIVE = (
    "with chosen as (select p.id from payops.providers p where p.active and p.pending < "
    "p.capacity and %s = any(p.specialties)"
    " and exists (select from payops.licences l where l.provider_id = p.id and l.state = %s and l.valid_until > now())"
    " order by p.pending limit 1 for update) update payops.providers set pending = pending + 1 from chosen"
    " where providers.id = chosen.id"
)
FETCH_ALL = (
    "select p.id, p.pending from payops.providers p join payops.licences l on l.provider_id = p.id"
    " where p.active and p.pending < p.capacity and %s = any(p.specialties) and l.state = %s and l.valid_until > now()"
)
PLAIN, RULED = "rules off", "rules on"
DEMANDS = ("spread", "hot")
AT_MOST = 1.1  # times the 99th percentile without the rules
BIG_TABLES = ("consultations", "providers", "licences", "availability", "assignment_decisions")
SAMPLED = 100
WARM_UP = 25
LEAST = (
    "select min(p.pending::float8 / p.capacity) from payops.providers p join payops.licences l on l.provider_id = p.id"
    " left join payops.provider_schedules d on d.provider_id = p.id"
    " where p.active and p.pending < p.capacity and %s = any(p.specialties) and l.state = %s and l.status = 'active'"
    " and l.valid_from <= now() and l.valid_until > now() and p.blocked_reason is null and d.on_duty is not false"
)
TAKEN = (
    "select (p.pending - 1)::float8 / p.capacity from payops.assignment_decisions d"
    " join payops.providers p on p.id = d.provider_id order by d.id desc limit 1"
)
TAKE = "update payops.providers set pending = pending + 1 where id = %s and pending < capacity"
Work = Callable[[str, str], None]


@dataclass(frozen=True)
class Measured:
    """What one way did with one demand at so many connections."""

    per_second: float
    p50_ms: float
    p99_ms: float
    errors: int


Results = dict[tuple[str, str, int], Measured]


def main() -> None:
    parsed = argparse.ArgumentParser(description=__doc__)
    parsed.add_argument("--providers", type=int, default=100_000)
    parsed.add_argument("--consultations", type=int, default=1_000_000)
    parsed.add_argument("--seconds", type=float, default=5)
    parsed.add_argument("--rounds", type=int, default=3)
    asked = parsed.parse_args()
    with tempfile.TemporaryDirectory(prefix="payops-benchmark-") as folder:
        server = embedded.ensure_running(Path(folder))
        try:
            databases = fill(server, asked.providers, asked.consultations)
            results, scanned = _measure_all(databases, asked.seconds, asked.rounds)
            exact = [_least_loaded(databases[RULED], demand) for demand in DEMANDS]
            over = _rows(databases[RULED], "select count(*) from payops.providers where pending > capacity")
            _say_goals(results, scanned, exact, over[0][0])
        finally:
            embedded.remove(Path(folder))


def fill(server: EmbeddedServer, providers: int, consultations: int) -> dict[str, str]:
    """How to reach the database without the rules and the one with them, by the way's name."""
    found = {PLAIN: server.owner_conninfo, RULED: server.conninfo("postgres", "payops_rules")}
    deploy(found[PLAIN])
    values = {"providers": providers, "consultations": consultations, "now": NOW, "specialties": list(SPECIALTIES)}
    _run(found[PLAIN], f"{providers:,} providers and {consultations:,} consultations", FILL, values)
    _run(found[PLAIN], "their availability, without rules", (REWRITE, "vacuum analyze payops.availability"))
    with psycopg.connect(server.conninfo("postgres", "postgres"), autocommit=True) as connection:
        connection.execute("create database payops_rules template payops")
    for step, statements in RULES.items():
        _run(found[RULED], step, statements)
    _run(found[RULED], "availability with rules", (REWRITE,))
    for conninfo in found.values():
        _run(conninfo, "", ("vacuum analyze", "checkpoint"))
    return found


def _run(conninfo: str, what: str, statements: Sequence[str], values: Mapping[str, Any] | None = None) -> None:
    started = time.monotonic()
    with psycopg.connect(conninfo, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement, values or {})
    if what:
        print(f"{time.monotonic() - started:7.1f} s  {what}", flush=True)


def _measure_all(databases: Mapping[str, str], seconds: float, rounds: int) -> tuple[Results, dict[str, int]]:
    """Each way with each demand, ours in turns; and the sequential scans of big tables while ours was measured."""
    results: Results = {}
    before = {way: _scans(conninfo) for way, conninfo in databases.items()}
    for demand in DEMANDS:
        for connections in (1, 32):
            measured: dict[str, list[Measured]] = {way: [] for way in databases}
            for turn in range(rounds):
                for way in sorted(databases, reverse=turn % 2 == 1):
                    measured[way].append(_measure(databases[way], _payops, demand, connections, seconds))
            results |= {(way, demand, connections): _median(found) for way, found in measured.items()}
    scanned = {
        f"{way}, {table}": scans - before[way][table]
        for way, conninfo in databases.items()
        for table, scans in _scans(conninfo).items()
    }
    for way, work in (("naive", _naive), ("fetch all", _fetch_all)):
        for demand in DEMANDS:
            for connections in (1, 32):
                results[way, demand, connections] = _measure(databases[PLAIN], work, demand, connections, seconds)
    print(f"{'way':<12}{'demand':<8}{'conns':>6}{'per s':>9}{'p50 ms':>9}{'p99 ms':>9}{'errors':>8}")
    for (way, demand, connections), one in results.items():
        print(
            f"{way:<12}{demand:<8}{connections:>6}{one.per_second:>9.0f}{one.p50_ms:>9.2f}{one.p99_ms:>9.2f}"
            f"{one.errors:>8}"
        )
    return results, scanned


def _median(rounds: Sequence[Measured]) -> Measured:
    return Measured(
        statistics.median(one.per_second for one in rounds),
        statistics.median(one.p50_ms for one in rounds),
        statistics.median(one.p99_ms for one in rounds),
        sum(one.errors for one in rounds),
    )


def _scans(conninfo: str) -> dict[str, int]:
    time.sleep(1.5)  # a session tells of its scans once a second, and when it ends
    found = "select relname, seq_scan from pg_stat_user_tables where schemaname = 'payops' and relname = any(%s)"
    with psycopg.connect(conninfo) as connection:
        return dict(connection.execute(found, (list(BIG_TABLES),)).fetchall())


def _measure(
    conninfo: str, make: Callable[[str], AbstractContextManager[Work]], demand: str, connections: int, seconds: float
) -> Measured:
    """How long the assignments took that ended within the time, and how many were refused.

    The clock starts when each connection has made its first ones: a pool's connections were opened long ago.
    """
    took: list[float] = []
    errors: list[Exception] = []
    states = [row[0] for row in _rows(conninfo, "select code from payops.states order by code")]
    warm = threading.Barrier(connections)

    def run(seed: int) -> None:
        with make(conninfo) as work:
            assign(random.Random(seed), work)

    def assign(choose: random.Random, work: Work) -> None:
        def one() -> None:
            if demand == "hot":
                work("TX", "dermatology")
            else:
                work(choose.choice(states), choose.choice(SPECIALTIES))

        for _ in range(WARM_UP):
            one()
        warm.wait()
        ends = time.monotonic() + seconds
        while (started := time.monotonic()) < ends:
            try:
                one()
                took.append((time.monotonic() - started) * 1000)
            except (PayopsError, psycopg.Error) as error:
                errors.append(error)

    threads = [threading.Thread(target=run, args=(seed,)) for seed in range(connections)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took.sort()
    p50, p99 = (took[int(len(took) * share)] if took else float("nan") for share in (0.5, 0.99))
    return Measured(len(took) / seconds, p50, p99, len(errors))


@contextmanager
def _payops(conninfo: str, patients: str = "patient") -> Iterator[Work]:
    """As the intake form's route does it; three in ten patients were seen before."""
    db = PsycopgDatabase(conninfo, max_connections=1, direct=True)

    def assign(state: str, specialty: str) -> None:
        submission = f"{threading.get_ident()}-{time.monotonic_ns()}"
        patient = f"{patients}-{random.randrange(1_000_000)}"
        db.call(
            "submit_consultation",
            submission_id=submission,
            body_sha256="",
            patient_id=patient,
            state=state,
            specialty=specialty,
            now=datetime.now(UTC),
            refreshed=False,
        )

    yield assign
    db.close()


@contextmanager
def _naive(conninfo: str) -> Iterator[Work]:
    with psycopg.connect(conninfo, autocommit=True) as connection:
        yield lambda state, specialty: connection.execute(NAIVE, (specialty, state)) and None


@contextmanager
def _fetch_all(conninfo: str) -> Iterator[Work]:
    connection = psycopg.connect(conninfo, autocommit=True)

    def assign(state: str, specialty: str) -> None:
        found = connection.execute(FETCH_ALL, (specialty, state)).fetchall()
        if found:
            connection.execute(TAKE, (min(found, key=lambda row: (row[1], row[0]))[0],))

    yield assign
    connection.close()


def _least_loaded(conninfo: str, demand: str) -> tuple[str, int, int]:
    """Of some choices, how many took somebody than whom nobody eligible
    was less loaded, looked up in the plain tables.
    """
    choose = random.Random(demand)
    states = [row[0] for row in _rows(conninfo, "select code from payops.states order by code")]
    right = 0
    with psycopg.connect(conninfo, autocommit=True) as connection, _payops(conninfo, "new patient") as assign:
        for _ in range(SAMPLED):
            state, specialty = (
                ("TX", "dermatology") if demand == "hot" else (choose.choice(states), choose.choice(SPECIALTIES))
            )
            least = connection.execute(LEAST, (specialty, state)).fetchone()[0]
            assign(state, specialty)
            taken = connection.execute(TAKEN).fetchone()[0]
            right += taken - least < 1e-9
    return demand, right, SAMPLED


def _say_goals(results: Results, scanned: dict[str, int], exact: Sequence[tuple[str, int, int]], over: int) -> None:
    """Each goal and whether this run met it."""
    lines = []
    for demand in DEMANDS:
        alone, many = results[RULED, demand, 1], results[RULED, demand, 32]
        gain = many.per_second / alone.per_second if alone.per_second else float("nan")
        times = many.p99_ms / results[PLAIN, demand, 32].p99_ms
        lines += [
            (alone.p99_ms < 5, f"{demand}: p99 at one connection {alone.p99_ms:.2f} ms, goal under 5"),
            (many.p99_ms < 50, f"{demand}: p99 at 32 connections {many.p99_ms:.2f} ms, goal under 50"),
            (times <= AT_MOST, f"{demand}: p99 at 32 connections {times:.2f} times that without rules, goal {AT_MOST}"),
            (gain >= 1.2, f"{demand}: throughput at 32 is {gain:.2f} times that at 1, goal 1.2"),
        ]
    scans = ", ".join(f"{table} {count}" for table, count in sorted(scanned.items()))
    lines.append((not any(scanned.values()), f"sequential scans of big tables: {scans}"))
    lines += [(right == of, f"{demand}: {right} of {of} choices took the least loaded") for demand, right, of in exact]
    lines.append((over == 0, f"{over} providers over capacity"))
    for met, line in lines:
        print(f"{'met   ' if met else 'MISSED'}  {line}")


def _rows(conninfo: str, query: str) -> list[tuple]:
    with psycopg.connect(conninfo) as connection:
        return connection.execute(query).fetchall()


if __name__ == "__main__":
    main()
