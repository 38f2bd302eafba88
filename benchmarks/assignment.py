"""How fast a consultation finds its provider, at the size of a country, beside two simpler ways in the same run.

`python benchmarks/assignment.py [--providers 100000] [--consultations 1000000] [--seconds 10]`
"""

import argparse
import random
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psycopg

from core.db import embedded
from core.db.deploy import deploy
from core.db.via_psycopg import PsycopgDatabase
from core.errors import PayopsError

NOW = datetime(2026, 11, 24, 15, 0, tzinfo=UTC)
SPECIALTIES = ("general_practice", "dermatology", "mental_health", "womens_health", "mens_health")
RULES = (
    # one provider in 50 is excluded; one in 20 has a home licence of a compact; a third have hours, an eighth time off
    "update payops.providers set blocked_reason = 'Excluded.' where hashtext(id) %% 50 = 0",
    "update payops.compact_members set verified_on = '2026-11-01' where compact = 'NLC'",
    "update payops.licences l set compact = 'NLC' from (select min(l.id) as id from payops.licences l"
    " join payops.compact_members m on m.compact = 'NLC' and m.state = l.state"
    " where hashtext(l.provider_id) %% 20 = 1 group by l.provider_id) h where h.id = l.id",
    "select payops.derive_licences(array(select l.provider_id from payops.licences l where l.compact = 'NLC'), now())",
    "insert into payops.provider_schedules (provider_id, zone) select id, 'America/Chicago' from payops.providers"
    " where hashtext(id) %% 3 = 2 or hashtext(id) %% 8 = 1",
    "insert into payops.provider_hours (provider_id, weekday, opens, closes) select s.provider_id, d, time '00:00',"
    " time '00:00' from payops.provider_schedules s, generate_series(1, 7) d where hashtext(s.provider_id) %% 3 = 2",
    "insert into payops.provider_time_off (provider_id, first_day, last_day) select provider_id, current_date - 3,"
    " current_date + 3 from payops.provider_schedules where hashtext(provider_id) %% 8 = 1",
    "select count(payops.settle_schedule(provider_id, now())) from payops.provider_schedules",
)
FILL = (
    # capacity 50; one specialty; one to seven licences, 400,000 in all for 100,000 providers
    "select setseed(0.5)",
    "insert into payops.providers (id, name, active, capacity, specialties, created_at, updated_at)"
    " select 'p' || lpad(n::text, 6, '0'), 'P ' || n, true, 50, array[(%(specialties)s::text[])[1 + n %% 5]],"
    " %(now)s, %(now)s from generate_series(1, %(providers)s) as n",
    "insert into payops.licences (provider_id, state, status, valid_from, valid_until)"
    " select p.id, s.code, 'active', '-infinity', 'infinity' from payops.providers p cross join lateral"
    " (select code from payops.states order by md5(code || p.id) limit 1 + abs(hashtext(p.id)) %% 7) s",
    "vacuum analyze payops.licences",
    *RULES,
    "insert into payops.consultations (submission_id, body_sha256, patient_id, state, specialty, received_at, status,"
    " provider_id, reason, ended_at) select 'old-' || n, '', 'patient-' || n %% 300000, "
    "'TX', 'dermatology', %(now)s - interval '1 year',"
    " 'completed', 'p' || lpad((1 + n %% %(providers)s)::text, 6, '0'), '', %(now)s"
    " from generate_series(1, %(consultations)s) as n",
    "select payops.rewrite_availability(variadic array(select id from payops.providers))",
    "vacuum analyze",  # which autovacuum would do meanwhile
    "checkpoint",
)
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
DEMANDS = ("spread", "hot")
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
    parsed.add_argument("--seconds", type=float, default=10)
    asked = parsed.parse_args()
    with tempfile.TemporaryDirectory(prefix="payops-benchmark-") as folder:
        server = embedded.ensure_running(Path(folder))
        try:
            deploy(server.owner_conninfo)
            _fill(server.owner_conninfo, asked.providers, asked.consultations)
            exact = [_least_loaded(server.owner_conninfo, demand) for demand in DEMANDS]
            results, scanned = _measure_all(server.owner_conninfo, asked.seconds)
            over = _rows(server.owner_conninfo, "select count(*) from payops.providers where pending > capacity")
            _say_goals(results, scanned, exact, over[0][0])
        finally:
            embedded.remove(Path(folder))


