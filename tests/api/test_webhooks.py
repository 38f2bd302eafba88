"""Stripe's webhook over real HTTP, against a real process that can be killed and a database that can be unplugged."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import psycopg
import pytest

from core.db import embedded
from core.events.signature import sign
from core.sandbox.secrets import sandbox_secrets
from tests.db import probes
from tests.factories import body_of, charge, event, intent


class Api:
    """A `payops api` process over a data folder of its own, with Stripe's side of the wire."""

    def __init__(self, data_dir: Path, app: str = "core.api.app:app", **environment: str):
        self.data_dir = data_dir
        self.app = app
        self.environment = environment
        self.log = data_dir / "api.log"
        self.secret = sandbox_secrets(data_dir).webhook_secret
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.http = httpx.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=20)

    def start(self) -> None:
        command = [sys.executable, "-m", "uvicorn", self.app, "--port", str(self.port), "--no-access-log"]
        environment = {"DATA_DIR": str(self.data_dir), "PATH": os.environ["PATH"]} | self.environment
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        deadline = time.monotonic() + 90  # a machine with other work to do is slow
        while time.monotonic() < deadline:
            try:
                if self.http.get("/readyz").status_code == 200:
                    return
            except httpx.HTTPError:
                time.sleep(0.05)
        self.kill()
        raise AssertionError(f"the API did not become ready: {self.log.read_text()[-2000:]}")

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self) -> None:
        """Ended as an operator ends it, with all that it still had to tell."""
        self.process.terminate()
        self.process.wait(20)

    def post(self, body: bytes, **headers: str) -> httpx.Response:
        signature = sign(body, self.secret, timestamp=int(time.time()))
        return self.http.post("/api/webhooks/stripe", content=body, headers={"stripe-signature": signature} | headers)

    def rows(self, query: str) -> list[tuple]:
        server = embedded.ensure_running(self.data_dir)
        with psycopg.connect(server.owner_conninfo) as connection:
            return connection.execute(query).fetchall()


@pytest.fixture(scope="module")
def api(prepared) -> Iterator[Api]:
    with tempfile.TemporaryDirectory(prefix="payops-test-") as folder:
        prepared.copy_into(Path(folder))
        running = Api(Path(folder))
        running.start()
        yield running
        running.kill()
        embedded.remove(running.data_dir)


def test_a_signed_event_is_applied_and_answered_with_its_outcome(api):
    answer = api.post(body_of(event("evt_one", "payment_intent.created", intent(id="pi_one"))))
    assert (answer.status_code, answer.json()) == (200, {"received": True, "event": "evt_one", "outcome": "applied"})
    assert api.rows("select amount_minor from payops.payment_intents where id = 'pi_one'") == [(4900,)]


def test_the_same_event_fifty_times_at_once_has_one_effect(api):
    body = body_of(event("evt_fifty", "charge.succeeded", charge(id="ch_fifty")))
    with ThreadPoolExecutor(25) as senders:
        answers = list(senders.map(lambda _: api.post(body), range(50)))
    outcomes = sorted(answer.json()["outcome"] for answer in answers)
    assert outcomes == ["applied"] + ["duplicate"] * 49


def test_a_wrong_signature_is_refused_and_nothing_is_recorded(api):
    body = body_of(event("evt_forged", "charge.succeeded", charge()))
    answer = api.post(body, **{"stripe-signature": sign(body, "whsec_wrong", timestamp=int(time.time()))})
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
    assert set(answer.json()) == {"type", "title", "status", "code", "detail", "request_id"}
    assert answer.json()["code"] == "bad_signature"
    assert api.rows("select 1 from payops.events where id = 'evt_forged'") == []


def test_missing_and_stale_signatures_are_distinguished(api):
    body = body_of(event("evt_old", "charge.succeeded", charge()))
    stale = sign(body, api.secret, timestamp=int(time.time()) - 400)
    assert api.post(body, **{"stripe-signature": ""}).json()["code"] == "bad_signature"
    assert api.post(body, **{"stripe-signature": stale}).json()["code"] == "stale_timestamp"


