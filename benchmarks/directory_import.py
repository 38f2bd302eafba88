"""How long a company's own CSV takes to become the directory: read and checked, tried, imported, imported again.

`python -m benchmarks.directory_import [--providers 100000]`; one provider in 20 is a nurse whose home licence gives
privileges in every member state, so that 20,000 licences become some 220,000 more.
"""

import argparse
import csv
import io
import resource
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import psycopg

from benchmarks.provider_files import npis
from core.db import embedded
from core.db.deploy import deploy
from core.db.time_limits import REPORT
from core.db.via_psycopg import PsycopgDatabase
from core.providers import directory, files
from core.staff.roles import commandline_actor

NOW = datetime(2026, 11, 24, 15, 0, tzinfo=UTC)
SPECIALTIES = ("general_practice", "dermatology", "mental_health", "womens_health", "mens_health")
STATES = ("TX", "CA", "NY", "FL", "AZ", "OH", "WA", "ME")
NURSES = 20
Result = TypeVar("Result")


def company_csv(providers: int) -> bytes:
    """The file as a company would export it: four licences each, dates as Excel writes them."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(files.COLUMNS)
    for number, npi in enumerate(npis(providers)):
        held = (STATES[(number + place) % len(STATES)] for place in range(4))
        licences = ";".join(f"{state}:{state}{number}:12/31/2027 0:00" for state in held)
        specialty = SPECIALTIES[number % len(SPECIALTIES)]
        writer.writerow((f"Provider {number}", f"p{number}@example.com", npi, "TRUE", 50, specialty, licences))
    return out.getvalue().encode("utf-8-sig")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--providers", type=int, default=100_000)
    asked = parser.parse_args()
    content = company_csv(asked.providers)
    with tempfile.TemporaryDirectory(prefix="payops-benchmark-") as folder:
        server = embedded.ensure_running(Path(folder))
        try:
            deploy(server.owner_conninfo)
            _measure(server.owner_conninfo, content, asked.providers)
        finally:
            embedded.remove(Path(folder))


def _measure(conninfo: str, content: bytes, providers: int) -> None:
    db, actor = PsycopgDatabase(conninfo, limits=REPORT), commandline_actor()
    known = directory.vocabulary(db)
    read = _timed("read and checked", lambda: files.read_file(content, known, directory.identities(db)))
    assert not read.problems
    documents = list(read.documents)
    _timed("tried", lambda: directory.put(db, actor, documents, NOW, trial=True))
    _timed("imported", lambda: directory.put(db, actor, documents, NOW))
    _timed("imported again, nothing changed", lambda: directory.put(db, actor, documents, NOW))
    with psycopg.connect(conninfo, autocommit=True) as owner:
        owner.execute("update payops.compact_members set verified_on = '2026-11-01' where compact = 'NLC'")
        nurses = owner.execute(
            "select p.id, p.npi, l.state from payops.providers as p cross join lateral (select min(h.state) as state"
            " from payops.licences as h join payops.compact_members as m on m.compact = 'NLC' and m.state = h.state"
            f" where h.provider_id = p.id) as l where l.state is not null and hashtext(p.id) % {NURSES} = 0"
        ).fetchall()
        owner.execute("vacuum analyze")
    homes: list = [
        {"id": who, "licences": [{"state": state, "compact": "NLC", "expires_on": "2027-12-31"}]}
        for who, _, state in nurses
    ]
    _timed(f"{len(homes):,} home licences", lambda: directory.put(db, actor, homes, NOW, reason="home licences"))
    with psycopg.connect(conninfo) as owner:
        [(derived,)] = owner.execute(
            "select count(*) from payops.licences where home_licence_id is not null"
        ).fetchall()
    print(f"{providers:,} providers, {derived:,} privileges follow; {_memory_mb():,.0f} MB here at most")


def _timed(what: str, work: Callable[[], Result]) -> Result:
    started = time.monotonic()
    done = work()
    print(f"{what}: {time.monotonic() - started:.1f} s", flush=True)
    return done


def _memory_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
