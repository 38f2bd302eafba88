"""`payops serve`: starts and watches all parts on one machine; the sandbox gets a history and live traffic."""

import http.client
import os
import signal
import socket
import threading
import time
import urllib.request
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from core import services
from core.errors import Refused, Unavailable
from core.events.repair import backfill
from core.events.repair.balances import load_payout_contents
from core.finance import reconciliation
from core.periods import business_day, wall_clock
from core.processes import PRIVATE, Children, keep_running, loading_history, only_server
from core.providers import history_import
from core.settings import PaymentMode, Settings
from core.staff import users

READY_TIMEOUT_SECONDS = 60
HERE = Path(__file__).resolve().parents[1]  # the folder of `streamlit_app.py`, in a checkout and in an installation
PAST_DAYS = 7  # days of consultations that a first start makes up


def run(settings: Settings, *, console_port: int, api_port: int, out: Console, demo_speed: float = 1.0) -> None:
    """Serve until Ctrl-C or SIGTERM; everything started here ends with it.

    `demo_speed` multiplies the usual rate at which the demo's customers come.

    Raises `Refused` where this DATA_DIR is served already or a port is
    taken, `Unavailable` where a part does not start.
    """
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    os.umask(PRIVATE)
    services.make_data_dir(settings.data_dir)
    console, api = f"http://localhost:{console_port}", f"http://localhost:{api_port}"
    with only_server(settings.data_dir, console=console, api=api) as record:
        for port in (console_port, api_port):
            _require_free(port)
        environment = _environment(settings, console_port, api_port)
        children = Children(environment, settings.data_dir / "logs", lambda started: record.write(started.pids()))
        try:
            _start(settings, children, console_port, api_port, out, stop, demo_speed)
            _watch_other_parts(settings, api_port, stop, demo_speed)
            while not stop.wait(0.5):
                children.watch()
        finally:
            out.print("Stopping.")
            stop.set()
            children.stop()
            services.end(settings)
    out.print("Stopped. Nothing recorded is lost.")


def _watch_other_parts(settings: Settings, api_port: int, stop: threading.Event, demo_speed: float) -> None:
    """Restart Postgres and the sandbox when they end. They are not child processes, because they outlive this one."""
    if settings.database_kind == "embedded":
        running, start = services.embedded_database(settings)
        keep_running("Postgres", running, start, stop)
    if settings.payment_mode is PaymentMode.SANDBOX:
        sandbox = services.demo_sandbox(settings)
        keep_running(
            "sandbox",
            lambda: sandbox.is_running(settings.data_dir),
            lambda: _open_for_business(settings, api_port, demo_speed),
            stop,
        )


def _open_for_business(settings: Settings, api_port: int, speed: float, *, opening: bool = False) -> None:
    (intake_secret, *_) = services.intake_secrets(settings)
    services.demo_sandbox(settings).open_for_business(
        settings.data_dir,
        f"http://127.0.0.1:{api_port}",
        intake_secret=intake_secret,
        speed=speed,
        opening=opening,
    )


def _start(
    settings: Settings,
    children: Children,
    console_port: int,
    api_port: int,
    out: Console,
    stop: threading.Event,
    demo_speed: float,
) -> None:
    """Start all parts. At a first start, the console is usable and its address printed before the history is loaded."""
    sandbox, place = settings.payment_mode is PaymentMode.SANDBOX, ("--app-dir", str(HERE))
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=out) as progress:
        # Console and API import their code while Postgres starts, then wait for it.
        children.start(
            "console", "-m", "uvicorn", "streamlit_app:app", *place, "--port", str(console_port), *HTTP, *QUIET
        )
        children.start("api", "-m", "uvicorn", "core.api.app:app", "--port", str(api_port), *HTTP, *QUIET)
        with _step(progress, "Database"):
            running = services.start(settings)
        passwords = {}
        if sandbox:
            with _step(progress, "Staff"):
                passwords = users.create_demo_users(running.db, settings.data_dir, wall_clock())
        with _step(progress, "Console"):
            _await_ready(f"http://127.0.0.1:{console_port}/_stcore/health", stop)
        _tell_addresses(out, console_port, api_port, passwords)
        if sandbox:
            with loading_history(settings.data_dir):
                _fill(running, progress)
            with _step(progress, "Live traffic"):
                _open_for_business(settings, api_port, demo_speed, opening=True)
        children.start("worker", "-m", "core.worker_process")
        with _step(progress, "Ready to serve"):
            _await_ready(f"http://127.0.0.1:{api_port}/readyz", stop)
        running.close()
    out.print(f"Logs are in {settings.data_dir / 'logs'}. Ctrl-C stops everything.")