def _fill(conninfo: str, providers: int, consultations: int) -> None:
    values = {"providers": providers, "consultations": consultations, "now": NOW, "specialties": list(SPECIALTIES)}
    started = time.monotonic()
    with psycopg.connect(conninfo, autocommit=True) as connection:
        for statement in FILL:
            connection.execute(statement, values)
    print(f"{providers:,} providers and {consultations:,} consultations in {time.monotonic() - started:.0f} s")


def _measure_all(conninfo: str, seconds: float) -> tuple[Results, dict[str, int]]:
    """Each way with each demand; and the sequential scans of big tables while ours was measured."""
    results: Results = {}
    scanned: dict[str, int] = {}
    print(f"{'way':<12}{'demand':<8}{'conns':>6}{'per s':>9}{'p50 ms':>9}{'p99 ms':>9}{'errors':>8}")
    for way, work in (("payops", _payops), ("naive", _naive), ("fetch all", _fetch_all)):
        before = _scans(conninfo)
        for demand in DEMANDS:
            for connections in (1, 32):
                took, errors = _measure(conninfo, work, demand, connections, seconds)
                p99 = sorted(took)[int(len(took) * 0.99)] if took else float("nan")
                p50 = statistics.median(took) if took else float("nan")
                found = Measured(len(took) / seconds, p50, p99, errors)
                results[way, demand, connections] = found
                print(
                    f"{way:<12}{demand:<8}{connections:>6}{found.per_second:>9.0f}{p50:>9.2f}{p99:>9.2f}{errors:>8}",
                    flush=True,
                )
        if way == "payops":
            scanned = {table: scans - before[table] for table, scans in _scans(conninfo).items()}
    return results, scanned


def _scans(conninfo: str) -> dict[str, int]:
    time.sleep(1.5)  # a session tells of its scans once a second, and when it ends
    found = "select relname, seq_scan from pg_stat_user_tables where schemaname = 'payops' and relname = any(%s)"
    with psycopg.connect(conninfo) as connection:
        return dict(connection.execute(found, (list(BIG_TABLES),)).fetchall())


def _measure(
    conninfo: str, make: Callable[[str], Work], demand: str, connections: int, seconds: float
) -> tuple[list[float], int]:
    """Milliseconds of each assignment that ended within the time, and how many were refused.

    The clock starts when each connection has made its first ones: a pool's connections were opened long ago.
    """
    took: list[float] = []
    errors: list[Exception] = []
    states = [row[0] for row in _rows(conninfo, "select code from payops.states order by code")]
    warm = threading.Barrier(connections)

    def run(seed: int) -> None:
        choose, work = random.Random(seed), make(conninfo)

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
    return took, len(errors)


def _payops(conninfo: str, patients: str = "patient") -> Work:
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

    return assign


def _naive(conninfo: str) -> Work:
    connection = psycopg.connect(conninfo, autocommit=True)
    return lambda state, specialty: connection.execute(NAIVE, (specialty, state)) and None


def _fetch_all(conninfo: str) -> Work:
    connection = psycopg.connect(conninfo, autocommit=True)

    def assign(state: str, specialty: str) -> None:
        found = connection.execute(FETCH_ALL, (specialty, state)).fetchall()
        connection.execute(TAKE, (min(found, key=lambda row: (row[1], row[0]))[0],))

    return assign


def _least_loaded(conninfo: str, demand: str) -> tuple[str, int, int]:
    """Of some choices, how many took somebody than whom nobody eligible
    was less loaded, looked up in the plain tables.
    """
    choose, assign = random.Random(demand), _payops(conninfo, "new patient")
    states = [row[0] for row in _rows(conninfo, "select code from payops.states order by code")]
    right = 0
    with psycopg.connect(conninfo, autocommit=True) as connection:
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
        alone, many = results["payops", demand, 1], results["payops", demand, 32]
        gain = many.per_second / alone.per_second if alone.per_second else float("nan")
        lines += [
            (alone.p99_ms < 5, f"{demand}: p99 at one connection {alone.p99_ms:.2f} ms, goal under 5"),
            (many.p99_ms < 50, f"{demand}: p99 at 32 connections {many.p99_ms:.2f} ms, goal under 50"),
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
