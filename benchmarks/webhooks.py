"""Signed events a second, verified, stored, projected, applied and committed, beside two floors of the same server."""

import asyncio
import json
import os
import random
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError

import psycopg
import uvloop
from rich.console import Console
from rich.table import Table

from core.db import embedded
from core.db.deploy import deploy
from core.events.signature import sign
from core.sandbox.history import iter_events
from core.sandbox.seed import seed_sandbox

EVENTS = int(os.environ.get("BENCH_EVENTS", "12000"))
FULL_INBOX = int(os.environ.get("BENCH_INBOX", "1000000"))
CONNECTIONS = 16
DUPLICATES = 0.1
SECRET = "whsec_" + "b" * 32
TYPES = (
    "payment_intent.created", "payment_intent.succeeded", "charge.succeeded", "charge.failed", "charge.refunded",
    "customer.created", "customer.subscription.updated", "invoice.paid", "invoice_payment.paid", "refund.created",
)  # fmt: skip
SERVERS = {
    "verify and answer (floor)": "benchmarks.webhook_floors:verifying",
    "insert the payload (floor)": "benchmarks.webhook_floors:inserting",
    "payops": "core.api.app:app",
}


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="payops-bench-") as folder:
        samples = sample_events(Path(folder))
        table = Table(
            "inbox", "workers", "server", "events/s", "p50 ms", "p95 ms", "p99 ms", "ratio to insert",
            title=f"{EVENTS} signed events of ten types, {CONNECTIONS} connections, {DUPLICATES:.0%} duplicates",
        )  # fmt: skip
        for inbox in (0, FULL_INBOX):
            with database(Path(folder), inbox) as conninfo:
                for workers in (1, 2):
                    measure(table, Path(folder), conninfo, samples, inbox, workers)
        Console(width=130).print(table)
        embedded.remove(Path(folder))


def measure(
    table: Table, folder: Path, conninfo: str, samples: Sequence[dict], inbox: int, workers: int
) -> None:
    floor = 0.0
    for name, app in SERVERS.items():
        requests = signed_requests(samples, EVENTS)
        with serving(app, folder, conninfo, workers) as port:
            warm_up = signed_requests(samples, 500)
            uvloop.run(post_all(port, warm_up))
            seconds, latencies = uvloop.run(post_all(port, requests))
        rate = len(requests) / seconds
        floor = rate if "insert" in name else floor
        p50, p95, p99 = (1000 * latencies[int(len(latencies) * q)] for q in (0.5, 0.95, 0.99))
        ratio = f"{rate / floor:.2f}" if floor else ""
        figures = (f"{rate:,.0f}", f"{p50:.1f}", f"{p95:.1f}", f"{p99:.1f}", ratio)
        table.add_row(f"{inbox:,}", str(workers), name, *figures)


def sample_events(folder: Path) -> list[dict]:
    """Some events of each type, as the sandbox tells them."""
    seed_sandbox(folder, days=60)
    found: dict[str, list[dict]] = {event_type: [] for event_type in TYPES}
    for event in iter_events(folder, TYPES):
        if len(found[event["type"]]) < 20:
            found[event["type"]].append(event)
    return [event for events in found.values() for event in events]


def signed_requests(samples: Sequence[dict], count: int) -> list[bytes]:
    """HTTP requests of pretty-printed events with ids of their own, some of them sent twice."""
    requests: list[bytes] = []
    stamp = int(time.time())
    run = random.randrange(16**8)
    for number in range(count):
        if requests and random.random() < DUPLICATES:
            requests.append(random.choice(requests[-200:]))
            continue
        event = samples[number % len(samples)]
        unique = f"{run:08x}{number:08x}"
        text = json.dumps(event, indent=2).replace(event["data"]["object"]["id"], f"obj_{unique}")
        body = text.replace(event["id"], f"evt_{unique}").encode()
        head = (
            "POST /api/webhooks/stripe HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            f"Stripe-Signature: {sign(body, SECRET, timestamp=stamp)}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        requests.append(head.encode() + body)
    return requests


async def post_all(port: int, requests: Sequence[bytes]) -> tuple[float, list[float]]:
    """Seconds for all, and each one's, sorted; every answer must be a 200."""
    waiting, latencies = iter(requests), []

    async def connection() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for request in waiting:
            started = time.perf_counter()
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200"), head
            length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
            await reader.readexactly(length)
            latencies.append(time.perf_counter() - started)
        writer.close()

    started = time.perf_counter()
    await asyncio.gather(*(connection() for _ in range(CONNECTIONS)))
    return time.perf_counter() - started, sorted(latencies)


@contextmanager
def serving(app: str, folder: Path, conninfo: str, workers: int) -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "uvicorn", app, "--port", str(port), "--workers", str(workers)]
    environment = os.environ | {
        "BENCH_SECRET": SECRET, "BENCH_CONNINFO": conninfo, "STRIPE_WEBHOOK_SECRETS": SECRET, "DATA_DIR": str(folder),
    }  # fmt: skip
    process = subprocess.Popen([*command, "--no-access-log", "--log-level", "warning"], env=environment)
    for _ in range(300):
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/livez", timeout=1)
        except URLError as error:
            if getattr(error, "code", None) == 404:
                break
            time.sleep(0.05)
        else:
            break
    time.sleep(1.0)  # the second worker
    yield port
    process.terminate()
    process.wait(20)


@contextmanager
def database(folder: Path, inbox: int) -> Iterator[str]:
    """An embedded Postgres whose inbox, and the floor's, hold `inbox` events already."""
    server = embedded.ensure_running(folder)
    deploy(server.owner_conninfo)
    embedded.allow_app_login(server)
    with psycopg.connect(server.owner_conninfo, autocommit=True) as connection:
        connection.execute(
            "create table if not exists floor_inbox (id text primary key, payload jsonb not null)"
        )
        if inbox:
            connection.execute(
                "insert into payops.events (id, type, created, received_at, livemode, payload, body_sha256)"
                " select 'evt_old' || n, 'charge.succeeded', now(), now(), false, '{}', '' from generate_series(1, %s) n",
                (inbox,),
            )
            connection.execute(
                "insert into floor_inbox select 'evt_old' || n, '{}' from generate_series(1, %s) as n",
                (inbox,),
            )
            connection.execute("vacuum analyze payops.events, floor_inbox")
    yield server.owner_conninfo


if __name__ == "__main__":
    main()
