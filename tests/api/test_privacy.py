"""Whatever is posted, no personal data and no client secret gets into a table, a log or an answer."""

import json
import re
import tempfile
import time
from pathlib import Path

import psycopg
import pytest

from core.db import embedded
from core.events.signature import sign
from core.sandbox import process
from tests.api.test_webhooks import Api
from tests.factories import body_of, charge, event, intent

PAYLOADS = Path(__file__).parents[1] / "payloads"
PRIVATE = [
    r"\bAna\b",
    r"\bLima\b",
    "LIMA",
    "ana.lima",
    r"ana@example\.",
    "example.com",
    "555.?0147",
    "2025550147",
    "Evergreen",
    "Springfield",
    r"\b62704\b",
    "1990-02-03",
    "123-45-6789",
    "12-3456789",
    r"198\.51\.100\.23",
    "A1B2C3D4",
    r"4242\D?4242",
    r"4000\D?0566",
    "424242",
    "Xt5EWLLDS7FJjR1c",
    "Stripe Test Bank",
    "104102978678771",
    "_secret_",
    "QkVhZ0hFcmVJc0E",
    "secretpath",
    "olderpath",
    "1Z999AA10123456784",
    "insufficient funds",
    "Moved away",
]


@pytest.fixture(scope="module")
def told(prepared):
    """Everything that could be read after all of it was posted, each by its name."""
    with tempfile.TemporaryDirectory(prefix="payops-test-") as folder:
        prepared.copy_into(Path(folder))
        api = Api(Path(folder), LOG_LEVEL="DEBUG")
        api.start()
        answers = [*post_payloads(api), *post_failures(api), *post_refused(api)]
        api.stop()
        found = {"answers": "\n".join(answers), **dumped(api.data_dir)}
        found |= {str(log.relative_to(api.data_dir)): log.read_text() for log in api.data_dir.rglob("*.log")}
        yield found
        process.stop(api.data_dir)  # which a call of the payment API started
        embedded.remove(api.data_dir)


def post_payloads(api):
    """Each payload file, once as it is and once more with another id where the first was of the same id."""
    for file in sorted(PAYLOADS.glob("*/*.json")):
        for one in json.loads(file.read_text()):
            yield api.post(body_of(one)).text
            yield api.post(body_of(one | {"id": f"{one['id']}_{file.parent.name}"})).text


def post_failures(api):
    """Private text where a projection or a table expects something else, and in the shop's own two texts."""
    nasty = "Ana Lima, 4242 4242 4242 4242, ana.lima@example.com, +1 (202) 555-0147"
    metadata = {"orderId": "ana.lima@example.com", "patientId": "4242424242424242", "name": nasty}
    for number, one in enumerate(
        [
            event("", "charge.succeeded", charge(id="ch_a", amount=nasty)),
            event("", "charge.succeeded", charge(id="ch_b", outcome=nasty)),
            event("", "charge.succeeded", charge(id="ch_c", created=nasty)),
            event("", "payment_intent.created", intent(id="pi_a", metadata=metadata)),
            event("", "payment_intent.created", intent(id="pi_b", customer={"id": "cus_1", "name": nasty})),
            event("", "product.updated", {"id": "prod_a", "description": nasty, "metadata": metadata}),
            event("", "charge.succeeded", charge(id="ch_d"), livemode=True),
            event("", "charge.succeeded", charge(id="pi_1_secret_abc", status="4242-4242-4242-4242")),
            event("", "charge.succeeded", charge(id="ch_e", status=4242424242424242, invoice={"id": nasty})),
            event("", "charge.succeeded", charge(id="ana.lima@example.com"), api_version=nasty),
            event("", "charge.succeeded", {"id": nasty}, request={"id": nasty, "idempotency_key": nasty}),
            event("", "ana.lima@example.com", {"id": nasty}, account=nasty, livemode=True),
            event("", "4242424242424242", {"id": "x"}, context=nasty),
            event("", "customer.updated", {"id": "cus_1", "created": nasty, "address": {"line1": nasty}}),
            event("", "charge.updated", charge(id="ch_f")) | {"created": nasty},
            event("", "charge.updated", charge(id="ch_g", refunds={"data": [[nasty], {"id": nasty}, nasty]})),
            event("", "charge.updated", charge(id="ch_h", metadata={"orderId": "202-555-0147"})),
            event("", "charge.updated", charge(id="ch_i", metadata={"orderId": '"ana lima"@example.com'})),
            event("", "charge.updated", charge(id="ch_j"))
            | {"data": {"object": charge(id="ch_j"), "previous_attributes": {"status": nasty, "id": [nasty]}}},
        ]
    ):
        yield api.post(body_of(one | {"id": f"evt_failure_{number}"})).text


