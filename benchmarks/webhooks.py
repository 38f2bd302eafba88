"""Signed events a second, verified, stored, projected, applied and committed, beside two floors of the same server and
stripe-sync-engine, which npm installs for the run.

A run of ours ends when its last event is applied; `visible` is how long after its arrival 99 of 100 events were.

`BENCH_EVENTS` (a run's), `BENCH_INBOX` (events already there; 0 measures the empty inbox alone),
`BENCH_WORKERS` (such as `1,2`) and `BENCH_ROUNDS` choose the size; `BENCH_PEER=0` leaves stripe-sync-engine out.
Every server, on the empty inbox and on the full one, has its run in each round, since a machine's speed changes within
minutes: what is printed are medians over the rounds, and a ratio is between two runs of one round. stripe-sync-engine's
best is the quicker of its runs with one and with more workers; no inbox slows it, since it keeps none.
`python -m benchmarks.webhooks memory` posts `BENCH_MEMORY_EVENTS` to one worker and prints what memory it has.
"""

import gc
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from statistics import median
from typing import Any
from urllib.error import URLError

import psutil
import psycopg
import uvloop
from rich.console import Console
from rich.table import Table

from benchmarks import sync_engine
from benchmarks.webhook_traffic import CONNECTIONS, DUPLICATES, SECRET, Run, post_all, sample_events, signed_requests
from core.db import embedded
from core.db.deploy import deploy

EVENTS = int(os.environ.get("BENCH_EVENTS", "12000"))
FULL_INBOX = int(os.environ.get("BENCH_INBOX", "1000000"))
WORKERS = [int(each) for each in os.environ.get("BENCH_WORKERS", "1,2").split(",")]
MEMORY_EVENTS = int(os.environ.get("BENCH_MEMORY_EVENTS", "200000"))
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "3"))
OF_PEAK = 0.7
Place = tuple[int, int, str]  # inbox, workers, server
VERIFY, INSERT, OURS, PEER = "verify (floor)", "insert (floor)", "payops", "stripe-sync-engine"
APPS = {
    VERIFY: "benchmarks.webhook_floors:verifying",
    INSERT: "benchmarks.webhook_floors:inserting",
    OURS: "core.api.app:app",
}
WITH_PEER = os.environ.get("BENCH_PEER", "1") == "1"


@dataclass(frozen=True)
class Server:
    """One of the servers as it runs: its port, its processes, and Postgres."""

    port: int
    process: psutil.Process
    postgres: psutil.Process
    conninfo: str

    def cpu_seconds(self) -> tuple[float, float]:
        """What the server's processes and Postgres's have used; a busy neighbour changes it less than the clock."""
        workers = [self.process, *self.process.children(recursive=True)]
        backends = [self.postgres, *self.postgres.children()]
        ended = self.postgres.cpu_times()
        return (
            sum(_used(each) for each in workers),
            sum(_used(each) for each in backends) + ended.children_user + ended.children_system,
        )

    def resident_bytes(self) -> int:
        return sum(each.memory_info().rss for each in [self.process, *self.process.children(recursive=True)])


@dataclass(frozen=True)
class Measured:
    """A run's events a second, its waits in ms (p50, p95, p99 at full speed, then eased), its CPU in µs an event, how
    busy the machine was, and the 99th percentile of when its events were applied, in ms.
    """

    rate: float
    waits: list[float]
    cpu: list[float]
    busy: float
    visible: float


def _used(process: psutil.Process) -> float:
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    return float(times.user + times.system)


def main() -> None:
    gc.freeze()
    samples = sample_events()
    with tempfile.TemporaryDirectory(prefix="payops-bench-") as folder:
        if "memory" in sys.argv:
            with database(Path(folder), 0) as postgres:
                measure_memory(Path(folder), postgres, samples)
        else:
            compare(Path(folder), samples)


