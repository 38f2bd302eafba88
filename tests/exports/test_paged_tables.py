"""Tables that are read page by page: every row once, in the page's order, also where rows share a time or a name."""

from datetime import UTC, datetime, timedelta
from functools import partial

import pytest

from core.events import lookup
from core.exports.table import by_key, by_last_id
from core.payments import refunds
from core.payments.context import PaymentContext
from core.providers import assignment, directory
from core.staff import audit
from core.staff.roles import Actor, Role
from tests.providers.conftest import NOW, Clinic

FINANCE = Actor("staff:fin", Role.FINANCE)
START = datetime(2026, 11, 1, tzinfo=UTC)


@pytest.fixture
def clinic(database, owner) -> Clinic:
    return Clinic(database, owner)


def ids(batches) -> list[str]:
    return [str(row["id"]) for batch in batches() for row in batch]


@pytest.mark.parametrize("status", ["waiting", "assigned", "ended"])
def test_consultations_of_one_moment_are_each_exported_once(clinic, status):
    if status != "waiting":
        clinic.provider("ann", capacity=20)
    asked = [clinic.ask(now=NOW + timedelta(minutes=number // 3))["consultationId"] for number in range(7)]
    if status == "ended":
        for each in asked:
            clinic.end(each, now=NOW + timedelta(hours=1))
    sought = partial(assignment.consultations, clinic.db, NOW + timedelta(hours=2), status=status)
    found = ids(by_last_id(lambda after: sought(after_id=after, limit=2), size=2))
    assert sorted(found) == sorted(asked)
    assert found == [each["id"] for each in sought()]


def test_a_consultation_assigned_meanwhile_drops_no_other_from_the_export(clinic):
    asked = [clinic.ask(now=NOW + timedelta(minutes=number))["consultationId"] for number in range(5)]
    sought = partial(assignment.consultations, clinic.db, NOW + timedelta(hours=2), status="waiting")
    batches = by_last_id(lambda after: sought(after_id=after, limit=2), size=2)()
    found = [each["id"] for each in next(batches)]
    clinic.end(asked[0], "cancelled")
    found += [each["id"] for batch in batches for each in batch]
    assert found == asked


def test_providers_of_one_name_are_each_exported_once(clinic):
    for number in range(5):
        clinic.provider(f"p{number}", name="Ann Lima", npi=None)
    sought = partial(directory.search, clinic.db)
    found = ids(by_last_id(lambda after: sought(after_id=after, limit=2)[0], size=2))
    assert found == [each["id"] for each in sought()[0]] and len(found) == 5


def test_the_audit_log_is_counted_up_to_a_bound_and_exported_whole(database, owner):
    for number in range(1005):
        audit.record(database, FINANCE, "test:thing:done", f"thing:{number}", START)
    sought = audit.EntryFilter(START, START + timedelta(days=1), subject="thing")
    assert audit.count(database, FINANCE, sought, most=2000) == 1005
    assert audit.count(database, FINANCE, sought, most=10) == 10
    found = list(by_key(partial(audit.page_after, database, FINANCE, sought))())
    assert [len(batch) for batch in found] == [1000, 5]
    assert len({entry["id"] for batch in found for entry in batch}) == 1005


def test_more_than_a_thousand_events_and_refunds_are_exported(database, owner):
    owner.execute(
        "insert into payops.events (id, type, created, received_at, livemode, payload, came_by, body_sha256)"
        " select 'evt_' || n, 'charge.succeeded', %(at)s, %(at)s, false, '{}', 'webhook', 'x'"
        " from generate_series(1, 1003) as n",
        {"at": START},
    )
    owner.execute(
        "insert into payops.event_handlings (event_id, outcome, attempts, handled_at)"
        " select id, 'applied', 1, received_at from payops.events"
    )
    owner.execute(
        "insert into payops.refunds"
        " (id, livemode, created, as_of, state_rank, event_id, amount_minor, currency, status)"
        " select 're_' || n, false, %(at)s, %(at)s, 0, 'evt_1', 100, 'usd', 'succeeded'"
        " from generate_series(1, 1003) as n",
        {"at": START},
    )
    context = PaymentContext(database, None, lambda: NOW, None, None, 0)  # the list asks the database alone
    for batches in (
        by_key(partial(lookup.page_after, database, lookup.EventFilter())),
        by_key(partial(refunds.page_after, context, refunds.Sought())),
    ):
        found = ids(batches)
        assert len(found) == len(set(found)) == 1003
