"""The consoles that are photographed: the demo, an empty installation, and one whose database does not answer."""

import json
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from benchmarks.pages import free_port, serving, stop
from benchmarks.reconciliation_page import serving as serving_as_it_is
from core.db import embedded
from core.periods import wall_clock
from core.sandbox import process as sandbox
from core.sandbox.process import ensure_running
from core.services import start
from core.settings import load_settings
from core.staff import users

VISITS = {"running": True, "per_minute": 60}
VISITS_SECONDS = 15


@contextmanager
def demo(data_dir: Path) -> Iterator[tuple[str, Path]]:
    """The demo after a few more customers, so that there are events and open consultations."""
    data_dir.mkdir()
    console = free_port()
    try:
        with serving(data_dir, console, free_port()):
            address = json.loads((data_dir / "sandbox-address.json").read_text())["base_url"]
            httpx.post(f"{address}/sandbox/traffic", json=VISITS).raise_for_status()
            time.sleep(VISITS_SECONDS)
            httpx.post(f"{address}/sandbox/traffic", json={"running": False}).raise_for_status()
            yield f"http://127.0.0.1:{console}", data_dir
    finally:
        stop(data_dir)


@contextmanager
def empty(data_dir: Path) -> Iterator[tuple[str, Path]]:
    """An installation connected to an account at Stripe from which nothing has come yet."""
    at_stripe = data_dir.with_name("stripe")
    for each in (data_dir, at_stripe):
        each.mkdir()
    services = start(load_settings({"DATA_DIR": str(data_dir)}, env_file=None))
    try:
        stripe = ensure_running(at_stripe)
        users.create_demo_users(services.db, data_dir, wall_clock())
        console = free_port()
        base = f"http://127.0.0.1:{console}"
        connected = {"STRIPE_SECRET_KEY": stripe.secret_key, "STRIPE_API_BASE": stripe.base_url}
        with serving_as_it_is(data_dir, base, console, PAYMENT_MODE="development", **connected):
            yield base, data_dir
    finally:
        sandbox.stop(at_stripe)
        services.close()
        embedded.remove(data_dir)


@contextmanager
def silent_database(data_dir: Path) -> Iterator[None]:
    """Postgres takes no new connections and answers nobody."""
    server = embedded.ensure_running(data_dir)
    postmaster = int((server.pgdata / "postmaster.pid").read_text().split()[0])
    children = Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text().split()
    processes = [postmaster, *map(int, children)]
    send(processes, signal.SIGSTOP)
    try:
        yield
    finally:
        send(processes, signal.SIGCONT)


def send(processes: list[int], what: signal.Signals) -> None:
    for each in processes:
        try:
            os.kill(each, what)
        except ProcessLookupError:
            continue
