"""The console over a database in a browser: until a page is usable, and what memory sessions take.

The overview and the payments are opened in turns with a bare Streamlit page of one chart: the goal is 1.3 times that
page and 0.3 s. Then 20 tabs stay open on the overview, a session each: the goal is under 5 MB a session.
`python -m benchmarks.console_sessions CONNINFO` measures one database; `benchmarks/full.py` does at every size.
"""

import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median

import psutil
from playwright.sync_api import sync_playwright
from rich.console import Console
from rich.table import Table

from benchmarks.bare_pages import bare_page
from benchmarks.pages import BARE_PAGE, FLAGS, IDLE, STILL, free_port, in_turns, opened, sign_in
from benchmarks.reconciliation_page import serving
from benchmarks.sync_engine import address_of
from core.db.via_psycopg import PsycopgDatabase
from core.monitoring import overview
from core.periods import wall_clock
from core.staff import users

ROUNDS = 5
SESSIONS = 20
SETTLES_SECONDS = 10.0  # until what was loaded at first is freed again
ALLOWED_FACTOR, ALLOWED_SECONDS, ALLOWED_MB = 1.3, 0.3, 5.0


@dataclass(frozen=True)
class Measured:
    """Seconds until each page is usable, the bare page's first; the console's resident MB before anyone signed in,
    with one session, and with twenty.
    """

    seconds: dict[str, float]
    idle_mb: float
    one_mb: float
    all_mb: float

    @property
    def a_session_mb(self) -> float:
        return (self.all_mb - self.one_mb) / (SESSIONS - 1)

    @property
    def goal_seconds(self) -> float:
        return ALLOWED_FACTOR * self.seconds[BARE_PAGE] + ALLOWED_SECONDS


def measured(conninfo: str, rounds: int = ROUNDS) -> Measured:
    with tempfile.TemporaryDirectory(prefix="payops-bench-") as name:
        folder = Path(name)
        database = PsycopgDatabase(conninfo)
        users.create_demo_users(database, folder, wall_clock())
        database.close()
        bare, port = free_port(), free_port()
        base = f"http://127.0.0.1:{port}"
        with (
            _counting_ahead(conninfo),
            _console(folder, base, port, conninfo) as process,
            bare_page(folder, bare),
            sync_playwright() as driver,
        ):
            idle = _resident_mb(process)
            browser = driver.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
            context = browser.new_context()  # whose tabs share the sign-in
            page = context.new_page()
            sign_in(page, base, folder)
            addresses = {BARE_PAGE: f"http://127.0.0.1:{bare}/"}
            addresses |= {f"overview, {days} days": f"{base}/overview?period={days}d" for days in (30, 365)}
            opening: dict[str, Callable[[], float]] = {
                each: partial(opened, page, address) for each, address in addresses.items()
            }
            opening["payments"] = partial(opened, page, f"{base}/payments", IDLE)
            taken = in_turns(opening, rounds)
            page.goto(f"{base}/overview")
            page.wait_for_function(STILL, timeout=60_000)
            time.sleep(SETTLES_SECONDS)
            one = _resident_mb(process)
            for _ in range(SESSIONS - 1):
                tab = context.new_page()
                tab.goto(f"{base}/overview")
                tab.wait_for_function(STILL, timeout=120_000)
            time.sleep(SETTLES_SECONDS)
            every = _resident_mb(process)
            browser.close()
    return Measured({each: median(seconds) for each, seconds in taken.items()}, idle, one, every)


@contextmanager
def _counting_ahead(conninfo: str) -> Iterator[None]:
    """What the worker does beside a console, every two seconds."""
    database, over = PsycopgDatabase(conninfo), threading.Event()
    overview.count_ahead(database, wall_clock())

    def count() -> None:
        while not over.wait(2):
            overview.count_ahead(database, wall_clock())

    counting = threading.Thread(target=count)
    counting.start()
    try:
        yield
    finally:
        over.set()
        counting.join()
        database.close()


@contextmanager
def _console(folder: Path, base: str, port: int, conninfo: str) -> Iterator[psutil.Process]:
    with serving(folder, base, port, DATABASE_URL=address_of(conninfo)) as process:
        yield psutil.Process(process.pid)


def _resident_mb(process: psutil.Process) -> float:
    every = [process, *process.children(recursive=True)]
    return sum(each.memory_info().rss for each in every) / 1e6


def table(columns: dict[str, Measured]) -> str:
    """As Markdown: a line a page and a line for each figure of memory."""
    first = next(iter(columns.values()))
    lines = [
        f"\n| console at … payments | {' | '.join(columns)} |",
        f"|---|{'---|' * len(columns)}",
        *(
            f"| {page}, seconds to usable | {' | '.join(f'{each.seconds[page]:.2f}' for each in columns.values())} |"
            for page in first.seconds
        ),
        f"| goal: {ALLOWED_FACTOR} × bare page + {ALLOWED_SECONDS} s"
        f" | {' | '.join(f'{each.goal_seconds:.2f}' for each in columns.values())} |",
        f"| memory idle, MB | {' | '.join(f'{each.idle_mb:.0f}' for each in columns.values())} |",
        f"| memory with one session, MB | {' | '.join(f'{each.one_mb:.0f}' for each in columns.values())} |",
        f"| each further session of {SESSIONS}, MB (goal: under {ALLOWED_MB:.0f})"
        f" | {' | '.join(f'{each.a_session_mb:.1f}' for each in columns.values())} |",
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    shown = Table("what", "measured")
    found = measured(sys.argv[1])
    for page, seconds in found.seconds.items():
        shown.add_row(page, f"{seconds:.2f} s")
    shown.add_row("goal", f"{found.goal_seconds:.2f} s")
    for what, mb in (("idle", found.idle_mb), ("one session", found.one_mb), ("each further", found.a_session_mb)):
        shown.add_row(what, f"{mb:.1f} MB")
    Console().print(shown)


if __name__ == "__main__":
    main()
