"""The page `reconciliation` in a browser over a million balance transactions, beside a bare page of one chart.

The rows and their damages are those of `benchmarks/reconciliation.py`. Each page is opened in turns in one browser and
timed from its address until it stands still; the goal is 1.3 times the bare page and 0.3 s. `--transactions 100000` is
quicker.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from urllib.parse import quote

import httpx
import psycopg
from playwright.sync_api import sync_playwright
from rich.console import Console
from rich.table import Table

from benchmarks.bare_pages import bare_page
from benchmarks.pages import CHECKOUT, FLAGS, free_port, opened, sign_in
from benchmarks.reconciliation import DAMAGE, FILL, NOW, PAYOUTS
from core.db import embedded
from core.db.via_psycopg import PsycopgDatabase
from core.periods import wall_clock
from core.services import start
from core.settings import load_settings
from core.staff import users

ROUNDS = 11
BARE_PAGE = "bare page, one chart"
MONTHS = {"a month half over": "November 2026", "a whole month": "October 2026"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--transactions", type=int, default=1_000_000)
    transactions = parser.parse_args().transactions
    with tempfile.TemporaryDirectory(prefix="payops-bench-") as folder:
        data_dir = Path(folder)
        services = start(load_settings({"DATA_DIR": folder}, env_file=None))
        try:
            users.create_demo_users(services.db, data_dir, wall_clock())
            fill(data_dir, transactions)
            show(transactions, openings(data_dir))
        finally:
            services.close()
            embedded.remove(data_dir)


def fill(data_dir: Path, transactions: int) -> None:
    """The rows of the other benchmark, compared once."""
    server = embedded.ensure_running(data_dir)
    with psycopg.connect(server.owner_conninfo, autocommit=True) as owner:
        owner.execute("set session_replication_role = replica")
        owner.execute(FILL.format(transactions=transactions, payouts=min(PAYOUTS, transactions // 10)))
        owner.execute(DAMAGE)
        owner.execute("set session_replication_role = origin")
        owner.execute("select payops.mark_all_unreconciled()")
        owner.execute("insert into payops.stale_balance_days (day) select day from payops.stale_reconciliation_days")
        owner.execute("vacuum analyze")
    database = PsycopgDatabase(server.owner_conninfo)
    database.call("refresh_reconciliation", now=NOW)
    database.close()


def openings(data_dir: Path) -> dict[str, list[float]]:
    """Seconds until each page stands still; the first opening of each is not counted."""
    bare, console = free_port(), free_port()
    base = f"http://127.0.0.1:{console}"
    with serving(data_dir, base, console), bare_page(data_dir, bare), sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        page = browser.new_page()
        sign_in(page, f"{base}/reconciliation?month={quote(MONTHS['a whole month'])}", data_dir, "finance")
        addresses = {BARE_PAGE: f"http://127.0.0.1:{bare}/"}
        addresses |= {name: f"{base}/reconciliation?month={quote(month)}" for name, month in MONTHS.items()}
        times: dict[str, list[float]] = {name: [] for name in addresses}
        for _ in range(ROUNDS + 1):
            for name, address in addresses.items():
                times[name].append(opened(page, address))
        browser.close()
    return {name: taken[1:] for name, taken in times.items()}


@contextmanager
def serving(data_dir: Path, base: str, port: int, **settings: str) -> Iterator[subprocess.Popen[bytes]]:
    """The console alone, as `payops serve` starts it."""
    command = [sys.executable, "-m", "uvicorn", "streamlit_app:app", "--port", str(port), "--log-level", "warning"]
    command += ["--http", "core.http_protocol:BoundedHttp"]
    environment = {"DATA_DIR": str(data_dir), "PATH": os.defpath, "HOME": str(Path.home()), "LOG_LEVEL": "WARNING"}
    process = subprocess.Popen(command, cwd=CHECKOUT, env=environment | {"PUBLIC_BASE_URL": base} | settings)
    try:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and process.poll() is None:
            try:
                if httpx.get(f"{base}/_stcore/health").status_code == 200:
                    break
            except httpx.TransportError:
                time.sleep(0.1)
        yield process
    finally:
        process.terminate()
        process.wait(20)


def show(transactions: int, times: dict[str, list[float]]) -> None:
    bound = 1.3 * median(times[BARE_PAGE]) + 0.3
    table = Table("page", "median s", "min s", "max s", "goal s", title=f"{transactions:,} balance transactions")
    for name, seconds in times.items():
        goal = "" if name == BARE_PAGE else f"{bound:.2f}"
        table.add_row(name, f"{median(seconds):.2f}", f"{min(seconds):.2f}", f"{max(seconds):.2f}", goal)
    Console().print(table)


if __name__ == "__main__":
    main()
