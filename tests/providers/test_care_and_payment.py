"""Care compared with payments: what was paid for an order, care without payment and the reverse, a licence's impact."""

from datetime import date, timedelta

import pytest

from core.events import inbox
from core.monitoring import action_items, overview
from core.periods import Period
from core.providers import assignment, licences
from tests.factories import START, body_of, charge, event, intent
from tests.monitoring.test_overview import ZONE
from tests.providers.conftest import NOW, OPS

LATER = NOW + timedelta(minutes=31)


@pytest.fixture
def told(clinic):
    """Tell Stripe's events of an object each."""

    def tell(*several):
        events = [event(f"evt_{kind}_{each['id']}", kind, each, at=START) for kind, each in several]
        batch = [inbox.prepare(each, body_of(each), livemode=False) for each in events]
        assert set(inbox.receive(clinic.db, batch, now=NOW)) == {"applied"}

    return tell


def paid(order, amount=9500, number="1", currency="usd", patient="patient-1"):
    sums = {"amount": amount, "currency": currency}
    of = {"metadata": {"orderId": order, "patientId": patient}}
    return [
        (
            "payment_intent.succeeded",
            intent(id=f"pi_{number}", status="succeeded", amount_received=amount, **sums, **of),
        ),
        ("charge.succeeded", charge(id=f"ch_{number}", payment_intent=f"pi_{number}", amount_captured=amount, **sums)),
    ]


def refunded(amount, number="1", status="succeeded"):
    given_back = {
        "id": f"re_{number}",
        "object": "refund",
        "created": START,
        "amount": amount,
        "currency": "usd",
        "charge": f"ch_{number}",
        "payment_intent": f"pi_{number}",
        "status": status,
        "reason": None,
        "metadata": {},
    }
    return [("refund.created", given_back)]


def subscribed(patient, amount):
    customer = {"id": "cus_1", "object": "customer", "created": START, "metadata": {"patientId": patient}}
    price = {"unit_amount": amount, "recurring": {"interval": "month", "interval_count": 1, "usage_type": "licensed"}}
    plan = {
        "id": "sub_1",
        "object": "subscription",
        "created": START,
        "status": "active",
        "customer": "cus_1",
        "currency": "usd",
        "start_date": START,
        "items": {"data": [{"id": "si_1", "quantity": 1, "price": price}]},
    }
    return [("customer.created", customer), ("customer.subscription.created", plan)]


def apart(clinic, now=LATER):
    return [(one["problem"], one["order_id"]) for one in assignment.care_payment_mismatches(clinic.db, now)]


def test_paid_but_waiting_is_listed_until_assigned_or_refunded(clinic, told):
    asked = clinic.ask(orderId="order-1")["consultationId"]
    clinic.ask(orderId="order-unpaid"), clinic.ask()
    told(*paid("order-1"))
    assert apart(clinic, NOW + timedelta(minutes=29)) == []
    (row,) = assignment.care_payment_mismatches(clinic.db, LATER)
    assert (row["id"], row["problem"], row["received_minor"], row["payment_intent_id"]) == (
        asked,
        "paid_but_waiting",
        9500,
        "pi_1",
    )
    assert (row["provider_available"], row["reason"]) == (False, "No provider is licensed in TX.")
    told(*refunded(9500))
    assert apart(clinic) == [("refunded_but_open", "order-1")]
    clinic.end(asked, "cancelled")
    assert apart(clinic) == []


def test_fully_refunded_but_open_is_listed_and_partly_refunded_is_not(clinic, told):
    clinic.provider("ann")
    clinic.ask(orderId="order-1"), clinic.ask(orderId="order-2"), clinic.ask(orderId="order-3")
    told(*paid("order-1", 9500, "1"), *paid("order-2", 9500, "2"), *paid("order-3", 9500, "3"))
    told(*refunded(9500, "1"), *refunded(4000, "2"), *refunded(9500, "3", status="failed"))
    (row,) = assignment.care_payment_mismatches(clinic.db, LATER)
    assert (row["problem"], row["order_id"], row["provider_name"]) == ("refunded_but_open", "order-1", "Ann")


def test_an_order_paid_again_after_a_refund_is_paid(clinic, told):
    clinic.provider("ann")
    clinic.ask(orderId="order-1")
    told(*paid("order-1", 9500, "1"), *paid("order-1", 9500, "2"), *refunded(9500, "1"))
    assert apart(clinic) == []


def test_a_consultation_knows_the_payments_of_its_order(clinic, told):
    told(*paid("order-1", 9500, "1"), *refunded(2000))
    asked = clinic.ask(orderId="order-1")["consultationId"]
    assert assignment.consultation(clinic.db, asked, NOW)["payments"] == [
        {
            "id": "pi_1",
            "status": "succeeded",
            "currency": "usd",
            "amount_minor": 9500,
            "received_minor": 9500,
            "refunded_minor": 2000,
        }
    ]


def test_a_licence_that_ends_shows_what_was_paid_and_what_subscriptions_hang_on_it_each_once(clinic, told):
    clinic.provider("ann", states="TX:2026-12-10")
    told(*paid("order-1", 9500, "1"), *paid("order-2", 4000, "2"), *paid("order-3", 500, "3", currency="eur"))
    told(*refunded(1000, "1"), *subscribed("patient-9", 2900))
    for order in ("order-1", "order-2", "order-3"):
        clinic.ask(orderId=order, patientId="patient-9")
    (row,) = licences.expiring(clinic.db, NOW, days=30)["items"]
    assert (row["open_consultations"], row["others"], row["days_left"]) == (3, 0, 17)
    assert row["paid"] == [
        {"currency": "usd", "minor": 12500, "items": 2},
        {"currency": "eur", "minor": 500, "items": 1},
    ]
    assert row["monthly"] == [{"currency": "usd", "minor": 2900, "items": 1}]


def test_the_overview_lists_who_waits_too_long_with_the_money_and_licences_that_end(clinic, told):
    clinic.ask("WY", orderId="order-1"), clinic.ask("WY", now=LATER)
    told(*paid("order-1"))
    clinic.provider("ann", states="TX:2026-12-10 CA:2026-11-30")
    clinic.ask("CA")
    december = NOW.replace(month=12, day=2)
    period = Period(date(2026, 11, 1), date(2026, 11, 30), ZONE)
    found = overview.load(clinic.db, period, currency="usd", now=december)
    lines = {line.kind.page + " " + line.what: line for line in action_items.in_words(found.action_items, december)}
    assert lines["assignments 2 patients have waited too long for a provider"].at_stake == "$95.00"
    assert "assignments 1 consultation is with a provider who may not see the patient" in lines
    assert lines["providers 2 licences end within 30 days or have ended"].when.startswith("first ends in 8 days")


def test_a_waiting_incident_resolves_when_nobody_waits_too_long(clinic):
    asked = clinic.ask()["consultationId"]
    assert assignment.drain(clinic.db, LATER)["overdue"] == 1
    clinic.provider("ann")
    assert assignment.consultation(clinic.db, asked, LATER)["provider_id"] == "ann"
    assignment.drain(clinic.db, LATER)
    assert clinic.rows("select fingerprint, resolved_by from payops.incidents") == [("TX", "system:queue")]
    a_minute_on = LATER + timedelta(minutes=1)
    assignment.release(clinic.db, OPS, asked, "on leave", a_minute_on)
    assignment.drain(clinic.db, a_minute_on)
    assert clinic.rows("select count(*) from payops.incidents where resolved_at is null") == [(1,)]
