"""Over HTTP: attacks on the webhook are counted by sender, and the use of each secret is recorded."""

import tempfile
import time
from pathlib import Path

import pytest

from core.db import embedded
from core.db.via_psycopg import PsycopgDatabase
from core.events import webhook_counters
from core.events.signature import sign
from core.periods import wall_clock
from tests.api.test_webhooks import Api
from tests.factories import body_of, charge, event

NEW, OLD = "whsec_" + "b" * 32, "whsec_" + "a" * 32
BODY = body_of(event("evt_once", "charge.succeeded", charge()))


@pytest.fixture(scope="module")
def api(prepared):
    with tempfile.TemporaryDirectory(prefix="payops-test-") as folder:
        prepared.copy_into(Path(folder))
        running = Api(Path(folder), STRIPE_WEBHOOK_SECRETS=f"{NEW},{OLD}")
        running.start()
        yield running
        running.stop()
        embedded.remove(running.data_dir)


@pytest.fixture(scope="module")
def db(api):
    opened = PsycopgDatabase(embedded.ensure_running(api.data_dir).app_conninfo)
    yield opened
    opened.close()


def post(api, body, *, sender, secret=NEW, age=0):
    """As a proxy on this machine hands it on."""
    signature = sign(body, secret, timestamp=int(time.time()) - age)
    headers = {"stripe-signature": signature, "x-forwarded-for": sender}
    return api.http.post("/api/webhooks/stripe", content=body, headers=headers)


def counted(db, sender):
    found = webhook_counters.rejections(db, wall_clock().replace(year=2020))
    return {each["reason"]: each["times"] for each in found if each["address"] == sender}


def await_counts(db, sender, expected):
    deadline = time.monotonic() + 30
    while counted(db, sender) != expected and time.monotonic() < deadline:
        time.sleep(0.1)
    assert counted(db, sender) == expected


def test_forged_stale_and_future_signatures_are_counted_by_sender_and_past_the_rate_an_incident(api, db):
    for _ in range(25):
        assert post(api, BODY, sender="203.0.113.9", secret="whsec_guessed").json()["code"] == "bad_signature"
    assert post(api, BODY, sender="203.0.113.9", age=400).json()["code"] == "stale_timestamp"
    assert post(api, BODY, sender="203.0.113.9", age=-400).json()["code"] == "stale_timestamp"
    await_counts(db, "203.0.113.9", {"bad_signature": 25, "stale_timestamp": 2})
    attacks = api.rows("select fingerprint, sample ->> 'sender' from payops.incidents where kind = 'webhook_attack'")
    assert attacks == [("bad_signature 203.0.113.9", "203.0.113.9")]


def test_a_body_that_comes_again_from_another_sender_is_counted(api, db):
    assert post(api, BODY, sender="198.51.100.1").json()["outcome"] == "applied"
    assert post(api, BODY, sender="198.51.100.1").json()["outcome"] == "duplicate"
    assert post(api, BODY, sender="198.51.100.2").json()["outcome"] == "duplicate"
    await_counts(db, "198.51.100.2", {"redelivered_from_elsewhere": 1})
    assert counted(db, "198.51.100.1") == {}


def test_two_secrets_verify_at_once_and_each_use_is_counted(api, db):
    for number, secret in enumerate([NEW, NEW, OLD]):
        body = body_of(event(f"evt_roll_{number}", "charge.succeeded", charge(id=f"ch_roll_{number}")))
        assert post(api, body, sender="198.51.100.1", secret=secret).json()["outcome"] == "applied"
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        new, old = webhook_counters.secret_uses(db, (NEW, OLD), wall_clock())
        if new.times_in_30_days >= 5 and old.times_in_30_days:
            break
        time.sleep(0.1)
    assert old.times_in_30_days == 1 and old.last_used_at is not None and not old.no_longer_used
