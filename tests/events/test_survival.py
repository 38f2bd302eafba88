"""A random run in which every process is killed at some time, and a check of its history.

`PAYOPS_SURVIVAL_SECONDS=600 PAYOPS_SURVIVAL_SEED=7 pytest tests/events/test_survival.py` makes it a longer one.
"""

import os
import queue
import random
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import httpx
import psycopg
import pytest
import stripe

from core import services
from core.db import embedded, embedded_programs
from core.errors import Unavailable
from core.events import inbox
from core.events.repair.comparison import compare
from core.events.repair.refetch import refetch_tied
from core.events.retries import retry_failed_events
from core.events.signature import sign
from core.sandbox import process
from core.sandbox.secrets import sandbox_secrets
from core.settings import load_settings
from tests.events.business import a_morning, mirror, wait_until_all_is_applied
from tests.factories import body_of, charge, event

SECONDS = float(os.environ.get("PAYOPS_SURVIVAL_SECONDS", "8"))
SEED = int(os.environ.get("PAYOPS_SURVIVAL_SEED", str(random.randrange(10_000))))
EVENTS_A_SECOND = 40
SENDERS = 8
FIRST_TIME = ("applied", "recorded", "ignored", "quarantined", "failed")


class House:
    """All of payops as processes over one data folder, each of which can be killed."""

    def __init__(self, data_dir: Path):
        self.data_dir = data_dir
        self.running = services.start(load_settings({"DATA_DIR": str(data_dir)}))
        self.address = process.ensure_running(data_dir)
        self.secret = sandbox_secrets(data_dir).webhook_secret
        self.ports = [_free_port() for _ in range(2)]
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, name: str) -> None:
        """`api 0`, `api 1` or `worker`; it takes its time to be ready."""
        kind, _, number = name.partition(" ")
        api = ["uvicorn", "core.api.app:app", "--no-access-log", "--port", str(self.ports[int(number or 0)])]
        with self._log(name).open("ab") as lines:
            self._processes[name] = subprocess.Popen(
                [sys.executable, "-m", *(api if kind == "api" else ["core.worker_process"])],
                env={"DATA_DIR": str(self.data_dir), "PATH": os.environ["PATH"]},
                stdout=lines,
                stderr=lines,
            )

    def said(self) -> str:
        """Whether each process runs, and the last that it said."""
        return "\n".join(
            f"{name}: exit code {process.poll()}\n{self._log(name).read_text()[-3000:]}"
            for name, process in self._processes.items()
        )

    def _log(self, name: str) -> Path:
        return self.data_dir / f"{name}.txt"

    def kill(self, name: str) -> None:
        killed = self._processes.pop(name)
        killed.send_signal(signal.SIGKILL)
        killed.wait()

    def restart_postgres(self, how: str) -> None:
        """`fast` ends its clients' connections in order, `immediate` is a crash with a recovery after it."""
        server = embedded.ensure_running(self.data_dir)
        embedded_programs.run("pg_ctl", "-D", str(server.pgdata), "-m", how, "-w", "stop", check=False)
        embedded.ensure_running(self.data_dir)

    def close(self) -> None:
        for name in list(self._processes):
            self.kill(name)
        self.running.close()
        process.stop(self.data_dir)
        embedded.remove(self.data_dir)


