"""A backfill of a million objects: its rate and memory, killed on the way and resumed, while webhooks arrive.

`BENCH_OBJECTS` (in all) and `BENCH_SECOND` (requests to Stripe a second) choose the size. Stripe is a small server that
makes each page from its number, so that it takes little of the machine; payops reads it through the real SDK.
"""

import argparse
import logging
import os
import resource
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import psutil
import psycopg
import structlog
import uvicorn
import uvloop
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from benchmarks.webhook_traffic import Run, post_all, sample_events, signed_requests
from benchmarks.webhooks import APPS, OURS, serving
from core.db import embedded
from core.db.deploy import deploy
from core.db.via_psycopg import PsycopgDatabase
from core.events.repair import backfill
from core.periods import wall_clock
from core.stripe_gateway import StripeGateway

OBJECTS = int(os.environ.get("BENCH_OBJECTS", "1000000"))
PER_SECOND = float(os.environ.get("BENCH_SECOND", "80"))
KILLED_AT = 0.4  # of the objects
WEBHOOKS_A_SECOND = 100
BEGAN, ENDED = (int(datetime(year, 1, 1, tzinfo=UTC).timestamp()) for year in (2025, 2026))
# Each list's share of the objects, and what the others call one of them.
LISTS = {
    "customers": (0.1, "cus_", "customer.created"),
    "payment_intents": (0.4, "pi_", "payment_intent.succeeded"),
    "charges": (0.4, "ch_", "charge.succeeded"),
    "invoices": (0.1, "in_", "invoice.paid"),
}


