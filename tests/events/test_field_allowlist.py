"""The stored fields of an object: words and IDs unchanged, the shop's two texts without private data."""

import json
from collections import OrderedDict

import pytest

from core.events.field_allowlist import allowed_fields
from core.events.projections import customers, payments
from core.events.registry import Snapshot
from core.periods import wall_clock
from tests.factories import charge, intent

REDACTED = "[redacted]"


def kept_of(order_id):
    return allowed_fields({"id": "ch_1", "metadata": {"orderId": order_id, "name": "Ana"}}, "charge.succeeded")[
        "metadata"
    ]


@pytest.mark.parametrize(
    "order_id",
    [
        "ord_S7n6uq1evWqw",
        "order-1",
        "17",
        "1790000000123",
        "2026112400012344",
        "2026-11-24-0001-2344",
        "4a0cf486-4242-4242-4242-424242424242",
        "42424242-4242-4242-4242-424242424242",
        "patient-42424242-4242-4242-4242-424242424242",
        "Bestellung-München",
        "sub 12/3",
        "A" * 300,
    ],
)
def test_the_shops_own_ids_stay_as_they_are(order_id):
    assert kept_of(order_id) == {"orderId": order_id}


@pytest.mark.parametrize(
    ("order_id", "left"),
    [
        ("4242424242424242", REDACTED),
        ("4242-4242-4242-4242", REDACTED),
        ("card 4242 4242 4242 4242", f"card {REDACTED}"),
        ("378282246310005", REDACTED),
        ("ana.lima@example.com", REDACTED),
        ("call +1 202 555 0147", f"call {REDACTED}"),
        ("pi_1_secret_abc", REDACTED),
        ("sk_test_abc", REDACTED),
        ("4242_4242_4242_4242", REDACTED),
        ("card 4242.4242.4242.4242", f"card {REDACTED}"),
        ("4242\N{NO-BREAK SPACE}4242\N{NO-BREAK SPACE}4242\N{NO-BREAK SPACE}4242", REDACTED),
        ("4242\N{ZERO WIDTH SPACE}4242\N{ZERO WIDTH SPACE}4242\N{ZERO WIDTH SPACE}4242", REDACTED),
        ("\uff14242424242424242", REDACTED),
        ("202-555-0147", REDACTED),
        ("call (202) 555-0147", f"call {REDACTED}"),
        ("ana.lima\N{FULLWIDTH COMMERCIAL AT}example.com", REDACTED),
        ('"ana lima"@example.com', REDACTED),
        ("ana\N{ZERO WIDTH SPACE}.lima@example.com", REDACTED),
    ],
)
def test_private_fields_are_left_out(order_id, left):
    assert kept_of(order_id) == {"orderId": left}


@pytest.mark.parametrize(
    ("subject", "left"),
    [
        ({"id": "ch_1", "name": "Ana", "client_secret": "x"}, {"id": "ch_1"}),
        ({"status": "Ana Lima"}, {"status": REDACTED}),
        ({"status": "a@b.example"}, {"status": REDACTED}),
        ({"status": "4242-4242-4242-4242"}, {"status": REDACTED}),
        ({"status": "4242424242424242"}, {"status": REDACTED}),
        ({"status": 4242424242424242}, {"status": REDACTED}),
        ({"status": "202-555-0147"}, {"status": REDACTED}),
        ({"payment_intent": "pi_1_secret_abc"}, {"payment_intent": REDACTED}),
        ({"customer": {"id": "sk_live_abc"}}, {"customer": REDACTED}),
        ({"outcome": "Ana"}, {"outcome": REDACTED}),
        ({"customer": {"id": "cus_1", "email": "a@b.example"}}, {"customer": "cus_1"}),
        ({"customer": {"email": "a@b.example"}}, {"customer": None}),
        ({"amount": 1, "captured": None}, {"amount": 1, "captured": None}),
        ({"outcome": {"reason": "approved", "seller_message": "Ana"}}, {"outcome": {"reason": "approved"}}),
        (None, {}),
        ("Ana", {}),
        (["Ana"], {}),
    ],
)
def test_only_named_fields_are_kept_and_only_words_in_them(subject, left):
    assert allowed_fields(subject, "charge.succeeded") == left


def test_objects_from_stripes_library_are_stored_with_the_same_fields_only():
    """Stripe's library uses a dictionary class of its own."""
    private = {"name": "Ana Lima", "email": "ana.lima@example.com"}
    error = {"code": "card_declined", "payment_method": {"id": "pm_1", "billing_details": private}}
    whole = intent(customer=private | {"id": "cus_1"}, last_payment_error=error, metadata=private)
    whole |= {"charges": {"data": [charge(metadata=private)]}}
    read = json.loads(json.dumps(whole), object_pairs_hook=OrderedDict)
    assert allowed_fields(read, "payment_intent.payment_failed") == allowed_fields(
        whole, "payment_intent.payment_failed"
    )
    assert allowed_fields(read, "payment_intent.payment_failed")["last_payment_error"] == {"code": "card_declined"}


@pytest.mark.parametrize(
    ("projection", "subject", "event_type"),
    [
        (payments.payment_intent, intent, "payment_intent.created"),
        (customers.customer, lambda **fields: {"id": "cus_1", "created": 1} | fields, "customer.created"),
    ],
)
def test_fetched_objects_lead_to_the_same_rows_as_events(projection, subject, event_type):
    whole = subject(metadata={"orderId": "ana.lima@example.com", "patientId": "call +1 202 555 0147"})
    rows = [
        projection(Snapshot(each, wall_clock(), "fetch", livemode=False))
        for each in (whole, allowed_fields(whole, event_type))
    ]
    for told in rows:
        for row in next(iter(told.values())):
            row.pop("as_of")
    assert rows[0] == rows[1]
    assert "555" not in str(rows) and "ana" not in str(rows)


def test_an_unknown_kind_keeps_only_the_common_fields():
    assert allowed_fields({"id": "x_1", "status": "open", "name": "Ana"}, "moon.landed") == {
        "id": "x_1",
        "status": "open",
    }