@pytest.mark.parametrize("body", [b"", b"[]", b"\xff", b'{"id":"e","type":"t","x":NaN}', b"[" * 500_000])
def test_a_signed_body_that_is_no_event_answers_400_in_bounded_time(api, body):
    started = time.monotonic()
    answer = api.post(body)
    assert (answer.status_code, answer.json()["code"]) == (400, "malformed_body")
    assert time.monotonic() - started < 5


def test_a_body_over_one_mebibyte_is_refused_declared_or_not(api):
    large = b" " * (1024 * 1024 + 1)
    assert api.post(large).status_code == 413
    chunked = api.http.post("/api/webhooks/stripe", content=iter([large[:600_000], large[:600_000]]))
    assert chunked.status_code == 413


def test_a_given_request_id_is_answered_and_an_odd_one_replaced(api):
    assert api.http.get("/livez", headers={"x-request-id": "req-7"}).headers["x-request-id"] == "req-7"
    assert api.http.get("/livez", headers={"x-request-id": "a b"}).headers["x-request-id"] != "a b"


def test_unknown_routes_and_methods_answer_with_a_problem_document(api):
    assert api.http.get("/nowhere").json()["code"] == "not_found"
    assert api.http.get("/api/webhooks/stripe").json()["code"] == "method_not_allowed"


def test_without_its_database_the_api_lives_asks_for_a_retry_and_recovers(api):
    body = body_of(event("evt_unplugged", "charge.succeeded", charge(id="ch_unplugged")))
    embedded.stop(api.data_dir)
    answer = api.post(body)
    assert (answer.status_code, answer.json()["code"]) == (503, "database_unavailable")
    assert int(answer.headers["retry-after"]) > 0
    assert api.http.get("/livez").status_code == 200
    assert api.http.get("/readyz").status_code == 503
    embedded.ensure_running(api.data_dir)
    assert api.post(body).json()["outcome"] == "applied"


def test_a_defect_of_ours_asks_for_the_event_again_and_is_an_incident(api):
    body = body_of(event("evt_defect", "charge.succeeded", charge(id="ch_defect")))
    with psycopg.connect(embedded.ensure_running(api.data_dir).owner_conninfo, autocommit=True) as owner:
        with probes.broken(owner, "receive_events"):
            answer = api.post(body)
    assert (answer.status_code, answer.json()["code"]) == (503, "not_recorded")
    assert int(answer.headers["retry-after"]) > 0
    told = api.rows("select fingerprint, request_id from payops.incidents where kind = 'webhook_failed'")
    assert told == [("DatabaseFault", answer.json()["request_id"])]
    assert api.post(body).json()["outcome"] == "applied"


def test_killed_in_the_middle_of_deliveries_nothing_is_lost_or_doubled(api):
    bodies = [
        body_of(event(f"evt_kill_{n}", "charge.succeeded", charge(id=f"ch_kill_{n}", amount=n))) for n in range(500)
    ]

    def deliver(body: bytes) -> str:
        for _ in range(400):  # as Stripe does, until it hears 2xx
            try:
                answer = api.post(body)
                if answer.status_code == 200:
                    return str(answer.json()["outcome"])
            except httpx.HTTPError:
                time.sleep(0.05)
        raise AssertionError("never delivered")

    with ThreadPoolExecutor(16) as senders:
        outcomes = [senders.submit(deliver, body) for body in bodies]
        while sum(outcome.done() for outcome in outcomes) < 60:
            time.sleep(0.005)
        api.kill()
        api.start()
        assert {outcome.result() for outcome in outcomes} <= {"applied", "recorded", "duplicate"}
    handled = "select count(*) from payops.event_handlings where event_id like 'evt_kill_%' and outcome = 'applied'"
    deadline = time.monotonic() + 5  # what was only recorded is applied soon
    while api.rows(handled) != [(500,)]:
        assert time.monotonic() < deadline, api.rows(handled)
        time.sleep(0.05)
    found = api.rows("select amount_minor from payops.charges where id like 'ch_kill_%' order by amount_minor")
    assert [amount for (amount,) in found] == list(range(500))
    assert api.rows(handled) == [(500,)]
