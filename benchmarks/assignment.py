"""How fast a consultation finds its provider, at the size of a country, beside two simpler ways in the same run.

`python benchmarks/assignment.py [--providers 100000] [--consultations 1000000] [--seconds 10]`
"""

import argparse
import random
import statistics
import tempfile
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import psycopg

from core.db import embedded
from core.db.deploy import deploy
from core.db.via_psycopg import PsycopgDatabase
from core.errors import PayopsError

NOW = datetime(2026, 11, 24, 15, 0, tzinfo=UTC)
SPECIALTIES = ("general_practice", "dermatology", "mental_health", "womens_health", "mens_health")
FILL = (
    # capacity 50; one or two specialties; one to twenty licences
    "select setseed(0.5)",
    "insert into payops.providers (id, name, active, capacity, specialties, created_at, updated_at)"
    " select 'p' || lpad(n::text, 6, '0'), 'P ' || n, true, 50, array[(%(specialties)s::text[])[1 + n %% 5]],"
    " %(now)s, %(now)s from generate_series(1, %(providers)s) as n",
    "insert into payops.licences (provider_id, state, status, valid_from, valid_until)"
    " select p.id, s.code, 'active', '-infinity', 'infinity' from payops.providers p cross join lateral"
    " (select code from payops.states order by md5(code || p.id) limit 1 + abs(hashtext(p.id)) %% 20) s",
    "insert into payops.consultations (submission_id, body_sha256, patient_id, state, specialty, received_at, status,"
    " provider_id, reason, ended_at) select 'old-' || n, '', 'p', 'TX', 'dermatology', %(now)s - interval '1 year',"
    " 'completed', 'p' || lpad((1 + n %% %(providers)s)::text, 6, '0'), '', %(now)s"
    " from generate_series(1, %(consultations)s) as n",
    "insert into payops.openings (provider_id, licence_id, specialty, state, load, idle_since, valid_from, valid_until)"
    " select p.id, l.id, s.code, l.state, 0, '-infinity', l.valid_from, l.valid_until from payops.providers p"
    " join payops.licences l on l.provider_id = p.id cross join unnest(p.specialties) s (code)",
    "analyze",
)
NAIVE = (
    "with chosen as (select p.id from payops.providers p where p.active and p.pending < p.capacity and %s = any(p.specialties)"
    " and exists (select from payops.licences l where l.provider_id = p.id and l.state = %s and l.valid_until > now())"
    " order by p.pending limit 1 for update) update payops.providers set pending = pending + 1 from chosen"
    " where providers.id = chosen.id"
)
FETCH_ALL = (
    "select p.id, p.pending from payops.providers p join payops.licences l on l.provider_id = p.id"
    " where p.active and p.pending < p.capacity and %s = any(p.specialties) and l.state = %s and l.valid_until > now()"
)
TAKE = "update payops.providers set pending = pending + 1 where id = %s and pending < capacity"
Work = Callable[[str, str], None]


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
            _measure_all(server.owner_conninfo, asked.seconds)
            _check(server.owner_conninfo)
        finally:
            embedded.remove(Path(folder))


def _fill(conninfo: str, providers: int, consultations: int) -> None:
    values = {
        "providers": providers,
        "consultations": consultations,
        "now": NOW,
        "specialties": list(SPECIALTIES),
    }
    started = time.monotonic()
    with psycopg.connect(conninfo, autocommit=True) as connection:
        for statement in FILL:
            connection.execute(statement, values)
    print(
        f"{providers:,} providers and {consultations:,} consultations in {time.monotonic() - started:.0f} s"
    )


def _measure_all(conninfo: str, seconds: float) -> None:
    print(f"{'way':<12}{'demand':<8}{'conns':>6}{'per s':>9}{'p50 ms':>9}{'p99 ms':>9}{'errors':>8}")
    for way, work in (("payops", _payops), ("naive", _naive), ("fetch all", _fetch_all)):
        for demand in ("spread", "hot"):
            for connections in (1, 32):
                took, errors = _measure(conninfo, work, demand, connections, seconds)
                p99 = sorted(took)[int(len(took) * 0.99)] if took else float("nan")
                p50 = statistics.median(took) if took else float("nan")
                rate = len(took) / seconds
                print(
                    f"{way:<12}{demand:<8}{connections:>6}{rate:>9.0f}{p50:>9.2f}{p99:>9.2f}{errors:>8}",
                    flush=True,
                )


def _measure(
    conninfo: str, make: Callable[[str], Work], demand: str, connections: int, seconds: float
) -> tuple[list[float], int]:
    """Milliseconds of each assignment that ended within the time, and how many were refused."""
    took: list[float] = []
    errors: list[Exception] = []
    states = [row[0] for row in _rows(conninfo, "select code from payops.states order by code")]
    ends = time.monotonic() + seconds

    def run(seed: int) -> None:
        choose, work = random.Random(seed), make(conninfo)
        while (started := time.monotonic()) < ends:
            hot = demand == "hot"
            try:
                work(
                    "TX" if hot else choose.choice(states),
                    "dermatology" if hot else choose.choice(SPECIALTIES),
                )
                took.append((time.monotonic() - started) * 1000)
            except (PayopsError, psycopg.Error) as error:
                errors.append(error)

    threads = [threading.Thread(target=run, args=(seed,)) for seed in range(connections)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return took, len(errors)


def _payops(conninfo: str) -> Work:
    db = PsycopgDatabase(conninfo, max_connections=1)

    def assign(state: str, specialty: str) -> None:
        submission = f"{threading.get_ident()}-{time.monotonic_ns()}"
        db.call(
            "submit_consultation", submission_id=submission, body_sha256="", patient_id="p", state=state,
            specialty=specialty, now=datetime.now(UTC),
        )  # fmt: skip

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


def _check(conninfo: str) -> None:
    """Whether the least loaded was picked: of each kept choice, the chosen against the best of its candidates."""
    ((chosen, least),) = _rows(
        conninfo,
        "select count(*), count(*) filter (where not exists (select from jsonb_array_elements(d.candidates -> 'items') c,"
        " jsonb_array_elements(d.candidates -> 'items') o where c ->> 'provider_id' = d.provider_id"
        " and (o ->> 'eligible')::boolean and (o ->> 'tier')::int <= (c ->> 'tier')::int"
        " and (o ->> 'pending')::int < (c ->> 'pending')::int))"
        " from payops.assignment_decisions d where d.provider_id is not null",
    )
    over = _rows(conninfo, "select count(*) from payops.providers where pending > capacity")[0][0]
    print(f"{least:,} of {chosen:,} choices had no less loaded candidate; {over} providers over capacity")


def _rows(conninfo: str, query: str) -> list[tuple]:
    with psycopg.connect(conninfo) as connection:
        return connection.execute(query).fetchall()


if __name__ == "__main__":
    main()
