"""`make drill`: a fault drill with real processes, about eight minutes.

A worker is killed, Stripe answers 500, the database stops while the spool's disk is full, webhooks are held back. Each
has to become an incident with the right words, be told once, be resolved by itself and told once more; nothing is lost.
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import orjson
import psycopg

from benchmarks.soak_system import free_port
from core import services
from core.db import Database, embedded
from core.events.repair import backfill
from core.monitoring import incidents
from core.monitoring.alerts import board
from core.monitoring.spool import SPOOL_FILE
from core.sandbox import demo_bootstrap
from core.sandbox import process as sandbox
from core.sandbox.secrets import sandbox_secrets
from core.settings import load_settings

STOPPED_SECONDS = 30
WAIT_SECONDS = 240.0  # the machine may be busy with other things
MINUTE, HOUR = 60, 3600


class Told:
    """The target of the alerts: what arrived, in its order."""

    def __init__(self) -> None:
        self.messages: list[dict[str, Any]] = []
        told = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                told.messages.append(orjson.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"json://127.0.0.1:{self._server.server_port}/"

    def about(self, words: str, since: int = 0) -> list[str]:
        """The titles of the messages that hold these words, without how many alerts they are about."""
        told = [each for each in self.messages[since:] if words in f"{each['title']}\n{each['message']}"]
        return [each["title"].partition(" (")[0] for each in told]


@dataclass
class System:
    """Embedded Postgres, the sandbox with live customers, one API process and one worker."""

    data_dir: Path
    told: Told
    port: int = field(default_factory=free_port)
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def open(self) -> None:
        self.environment = {
            "PATH": os.environ["PATH"],
            "DATA_DIR": str(self.data_dir),
            "ALERT_URLS": self.told.url,
            "PUBLIC_BASE_URL": "http://localhost:8501",
            "API_BASE_URL": f"http://localhost:{self.port}",
        }
        self.settings = load_settings(self.environment)
        self.running = services.start(self.settings)
        self.start("api", "-m", "uvicorn", "core.api.app:app", "--port", str(self.port), "--log-level", "warning")
        secret = sandbox_secrets(self.data_dir).intake_webhook_secret
        demo_bootstrap.write_history(self.data_dir)
        self._mirror_history()
        self.began = int(self.running.clock().timestamp())
        self.sandbox = demo_bootstrap.open_for_business(
            self.data_dir, f"http://127.0.0.1:{self.port}", intake_secret=secret
        )
        self.ask("traffic", running=True, per_minute=120)
        self.start("worker", "-m", "core.worker_process")

    def _mirror_history(self) -> None:
        """As at the first start of `payops serve`."""
        loading = backfill.load_history(
            self.db,
            partial(demo_bootstrap.objects, self.data_dir),
            partial(demo_bootstrap.events, self.data_dir),
            now=self.running.clock().replace(microsecond=0),
        )
        for _ in loading:
            pass
        self.db.call("recount_stale")
        self.db.call("analyze_tables")
        self.db.call("history_loaded", now=self.running.clock())

    @property
    def db(self) -> Database:
        return self.running.db

    def start(self, name: str, *command: str) -> None:
        with (self.data_dir / f"{name}.log").open("ab") as lines:
            self.processes[name] = subprocess.Popen(
                [sys.executable, *command], env=self.environment, stdout=lines, stderr=lines
            )

    def ask(self, place: str, **body: Any) -> Any:
        """A request to the sandbox's controls."""
        return httpx.post(f"{self.sandbox}/sandbox/{place}", json=body, timeout=60, trust_env=False).json()

    def advance(self, seconds: int) -> None:
        self.ask("clock/advance", seconds=seconds)

    def close(self) -> None:
        for process in self.processes.values():
            process.terminate()
        for process in self.processes.values():
            with suppress(subprocess.TimeoutExpired):
                process.wait(15)
            process.kill()
        self.running.close()
        sandbox.stop(self.data_dir)
        embedded.stop(self.data_dir)

    def incident(self, kind: str, show: incidents.Show = "all") -> incidents.Row | None:
        found = incidents.newest(self.db, show=show, now=self.running.clock())
        return next((each for each in found if each["kind"] == kind), None)