class Shop:
    """The lists of an account with so many objects, each made from its number."""

    def __init__(self, objects: int):
        self._samples = {event["type"]: event["data"]["object"] for event in sample_events()}
        self._counts = {name: int(share * objects) for name, (share, _, _) in LISTS.items()}

    async def page(self, request: Request) -> Response:
        """Newest first, as Stripe lists them."""
        name, asked = request.path_params["path"], request.query_params
        if name not in LISTS:
            return _json({"object": "list", "data": [], "has_more": False, "url": request.url.path})
        count = self._counts[name]
        first, last = 0, count - 1
        if "created[gte]" in asked:
            first = max(0, -(-(int(asked["created[gte]"]) - BEGAN) * count // (ENDED - BEGAN)))
        if "created[lt]" in asked:
            last = min(last, -(-(int(asked["created[lt]"]) - BEGAN) * count // (ENDED - BEGAN)) - 1)
        if after := asked.get("starting_after"):
            last = min(last, int(after.rpartition("_")[2]) - 1)
        until = max(first - 1, last - int(asked.get("limit", "10")))
        found = [self._object(name, n) for n in range(last, until, -1)]
        return _json({"object": "list", "data": found, "has_more": until >= first, "url": request.url.path})

    def _object(self, name: str, n: int) -> dict[str, Any]:
        _, prefix, event_type = LISTS[name]
        found = self._samples[event_type] | {
            "id": f"{prefix}{n}",
            "created": BEGAN + n * (ENDED - BEGAN) // self._counts[name],
        }
        if name != "customers":
            found["customer"] = f"cus_{n % self._counts['customers']}"
        if name == "charges":
            found["payment_intent"] = f"pi_{n}"
        return found


def _json(found: dict[str, Any]) -> Response:
    return Response(orjson.dumps(found), media_type="application/json", headers={"request-id": "req_1"})


def fill(stripe_base: str, conninfo: str) -> None:
    """The backfill, in a process of its own; its last line is its memory."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    stripe = StripeGateway("sk_test_" + "1" * 24, api_base=stripe_base, record=lambda _: None)
    db = PsycopgDatabase(conninfo, direct=True)
    only = tuple(source.name for source in backfill.SOURCES)
    backfill.run(db, stripe, clock=wall_clock, livemode=False, only=only, requests_per_second=PER_SECOND)
    db.close()


@contextmanager
def shop() -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    process = subprocess.Popen([sys.executable, "-m", "benchmarks.backfill_large", "--shop", str(port)])
    try:
        for _ in range(600):
            with socket.socket() as tried:
                if tried.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(20)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shop", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--fill", nargs=2, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.shop:
        routes = [Route("/v1/{path:path}", Shop(OBJECTS).page)]
        uvicorn.run(Starlette(routes=routes), port=asked.shop, log_level="warning", access_log=False)
    elif asked.fill:
        fill(*asked.fill)
    else:
        measure()


def measure() -> None:
    with tempfile.TemporaryDirectory(prefix="payops-bench-") as name, shop() as stripe_base:
        folder = Path(name)
        server = embedded.ensure_running(folder)
        try:
            deploy(server.owner_conninfo)
            embedded.allow_app_login(server)
            command = [sys.executable, "-m", "benchmarks.backfill_large", "--fill", stripe_base, server.app_conninfo]
            with psycopg.connect(server.owner_conninfo, autocommit=True) as owner:
                _two_runs(owner, command, folder)
        finally:
            embedded.remove(folder)


def _two_runs(owner: psycopg.Connection, command: list[str], folder: Path) -> None:
    """One that is killed on the way, and one that resumes it while webhooks arrive."""
    started = time.monotonic()
    first = psutil.Process(subprocess.Popen(command).pid)
    most = _watched(first, lambda: listed(owner) >= KILLED_AT * OBJECTS)
    first.send_signal(signal.SIGKILL)
    first.wait()
    took, count = time.monotonic() - started, mirrored(owner)
    print(f"killed at {count:,} objects: {count / took:,.0f} a second, at most {most / 2**20:.0f} MiB", flush=True)
    with serving(APPS[OURS], folder, 1, psutil.Process()) as api:
        answers: list[Run] = []
        over = threading.Event()
        posting = threading.Thread(target=_post_until, args=(api.port, over, answers))
        posting.start()
        started = time.monotonic()
        second = psutil.Process(subprocess.Popen(command).pid)
        most = _watched(second, lambda: not second.is_running() or second.status() == psutil.STATUS_ZOMBIE)
        took, now = time.monotonic() - started, mirrored(owner)
        over.set()
        posting.join()
    waits = sorted(wait for run in answers for wait in run.waits)
    print(
        f"resumed to {now:,} objects of {OBJECTS:,}: {(now - count) / took:,.0f} a second, at most"
        f" {most / 2**20:.0f} MiB; {WEBHOOKS_A_SECOND} webhooks a second beside it:"
        f" p50 {1000 * waits[len(waits) // 2]:.1f} ms, p99 {1000 * waits[len(waits) * 99 // 100]:.1f} ms",
        flush=True,
    )
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(f"CPU of the child processes that ended: {used.ru_utime + used.ru_stime:.0f} s")


def _post_until(port: int, over: threading.Event, answers: list[Run]) -> None:
    samples = sample_events()
    while not over.is_set():
        requests = list(signed_requests(samples, 5 * WEBHOOKS_A_SECOND))
        answers.append(uvloop.run(post_all(port, requests, rate=WEBHOOKS_A_SECOND)))


def _watched(process: psutil.Process, enough: Callable[[], bool]) -> int:
    """Wait until it is enough; the most memory that the process had."""
    most = 0
    while not enough():
        try:
            most = max(most, process.memory_info().rss)
        except psutil.Error:
            break
        time.sleep(0.5)
    return most


def listed(owner: psycopg.Connection) -> int:
    """How far the backfill says that it is."""
    row = owner.execute(
        "select (select coalesce(sum(objects), 0) from payops.backfill_places where source <> 'everything')"
        " + (select coalesce(sum(objects), 0) from payops.backfill_slices)"
    ).fetchone()
    return int(row[0]) if row else 0


def mirrored(owner: psycopg.Connection) -> int:
    """How many of the shop's objects are in the mirror; the webhooks' have other ids."""
    tables = " union all ".join(
        f"select count(*) as n from payops.{table} where id ~ '^{prefix}[0-9]+$'"
        for table, (_, prefix, _) in LISTS.items()
    )
    row = owner.execute(f"select sum(n)::bigint from ({tables}) as t".encode()).fetchone()
    return int(row[0]) if row else 0


if __name__ == "__main__":
    main()