def post_refused(api):
    """What is not taken at all: unsigned, stale, no event, not for this route."""
    private = (PAYLOADS / "today" / "charge.json").read_bytes()
    stale = sign(private, api.secret, timestamp=int(time.time()) - 900)
    yield api.post(private).text
    yield api.post(private, **{"stripe-signature": "t=1,v1=ana.lima@example.com"}).text
    yield api.post(private, **{"stripe-signature": stale}).text
    yield api.post(private[:-10]).text
    for odd_id in ("ana.lima@example.com", "Ana Lima", "4242424242424242", "pi_1_secret_abc", "202-555-0147"):
        yield api.post(body_of(event(odd_id, "charge.succeeded", charge()))).text
    yield api.http.post("/api/webhooks/stripe?name=Ana+Lima&email=ana.lima%40example.com", content=private).text
    for path in ("webhooks/form-submission", "webhooks/consultation-status", "payments/process-payment", "nowhere"):
        yield api.http.post(f"/api/{path}", content=private).text
        yield api.http.post(f"/api/{path}?email=ana.lima@example.com", content=private[:-10]).text


def dumped(data_dir):
    """Every table of every schema but Postgres's own, as text."""
    tables = (
        "select oid::regclass::text from pg_class where relkind in ('r', 'p', 'm') and "
        "relnamespace::regnamespace::text !~ '^(pg_|information_schema)'"
    )
    with psycopg.connect(embedded.ensure_running(data_dir).owner_conninfo) as connection:
        return {
            table: connection.execute(
                f"select coalesce(string_agg(to_jsonb(t)::text, chr(10)), '') from {table} as t"
            ).fetchone()[0]
            for (table,) in connection.execute(tables).fetchall()
        }


def test_the_posted_data_was_processed(told):
    """Otherwise, finding nothing private would prove nothing."""
    assert {"payops.events", "payops.incidents", "payops.event_attempts", "api.log", "answers"} <= set(told)
    assert told["payops.events"].count("\n") > 40
    assert '"ch_1"' in told["payops.charges"] and "4242" in told["payops.charges"]
    assert "order-1" in told["payops.events"] and "[redacted]" in told["payops.payment_intents"]
    assert "event_failed" in told["payops.incidents"] and "event_changed" in told["payops.incidents"]
    assert all(code in told["answers"] for code in ("bad_signature", "stale_timestamp", "malformed_body", '"failed"'))
    assert re.search("started|startup", told["api.log"], re.IGNORECASE)


@pytest.mark.parametrize("private", PRIVATE)
def test_nothing_private_is_stored_logged_or_answered(told, private):
    found = {place: match.group() for place, text in told.items() if (match := re.search(f".{{0,40}}{private}", text))}
    assert found == {}


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"description": "Follow-up for depression"}, "description"),
        ({"description": "Plan E11.9"}, "description"),
        ({"orderId": "order-ozempic-7"}, "orderId"),
    ],
)
def test_health_information_is_refused_before_stripe_is_told(api, shop, body, path):
    answer = api.pay(**body)
    assert (answer.status_code, answer.json()["code"]) == (422, "private_text")
    assert [each["path"] for each in answer.json()["errors"]] == [path]
    told = answer.text.lower()
    assert "depression" not in told and "e11.9" not in told and "ozempic" not in told
    assert shop.payments_of(body.get("orderId", api.order)) == []