def until(true: Callable[[], object], what: str, seconds: float = WAIT_SECONDS) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        if time.monotonic() > deadline:
            raise AssertionError(f"it did not come to that: {what}")
        time.sleep(0.5)


def expect_the_whole_story(system: System, kind: str, words: str, *, quiet_seconds: int) -> None:
    """The incident has these words, is told once, heals by itself once the time has passed, and that is told once."""
    until(lambda: system.incident(kind), f"an incident {kind}")
    until(lambda: system.told.about(words), f"a message about {words!r}")
    time.sleep(20)  # another evaluation: nothing is told twice
    assert system.told.about(words) == ["Incident"], system.told.about(words)
    system.advance(quiet_seconds + MINUTE)
    until(lambda: system.incident(kind, "resolved"), f"{kind} resolved")
    until(lambda: "Resolved: Incident" in system.told.about(words), f"the end of {kind} told")
    assert system.told.about(words) == ["Incident", "Resolved: Incident"], system.told.about(words)


def worker_is_killed(system: System) -> None:
    system.processes["worker"].send_signal(signal.SIGKILL)
    system.processes["worker"].wait()
    system.start("worker", "-m", "core.worker_process")
    words = "A background worker ended without being stopped."
    expect_the_whole_story(system, "process_ended", words, quiet_seconds=10 * MINUTE)


def stripe_answers_500(system: System) -> None:
    system.ask("faults", path="/v1/", status=500, count=400)
    until(lambda: system.incident("stripe_failed"), "an incident about Stripe")
    httpx.delete(f"{system.sandbox}/sandbox/faults", trust_env=False)
    words = "Stripe failed to answer calls"
    expect_the_whole_story(system, "stripe_failed", words, quiet_seconds=15 * MINUTE)


def database_stops(system: System) -> None:
    """With a spool that cannot be written: incidents of that time are kept in memory."""
    before = len(system.told.messages)
    with unwritable(system.data_dir / SPOOL_FILE):
        embedded.stop(system.data_dir)
        stopped = time.monotonic()
        until(lambda: system.told.about("The database does not answer", before), "the outage told while it lasts", 60)
        time.sleep(max(0.0, STOPPED_SECONDS - (time.monotonic() - stopped)))
        embedded.ensure_running(system.data_dir)
    until(lambda: system.incident("database_unavailable"), "an incident about the database")
    until(lambda: system.incident("spool_failed"), "an incident about the spool")
    until(lambda: system.told.about("Incidents could not be written"), "the spool's incident told")
    time.sleep(20)
    assert system.told.about("The database does not answer", before) == ["The database does not answer"]
    assert system.told.about("The database did not answer.", before) == [], "told already while it lasted"
    system.advance(16 * MINUTE)
    until(lambda: system.incident("database_unavailable", "resolved"), "the database's incident resolved")
    until(lambda: system.incident("spool_failed", "resolved"), "the spool's incident resolved")
    until(lambda: system.told.about("The database did not answer.", before), "the end of the outage told")
    assert system.told.about("The database did not answer.", before) == ["Resolved: Incident"]


