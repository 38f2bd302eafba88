"""The backfill beside one list after another and stripe-sync-engine's, from the same sandbox, whose answers take as
long as Stripe's.

`BENCH_DAYS` (of history), `BENCH_DELAYS` (seconds a page takes at Stripe) and `BENCH_ROUNDS` choose the size. Each way
has its run in each round, into an empty database; what is printed are medians. stripe-sync-engine is installed by npm
for the run (`BENCH_PEER=0` leaves it out). The last lines are the backfill while webhooks arrive, and those webhooks
without it.
"""

import logging
import math
import os
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import httpx
import psutil
import psycopg
import structlog
import uvloop
from rich.console import Console
from rich.table import Table

from benchmarks import sync_engine
from benchmarks.webhook_traffic import Run, post_all, sample_events, signed_requests
from benchmarks.webhooks import APPS, OURS, PEER, WITH_PEER, serving
from core.db import embedded
from core.db.deploy import deploy
from core.db.via_psycopg import PsycopgDatabase
from core.events.registry import READING_ERRORS, Records, Snapshot, merged
from core.events.repair import backfill
from core.events.repair.sources import FETCHED, Source
from core.periods import wall_clock
from core.sandbox import process
from core.sandbox.seed import seed_sandbox
from core.stripe_gateway import StripeGateway

DAYS = int(os.environ.get("BENCH_DAYS", "120"))
DELAYS = [float(each) for each in os.environ.get("BENCH_DELAYS", "0.05,0.3").split(",")]
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "1"))
WEBHOOKS_A_SECOND = 100
LISTS = tuple(source.name for source in backfill.SOURCES)
TABLES = [f"payops.{source.table}" for source in backfill.SOURCES]
# What stripe-sync-engine lists, of what the sandbox has, and its tables.
PEER_LISTS = {
    "product": "products",
    "price": "prices",
    "customer": "customers",
    "subscription": "subscriptions",
    "invoice": "invoices",
    "charge": "charges",
    "payment_intent": "payment_intents",
    "dispute": "disputes",
    "early_fraud_warning": "early_fraud_warnings",
    "refund": "refunds",
    "checkout_sessions": "checkout_sessions",
}
Way = Callable[[PsycopgDatabase, StripeGateway], None]


def one_after_another(db: PsycopgDatabase, stripe: StripeGateway) -> None:
    """As the backfill was before: a page is asked for when the one before it is mirrored."""
    for source in backfill.SOURCES:
        after: dict[str, Any] = {}
        more = True
        while more:
            expand = {"expand": [f"data.{each}" for each in source.expand]} if source.expand else {}
            objects, more = stripe.page(source.path, **dict(source.params), **expand, **after)
            db.call("load_records", records=merged(_records(source, each) for each in objects))
            after = {"starting_after": objects[-1]["id"]} if objects else {}
    db.call("analyze_tables")


def _records(source: Source, found: dict[str, Any]) -> Records:
    try:
        as_of = wall_clock().replace(microsecond=0)
        return source.projection(Snapshot(found, as_of, FETCHED, livemode=False)) if source.mirrored(found) else {}
    except READING_ERRORS:
        return {}


def at_once(per_second: float) -> Way:
    def run(db: PsycopgDatabase, stripe: StripeGateway) -> None:
        backfill.run(db, stripe, clock=wall_clock, livemode=False, only=LISTS, requests_per_second=per_second)

    return run


WAYS: dict[str, Way] = {
    "one after another": one_after_another,
    "20 a second": at_once(20),
    "80 a second": at_once(80),
}