class Post:
    """Delivers as Stripe does, again and again until it hears 2xx, and notes every 2xx it heard."""

    def __init__(self, house: House, dice: random.Random):
        self.house, self.dice = house, dice
        self.heard: dict[str, list[str]] = defaultdict(list)
        self.dropped = 0
        self._left: queue.SimpleQueue[dict] = queue.SimpleQueue()
        self._http = httpx.Client(timeout=10)

    def hand_over(self, told: dict) -> None:
        self._left.put(told)

    def work(self, no_more: threading.Event) -> None:
        while True:
            try:
                told = self._left.get(timeout=0.05)
            except queue.Empty:
                if no_more.is_set():
                    return
                continue
            body = body_of(told)
            if self.dice.random() < 0.2:
                self._and_hang_up(body)
            for _ in range(self.dice.choice((1, 1, 1, 2))):
                self._until_heard(told["id"], body)

    def _until_heard(self, event_id: str, body: bytes) -> None:
        deadline = time.monotonic() + 90
        while time.monotonic() < deadline:
            url = f"http://127.0.0.1:{self.dice.choice(self.house.ports)}/api/webhooks/stripe"
            try:
                answer = self._http.post(url, content=body, headers={"stripe-signature": self._signed(body)})
            except httpx.HTTPError:
                time.sleep(0.05)
                continue
            assert answer.status_code in (200, 503), answer.text
            if answer.status_code == 200:
                self.heard[event_id].append(answer.json()["outcome"])
                return
            time.sleep(0.05)
        raise AssertionError("never delivered")

    def _and_hang_up(self, body: bytes) -> None:
        """Sent whole; whatever is answered, nobody hears."""
        head = f"POST /api/webhooks/stripe HTTP/1.1\r\nHost: localhost\r\nStripe-Signature: {self._signed(body)}\r\n"
        request = f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body
        try:
            with socket.create_connection(("127.0.0.1", self.dice.choice(self.house.ports)), 5) as line:
                line.sendall(request)
                time.sleep(self.dice.choice((0, 0.003, 0.02)))
            self.dropped += 1
        except OSError:
            return

    def _signed(self, body: bytes) -> str:
        return sign(body, self.house.secret, timestamp=int(time.time()))


@contextmanager
def delivering(post: Post) -> Iterator[None]:
    """Senders at work; at the end all that was handed over has been answered."""
    no_more, failures = threading.Event(), []

    def work() -> None:
        try:
            post.work(no_more)
        except BaseException as error:
            failures.append(error)

    senders = [threading.Thread(target=work) for _ in range(SENDERS)]
    for sender in senders:
        sender.start()
    try:
        yield
    finally:
        no_more.set()
        for sender in senders:
            sender.join()
    assert not failures, failures


@pytest.mark.timeout(180 + 3 * SECONDS)
def test_each_acknowledged_event_is_stored_and_settled_exactly_once(prepared):
    dice = random.Random(SEED)
    with tempfile.TemporaryDirectory(prefix="payops-test-") as folder:
        prepared.copy_into(Path(folder))
        house = House(Path(folder))
        try:
            told = _all_that_is_told(house, dice)
            post = Post(house, dice)
            with delivering(post):
                suffered = _live_dangerously(house, post, told, dice)
            house.kill("worker")
            _check(house, told, post)
        except AssertionError as error:
            raise AssertionError(f"seed {SEED}: {error}\n{house.said()}") from error
        finally:
            house.close()
    assert suffered["api 0"] + suffered["api 1"] >= 2 and suffered["worker"] >= 1
    assert suffered["fast"] >= 1 and suffered["immediate"] >= 1
    assert post.dropped > len(told) / 20


def _live_dangerously(house: House, post: Post, told: list[dict], dice: random.Random) -> Counter[str]:
    """Hand the events over, and meanwhile kill one thing after another."""
    for name in ("api 0", "api 1", "worker"):
        house.start(name)
    left, suffered = list(told), Counter[str]()
    misfortunes: list[str] = []
    ends = time.monotonic() + SECONDS
    post.hand_over(left.pop())
    while not post.heard:
        time.sleep(0.05)
    while time.monotonic() < ends or len(suffered) < 5:
        if not misfortunes:
            misfortunes = ["api 0", "immediate", "worker", "api 1", "fast"]
            dice.shuffle(misfortunes)
        what = misfortunes.pop()
        for _ in range(min(len(left), int(EVENTS_A_SECOND * dice.uniform(0.2, 1.2)))):
            post.hand_over(left.pop())
        time.sleep(dice.uniform(0.02, 0.3))
        suffered[what] += 1
        if what in ("fast", "immediate"):
            house.restart_postgres(what)
        else:
            house.kill(what)
            house.start(what)
    for each in left:
        post.hand_over(each)
    return suffered