def webhooks_are_held_back(system: System) -> None:
    until(lambda: events(system) >= 40, "events to judge a silence by")
    system.ask("webhooks", url=f"http://127.0.0.1:{system.port}/api/webhooks/stripe", paused=True)
    time.sleep(5)
    system.advance(HOUR)
    words = "No event has come from Stripe"
    until(lambda: system.told.about(words), "the silence told")
    time.sleep(20)
    assert system.told.about(words) == ["No events from Stripe"]
    system.ask("webhooks", url=f"http://127.0.0.1:{system.port}/api/webhooks/stripe", paused=False)
    until(lambda: "Resolved: No events from Stripe" in system.told.about(words), "the end of the silence told")
    # They come late, unless the hourly sweep fetched them first.
    late = "Stripe's events arrived more than five minutes late."
    missed = "Events did not arrive and were fetched from Stripe."
    until(lambda: titles(system) & {late} or any(each.startswith(missed) for each in titles(system)), "late events")
    assert system.told.about(late) == system.told.about(missed) == [], "a warning is shown and not sent"


def titles(system: System) -> set[str]:
    return {each["title"] for each in incidents.newest(system.db, show="all", now=system.running.clock())}


def alive(system: System) -> set[str]:
    """The kinds of processes that run, by their own word."""
    processes = system.db.call("live_system", now=system.running.clock())["processes"]
    return {each["kind"] for each in processes if each["alive"]}


def events(system: System) -> int:
    return sum(minute["events"] for minute in system.db.call("inbox_pulse", now=system.running.clock()))


@contextmanager
def unwritable(path: Path) -> Iterator[None]:
    """No file of this name can be written: on a full file system of its own, or else because a folder has its name."""
    path.unlink(missing_ok=True)
    full = path.parent / "full"
    full.mkdir(exist_ok=True)
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4k", "tmpfs", str(full)], capture_output=True)
    if mounted.returncode == 0:
        (full / "spool").touch()
        path.symlink_to(full / "spool")
        with suppress(OSError), (full / "filler").open("wb") as filler:
            filler.write(b"x" * 65536)
    else:
        path.mkdir()
    try:
        yield
    finally:
        path.unlink() if path.is_symlink() else path.rmdir()
        if mounted.returncode == 0:
            subprocess.run(["umount", str(full)], check=True)


def nothing_is_lost(system: System) -> None:
    """Everything that Stripe has is ours, each event once, and every message was delivered."""
    system.ask("traffic", running=False)
    until(lambda: system.ask("webhooks/flush")["pending"] == 0, "all webhooks delivered")
    theirs = {each["id"] for each in system.running.stripe.each("events", created={"gte": system.began})}
    until(lambda: theirs <= ours(system), "every event received", 300)
    unapplied = system.db.call("live_system", now=system.running.clock())["queues"]
    assert not [each for each in unapplied if each["queue"] in ("events_to_retry", "events_dead") and each["depth"]]
    alerts = board.newest(system.db, system.running.clock())
    states = {each["state"] for alert in alerts for message in alert["messages"] for each in message["deliveries"]}
    assert states == {"sent"}, states


def ours(system: System) -> set[str]:
    with psycopg.connect(embedded.ensure_running(system.data_dir).owner_conninfo) as connection:
        return {str(row[0]) for row in connection.execute("select id from payops.events").fetchall()}


FAULTS = (worker_is_killed, stripe_answers_500, database_stops, webhooks_are_held_back)


def main() -> int:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that everything started here ends
    data_dir = Path(tempfile.mkdtemp(prefix="payops-drill-"))
    system = System(data_dir, Told())
    failed = 1
    try:
        system.open()
        until(lambda: events(system) >= 20, "live traffic")
        until(lambda: {"api", "worker"} <= alive(system), "signs of life of the API and the worker")
        failed = 0
        for fault in (*FAULTS, nothing_is_lost):
            began = time.monotonic()
            try:
                fault(system)
                result = "as it should be"
            except AssertionError as error:
                failed += 1
                result = f"FAILED: {error}"
            print(f"{fault.__name__.replace('_', ' '):28} {time.monotonic() - began:6.0f} s  {result}", flush=True)
    finally:
        system.close()
        if not failed:
            shutil.rmtree(data_dir, ignore_errors=True)
    print("Everything went as it should." if not failed else f"{failed} failed; the logs are in {data_dir}.")
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())
