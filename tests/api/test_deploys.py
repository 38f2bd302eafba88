"""A deploy while an API process of the version before runs: no event is lost, and nothing answers worse than 503."""

import re
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import psycopg
import pytest

from core.db import deploy as deploying
from core.db.deploy import deploy
from core.db.via_psycopg import PsycopgDatabase
from core.events.signature import sign
from tests.api.test_kills import Process
from tests.db.test_upgrade import made
from tests.events.business import wait_until_all_is_applied
from tests.factories import START, body_of, charge, event

POSTERS, DEPLOYS = 4, 6
SECRET = "whsec_" + "a" * 32


def posted(process: Process, body: bytes) -> httpx.Response:
    signature = sign(body, SECRET, timestamp=int(time.time()))
    return process.http.post("/api/webhooks/stripe", content=body, headers={"Stripe-Signature": signature})


class OtherDatabase:
    """The database of the deploys, as `Process` wants it."""

    def __init__(self, app_conninfo: str):
        self.app_conninfo = app_conninfo


@pytest.fixture
def rolling(server, tmp_path):
    """A running API process over a database of its own, and the owner's connection."""
    with made(server, "payops_rolling") as owner:
        deploy(owner.info.dsn)
        app = psycopg.conninfo.make_conninfo(server.app_conninfo, dbname="payops_rolling")
        process = Process(OtherDatabase(app), tmp_path)
        process.environment["STRIPE_WEBHOOK_SECRETS"] = SECRET
        process.start()
        yield process, owner
        process.kill()


@pytest.fixture
def next_version(tmp_path, monkeypatch):
    """A copy of the SQL files that a test changes: the version that is deployed."""
    copy = tmp_path / "next"
    for name in ("functions", "migrations"):
        for path in (deploying.HERE / name).rglob("*.sql"):
            kept = copy / path.relative_to(deploying.HERE)
            kept.parent.mkdir(parents=True, exist_ok=True)
            kept.write_bytes(path.read_bytes())
    monkeypatch.setattr(deploying, "fingerprint", deploying.fingerprint.__wrapped__)  # these files change meanwhile
    monkeypatch.setattr(deploying, "FUNCTIONS", copy / "functions")
    monkeypatch.setattr(deploying, "MIGRATIONS", copy / "migrations")
    return copy


def change(version: Path, number: int) -> None:
    """A new parameter of the function that records events, an inner function renamed, a column that they fill."""
    events = version / "functions" / "events"
    inbox = events / "inbox.sql"
    if number == 1:
        text = inbox.read_text()
        before = "receive_events(p_events jsonb, p_records jsonb, p_now timestamptz)"
        assert before in text
        inbox.write_text(text.replace(before, before[:-1] + ", p_note text default '')"))
    for path in events.glob("*.sql"):  # also those that apply what a crowd recorded
        path.write_text(re.sub(r"\brecord_handlings(_\d+)?\b", f"record_handlings_{number}", path.read_text()))
    (version / "migrations" / f"9{number:03}_more.sql").write_text(
        f"-- A column.\nalter table payops.event_handlings add column more_{number} text;\n"
    )


def test_events_posted_throughout_deploys_are_all_recorded_once(rolling, next_version):
    process, owner = rolling
    over = threading.Event()
    answered: dict[str, str] = {}
    worse: list[int] = []

    def post(poster: int) -> None:
        number = 0
        while not over.is_set():
            number += 1
            event_id = f"evt_{poster}_{number}"
            body = body_of(event(event_id, "charge.updated", charge(id=f"ch_{number % 7}"), at=START + number))
            while True:
                answer = posted(process, body)
                if answer.status_code == 200:
                    answered[event_id] = answer.json()["outcome"]
                    break
                if answer.status_code != 503:
                    worse.append(answer.status_code)
                time.sleep(0.05)

    with ThreadPoolExecutor(POSTERS) as posters:
        posting = [posters.submit(post, poster) for poster in range(POSTERS)]
        for number in range(1, DEPLOYS + 1):
            change(next_version, number)
            assert deploy(owner.info.dsn).applied == (f"9{number:03}_more.sql",)
        over.set()
        for each in posting:
            each.result(timeout=60)
    assert worse == []
    assert len(answered) > 2 * DEPLOYS
    wait_until_all_is_applied(owner)
    stored = owner.execute(
        "select id, outcome from payops.events join payops.event_handlings on event_id = id"
    ).fetchall()
    assert dict(stored).keys() == answered.keys()
    assert {outcome for _, outcome in stored} == {"applied"}


def test_a_deploy_waits_for_a_busy_table_without_holding_up_its_callers(rolling, next_version, monkeypatch):
    process, owner = rolling
    change(next_version, 1)
    monkeypatch.setattr(deploying, "LOCK_TIMEOUT", "set local lock_timeout = '200ms'")
    monkeypatch.setattr(deploying, "PAUSE_SECONDS", 0.3)
    with psycopg.connect(owner.info.dsn) as reading, ThreadPoolExecutor(1) as elsewhere:
        reading.execute("select count(*) from payops.event_handlings")  # a long report
        deployed = elsewhere.submit(deploy, owner.info.dsn)
        for number in range(5):
            body = body_of(event(f"evt_{number}", "charge.updated", charge(), at=START + number))
            assert posted(process, body).status_code == 200
        assert not deployed.done()
        reading.rollback()
        assert deployed.result(timeout=30).applied == ("9001_more.sql",)


def test_a_call_to_a_replaced_function_is_repeated_once(server):
    with made(server, "payops_rolling") as owner:
        deploy(owner.info.dsn)
        owner.execute(
            "create sequence payops.tries;"
            "create function payops_api.meets(p_state text) returns jsonb language plpgsql as $$ begin"
            " if nextval('payops.tries') = 1 then raise exception 'cache lookup failed for function 7'"
            " using errcode = p_state; end if; return to_jsonb(1); end $$"
        )
        database = PsycopgDatabase(owner.info.dsn)
        for state in ("XX000", "42883", "42P01"):
            owner.execute("select setval('payops.tries', 1, false)")
            assert database.call("meets", state=state) == 1
        database.close()