def _tell_addresses(out: Console, console_port: int, api_port: int, passwords: Mapping[str, str]) -> None:
    out.print(f"\nConsole  http://localhost:{console_port}\nAPI      http://localhost:{api_port}")
    for name, password in passwords.items():
        out.print(f"  sign in as [bold]{name:<8}[/bold] with [bold]{password}[/bold]", highlight=False)


# A load balancer keeps an idle connection for a minute; if we closed it sooner, a request in transit would be lost.
HTTP = ("--http", "core.http_protocol:BoundedHttp", "--timeout-keep-alive", "75")
QUIET = ("--no-access-log", "--no-server-header", "--log-level", "warning")


def _fill(running: services.Services, progress: Progress) -> None:
    """At the first start, write the sandbox's history, then mirror it; an interrupted start does it again."""
    if running.db.call("history_loaded"):
        return
    sandbox, data_dir = services.demo_sandbox(running.settings), running.settings.data_dir
    with _step(progress, "18 months of history"):
        sandbox.write_history(data_dir)
    with ThreadPoolExecutor(1, thread_name_prefix="clinic") as beside:  # the consultations do not depend on the mirror
        clinic = beside.submit(_fill_clinic, running, sandbox)
        _fill_mirror(running, sandbox, progress)
        with _step(progress, "Providers"):
            clinic.result()
    with _step(progress, "Statistics"):
        running.db.call("analyze_tables")
    running.db.call("history_loaded", now=running.clock())


def _fill_mirror(running: services.Services, sandbox: services.DemoSandbox, progress: Progress) -> None:
    """Mirror the history, compute its figures, and reconcile it."""
    data_dir = running.settings.data_dir
    task = progress.add_task("Mirroring", total=len(backfill.NAMES))
    loading = backfill.load_history(
        running.db,
        lambda object_type: sandbox.objects(data_dir, object_type),
        lambda types: sandbox.events(data_dir, types),
        now=running.clock().replace(microsecond=0),
    )
    for name, _ in loading:
        progress.update(task, advance=1, description=f"Mirroring {name.replace('_', ' ')}")
    progress.update(task, description="Mirroring")
    load_payout_contents(running.db, sandbox.payout_contents(data_dir))
    with _step(progress, "Counting"):
        running.db.call("recount_stale")
        reconciliation.refresh(running.db, running.clock())


def _fill_clinic(running: services.Services, sandbox: services.DemoSandbox) -> None:
    """Import the providers, and replay the submission and assignment of the last days' consultations."""
    now, settings = running.clock(), running.settings
    history_import.import_directory(running.db, sandbox.directory_file(business_day(now, settings.business_zone)), now)
    past = sandbox.consultations(settings.data_dir, days=PAST_DAYS, now=now)
    history_import.replay(running.db, past)


@contextmanager
def _step(progress: Progress, description: str) -> Iterator[None]:
    task = progress.add_task(description, total=None)
    yield
    progress.update(task, total=1, completed=1)


def _environment(settings: Settings, console_port: int, api_port: int) -> dict[str, str]:
    """The child processes' environment: ours, with the addresses of console and API where they are not set."""
    own = dict(os.environ)
    own.setdefault("PUBLIC_BASE_URL", f"http://localhost:{console_port}")
    own.setdefault("API_BASE_URL", f"http://localhost:{api_port}")
    return own | {"DATA_DIR": str(settings.data_dir.resolve())}


def _require_free(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            raise Refused("port_taken", f"Port {port} is taken. Choose another one, or end what uses it.") from None


def _await_ready(url: str, stop: threading.Event) -> None:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    deadline = time.monotonic() + READY_TIMEOUT_SECONDS
    while time.monotonic() < deadline and not stop.is_set():
        try:
            with opener.open(url, timeout=5):
                return
        except (OSError, http.client.HTTPException):
            stop.wait(0.1)
    if not stop.is_set():
        raise Unavailable("not_ready", f"{url} did not become ready. DATA_DIR/logs says why.")