def _all_that_is_told(house: House, dice: random.Random) -> list[dict]:
    """Stripe's events of a business, and some that nobody can apply; shuffled."""
    shop = stripe.StripeClient(house.address.secret_key, base_addresses={"api": house.address.base_url})
    while True:
        a_morning(shop.v1)
        # What follows by itself, such as a dispute, happens now and not in the middle of the run.
        _ask(house, "clock/advance", {"seconds": 2 * 86_400})
        told = list(house.running.stripe.each("events"))
        if len(told) >= EVENTS_A_SECOND * SECONDS * 0.7:
            break
    for n in range(5):
        told += [
            event(f"evt_unknown_{n}", "moon.landed", {"id": f"moon_{n}"}),
            event(f"evt_live_{n}", "charge.succeeded", charge(id=f"ch_live_{n}"), livemode=True),
            event(f"evt_poison_{n}", "charge.succeeded", charge(id=f"ch_poison_{n}", amount="much")),
        ]
    dice.shuffle(told)
    return told


def _ask(house: House, path: str, body: dict) -> None:
    httpx.post(f"{house.address.base_url}/sandbox/{path}", json=body, timeout=60).raise_for_status()


def _check(house: House, told: list[dict], post: Post) -> None:
    db, asked = house.running.db, house.running.stripe
    assert set(post.heard) == {each["id"] for each in told}
    for event_id, outcomes in post.heard.items():
        assert sum(outcome in FIRST_TIME for outcome in outcomes) <= 1, (event_id, outcomes)
        assert set(outcomes) <= {*FIRST_TIME, "duplicate"}

    def later(hours: int = 0):
        return lambda: house.running.clock() + timedelta(seconds=5, hours=hours)

    _wait_until_all_is_applied(house)
    for hours in range(1, 9):  # the worker's own step, a few hours further each time
        retry_failed_events(_awake(house), asked, clock=later(hours), livemode=False)
    while refetch_tied(db, asked, clock=later(), livemode=False):
        continue
    with psycopg.connect(embedded.ensure_running(house.data_dir).owner_conninfo, autocommit=True) as owner:
        settled = owner.execute(
            "select e.id, h.outcome from payops.events as e left join payops.event_handlings as h on h.event_id = e.id"
        ).fetchall()
        assert len(settled) == len(told)
        for event_id, outcome in settled:
            kind = event_id.split("_")[1]
            expected = {"unknown": {"ignored"}, "live": {"quarantined"}, "poison": {"dead"}}
            assert outcome in expected.get(kind, {"applied", "ignored"}), (event_id, outcome)
        found = compare(db, asked, clock=later(), livemode=False, wait=lambda seconds: None, still_coming_seconds=0)
        kinds = [each for each in found.wrong_days if each.kind != "balance_transactions"]
        assert not kinds, kinds  # balance transactions have no event: the worker pulls them
        survived = mirror(owner)
        _forget(owner)
        batch = [inbox.prepare(each, body_of(each), livemode=False) for each in asked.each("events")]
        inbox.receive(db, list(reversed(batch)), now=house.running.clock())
        while refetch_tied(db, asked, clock=later(), livemode=False):
            continue
        assert survived == mirror(owner)


def _wait_until_all_is_applied(house: House) -> None:
    with psycopg.connect(embedded.ensure_running(house.data_dir).owner_conninfo, autocommit=True) as owner:
        wait_until_all_is_applied(owner)


def _awake(house: House):
    """The pool's connections died with Postgres; the first call may say so."""
    for _ in range(20):
        try:
            house.running.db.call("schema_fingerprint")
            break
        except Unavailable:
            time.sleep(0.1)
    return house.running.db


def _forget(owner: psycopg.Connection) -> None:
    owner.execute("set session_replication_role = replica")
    tables = owner.execute(
        "select c.relname from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attname = 'tied'"
        " where c.relnamespace = 'payops'::regnamespace and c.relkind = 'r'"
    ).fetchall()
    for (table,) in [*tables, ("event_handlings",), ("events",)]:
        owner.execute(f"delete from payops.{table}")
    owner.execute("set session_replication_role = origin")


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
        return port