def compare(folder: Path, samples: Sequence[dict[str, Any]]) -> None:
    """One table over the inboxes, the numbers of workers and the servers."""
    inboxes = list(dict.fromkeys((0, FULL_INBOX)))
    runs: dict[Place, list[Measured]] = {}
    names = [*APPS, PEER] if WITH_PEER else [*APPS]
    engine = sync_engine.install(folder) if WITH_PEER else folder
    with ExitStack() as opened:
        databases = {inbox: opened.enter_context(database(folder / str(inbox), inbox)) for inbox in inboxes}
        for _, workers, inbox, name in product(range(ROUNDS), WORKERS, inboxes, names):
            if name == PEER and inbox != inboxes[0]:
                continue
            at = folder / str(inbox)
            with serving(APPS.get(name), at, workers, databases[inbox], engine=engine) as server:
                runs.setdefault((inbox, workers, name), []).append(measure(server, samples))
            latest = runs[inbox, workers, name][-1]
            print(f"{name}, inbox {inbox:,}, {workers} workers: {latest.rate:,.0f} events/s", flush=True)
    best = [max(each, key=lambda run: run.rate) for each in zip(*_runs_of(runs, PEER), strict=True)]
    table = Table(
        "inbox",
        "workers",
        "server",
        "events/s",
        "to insert",
        "to empty",
        "to sync-engine",
        "p50",
        "p95",
        "p99 ms",
        f"at {OF_PEAK:.0%}: p50",
        "p95",
        "p99 ms",
        "CPU µs an event: server",
        "Postgres",
        "busy",
        "visible ms",
        title=f"{EVENTS:,} signed events of ten types, {CONNECTIONS} connections, {DUPLICATES:.0%} duplicates;"
        f" medians of {ROUNDS}",
    )
    for (inbox, workers, name), here in sorted(runs.items(), key=lambda each: each[0][:2]):
        floor = runs[inbox, workers, INSERT]
        ratios = [_ratio(here, there) if there else "" for there in (floor, runs[inboxes[0], workers, name], best)]
        figures = [f"{median(each):.1f}" for each in zip(*(run.waits for run in here), strict=True)]
        used = [f"{median(each):.0f}" for each in zip(*(run.cpu for run in here), strict=True)]
        rate = f"{median(run.rate for run in here):,.0f}"
        rest = [f"{median(run.busy for run in here):.0%}", f"{median(run.visible for run in here):,.0f}"]
        table.add_row(f"{inbox:,}", str(workers), name, rate, *ratios, *figures, *used, *rest)
    Console(width=200).print(table)


def _runs_of(runs: dict[Place, list[Measured]], server: str) -> list[list[Measured]]:
    return [here for (_, _, name), here in runs.items() if name == server]


def _ratio(here: Sequence[Measured], there: Sequence[Measured]) -> str:
    return f"{median(one.rate / other.rate for one, other in zip(here, there, strict=True)):.2f}"


