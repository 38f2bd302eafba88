"""Payloads of older API versions end in the same mirror as today's, and
what is stored of either can be projected again.
"""

import itertools
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from core.events import inbox
from core.events.field_allowlist import allowed_fields
from core.events.registry import Snapshot, projected_types, projection_of
from core.events.repair import backfill
from core.sandbox import seed
from core.sandbox.traffic import history
from tests.factories import body_of

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
PAYLOADS = Path(__file__).parents[1] / "payloads"
OLDER = sorted(file.stem for file in (PAYLOADS / "older").glob("*.json"))
EVERY = sorted(PAYLOADS.glob("*/*.json"))
TABLES = (
    "payment_intents",
    "charges",
    "refunds",
    "failed_confirmations",
    "subscriptions",
    "invoices",
    "invoice_payments",
    "promotion_codes",
)
# Which event told it, and the id of an invoice payment of a time when it had none.
DIFFERENT = {"event_id", "tied"}


def told(age, name):
    return json.loads((PAYLOADS / age / f"{name}.json").read_text())


def mirror_after(database, owner, events):
    owner.execute("set session_replication_role = replica")
    for table in ("event_handlings", "events", *TABLES):
        owner.execute(f"delete from payops.{table}")
    owner.execute("set session_replication_role = origin")
    batch = [inbox.prepare(each, body_of(each), livemode=False) for each in events]
    assert set(inbox.receive(database, batch, now=NOW)) == {"applied"}
    return {
        table: [row for (row,) in owner.execute(f"select to_jsonb(r) from payops.{table} as r order by id")]
        for table in TABLES
    }


def without(mirror):
    for row in itertools.chain(*mirror.values()):
        for column in DIFFERENT:
            row.pop(column)
    for row in mirror["invoice_payments"]:
        row.pop("id")
    return mirror


@pytest.mark.parametrize("name", OLDER)
def test_older_api_versions_lead_to_the_same_mirror(database, owner, name):
    today = without(mirror_after(database, owner, told("today", name)))
    assert any(today.values())
    assert without(mirror_after(database, owner, told("older", name))) == today


def test_each_difference_that_stripe_names_has_an_older_payload():
    assert {"invoice", "subscription", "promotion_code", "charge", "payment_intent"} <= set(OLDER)


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_an_invoice_payment_made_up_from_an_older_invoice_gives_way_to_the_real_one(database, owner, order):
    again = told("older", "invoice")[0] | {"id": "evt_again", "type": "invoice.payment_succeeded"}
    events = [*told("older", "invoice"), told("today", "invoice")[1], again]
    found = mirror_after(database, owner, [events[n] for n in order])
    assert [row["id"] for row in found["invoice_payments"]] == ["inpay_1"]


@pytest.mark.parametrize("file", EVERY, ids=lambda file: f"{file.parent.name}-{file.stem}")
def test_what_is_stored_projects_to_the_same_records_as_what_came(file):
    for event in json.loads(file.read_text()):
        if projection := projection_of(event["type"]):
            whole = event["data"]["object"]
            assert project(projection, allowed_fields(whole, event["type"])) == project(projection, whole)


@pytest.fixture(scope="module")
def seeded(tmp_path_factory):
    folder = tmp_path_factory.mktemp("seeded")
    seed.seed_sandbox(folder, days=45)
    return folder


def test_what_is_stored_of_a_whole_history_projects_to_the_same_records(seeded):
    projected = set()
    for event in history.iter_events(seeded):
        if projection := projection_of(event["type"]):
            projected.add(projection)
            whole = event["data"]["object"]
            assert project(projection, allowed_fields(whole, event["type"])) == project(projection, whole)
    assert len(projected) > 10


def project(projection, subject):
    return projection(Snapshot(subject, NOW, "evt_1", livemode=False))


def test_the_allowlist_keeps_every_field_that_projections_read(seeded):
    for source in backfill.SOURCES:
        event_types = [name for name in projected_types() if projection_of(name) is source.projection]
        for whole in itertools.islice(history.iter_objects(seeded, source.object_type), 50):
            for event_type in event_types[:1]:
                stored = project(source.projection, allowed_fields(whole, event_type))
                assert stored == project(source.projection, whole)
