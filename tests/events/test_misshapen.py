"""Signed events with an invalid structure: each fails alone, and no count or query does."""

from datetime import UTC, datetime

import pytest

from core.events import inbox
from tests.factories import START, body_of, charge, event, intent

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


def receive(database, *events):
    batch = [inbox.prepare(each, body_of(each), livemode=False) for each in events]
    return inbox.receive(database, batch, now=NOW)


def reason_of(owner, event_id):
    return owner.execute("select reason from payops.event_handlings where event_id = %s", [event_id]).fetchone()[0]


def promotion_code(**fields):
    return {"id": "promo_1", "created": START, "active": True, "promotion": {"coupon": "WELCOME"}} | fields


def subscription(subscription_id="sub_1", **of_item):
    price = {"id": "price_1", "unit_amount": 9900, "recurring": {"interval": "month", "interval_count": 1}}
    item = {"id": "si_1", "quantity": 1, "price": price} | of_item
    return {
        "id": subscription_id,
        "created": START,
        "status": "active",
        "currency": "usd",
        "customer": "cus_1",
        "start_date": START,
        "items": {"data": [item]},
    }


@pytest.mark.parametrize(
    ("event_type", "subject", "field"),
    [
        ("charge.succeeded", charge(id="ch 1"), "id"),
        ("charge.succeeded", charge(id="../balance"), "id"),
        ("charge.succeeded", charge(id="."), "id"),
        ("charge.succeeded", charge(id=""), "id"),
        ("charge.succeeded", charge(id=["ch_1"]), "id"),
        ("charge.succeeded", charge(id=7), "id"),
        ("charge.succeeded", charge(currency="dollars"), "currency"),
        ("charge.succeeded", charge(currency=""), "currency"),
        ("charge.succeeded", charge(amount=10**17), "amount_minor"),
        ("charge.succeeded", charge(amount="4900"), "amount_minor"),
        ("charge.succeeded", charge(amount=49.0), "amount_minor"),
        ("charge.succeeded", charge(amount=True), "amount_minor"),
        ("charge.succeeded", charge(created=-1), "a time"),
        ("charge.succeeded", charge(created=253_402_300_799), "a time"),
        ("charge.succeeded", charge(created=True), "a time"),
        ("promotion_code.updated", promotion_code(times_redeemed=1e308), "times_redeemed"),
        ("customer.subscription.updated", subscription(quantity="many"), "quantity"),
        ("customer.subscription.updated", subscription(quantity=10**12), "unit_amount"),
        ("customer.subscription.updated", subscription(price={"unit_amount": 9.9}), "unit_amount"),
        (
            "customer.subscription.updated",
            subscription(price={"unit_amount": 9900, "recurring": {"interval_count": "x"}}),
            "interval_count",
        ),
    ],
)
def test_an_invalid_field_fails_its_event_and_no_other(database, owner, event_type, subject, field):
    misshapen = event("evt_odd", event_type, subject)
    beside = event("evt_beside", "payment_intent.created", intent())
    assert receive(database, misshapen, beside) == ["failed", "applied"]
    assert reason_of(owner, "evt_odd") == f"Misshapen: {field}"


@pytest.mark.parametrize(
    "created", ["2026-01-01T00:00:00+20:00", "2026-01-01T00:00:00-15:59:59.5", "2026-01-01T00:00:00Z"]
)
def test_any_offset_of_a_time_is_stored_in_utc(database, owner, created):
    odd = event("evt_odd", "v2.core.account.updated", {}) | {"created": created}
    beside = event("evt_beside", "payment_intent.created", intent())
    assert receive(database, odd, beside) == ["ignored", "applied"]
    assert owner.execute("select created from payops.events where id = 'evt_odd'").fetchone() == (
        datetime.fromisoformat(created),
    )


@pytest.mark.parametrize(
    "created", ["9999-12-31T23:59:59-10:00", "0001-01-01T00:00:00Z", "0001-01-01T00:00:00+10:00", -1, 1e12, 10**17]
)
def test_an_event_of_a_time_that_no_calendar_has_is_stored_as_failed(database, owner, created):
    odd = event("evt_odd", "charge.succeeded", charge()) | {"created": created}
    assert receive(database, odd, event("evt_beside", "payment_intent.created", intent())) == ["failed", "applied"]
    assert owner.execute("select created from payops.events where id = 'evt_odd'").fetchone() == (
        datetime.fromtimestamp(0, UTC),
    )


def test_a_customer_may_have_a_custom_id(database, owner):
    named = {"id": "user-7.2", "object": "customer", "created": START, "metadata": {}}
    assert receive(database, event("evt_1", "customer.created", named)) == ["applied"]
    assert owner.execute("select id from payops.customers").fetchall() == [("user-7.2",)]


def test_currencies_are_compared_without_case(database, owner):
    assert receive(database, event("evt_1", "charge.succeeded", charge(currency="USD"))) == ["applied"]
    assert owner.execute("select currency from payops.charges").fetchall() == [("usd",)]


def test_a_charge_dated_before_its_payment_stops_no_rollup(database, owner):
    paid = intent(status="succeeded", created=START)
    told = [
        event("evt_1", "payment_intent.succeeded", paid),
        event("evt_2", "charge.succeeded", charge(created=START - 30 * 86_400)),
    ]
    assert receive(database, *told) == ["applied", "applied"]
    assert database.call("recount_stale") == 1
    assert owner.execute("select processing_ms from payops.payment_facts").fetchone() == (0,)


def test_the_largest_amounts_that_are_taken_can_be_summed(database, owner):
    told = []
    for number in range(100):
        paid = intent(id=f"pi_{number}", status="succeeded", amount=10**14)
        made = charge(id=f"ch_{number}", payment_intent=paid["id"], amount=10**14)
        told.append(event(f"evt_{number}_i", "payment_intent.succeeded", paid))
        told.append(event(f"evt_{number}_c", "charge.succeeded", made))
    told.append(event("evt_s", "customer.subscription.created", subscription(quantity=10**10)))
    assert set(receive(database, *told)) == {"applied"}
    assert database.call("recount_stale") == 100
    assert owner.execute("select sum(amount_succeeded_minor) from payops.daily_payments").fetchone() == (100 * 10**14,)