def measure(server: Server, samples: Sequence[dict[str, Any]]) -> Measured:
    """At full speed, then at a share of what was the peak. The requests are made before, while nothing is measured."""
    posted(server, samples, 500)
    requests = list(signed_requests(samples, EVENTS))
    before, started = server.cpu_seconds(), time.time()
    psutil.cpu_percent()
    full = uvloop.run(post_all(server.port, requests))
    busy, ended = psutil.cpu_percent() / 100, time.monotonic()
    visible = applied(server, started)
    rate = EVENTS / (EVENTS / full.rate + time.monotonic() - ended)
    used = [1e6 * (now - then) / EVENTS for now, then in zip(server.cpu_seconds(), before, strict=True)]
    eased = posted(server, samples, EVENTS // 2, rate=OF_PEAK * full.rate)
    waits = [run.percentile_ms(share) for run in (full, eased) for share in (0.5, 0.95, 0.99)]
    return Measured(rate, waits, used, busy, visible)


def applied(server: Server, since: float) -> float:
    """Wait until every event is applied; how long 99 of 100 of those since then took to be, in ms."""
    with psycopg.connect(server.conninfo, autocommit=True) as connection:
        while connection.execute("select from payops.recorded_batches limit 1").fetchone():
            time.sleep(0.005)
        found = connection.execute(
            "select 1000 * percentile_cont(0.99) within group"
            " (order by extract(epoch from h.handled_at - e.received_at))"
            " from payops.events as e join payops.event_handlings as h on h.event_id = e.id"
            " where e.received_at >= to_timestamp(%s)",
            (since,),
        ).fetchone()
    return float(found[0] or 0) if found else 0.0


def measure_memory(folder: Path, postgres: psutil.Process, samples: Sequence[dict[str, Any]]) -> None:
    step = MEMORY_EVENTS // 10
    with serving(APPS[OURS], folder, 1, postgres) as server:
        posted(server, samples, 2_000)  # whatever is made once is made
        for done in range(0, MEMORY_EVENTS + 1, step):
            print(f"{done:>9,} events: {server.resident_bytes() / 2**20:.1f} MiB", flush=True)
            if done < MEMORY_EVENTS:
                posted(server, samples, step)


def posted(server: Server, samples: Sequence[dict[str, Any]], count: int, *, rate: float | None = None) -> Run:
    requests = list(signed_requests(samples, count))
    return uvloop.run(post_all(server.port, requests, rate=rate))


@contextmanager
def serving(
    app: str | None, folder: Path, workers: int, postgres: psutil.Process, *, engine: Path | None = None
) -> Iterator[Server]:
    """The server of an app; without one stripe-sync-engine, which is installed in `engine`."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    conninfo = embedded.ensure_running(folder).owner_conninfo
    environment = os.environ | {
        "BENCH_SECRET": SECRET,
        "BENCH_CONNINFO": conninfo,
        "STRIPE_WEBHOOK_SECRETS": SECRET,
        "DATA_DIR": str(folder),
    }
    if app is None:
        assert engine
        sync_engine.make_tables(engine, conninfo)
        process = sync_engine.serve(engine, conninfo, port=port, workers=workers, secret=SECRET)
    else:
        command = [sys.executable, "-m", "uvicorn", app, "--port", str(port), "--workers", str(workers)]
        quiet = ["--http", "core.http_protocol:BoundedHttp", "--no-access-log", "--log-level", "warning"]
        process = subprocess.Popen([*command, *quiet], env=environment)
    try:
        _await_answer(port)
        time.sleep(1.5 * workers)  # the other workers
        yield Server(port, psutil.Process(process.pid), postgres, conninfo)
    finally:
        process.terminate()
        process.wait(20)


def _await_answer(port: int) -> None:
    for _ in range(600):
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/livez", timeout=1)
        except URLError as error:
            if getattr(error, "code", None) == 404:
                return
            time.sleep(0.05)
        else:
            return
    raise AssertionError("the server did not answer")


@contextmanager
def database(folder: Path, inbox: int) -> Iterator[psutil.Process]:
    """An embedded Postgres whose inbox, and the floor's, hold `inbox` events already."""
    server = embedded.ensure_running(folder)
    deploy(server.owner_conninfo)
    embedded.allow_app_login(server)
    with psycopg.connect(server.owner_conninfo, autocommit=True) as connection:
        connection.execute("create table if not exists floor_inbox (id text primary key, payload jsonb not null)")
        if inbox:
            connection.execute(
                "insert into payops.events (id, type, created, received_at, livemode, object_id, payload, body_sha256)"
                " select 'evt_' || md5(n::text), 'charge.succeeded', now() - n * interval '1 "
                "second', now() - n * interval"
                " '1 second', false, 'ch_' || n, '{}', '' from generate_series(1, %s) n",
                (inbox,),
            )
            connection.execute(
                "insert into payops.event_handlings (event_id, outcome, handled_at)"
                " select 'evt_' || md5(n::text), 'applied', now() from generate_series(1, %s) as n",
                (inbox,),
            )
            connection.execute(
                "insert into floor_inbox select 'evt_' || md5(n::text), '{}' from generate_series(1, %s) as n", (inbox,)
            )
            connection.execute("vacuum analyze payops.events, payops.event_handlings, floor_inbox")
        connection.execute("checkpoint")
    try:
        yield psutil.Process(int((server.pgdata / "postmaster.pid").read_text().split()[0]))
    finally:
        embedded.remove(folder)


if __name__ == "__main__":
    main()