class Bench:
    """The sandbox and what is measured against it."""

    def __init__(self, folder: Path):
        self._folder = folder
        self._shop = folder / "shop"
        seed_sandbox(self._shop, days=DAYS)
        self.address = process.ensure_running(self._shop)
        self._number = 0
        self._engine: Path | None = None

    def close(self) -> None:
        process.stop(self._shop)

    def delay(self, seconds: float) -> None:
        with httpx.Client(base_url=self.address.base_url) as sandbox:
            sandbox.delete("/sandbox/faults").raise_for_status()
            fault = {"path": "/v1/", "method": "GET", "delay_seconds": seconds, "count": 10**9}
            sandbox.post("/sandbox/faults", json=fault).raise_for_status()

    def filled(self, way: Way) -> tuple[int, float, float]:
        """The objects that were mirrored into an empty database, the seconds, and the CPU of payops and Postgres."""
        with self._database() as (folder, db):
            return self._timed(folder, self._ours(db, way), TABLES)

    def filled_by_peer(self) -> tuple[int, float, float]:
        """The same of stripe-sync-engine."""
        if not self._engine:
            self._engine = sync_engine.install(self._folder)
        place = self._engine
        with self._database() as (folder, _):
            conninfo = embedded.ensure_running(folder).owner_conninfo
            sync_engine.make_tables(place, conninfo)

            def run() -> None:
                base, key = self.address.base_url, self.address.secret_key
                sync_engine.backfill(place, conninfo, base=base, key=key, objects=tuple(PEER_LISTS))

            return self._timed(folder, run, [f"stripe.{each}" for each in PEER_LISTS.values()])

    def beside_webhooks(self, way: Way | None, seconds: float = 20) -> tuple[float, Run]:
        """Objects a second while webhooks arrive, and how these were answered."""
        samples = sample_events()
        with self._database() as (folder, db), serving(APPS[OURS], folder, 1, psutil.Process()) as server:
            requests = list(signed_requests(samples, int(WEBHOOKS_A_SECOND * seconds)))
            answers: list[Run] = []

            def post() -> None:
                answers.append(uvloop.run(post_all(server.port, requests, rate=WEBHOOKS_A_SECOND)))

            posting = threading.Thread(target=post)
            posting.start()
            rate = 0.0
            if way:
                count, took, _ = self._timed(folder, self._ours(db, way), TABLES)
                rate = count / took
            posting.join()
        return rate, answers[0]

    def _ours(self, db: PsycopgDatabase, way: Way) -> Callable[[], None]:
        stripe = StripeGateway(self.address.secret_key, api_base=self.address.base_url, record=lambda _: None)
        return lambda: way(db, stripe)

    def _timed(self, folder: Path, run: Callable[[], None], tables: Sequence[str]) -> tuple[int, float, float]:
        server = embedded.ensure_running(folder)
        postgres = psutil.Process(int((server.pgdata / "postmaster.pid").read_text().split()[0]))
        started, before = time.monotonic(), _cpu(postgres)
        run()
        took, used = time.monotonic() - started, _cpu(postgres) - before
        with psycopg.connect(server.owner_conninfo) as owner:
            counts = [owner.execute(f"select count(*) from {table}".encode()).fetchone() for table in tables]
        return sum(each[0] for each in counts if each), took, used

    def _database(self) -> "_Fresh":
        self._number += 1
        return _Fresh(self._folder / f"db{self._number}")


class _Fresh:
    """An empty database, and the app's way to it."""

    def __init__(self, folder: Path):
        self._folder = folder

    def __enter__(self) -> tuple[Path, PsycopgDatabase]:
        server = embedded.ensure_running(self._folder)
        deploy(server.owner_conninfo)
        embedded.allow_app_login(server)
        self._db = PsycopgDatabase(server.app_conninfo, direct=True)
        return self._folder, self._db

    def __exit__(self, *_: object) -> None:
        self._db.close()
        embedded.remove(self._folder)


def _cpu(postgres: psutil.Process) -> float:
    ours, theirs = psutil.Process().cpu_times(), postgres.cpu_times()
    backends = [each.cpu_times() for each in postgres.children()]
    used = (
        ours.user
        + ours.system
        + ours.children_user
        + ours.children_system
        + theirs.children_user
        + theirs.children_system
    )
    return float(used + sum(each.user + each.system for each in backends))


def main() -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))  # no line for each call
    with tempfile.TemporaryDirectory(prefix="payops-bench-") as folder:
        bench = Bench(Path(folder))
        try:
            _compare(bench)
        finally:
            bench.close()


def _compare(bench: Bench) -> None:
    heads = ("a page takes", "way", "objects", "seconds", "objects/s", "to one after another", "to sync-engine")
    table = Table(*heads, "CPU ms an object", "to sync-engine")
    for delay in DELAYS:
        bench.delay(delay)
        runs: dict[str, list[tuple[int, float, float]]] = {}
        for _ in range(ROUNDS):
            for name, way in WAYS.items():
                runs.setdefault(name, []).append(bench.filled(way))
            if WITH_PEER:
                runs.setdefault(PEER, []).append(bench.filled_by_peer())
        rates = {name: median(count / took for count, took, _ in each) for name, each in runs.items()}
        cpus = {name: median(1000 * used / count for count, _, used in each) for name, each in runs.items()}
        for name, each in runs.items():
            seconds = f"{median(took for _, took, _ in each):.1f}"
            ratios = [rates[name] / rates["one after another"], rates[name] / rates.get(PEER, math.nan)]
            of_cpu = cpus[name] / cpus.get(PEER, math.nan)
            shown = [f"{rates[name]:,.0f}", *(f"{ratio:.1f}" for ratio in ratios), f"{cpus[name]:.2f}", f"{of_cpu:.2f}"]
            table.add_row(f"{delay} s", name, f"{each[0][0]:,}", seconds, *shown)
    Console(width=140).print(table)
    beside = Table("webhooks", "backfill", "objects/s", "answered p50 ms", "p99 ms")
    for name in ("none", "20 a second", "80 a second"):
        rate, run = bench.beside_webhooks(WAYS.get(name))
        waits = [f"{run.percentile_ms(share):.1f}" for share in (0.5, 0.99)]
        beside.add_row(f"{WEBHOOKS_A_SECOND} a second", name, f"{rate:,.0f}", *waits)
    Console(width=140).print(beside)


if __name__ == "__main__":
    main()
